"""`--check` of choices and of numbers: every finding, found and not found."""

import json
import random
from pathlib import Path

import pytest

from preprocess.questions import main
from tests.preprocess.annotation.test_check import check, rows

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def annotate(folder: Path, task: str, **splits: list[dict]) -> Path:
    """Annotations of shapes; each question is about a video of its own."""
    folder.mkdir(exist_ok=True)
    number = 0
    for split in ("train", "val", "test"):
        items = []
        for item in splits[split]:
            number += 1
            items.append({"id": number, "video_id": number, "question": "what is it?"} | item)
        (folder / f"{split}_{task}.json").write_text(json.dumps(items))
    return folder


def drawn(count: int, seed: int, right=lambda draw, choices: draw.randrange(5)) -> list[dict]:
    """Questions of five choices of different lengths; `right` says which is the answer."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        choices = ["".join(draw.choices(LETTERS, k=n)) for n in draw.sample(range(3, 20), 5)]
        found.append({"choices": choices, "answer": right(draw, choices)})
    return found


def told(capsys, folder: Path, task: str) -> tuple[int, list[str]]:
    return check(capsys, folder, "--task", task, dataset="shapes")


def own(capsys, path: Path, text: str, *flags: str) -> tuple[int, list[str]]:
    path.write_text(text)
    return check(capsys, path, *flags, dataset="own")


def test_choices_that_tell_nothing(tmp_path, capsys) -> None:
    splits = {s: drawn(n, n) for s, n in (("train", 600), ("val", 100), ("test", 101))}
    code, lines = told(capsys, annotate(tmp_path / "qa", "choice", **splits), "choice")
    assert code == 0 and lines[-1] == "0 problems, 0 warnings; nothing was written"
    for what in (
        "answers that are not among the choices", "choices that are alike",
        "the longest choice is the answer", "one place of choices has the answer",
    ):  # fmt: skip
        assert f"ok {what}: none" in lines
    assert not any(
        "answers not in train" in line or "nearly the same: they" in line for line in lines
    )


@pytest.mark.parametrize(
    ("what", "right"),
    [
        ("the longest choice is the answer", lambda d, c: c.index(max(c, key=len))),
        ("the shortest choice is the answer", lambda d, c: c.index(min(c, key=len))),
        ("one place of choices has the answer", lambda d, c: 0),
    ],
)
def test_a_choice_that_gives_itself_away(what, right, tmp_path, capsys) -> None:
    def mostly(draw, choices):  # two times in five, where chance has it once in five
        return right(draw, choices) if draw.random() < 0.25 else draw.randrange(5)

    splits = {
        "train": drawn(600, 1, mostly), "val": drawn(100, 2), "test": drawn(40, 3, right),
    }  # fmt: skip
    code, lines = told(capsys, annotate(tmp_path / "qa", "choice", **splits), "choice")
    assert code == 0
    train, test = rows(lines, what)
    assert train.startswith("train ") and "of 600" in train and train.endswith("by chance 20.0%")
    assert 30 < float(train.split()[-4].rstrip("%,")) < 50
    assert test.startswith("test 40 of 40") and test.endswith("100.0%, by chance 20.0%")
    others = [line for line in lines if line.startswith("warning")]
    assert len(others) == 1


def test_answers_that_are_none_and_twins(tmp_path, capsys) -> None:
    text = (
        "video,question,a0,a1,a2,answer,split\n"
        "a,what?,run,walk,,swim,train\n"
        "a,who?,run,Run.,walk,run,train\n"
        "a,where?,run,walk,walk,run,train\n"
        "b,what?,run,walk,,run,val\n"
        "c,what?,run,walk,,walk,test\n"
    )
    code, lines = own(capsys, tmp_path / "qa.csv", text)
    assert code == 2
    assert rows(lines, "answers that are not among the choices") == [
        "train 1 of 3 2 (video a): 'swim'"
    ]
    assert rows(lines, "choices that are alike") == [
        "train 2 of 3 1 of the right one; 3 (video a): 'run' / 'Run.', 4 (video a): 'walk' / 'walk'"
    ]
    # other choices make it another question
    text = (
        "video,question,a0,a1,answer,split\n"
        "a,what?,run,walk,run,train\na,what?,jump,walk,walk,train\na,what?,run,walk,walk,train\n"
        "b,what?,run,walk,run,val\nc,what?,run,walk,run,test\n"
    )
    code, lines = own(capsys, tmp_path / "qa.csv", text)
    assert code == 0
    assert rows(lines, "questions with several answers") == ["train 2 of 3 2 (video a): run / walk"]


def test_numbers(tmp_path, capsys) -> None:
    given = ["three", "-1", "2.5", "many", "4", "2"]
    lines = [f"v{i},how many {i}?,{answer},train" for i, answer in enumerate(given)]
    lines += ["w,how many?,9,val", "x,how many?,3,test"]
    text = "video,question,answer,split\n" + "\n".join(lines) + "\n"
    code, said = own(capsys, tmp_path / "qa.csv", text, "--task", "count")
    assert code == 2
    assert rows(said, "numbers that are words") == ["train 1 of 6 2 (video v0): 'three'"]
    assert rows(said, "numbers below zero") == ["train 1 of 6 3 (video v1): '-1'"]
    assert rows(said, "numbers that are not whole") == ["train 1 of 6 4 (video v2): '2.5'"]
    assert rows(said, "answers that are no number") == ["train 1 of 6 5 (video v3): 'many'"]
    assert rows(said, "numbers outside those of train") == [
        "val 1 of 1 2 to 4 there; 8 (video w): 9"
    ]
    # as classes they are what they are
    assert own(capsys, tmp_path / "qa.csv", text)[0] == 0


def test_the_published_choices(shared, capsys) -> None:
    """The shortest choice of an action is right more often than it should be."""
    flags = ["--dataset", "tgif_qa", "--task", "action", "--check"]
    assert main([*flags, "--annotations", str(shared / "data/tgif_qa")]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert rows(lines, "the shortest choice is the answer")[0] == (
        "train 4,719 of 18,424 25.6%, by chance 16.0%"
    )
    assert lines[-1] == "0 problems, 2 warnings; nothing was written"
