"""`python -m preprocess.questions` where answers are choices or numbers, and with `--like`."""

import json
from pathlib import Path

import pytest
import torch

from data_loader.questions import load_questions
from preprocess.questions import main
from util.errors import UserError

SPLITS = ("train", "val", "test")


def annotate(folder: Path, task: str, **splits: list[tuple]) -> Path:
    """Annotations of shapes; rows are video, question, answer and, for choice, choices."""
    folder.mkdir(exist_ok=True)
    keys = ("video_id", "question", "answer", "choices")
    for split, rows in splits.items():
        items = [
            {"id": i} | dict(zip(keys, row, strict=False)) for i, row in enumerate(rows, start=1)
        ]
        (folder / f"{split}_{task}.json").write_text(json.dumps(items))
    return folder


CHOICE = {
    "train": [
        (1, "What does it do?", 1, ["jump", "run away"]),
        (2, "what is it?", 0, ["dog", "cat", "jump", "..."]),
    ],
    "val": [(3, "what is it?", 1, ["zebra", "dog", "a very big cat"])],
    "test": [(4, "who?", 0, ["dog", "zebra"])],
}
COUNT = {
    "train": [(1, "how many?", 2), (2, "how many?", 7)],
    "val": [(3, "how many?", 9)],
    "test": [(4, "how many?", 0)],
}


def make(folder: Path, task: str, *flags: object, output: str = "q.pt"):
    fixed = ["--dataset", "shapes", "--task", task, "--annotations", folder / "qa"]
    fixed += ["--output", folder / output]
    if "--like" not in flags:
        fixed += ["--vectors", "random", "--word_width", 4]
    assert main([str(flag) for flag in (*fixed, *flags)]) == 0
    return load_questions(folder / output)


def test_choices_are_encoded_with_the_words_of_training(tmp_path, capsys) -> None:
    annotate(tmp_path / "qa", "choice", **CHOICE)
    questions = make(tmp_path, "choice")
    assert (questions.kind, questions.count_range) == ("choice", None)
    assert questions.vocabulary.words == (
        "<NULL>", "<UNK>", "what", "does", "it", "do", "is", "jump", "run", "away", "dog", "cat",
        "...",
    )  # fmt: skip
    assert questions.vocabulary.answers == ("<UNK0>", "<UNK1>")
    train, val, _ = (questions.split(name) for name in SPLITS)
    assert train.answer.tolist() == [1, 0] and train.answer_texts == ("run away", "dog")
    assert train.candidates is not None and val.candidates is not None
    assert train.candidates.number.tolist() == [2, 4]
    assert train.candidates.words.tolist() == [7, 8, 9, 10, 11, 7, 12]
    assert val.candidates.words.tolist() == [1, 10, 1, 1, 1, 11]  # "a very big": not in training
    assert val.candidates.texts == (("zebra", "dog", "a very big cat"),)
    assert train.candidates.longest == val.candidates.longest == 3 + 4
    said = capsys.readouterr().out
    assert "each question has candidates of its own" in said
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line}
    assert rows["train"][3:6] == ["2", "to", "4"] and rows["val"][3] == "3"
    assert "11 of 11 words (100.0%), 14 of 14 training tokens" in said


def test_words_of_other_splits_join_by_their_vectors(tmp_path) -> None:
    annotate(tmp_path / "qa", "choice", **CHOICE)
    (tmp_path / "glove.txt").write_text("dog 1 2\nzebra 3 4\n")
    flags = ("--glove", tmp_path / "glove.txt", "--words_from", "union")
    fixed = ["--dataset", "shapes", "--task", "choice", "--annotations", tmp_path / "qa"]
    assert main([*map(str, [*fixed, "--output", tmp_path / "q.pt"]), *map(str, flags)]) == 0
    assert "zebra" in load_questions(tmp_path / "q.pt").vocabulary.words


def test_numbers_are_encoded_with_the_range_of_training(tmp_path, capsys) -> None:
    annotate(tmp_path / "qa", "count", **COUNT)
    questions = make(tmp_path, "count")
    assert (questions.kind, questions.count_range) == ("count", (2, 7))
    assert [questions.split(name).answer.tolist() for name in SPLITS] == [[2, 7], [9], [0]]
    assert questions.split("train").answer_texts == ("2", "7")
    assert questions.split("train").candidates is None
    assert "answers are numbers, in training from 2 to 7" in capsys.readouterr().out


def test_open_questions_of_shapes_are_as_before(tmp_path) -> None:
    rows = [{"id": 1, "video_id": 1, "question": "what?", "answer": "dog"}]
    (tmp_path / "qa").mkdir()
    for i, split in enumerate(SPLITS):
        items = [row | {"video_id": i} for row in rows]
        (tmp_path / f"qa/{split}_qa.json").write_text(json.dumps(items))
    assert make(tmp_path, "open").kind == "open"
    by_task = (tmp_path / "q.pt").read_bytes()
    fixed = ["--dataset", "shapes", "--annotations", tmp_path / "qa", "--vectors", "random"]
    assert main([*map(str, fixed), "--word_width", "4", "--output", str(tmp_path / "q.pt")]) == 0
    assert (tmp_path / "q.pt").read_bytes() == by_task
    assert torch.load(tmp_path / "q.pt", weights_only=True)["format"] == 2


@pytest.mark.parametrize(
    ("task", "rows", "flags", "message"),
    [
        (
            "count",
            [(1, "how?", -2)],
            (),
            r"split train: question 1 \(video 1\), answer '-2': the fi",
        ),
        ("choice", CHOICE["train"], ("--top_answers", 9), r"--top_answers 9: these answers are of"),
        ("count", COUNT["train"], ("--answers_from", "union"), r"--answers_from union: these answ"),
    ],
)
def test_what_does_not_fit_the_kind_is_refused(task, rows, flags, message, tmp_path) -> None:
    others = CHOICE if task == "choice" else COUNT
    annotate(tmp_path / "qa", task, **(others | {"train": rows}))
    with pytest.raises(UserError, match=message):
        make(tmp_path, task, *flags)
    assert not (tmp_path / "q.pt").exists()


def test_like_another_file(tmp_path, capsys) -> None:
    annotate(tmp_path / "qa", "choice", **CHOICE)
    first = make(tmp_path, "choice", output="first.pt")
    for split in ("train", "val"):
        (tmp_path / f"qa/{split}_choice.json").unlink()
    rows = [(1, "who is it?", 0, ["dog", "yak"]), (9, "what?", 1, ["jump", "zebra"])]
    annotate(tmp_path / "qa", "choice", test=rows)
    capsys.readouterr()
    second = make(tmp_path, "choice", "--like", tmp_path / "first.pt")
    assert list(second.splits) == ["test"] and second.kind == "choice"
    assert second.vocabulary == first.vocabulary
    assert torch.equal(second.word_vectors, first.word_vectors)
    assert second.word_vectors_source == first.word_vectors_source
    test = second.split("test")
    assert test.words.tolist() == [1, 6, 4, 2]
    assert test.candidates is not None and test.candidates.words.tolist() == [10, 1, 7, 1]
    said = capsys.readouterr().out
    assert "NOTE: 1 of 2 videos of test are videos of training or validation in" in said
    with pytest.raises(UserError, match=r"train_choice\.json: not there"):
        make(tmp_path, "choice")


def test_like_keeps_the_range_of_numbers_and_the_classes(tmp_path) -> None:
    annotate(tmp_path / "qa", "count", **COUNT)
    make(tmp_path, "count", output="first.pt")
    annotate(tmp_path / "qa", "count", train=[(5, "how many?", 1)])
    assert make(tmp_path, "count", "--like", tmp_path / "first.pt").count_range == (2, 7)
    annotate(tmp_path / "qa", "choice", **CHOICE)
    with pytest.raises(UserError, match=r"its answers are of kind count, these of kind choice; gi"):
        make(tmp_path, "choice", "--like", tmp_path / "first.pt")
    with pytest.raises(UserError, match=r"--min_count 2: words, vectors and answers are those of"):
        make(tmp_path, "count", "--like", tmp_path / "first.pt", "--min_count", 2)
    with pytest.raises(UserError, match=r"is what --like names"):
        make(tmp_path, "count", "--like", tmp_path / "first.pt", output="first.pt")
