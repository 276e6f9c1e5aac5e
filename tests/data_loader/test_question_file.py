import pickle
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_loader.questions import QuestionSplit, load_questions, save_questions
from data_loader.vocabulary import Vocabulary, build_vocabulary
from util.errors import UserError

TEXT = st.text(max_size=12)


def some_split(name: str = "train", rows: int = 2, longest: int = 3) -> QuestionSplit:
    return QuestionSplit(
        name=name,
        words=torch.ones(rows * longest, dtype=torch.int64),
        length=torch.full((rows,), longest),
        longest=longest,
        answer=torch.zeros(rows, dtype=torch.int64),
        videos=("1",) * rows,
        ids=tuple(range(rows)),
        types=("what",) * rows,
        texts=("what?",) * rows,
        answer_texts=("dog",) * rows,
    )


def write(path: Path, **changes) -> Path:
    parts = {
        "dataset": "msvd_qa",
        "vocabulary": build_vocabulary([["what"]], ["dog"]),
        "word_vectors": torch.zeros(3, 4),
        "word_vectors_source": "none",
        "splits": {"train": some_split()},
    }
    save_questions(path, **(parts | changes))
    return path


@st.composite
def question_files(draw):
    words = draw(st.lists(TEXT, max_size=5))
    answers = draw(st.lists(TEXT, max_size=5))
    vocabulary = build_vocabulary([words], answers)
    longest = draw(st.integers(1, 6))
    splits = {}
    for name in ("train", "val", "test"):
        rows = draw(st.integers(0, 4))
        numbers = st.integers(0, len(vocabulary.words) - 1)
        column = st.lists(TEXT, min_size=rows, max_size=rows).map(tuple)
        asked = [draw(st.lists(numbers, min_size=1, max_size=longest)) for _ in range(rows)]
        splits[name] = QuestionSplit(
            name=name,
            words=torch.tensor(list(chain.from_iterable(asked)), dtype=torch.int64),
            length=torch.tensor([len(one) for one in asked], dtype=torch.int64),
            longest=longest,
            answer=torch.randint(0, len(vocabulary.answers), (rows,)),
            videos=draw(column),
            ids=tuple(draw(st.lists(st.integers() | TEXT, min_size=rows, max_size=rows))),
            types=draw(column),
            texts=draw(column),
            answer_texts=draw(column),
        )
    vectors = torch.randn(len(vocabulary.words), draw(st.integers(1, 4)))
    answer_vectors = torch.randn(len(vocabulary.answers), vectors.shape[1])
    return {
        "dataset": draw(TEXT),
        "vocabulary": vocabulary,
        "word_vectors": vectors,
        "word_vectors_source": draw(TEXT),
        "splits": splits,
        "answers_from": draw(st.sampled_from(["train", "union"])),
        "answer_vectors": draw(st.sampled_from([answer_vectors, None])),
    }


@settings(max_examples=40, deadline=None)
@given(parts=question_files())
def test_what_is_saved_comes_back(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "questions.pt"
    save_questions(path, **parts)
    read = load_questions(path)
    assert read.path == path
    assert read.dataset == parts["dataset"]
    assert read.word_vectors_source == parts["word_vectors_source"]
    assert read.answers_from == parts["answers_from"]
    assert read.vocabulary == parts["vocabulary"]
    assert torch.equal(read.word_vectors, parts["word_vectors"])
    if parts["answer_vectors"] is None:  # as in files from before answers had vectors
        assert read.answer_vectors is None
    else:
        assert read.answer_vectors is not None
        assert torch.equal(read.answer_vectors, parts["answer_vectors"])
    assert list(read.splits) == ["train", "val", "test"]
    for name, wrote in parts["splits"].items():
        for field, value in vars(wrote).items():
            back = getattr(read.splits[name], field)
            assert torch.equal(back, value) if isinstance(value, torch.Tensor) else back == value
        assert len(read.splits[name]) == len(wrote.videos)


def test_a_file_from_before_answers_from_was_written_has_those_of_the_training_split(tmp_path):
    broken(lambda state: state.pop("answers_from"))(tmp_path / "q.pt")
    assert load_questions(tmp_path / "q.pt").answers_from == "train"


def old_format(state: dict) -> None:
    """The state as format 1 had it: a row of words for each question, padded to the longest."""
    state["format"] = 1
    for split in state["splits"].values():
        rows = list(split["words"].split(split["length"].tolist()))
        grid = torch.zeros(len(rows), split.pop("longest"), dtype=torch.int64)
        for row, words in zip(grid, rows, strict=True):
            row[: len(words)] = words
        split["words"] = grid


@settings(max_examples=20, deadline=None)
@given(parts=question_files())
def test_a_file_of_format_1_is_read_as_before(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "questions.pt"
    save_questions(path, **parts)
    state = torch.load(path, weights_only=True)
    old_format(state)
    torch.save(state, path)
    for name, split in load_questions(path).splits.items():
        wrote = parts["splits"][name]
        assert torch.equal(split.words, wrote.words) and split.longest == wrote.longest
        if len(split):  # as such a file's rows were: all padded alike
            rows = np.arange(len(split))
            words, length = split.padded(rows, torch.from_numpy(rows))
            assert torch.equal(words, state["splits"][name]["words"])
            assert torch.equal(length, wrote.length)


@pytest.mark.parametrize(
    ("rows", "multiple", "width"),
    [([0, 1], 4, 4), ([1], 1, 2), ([3, 0], 4, 8), ([2], 4, 9), ([2, 2], 100, 9), ([0], 9, 9)],
)
def test_a_batch_is_padded_to_its_own_longest(rows, multiple, width):
    lengths = (3, 2, 9, 5)
    numbers = torch.arange(1, sum(lengths) + 1)
    split = replace(some_split(rows=4), words=numbers, length=torch.tensor(lengths), longest=9)
    words, length = split.padded(np.array(rows), torch.tensor(rows), multiple)
    assert words.shape == (len(rows), width) and words.dtype == torch.int64
    questions = numbers.split(lengths)
    for row, got, n in zip(rows, words, length, strict=True):
        assert n == lengths[row]
        assert got[:n].tolist() == questions[row].tolist() and not got[n:].any()


def test_one_long_question_costs_its_own_length(tmp_path):
    asked = [5] * 999 + [5000]
    numbers = torch.ones(sum(asked), dtype=torch.int64)
    split = some_split(rows=1000)
    long = replace(split, words=numbers, length=torch.tensor(asked), longest=5000)
    sizes = [
        write(tmp_path / "q.pt", splits={"train": one}).stat().st_size for one in (split, long)
    ]
    assert sizes[1] - sizes[0] < 8 * (sum(asked) - 3000) + 1000  # eight bytes a word


def test_only_tensors_and_plain_types_on_disk(tmp_path):
    state = torch.load(write(tmp_path / "q.pt"), weights_only=True)

    def plain(value):
        if isinstance(value, dict):
            return all(type(k) is str and plain(v) for k, v in value.items())
        if isinstance(value, list):
            return all(plain(v) for v in value)
        return type(value) in (str, int, torch.Tensor)

    assert plain(state)
    assert set(state["splits"]["train"]) == {
        "words", "length", "longest", "answer", "video", "id", "type", "text", "answer_text",
    }  # fmt: skip


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path / "q.pt")
    before = path.read_bytes()

    def cut_off(state, target):
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(KeyboardInterrupt):
        write(path, dataset="other")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["q.pt"]


def test_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.q\.pt: cannot be written"):
        write(tmp_path / "file" / "q.pt")


class NotPlain:
    """Reading it back would run code of ours: weights_only=True refuses."""


def broken(change):
    """A writer of a question file of which `change` has altered the state."""

    def make(path: Path) -> None:
        state = torch.load(write(path), weights_only=True)
        change(state)
        torch.save(state, path)

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "no such question file"),
        (lambda p: p.write_text('{"format": 1}'), "not a question file"),
        (lambda p: p.write_bytes(b""), "not a question file"),
        (lambda p: p.write_bytes(pickle.dumps({"format": 1}, protocol=2)), "not a question file"),
        (lambda p: torch.save({"format": 1, "splits": NotPlain()}, p), "not a question file"),
        (lambda p: p.write_bytes(write(p).read_bytes()[:-300]), "not a question file"),
        (lambda p: torch.save({"state_dict": {}}, p), "a torch file, but not a question file"),
        (lambda p: torch.save([1, 2], p), "a torch file, but not a question file"),
        (
            broken(lambda s: s.update(answer_vectors=torch.zeros(3, 5))),
            r"damaged question file: answer_vectors \(3, 5\), not \(3, 4\)",
        ),
        (broken(lambda s: s.update(format=4)), "format 4, this code reads formats 1, 2 and 3"),
        (broken(lambda s: s.pop("answers")), "damaged question file: answers is missing"),
        (broken(lambda s: s.update(answers_from="val")), "answers_from 'val' is not one of train"),
        (broken(lambda s: s["words"].append("x")), r"word_vectors \(3, 4\) for 4 words"),
        (broken(lambda s: s["splits"]["train"].pop("id")), "id is missing"),
        (broken(lambda s: s["splits"]["train"]["id"].pop()), "columns of different length"),
        (broken(lambda s: s["splits"]["train"]["words"].add_(9)), "words has a value outside"),
        (broken(lambda s: s["splits"]["train"]["answer"].add_(3)), "answer has a value outside"),
        (broken(lambda s: s["splits"]["train"]["length"].sub_(3)), "length has a value outside"),
        (broken(lambda s: s["splits"]["train"]["length"].sub_(1)), "6 words, where the lengths"),
        (broken(lambda s: s["splits"]["train"].update(longest=2)), "length has a value outside"),
        (
            broken(lambda s: s["splits"]["train"].update(answer=torch.zeros(2))),
            r"answer is torch\.float32, not torch\.int64",
        ),
    ],
)
def test_a_wrong_file_is_named_with_the_cure(make, message, tmp_path):
    path = tmp_path / "questions.pt"
    make(path)
    with pytest.raises(UserError, match=message) as caught:
        load_questions(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "python -m preprocess.questions" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_vocabulary_of_a_file_encodes_like_the_one_that_was_saved(tmp_path):
    saved = Vocabulary(("<NULL>", "<UNK>", "what"), ("<UNK0>", "<UNK1>", "dog"))
    read = load_questions(write(tmp_path / "q.pt", vocabulary=saved)).vocabulary
    assert read.encode(["what", "zebra"]) == [2, 1]
    assert read.answer_class("dog", train=False) == 2
