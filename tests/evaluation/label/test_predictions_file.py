"""What was told is read back as it was written; files that are none, or contradict themselves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.label.predictions_file import read_results, results_file, write_results
from evaluation.label.told import together
from evaluation.predictions_file import read_file
from tests.evaluation.label.made import predictions
from tests.hostile_text import legal_names, texts
from util.errors import UserError

GIVEN = {"split": "test", "video": "real", "frames": "real", "crops": 1}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "test-real.json"
    write_results(path, GIVEN, predictions())
    return path


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    """Folds with a temperature each, names of any kind, probabilities near 0."""
    names = [t for t in legal_names() if t.isprintable()][:40]
    hidden, videos = ("class 2", "class 3"), tuple(names)
    whole = predictions(classes=6, order_only=hidden, alike=(hidden,), ids=videos, videos=videos)
    sharp = replace(whole, logits=whole.logits * 200)  # float64 holds no such probability
    parts = [
        replace(sharp.take(np.arange(f, 40, 2)), sources=(f"r_f{f}",), temperature=np.full(20, t),
                constant=np.full(20, f), name=f"r_f{f}")
        for f, t in ((0, 1.0), (1, 1.7))
    ]  # fmt: skip
    (said,) = together(parts).each
    path = tmp_path / "r" / "test-real.json"
    write_results(path, GIVEN, said)
    found = read_results(path)
    for field in ("sources", "steps", "seed", "split", "video", "frames", "crops", "classes",
                  "order_only", "alike", "ids", "videos", "groups", "numbers"):  # fmt: skip
        assert getattr(found, field) == getattr(said, field), field
    for field in ("target", "constant", "source", "predicted", "hits", "temperature"):
        assert getattr(found, field).tolist() == getattr(said, field).tolist(), field
    assert found.probability == pytest.approx(said.probability, rel=1e-7, abs=1e-290)
    before = np.sort(said.logits - said.logits.max(1, keepdims=True))
    after = np.sort(found.logits - found.logits.max(1, keepdims=True))
    assert after[before > -600] == pytest.approx(before[before > -600], rel=1e-5, abs=1e-5)


def test_the_file_says_of_each_row_what_it_is_to_say(file: Path) -> None:
    said, content = predictions(), json.loads(file.read_text())
    row = content["predictions"][5]
    assert row["video"] == "v5" and row["group"] == "g2" and row["frames"] == [5, 8]
    assert row["true"] == f"class {said.target[5]}"
    assert row["predicted"] == f"class {said.predicted[5]}"
    assert row["correct"] == bool(said.hits[5])
    assert sum(row["probabilities"]) == pytest.approx(1)
    assert content["temperatures"] == [None]


def test_a_file_is_named_by_what_was_shown() -> None:
    names = {
        str(results_file(Path("r"), predictions(video=v, frames=f, crops=c)))
        for v in ("real", "shuffled", "none") for f in ("real", "shuffled", "middle")
        for c in (1, 3)
    }  # fmt: skip
    assert len(names) == 18 and "r/test-real.json" in names


def test_rows_are_questions_to_compare(file: Path) -> None:
    """`evaluate.py compare` and `table` read the same file."""
    found = read_file(file)
    assert found.records is not None and len(found.records) == 40
    assert found.answers["v3"] == f"class {predictions().predicted[3]}"
    assert found.records[3]["answer"] == f"class {predictions().target[3]}"
    assert found.records[3]["video"] == "g1"  # whole groups are drawn


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda c: c.pop("predictions"), "'predictions' is missing"),
        (lambda c: c.update(predictions=[]), "without rows"),
        (lambda c: c["predictions"][0].pop("probabilities"), "no file of classes"),
        (lambda c: c["predictions"][3].update(true="new"), "'new' is missing"),
        (lambda c: c["predictions"][3].update(run=4), "index 4 is out of bounds"),
        (lambda c: c["predictions"][3].update(video="v0"), "a video comes twice"),
        (lambda c: c["predictions"][3].update(probabilities=[1.0]), "inhomogeneous|not 4 shares"),
        (lambda c: c["predictions"][3].update(probabilities=[0.9] * 4), "not 4 shares"),
        (lambda c: c["predictions"][3].update(frames=["x"]), "invalid literal"),
        (lambda c: c.update(class_names=["a"] * 4), "4 names, 1 different"),
        (lambda c: c.update(class_names=4), "no list of texts"),
        (lambda c: c.update(temperatures=[-1]), "not positive"),
    ],
)
def test_a_damaged_file_is_said(file: Path, break_it, said: str) -> None:
    content = json.loads(file.read_text())
    break_it(content)
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"test-real\.json.*({said})"):
        read_results(file)


def test_what_is_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(UserError, match="not there; make it with"):
        read_results(path)
    for text in ("[", "[1]", "3", '{"predictions": 4}', "\x00\x01", '{"predictions": {"a": "b"}}'):
        path.write_text(text)
        with pytest.raises(UserError, match=r"a\.json"):
            read_results(path)


def test_hostile_classes_are_written_and_read(tmp_path: Path) -> None:
    names = tuple(t for t in texts() if t and not any("\ud800" <= c <= "\udfff" for c in t))
    said = replace(predictions(rows=20, classes=len(names)), classes=names)
    write_results(tmp_path / "a.json", GIVEN, said)
    assert read_results(tmp_path / "a.json").classes == names
