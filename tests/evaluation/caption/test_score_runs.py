"""Captioning runs are scored beside what they must be judged by, and written in official form."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import evaluate
import train
from data_loader.caption.captions import load_captions, save_captions
from evaluation.caption.results_file import read_results
from evaluation.caption.scores import score_captions
from tests import tiny_captions
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError

QUIET = ["--meteor", "false", "--count", "0"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of a captioner and of a language model alone, on the tiny data set."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        flags = tiny_captions.make(Path())
        short = ["--epochs", "60", "--eval_every", "20", "--seeds", "2"]
        train.main([*flags, *short, "--run", "real", "--feature_norm", "standardize"])
        train.main([*flags, *short, "--run", "blind", "--video", "none"])
        yield folder


@pytest.fixture(autouse=True)
def there(runs, monkeypatch) -> None:
    monkeypatch.chdir(runs)


def last_line(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def references(split: str) -> dict[str, tuple[str, ...]]:
    one = load_captions("captions.pt").split(split)
    return {name: one.references(i) for i, name in enumerate(one.ids)}


def test_a_run_is_scored_as_its_results_file_is(capsys) -> None:
    evaluate.main(["--run", "results/real_s1", *QUIET])
    found = last_line(capsys)
    said = read_results(Path("results/real_s1/captions-test-real.json"))
    scores = score_captions(said, references("test"))
    for name, value in scores.corpus.items():
        assert found[f"{name} test"] == pytest.approx(value)
    right = [text in references("test")[name] for name, text in said.items()]
    assert found["exact"]["captions"] == sum(right) / len(right)
    evaluate.main(["captions", "--predictions", "results/real_s1/captions-test-real.json",
                   "--references", "captions.pt"])  # fmt: skip
    assert last_line(capsys)["CIDEr-D test"] == found["CIDEr-D test"]


def test_the_run_beside_it_without_video_is_what_is_gained_over(capsys) -> None:
    evaluate.main(["--run", "results/real_s2", *QUIET])
    found = last_line(capsys)
    evaluate.main(["captions", "--run", "results/blind_s2", *QUIET])
    blind = last_line(capsys)
    gain = found["CIDEr-D test"] - blind["CIDEr-D test"]
    assert found["vision_gain"]["CIDEr-D test"] == pytest.approx(gain)
    assert found["language_model"]["CIDEr-D test"] == blind["CIDEr-D test"]
    assert "vision_gain" not in blind
    assert found["exact"]["language_model"] < found["exact"]["captions"]
    with pytest.raises(UserError, match="a run that saw videos; name one without"):
        evaluate.main(["--run", "results/real_s1", "--language_model", "results/real_s2", *QUIET])


def test_several_runs_have_a_mean_and_one_interval(capsys) -> None:
    evaluate.main(["--run", "results/real_s1", "results/real_s2", *QUIET])
    found = last_line(capsys)
    each = [
        json.loads(Path(f"results/real_s{s}/test-real.json").read_text())["CIDEr-D test"]
        for s in (1, 2)
    ]
    assert found["mean"]["CIDEr-D test"] == pytest.approx(sum(each) / 2)
    low, high = found["intervals"]["CIDEr-D test"]
    assert low < found["mean"]["CIDEr-D test"] < high
    assert found["vision_gain"]["CIDEr-D test"] > 0


def test_video_split_checkpoint_and_search_reach_the_captions(capsys) -> None:
    said = {}
    for name, flags in {
        "plain": [], "shuffled": ["--video", "shuffled"], "seed": ["--video", "shuffled", "--seed",
        "1"], "none": ["--video", "none"], "val": ["--split", "val"], "last": ["--checkpoint",
        "last"], "short": ["--max_words", "2"], "greedy": ["--beam", "1", "--batch_size", "3"],
        "no_repeat": ["--no_repeat", "1"], "penalty": ["--length_penalty", "2"],
    }.items():  # fmt: skip
        evaluate.main(["--run", "results/real_s1", *flags, *QUIET, "--output", f"{name}.json"])
        said[name] = read_results(Path(f"{name}.json"))
    assert said["plain"] != said["shuffled"] != said["seed"]
    assert len(set(said["none"].values())) == 1
    assert said["val"].keys() != said["plain"].keys()
    assert all(len(text.split()) <= 2 for text in said["short"].values())
    assert all(len(set(t.split())) == len(t.split()) for t in said["no_repeat"].values())
    assert said["greedy"].keys() == said["last"].keys() == said["penalty"].keys()


def test_n_best_captions_have_falling_scores() -> None:
    evaluate.main(["--run", "results/real_s1", "--n_best", "3", *QUIET, "--output", "best.json"])
    for entry in json.loads(Path("best.json").read_text()):
        scores = [one["score"] for one in entry["n_best"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert entry["n_best"][0]["caption"] == entry["caption"]
    with pytest.raises(UserError, match="--n_best 9: more than --beam 5"):
        evaluate.main(["--run", "results/real_s1", "--n_best", "9", *QUIET])


def test_the_page_shows_the_worst_first_and_no_markup_of_others() -> None:
    captions = load_captions("captions.pt")
    split = captions.splits["test"]
    hostile = tuple(f"<script>alert({i})</script> {text}" for i, text in enumerate(split.texts))
    save_captions(
        "hostile.pt", dataset="tiny", split_ids="", vocabulary=captions.vocabulary,
        word_vectors=None, word_vectors_source="",
        splits={**captions.splits, "test": type(split)(**{**vars(split), "texts": hostile})},
    )  # fmt: skip
    flags = ["--meteor", "false", "--count", "3", "--captions", "hostile.pt"]
    evaluate.main(["--run", "results/real_s1", *flags])
    page = Path("results/real_s1/test-real-captions.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert page.count("<article") == 3
    shown = [float(part.split()[0]) for part in page.split("CIDEr-D ")[1:] if part[0].isdigit()]
    assert shown == sorted(shown)


def test_another_way_of_splitting_is_refused(capsys) -> None:
    captions = load_captions("captions.pt")
    save_captions(
        "other.pt", dataset="tiny", split_ids="qa", vocabulary=captions.vocabulary,
        word_vectors=None, word_vectors_source="", splits=captions.splits,
    )  # fmt: skip
    with pytest.raises(
        UserError, match=r"other\.pt: tiny, split by qa ids, and results/real_s1 was"
    ):
        evaluate.main(["--run", "results/real_s1", "--captions", "other.pt", *QUIET])


def test_stores_may_be_named_anew_and_are_checked() -> None:
    flags = ["--appearance", "appearance.h5", "--motion", "motion.h5", "--features_in", "disk"]
    evaluate.main(["--run", "results/real_s1", *flags, *QUIET, "--device", "cpu"])
    with pytest.raises(UserError):
        evaluate.main(["--run", "results/real_s1", "--appearance", "motion.h5", *QUIET])
    with pytest.raises(UserError, match="leave out --clips"):
        evaluate.main(["--run", "results/real_s1", "--clips", "clips.h5", *QUIET])


def test_a_run_that_diverged_is_refused() -> None:
    shutil.copytree("results/real_s1", "results/diverged")
    content = load_checkpoint("results/diverged/best.pt")
    content["weights"]["model.decoder.out.bias"].fill_(torch.nan)
    save_checkpoint(Path("results/diverged/best.pt"), content)
    with pytest.raises(UserError, match=r"the logits of 8 of 8 segments .* the run diverged"):
        evaluate.main(["--run", "results/diverged", *QUIET])


def test_no_output_replaces_what_is_read() -> None:
    with pytest.raises(UserError, match=r"--output captions\.pt"):
        evaluate.main(["--run", "results/real_s1", "--output", "captions.pt", *QUIET])


def test_meteor_that_is_missing_is_said_and_nothing_stands_in_its_place(
    capsys, monkeypatch
) -> None:
    monkeypatch.setattr("evaluation.caption.meteor.find_spec", lambda name: None)
    evaluate.main(["--run", "results/real_s1", "--count", "0"])
    out = capsys.readouterr().out
    assert "METEOR is missing: METEOR needs" in out
    assert not any("METEOR" in key for key in json.loads(out.splitlines()[-1]))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--run", "results/real_s1", "results/real_s2", "--output", "o.json"], "one file for"),
        (["--run", "results/real_s1", "--language_model", "a", "b"], "2 folders for 1 runs"),
        (["--run", "results/real_s1", "--n_best", "0"], "--n_best 0"),
        (["--run", "results/real_s1", "--count", "-1"], "--count -1"),
        (["--run", "results/real_s1", "--seed", "-1"], "--seed -1"),
        (["--run", "results/real_s1", "--beam", "0"], "--beam 0"),
        (["--run", "results/real_s1", "--no_repeat", "-1"], "--no_repeat -1"),
        (["--run", "results/real_s1", "--id_map", "m.txt"], "--videos names none"),
    ],
)
def test_options_that_do_not_fit(flags: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        evaluate.main(flags)
