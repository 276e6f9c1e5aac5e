"""`evaluate.py retrieval` on runs of seconds."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import evaluate
import train
from data_loader.caption.captions import load_captions
from evaluation.retrieval import second_look
from evaluation.retrieval.absent import DOES, WHO, _best, alarm_interval, held_out_queries
from evaluation.retrieval.search_set import _one_each
from inference.retrieval import foreign
from inference.retrieval.asked import Asked
from tests import tiny_captions, tiny_retrieval, tiny_run
from tests.commands import start_processes
from util.errors import UserError

LEARNED = ["--epochs", "25", "--eval_every", "25", "--text_summary", "lstm"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with two seeds of an embedding, a run that answers and one that captions."""
    folder = tmp_path_factory.mktemp("retrieval")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        flags = tiny_retrieval.make(folder)
        for seed in ("1", "2"):
            train.main([*flags, *LEARNED, "--run", f"r_s{seed}", "--seed", seed])
        asks = [*tiny_run.make(folder), "--model", "low_rank", "--feature_norm", "standardize"]
        train.main([*asks, "--lr", "3e-2", "--epochs", "20", "--eval_every", "20", "--run", "asks"])
        says = tiny_captions.make(folder)
        train.main([*says, "--decoder", "lstm", "--epochs", "20", "--eval_every", "20",
                    "--run", "says"])  # fmt: skip
    return folder


@pytest.fixture
def here(trained: Path, monkeypatch) -> Path:
    """In that folder; every caption asks what is shown."""
    monkeypatch.chdir(trained)

    def asked(text: str, answers: dict) -> list[Asked]:
        shown = text.split()[0] if " shown " in text else text.split()[-1]
        return [Asked("object", "what is shown?", shown)] if shown in answers else []

    monkeypatch.setattr(second_look, "asked_of", asked)
    return trained


OTHERS = ["--answering", "results/asks", "--captioner", "results/says", "--device", "cpu"]


def evaluated(*flags: str, capsys) -> tuple[dict, str]:
    """The last line, and all of the output."""
    capsys.readouterr()
    assert evaluate.main(list(flags)) == 0
    out = capsys.readouterr().out
    return json.loads(out.splitlines()[-1]), out


def test_two_seeds_beside_all_rows(here, capsys) -> None:
    runs = ["results/r_s1", "results/r_s2"]
    found, out = evaluated("retrieval", "--run", *runs, *OTHERS, capsys=capsys)
    assert found["queries"] == 16 and found["videos"] == 8 and found["asked"] == 16
    to_video = {row: found[f"test/text_to_video/{row}/MRR"] for row in second_look_rows(found)}
    assert to_video["chance"] == pytest.approx(np.mean(1 / np.arange(1, 9)))
    assert to_video["embedding"] > 0.6 > to_video["chance"]
    assert to_video["captions"] > to_video["chance"] and "labels" in to_video
    assert to_video["reranked"] >= to_video["other_question"] > 0
    assert found["test/video_to_text/embedding/R1"] > found["test/video_to_text/chance/R1"]
    assert len(found["test/text_to_video/embedding/R1_seeds"]) == 2
    low, high = found["test/text_to_video/embedding/MRR_interval"]
    assert low < to_video["embedding"] < high
    assert to_video["captions_reranked"] >= to_video["captions"] - 0.01
    assert out.count("is the best on split val") == 2 and "each caption a query" in out
    assert '"nothing here shows this"' in out
    path = Path("results/r-pooled/test-retrieval.json")
    content = json.loads(path.read_text())
    searches = content["searches"]
    mean = np.mean([1 / r for one in searches for r in one["embedding"]])
    assert mean == pytest.approx(to_video["embedding"])
    assert searches[0]["asked"][0][0] == "what is shown?"
    assert (path.parent / "plots/test-retrieval-threshold.png").stat().st_size > 10_000


def second_look_rows(found: dict) -> list[str]:
    begin = "test/text_to_video/"
    return [key.split("/")[2] for key in found if key.startswith(begin) and key.endswith("/MRR")]


def test_its_validation_is_what_training_said(here, capsys) -> None:
    few = ["--rerank", "false", "--texts", "false", "--plots", "false"]
    found, out = evaluated("--run", "results/r_s1", "--split", "val", *few, capsys=capsys)
    lines = Path("results/r_s1/metrics.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    last = [line for line in log if "val/text_to_video/MRR" in line][-1]
    for metric in ("R1", "R5", "R10", "MRR", "median_rank"):
        key = f"text_to_video/embedding/{metric}"
        assert found[f"val/{key}"] == pytest.approx(last[f"val/text_to_video/{metric}"])
        key = f"video_to_text/embedding/{metric}"
        assert found[f"val/{key}"] == pytest.approx(last[f"val/video_to_text/{metric}"])
    assert found["weight"] is None and "re-ranking" not in out
    assert not [key for key in found if "/labels/" in key or "/captions/" in key]


def test_all_videos_one_caption_each_and_a_weight(here, capsys) -> None:
    flags = ["--run", "results/r_s1", "--among", "all", "--protocol", "videos"]
    flags += [*OTHERS, "--plots", "false"]
    found, out = evaluated(*flags, "--weight", "0.5", capsys=capsys)
    assert found["queries"] == 8 and found["videos"] == 40 and found["captions"] == 80
    assert found["test/text_to_video/chance/R1"] == pytest.approx(1 / 40)
    other, embedding, reranked = (
        found[f"test/text_to_video/{row}/MRR"]
        for row in ("other_question", "embedding", "reranked")
    )
    assert other < embedding - 0.1 and other < reranked and found["weight"] == 0.5
    assert found["test/change/reranked/MRR"] == pytest.approx(reranked - embedding)
    assert "one caption a video, 8 among 40 videos of all splits" in out
    assert Path("results/r_s1/test-retrieval-all-videos.json").is_file()


def test_without_a_run_that_takes_these_features_it_says_so(here, capsys) -> None:
    found, out = evaluated("--run", "results/r_s1", "--plots", "false", capsys=capsys)
    assert "nothing is asked: " in out and "nothing is captioned: " in out
    assert second_look_rows(found) == ["chance", "embedding"]


def test_two_processes_search_as_one(here) -> None:
    for processes, name in ((1, "one.json"), (2, "two.json")):
        flags = ["retrieval", "--run", "results/r_s1", *OTHERS, "--batch_size", "3"]
        flags += ["--plots", "false", "--output", name]
        started = start_processes(processes, "evaluate.py", flags)
        assert [process.wait() for process in started] == [0] * processes, started[0].stderr
        told = [process.stdout.count("every query: ") for process in started]
        assert told == [1, 0][:processes]  # the first alone prints
    one, two = (json.loads(Path(f"{which}.json").read_text()) for which in ("one", "two"))
    assert one["searches"] == two["searches"] and len(one["searches"]) == 16
    for key, value in one.items():
        if isinstance(value, float):
            assert two[key] == pytest.approx(value, abs=1e-6), key


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--run", "results/asks"], "a run of the task qa embeds no texts"),
        (
            ["--run", "results/r_s1", "--split", "dev"],
            "--split dev: .* has no split dev",
        ),
        (["--run", "results/r_s1", "--answering", "results/says"], "captioning"),
        (["--run", "results/r_s1", "--captioner", "results/asks"], "qa"),
        (["--run", "results/r_s1", "--weight", "-1"], "--weight -1: must not be negative"),
        (["--run", "results/r_s1", "--rerank", "false", "--weight", "1"], "--weight: of a re-rank"),
        (
            ["--run", "results/r_s1", "--texts", "false", "--captioner", "x"],
            "captions nothing",
        ),
        (["--run", "results/r_s1", "--output", "captions.pt"], "--captions names"),
        (["--run", "results/r_s1", "--foreign", "few.txt"], "few.txt: has 1 queries; 19 or more"),
    ],
)
def test_what_does_not_fit_is_one_line(here, flags: list[str], line: str) -> None:
    Path("few.txt").write_text("a ship sinks\n")
    with pytest.raises(UserError, match=line):
        evaluate.main(["retrieval", *flags])


def test_held_out_foreign_queries_have_words_of_their_own() -> None:
    learned = {word for text in foreign.own_queries() for word in text.split()}
    own = {word for text in (*WHO, *DOES) for word in text.split()}
    assert not {word for word in own & learned if len(word) > 3}
    queries = held_out_queries(None).queries
    assert len(set(queries)) == len(queries) == 4 * len(WHO) == 4 * len(DOES) == 256


def test_what_is_found_by_its_words_has_a_wide_interval() -> None:
    """A deed of 16 that is always found says less than as many queries of 64 deeds."""
    rows = np.arange(256)
    alarmed = (rows % 16 == 3).astype(float)  # all of one deed: 1 in 16
    wide = alarm_interval(alarmed, np.stack([rows // 16, rows % 16], 1))
    spread = alarm_interval(alarmed, rows[:, None])  # each its own
    assert wide[0] == 0 and wide[1] > 0.17 and 0.03 < spread[0] < 1 / 16 < spread[1] < 0.1
    assert alarm_interval(np.zeros(4), np.zeros((4, 1), int)) == (0, 0)


def test_the_best_clip_is_looked_for_elsewhere_too() -> None:
    clips = torch.eye(3)
    queries = torch.tensor([[1.0, 0.5, 0.2], [0.0, 0.3, 0.9]])
    segment = torch.tensor([0, 0, 1])
    shows = np.array([[True, False], [True, True]])
    best, elsewhere = _best(queries, clips, segment, shows)
    assert best == pytest.approx([1.0, 0.9])
    assert elsewhere[0] == pytest.approx(0.2) and elsewhere[1] == -np.inf


def test_one_caption_each_is_drawn_by_the_seed(here) -> None:
    split = load_captions("captions.pt").split("test")
    drawn = [_one_each(split, seed) for seed in range(6)]
    assert all(split.segment[rows].tolist() == list(range(8)) for rows in drawn)
    assert len({tuple(rows.tolist()) for rows in drawn}) > 1
    assert (_one_each(split, 3) == drawn[3]).all()


def test_other_foreign_queries_and_the_last_checkpoint(here, capsys) -> None:
    """What is near to no caption is told; queries that are captions find what they say."""
    few = ["--rerank", "false", "--texts", "false", "--plots", "false"]
    Path("mine.txt").write_text("\n".join(f"{c} is shown {i}" for i in range(5)
                                          for c in tiny_captions.COLOURS))  # fmt: skip
    flags = ["--run", "results/r_s1", "--checkpoint", "last", *few]
    mine, _ = evaluated(*flags, "--foreign", "mine.txt", capsys=capsys)
    own, _ = evaluated(*flags, capsys=capsys)
    assert mine["foreign"] == 20 and own["foreign"] == 256
    assert mine["test/false_alarms"] > own["test/false_alarms"]
    assert mine["test/misses"] == own["test/misses"]
    Path("results/r_s2/last.pt").rename("results/r_s2/gone.pt")
    with pytest.raises(UserError, match=r"r_s2/last\.pt"):
        evaluate.main(["--run", "results/r_s2", "--checkpoint", "last", *few])
