"""`evaluate.py captions`: what it prints and writes, its truth rows, intervals and refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

import evaluate
from evaluation.caption.intervals import CaptionBootstrap
from evaluation.caption.scores import METRICS, score_captions
from evaluation.caption.truth_rows import best_constant, of_other_videos, variety
from tests.evaluation.caption.test_reference_file import caption_file
from util.errors import UserError
from util.text_metrics.cider import CiderD
from util.text_metrics.ptb_tokens import tokenize
from util.text_metrics.references import References

REFERENCES = {
    "1": ["A man is playing a guitar.", "a man plays"],
    "2": ["a cat is eating", "the cat eats"],
    "3": ["a dog runs", "a dog is running"],
}
SAID = {"1": "a man is playing", "2": "a dog is eating", "3": "a dog runs"}
TRAINING = {"t1": ["a man is eating", "a man eats"], "t2": ["a dog runs", "the dog runs"]}


class Nowhere:
    """A machine without Java."""

    def __init__(self) -> None:
        raise UserError("METEOR needs Java, and this machine has none; install it")


class Letters:
    """Stands in for METEOR: the share of hypotheses that begin as their first reference does."""

    def __enter__(self) -> "Letters":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def score(self, hypotheses, references) -> tuple[float, list[float]]:
        each = [float(h[0] == r[0][0]) for h, r in zip(hypotheses, references, strict=True)]
        return sum(each) / len(each), each


@pytest.fixture(autouse=True)
def without_java(monkeypatch) -> None:
    """Java takes 10 s to begin; tests/evaluation/caption/test_meteor.py tries it."""
    monkeypatch.setattr("evaluation.caption.meteor.Meteor", Nowhere)


@pytest.fixture
def files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in (("said", SAID), ("refs", REFERENCES), ("train", TRAINING),
                          ("other", dict.fromkeys(SAID, "a man"))):  # fmt: skip
        Path(f"{name}.json").write_text(json.dumps(content))


def captions(*words: str) -> int:
    return evaluate.main(["captions", *words])


def test_the_report(files, capsys) -> None:
    given = ["--predictions", "said.json", "--references", "refs.json", "--train", "train.json"]
    assert captions(*given, "--against", "other.json", "--output", "out/scores.json") == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])
    whole = json.loads(Path("out/scores.json").read_text())
    wanted = score_captions(SAID, REFERENCES)
    for metric, value in wanted.corpus.items():
        assert found[f"{metric} refs.json"] == whole[f"{metric} refs.json"] == value
        low, high = found["intervals"][f"{metric} refs.json"]
        assert low <= value <= high
        each = list(whole["segments"][metric].values())
        assert each == wanted.segments[metric].tolist()
    line = next(line for line in out.splitlines() if line.startswith("these captions  "))
    assert line.split()[2:] == [
        f"{100 * wanted.corpus[m]:.1f}" if m in wanted.corpus else "–" for m in METRICS
    ]
    constant = found["constant_caption"]["caption"]
    same = score_captions(dict.fromkeys(SAID, constant), REFERENCES).corpus
    assert found["constant"] == {f"{m} refs.json": v for m, v in same.items()}
    assert found["variety"] == {"distinct": 3, "mean_words": 11 / 3, "copied": 1 / 3}
    assert "33.3 % are training captions word for word" in out
    moved = of_other_videos(SAID, list(SAID), 666)
    assert (
        found["other_videos"]["ROUGE-L refs.json"]
        == (score_captions(moved, REFERENCES).corpus["ROUGE-L"])
    )
    other = score_captions(dict.fromkeys(SAID, "a man"), REFERENCES).corpus
    for metric, value in wanted.corpus.items():
        name = f"{metric} refs.json"
        assert found["difference"][name] == pytest.approx(value - other[metric])
        low, high = found["difference_intervals"][name]
        assert low <= found["difference"][name] <= high


def test_without_java_all_but_meteor_is_printed(files, capsys) -> None:
    given = ["--predictions", "said.json", "--references", "refs.json"]
    assert captions(*given) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    assert (
        lines[-1] == "METEOR is missing: METEOR needs Java, and this machine has none; install it"
    )
    assert found["meteor_missing"] in lines[-1]
    assert not [name for name in found if name.startswith("METEOR ")]
    assert found["CIDEr-D refs.json"] > 0


def test_with_java_meteor_is_among_the_scores(files, capsys, monkeypatch) -> None:
    monkeypatch.setattr("evaluation.caption.meteor.Meteor", Letters)
    given = ["--predictions", "said.json", "--references", "refs.json", "--against", "other.json"]
    assert captions(*given) == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])
    assert found["METEOR refs.json"] == 1 and "missing" not in out
    assert found["intervals"]["METEOR refs.json"] == [1, 1]
    assert found["difference"]["METEOR refs.json"] == 0
    line = next(line for line in out.splitlines() if line.startswith("these captions  "))
    assert line.split()[2:][METRICS.index("METEOR")] == "100.0"


def test_a_caption_file_names_split_and_splitting(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = caption_file(tmp_path / "captions.pt")
    Path("said.json").write_text(json.dumps([{"video_id": "vid1", "caption": "a cat"},
                                             {"video_id": "vid2", "caption": "..."}]))  # fmt: skip
    assert captions("--predictions", "said.json", "--references", path, "--split", "train") == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])
    assert found["CIDEr-D train (caption ids)"] > 0
    assert found["constant_caption"]["candidates"] == 3
    assert "NOTE said.json: 1 captions have no word and score 0, first 'vid2'" in out
    with pytest.raises(UserError, match=r"lacks a caption of 1 of the 1 .* of test \(caption"):
        captions("--predictions", "said.json", "--references", path)


def test_events(files, capsys) -> None:
    sentences = {"v_1": "a man is playing a guitar", "v_2": "a cat is eating", "v_3": "it ends"}
    true = {v: {"duration": 20, "timestamps": [[0, 10], [5, 12]], "sentences": [s, "a man"]}
            for v, s in sentences.items()}  # fmt: skip
    Path("val_1.json").write_text(json.dumps(true))
    Path("val_2.json").write_text(json.dumps({"v_1": true["v_1"]}))
    results = {v: [{"timestamp": [0, 10], "sentence": s}] for v, s in list(sentences.items())[:2]}
    results["unknown"] = [{"timestamp": [0, 1], "sentence": "a"}]
    content = {"version": "1", "results": results, "external_data": {}}
    Path("events.json").write_text(json.dumps(content))
    given = ["--predictions", "events.json", "--protocol", "activitynet", "--references"]
    assert captions(*given, "val_1.json", "val_2.json", "--against", "events.json") == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])
    name = "val_1.json + val_2.json, segments of val_1.json, mean of tIoU 0.3 0.5 0.7 0.9"
    assert found["scored_on"] == name and found["captions"] == 2
    # Two videos of three said something; of tIoU .3 and .5 a second reference of each pairs too.
    assert 0.4 < found[f"ROUGE-L {name}"] < 2 / 3
    assert found["difference"][f"ROUGE-L {name}"] == 0
    assert found["difference_intervals"][f"ROUGE-L {name}"] == [0, 0]
    assert "events.json: 1 videos without references left out" in out
    assert "says nothing of 1 of the 3 videos of the references, which count as 0" in out
    assert "name training captions, --train" in out
    assert captions(*given, "val_2.json") == 0  # one video: no captions of others
    with pytest.raises(UserError, match="with time stamps; give --protocol activitynet"):
        captions("--predictions", "events.json", "--references", "refs.json")
    with pytest.raises(UserError, match=r"--split test: the files of .* leave it out"):
        captions(*given, "val_1.json", "--split", "test")
    del results["v_1"], results["v_2"]
    Path("events.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"none of its 1 videos is in val_1\.json, first 'unknown'"):
        captions(*given, "val_1.json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--predictions", "refs.json", "--references", "refs.json"], "'1' has 2 captions"),
        (["--predictions", "none.json", "--references", "refs.json"], "none.json: not there"),
        (["--predictions", "said.json", "--references", "none.pt"], "none.pt: no such caption"),
        (["--predictions", "said.json", "--references", "train.json"],
         "lacks a caption of 2 of the 2 segments of train.json, first id 't1'"),
        (["--predictions", "train.json", "--references", "refs.json"], "has 2 captions"),
        (["--predictions", "said.json", "--references", "refs.json", "--output", "refs.json"],
         "is what --references refs.json names"),
        (["--predictions", "said.json", "--references", "refs.json", "--seed", "-1"], "--seed -1"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(files, words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        captions(*words)
    assert "\n" not in str(error.value)


def test_ids_that_the_references_lack_are_told(files) -> None:
    Path("more.json").write_text(json.dumps({**SAID, "9": "a bird"}))
    with pytest.raises(UserError, match=r"has captions of 1 segments that are not .*refs\.json"):
        captions("--predictions", "more.json", "--references", "refs.json")


def test_intervals_resample_videos_with_all_their_segments() -> None:
    """Two videos, one right and one wrong: a resample has 0, 1 or 2 of the right one."""
    said = {f"{v}{i}": "a cat eats fish" for v in "ab" for i in range(3)}
    truth = {n: ["a cat eats fish" if n[0] == "a" else "two dogs run home"] for n in said}
    scores = score_captions(said, truth)
    apart = CaptionBootstrap(list(said)).interval(scores)
    together = CaptionBootstrap([name[0] for name in said]).interval(scores)
    for metric in ("BLEU-1", "ROUGE-L"):
        assert together[metric] == pytest.approx((0, 1), abs=1e-5)
        assert 0 < apart[metric][0] < 0.5 < apart[metric][1] < 1 or metric == "BLEU-1"


def test_bleu_of_a_resample_is_that_of_its_counts() -> None:
    scores = score_captions(SAID, REFERENCES)
    found = CaptionBootstrap(list(SAID), samples=4000)._resampled(scores)
    drawn = CaptionBootstrap(list(SAID), samples=4000)._bootstrap.drawn
    for row in range(5):
        names = [name for name, n in zip(SAID, drawn[row].astype(int), strict=True)
                 for _ in range(n)]  # fmt: skip
        said = {str(i): SAID[name] for i, name in enumerate(names)}
        truth = {str(i): REFERENCES[name] for i, name in enumerate(names)}
        again = score_captions(said, truth).corpus
        for metric in ("BLEU-1", "BLEU-4", "ROUGE-L"):
            assert found[metric][row] == pytest.approx(again[metric], abs=1e-5)


def test_the_best_constant_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    words = ["a", "man", "dog", "is", "eating", "playing", "guitar"]
    training = [[" ".join(rng.choice(words, rng.integers(1, 7))) for _ in range(3)]
                for _ in range(20)]  # fmt: skip
    found = best_constant(training)
    tokens = [[tokenize(text) for text in texts] for texts in training]
    metric = CiderD(References(tokens))
    every = {
        text: metric.score([tokenize(text)] * 20).mean() for texts in training for text in texts
    }
    assert found.cider == pytest.approx(max(every.values()))
    assert every[found.caption] == pytest.approx(found.cider)
    assert found.candidates == len(every)


def test_captions_of_other_videos_are_of_other_videos_and_all_are_used() -> None:
    said = {f"{v}{i}": f"{v}{i}" for v, n in (("a", 2), ("b", 3), ("c", 2)) for i in range(n)}
    moved = of_other_videos(said, [name[0] for name in said], seed=1)
    assert moved.keys() == said.keys()
    assert all(name[0] != text[0] for name, text in moved.items())
    assert moved == of_other_videos(said, [name[0] for name in said], seed=1)


def test_copies_are_told_by_their_words() -> None:
    said = ["A cat eats.", "a cat eats", "a cat sleeps", ""]
    found = variety(said, [["a cat, eats!"]])
    assert (found.distinct, found.mean_words, found.copied) == (3, 9 / 4, 0.5)
    assert variety(said, None).copied is None
