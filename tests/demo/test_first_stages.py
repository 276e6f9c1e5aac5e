"""What first stages are worth: equal steps, pairs of seeds, a part completed by a later call."""

import json
from functools import partial
from pathlib import Path

import pytest

from data_loader.sampling import labelled_rows
from demo import first_stages
from demo.first_stage_table import CellName, gains, half_width, summary, table
from tests import tiny_clips, tiny_labels
from tests.test_train import metrics
from util.errors import UserError

SMALL = ["--shares", "0.5", "--steps", "3", "--seeds", "1"]
FIRST = ["--first_steps", "2"]


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """The comparison on data of seconds, in place of generated videos; -> its last line."""
    monkeypatch.chdir(tmp_path)
    folder = Path("d")
    folder.mkdir()
    tiny_clips.make(folder)
    tiny_labels.make(folder)
    (folder / "clips.h5").rename(folder / first_stages.CLIPS.format(2))
    (folder / "test_actions.json").touch()
    monkeypatch.setattr(first_stages, "FOLDERS", {"classification": folder, "qa": folder})
    for name in ("generate", "videos", "labels", "questions"):
        monkeypatch.setattr(first_stages, name, None)  # nothing is made that is there
    return lambda *flags: first_stages.main([*SMALL, *flags])


def test_a_part_is_completed_later(compare, capsys) -> None:
    compare = partial(compare, *FIRST)
    compare("--tasks", "classification", "--stages", "none")
    none = Path("results/second_classification_2clips_none_0_3_s1_0.5/last.pt")
    done = none.read_bytes()
    stages = ("autoencoder", "reversed", "single_frames")
    compare("--tasks", "classification", "--stages", *stages)
    assert none.read_bytes() == done
    for run in Path("results").glob("second_*"):
        assert [m["step"] for m in metrics(run.name)][-1] == 3
    for stage in ("autoencoder_2_s1", "reversed_2_s1", "single_frames_2_s1_0.5"):
        assert [m["step"] for m in metrics(f"first_classification_2clips_{stage}")][-1] == 2
    found = json.loads(Path("results/first_stages/accuracy.json").read_text())
    rows = [row for row in found["rows"] if row["task"] == "classification"]
    assert [row["stage"] for row in rows] == ["none", *stages]  # the earlier call's, too
    none, *others = rows
    for row in others:
        assert row["gain"] == pytest.approx(row["mean"] - none["mean"])
    assert Path("results/first_stages/accuracy.png").stat().st_size > 1000
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-1])["classification 0.5 none 0"] == round(none["mean"], 4)
    compare("--tasks", "qa", "--stages", "none", "autoencoder", "--output", "q/out.json")
    assert [row["task"] for row in json.loads(Path("q/out.json").read_text())["rows"]] == ["qa"] * 2
    said = Path("results/second_qa_2clips_autoencoder_2_3_s1_0.5/console.log").read_text()
    assert "weights from results/first_qa_2clips_autoencoder_2_s1/best.pt" in said
    with pytest.raises(UserError, match=r"--steps 4: q/out.json holds accuracies after 3; give"):
        first_stages.main(["--tasks", "qa", "--output", "q/out.json", "--steps", "4"])
    with pytest.raises(UserError, match=r"--clips 4: q/out.json holds accuracies from 2; give"):
        compare("--tasks", "qa", "--output", "q/out.json", "--clips", "4")


def test_curves_over_the_length_of_the_first_stage(compare) -> None:
    short = ("--stages", "none", "reversed", "--output", "c/curve.json")
    compare("--tasks", "classification", *short, "--first_steps", "1", "2")
    rows = json.loads(Path("c/curve.json").read_text())["rows"]
    found = [(r["stage"], r["first_steps"]) for r in rows if r["task"] == "classification"]
    assert found == [("none", 0), ("reversed", 1), ("reversed", 2)]
    assert Path("c/curve.png").stat().st_size > 1000


@pytest.mark.parametrize("share", [0.1, 0.37, 1.0])
def test_runs_have_the_steps_they_were_given(share: float) -> None:
    videos = [f"v{i // 3}" for i in range(307)]
    rows = int(labelled_rows(videos, share, seed=1).sum())
    for steps in (1, 7, 300):
        flags = first_stages._labelled(videos, share, 1, 32, steps)
        epochs = float(flags[flags.index("--epochs") + 1])
        assert -(-epochs * rows // 32) == steps  # as train.py counts
        assert ("--label_share" in flags) == (share < 1)


def test_gains_are_of_pairs_of_seeds() -> None:
    base, other = CellName("qa", 0.1, "none", 0), CellName("qa", 0.1, "masked", 300)
    found = {base: {1: 0.5, 2: 0.6, 3: 0.4}, other: {1: 0.55, 2: 0.65, 3: 0.45}}
    assert gains(found, other) == pytest.approx([0.05] * 3)
    assert half_width([0.0, 2.0]) == pytest.approx(12.71)  # 12.71 * sqrt(2) / sqrt(2)
    assert half_width([1.0]) is None
    assert summary(found)[1]["gain"] == pytest.approx(0.05)
    assert "| none | 0 | 50.0 ± 10.0 | – |" in table(found)
    assert "| masked | 300 | 55.0 ± 10.0 | +5.0 (+5.0 to +5.0) |" in table(found)
    assert gains({other: {1: 0.5}}, other) == []
    assert "| masked | 300 | 50.0 | – |" in table({other: {1: 0.5}})


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--seeds", "0"], "--seeds 0: must be at least 1"),
        (["--first_steps", "9", "0"], "--first_steps 9 0: must be at least 1"),
        (["--shares", "0"], "--shares 0.0: must be above 0"),
        (["--stages", "masks"], "--stages masks: give none or .*; did you mean masked?"),
        (["--output", "a.txt"], "--output a.txt: give a name that ends in .json"),
    ],
)
def test_mistakes_are_one_line(flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        first_stages.main(flags)
