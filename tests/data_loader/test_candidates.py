from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_loader.batch import no_candidates, tensors
from data_loader.candidates import Candidates, encode_candidates
from data_loader.dataset import QaData
from data_loader.join import join
from data_loader.open import Stores
from data_loader.question_split import QuestionSplit
from data_loader.questions import load_questions, save_questions
from data_loader.vocabulary import build_vocabulary
from tests import tiny_run
from util.errors import UserError

WORDS = ["what", "does", "it", "do", "jump", "runs", "away", "sit", "down"]
VOCABULARY = build_vocabulary([WORDS], ["dog"])
CHOICES = (("jump", "runs away"), ("sit down", "jump", "...", "zebra runs away"), ("sit", "runs"))
ASKED = (("what", "does", "it", "do"), ("what",), ("it", "do"))


def split_of(asked=ASKED, choices=CHOICES, answer=None, name="train") -> QuestionSplit:
    longest = max(len(q) + len(c.split()) for q, of in zip(asked, choices, strict=True) for c in of)
    rows = len(asked)
    return QuestionSplit(
        name=name,
        words=torch.tensor(VOCABULARY.encode([w for q in asked for w in q])),
        length=torch.tensor([len(q) for q in asked]),
        longest=max(map(len, asked)),
        answer=torch.tensor(answer or [0] * rows),
        videos=tuple(f"v{i}" for i in range(rows)),
        ids=tuple(range(rows)),
        types=("action",) * rows,
        texts=tuple(" ".join(q) for q in asked),
        answer_texts=tuple(of[0] for of in choices),
        candidates=encode_candidates(choices, VOCABULARY, longest),
    )


def candidates_of(split: QuestionSplit) -> Candidates:
    assert split.candidates is not None
    return split.candidates


def write(path: Path, splits=None, **kind) -> Path:
    save_questions(
        path,
        dataset="own",
        vocabulary=VOCABULARY,
        word_vectors=torch.zeros(len(VOCABULARY.words), 4),
        word_vectors_source="none",
        splits={"train": split_of()} if splits is None else splits,
        **kind,
    )
    return path


def read_together(asked, choices, rows) -> list[tuple[int, list[int]]]:
    """The plain form: each question of `rows` with each of its candidates, one by one."""
    return [
        (place, VOCABULARY.encode([*asked[row], *(c.split() if c != "..." else ["<UNK>"])]))
        for place, row in enumerate(rows)
        for c in choices[row]
    ]


def check_batch(batch, expected, longest, multiple) -> None:
    assert batch.question.tolist() == [place for place, _ in expected]
    assert batch.length.tolist() == [len(words) for _, words in expected]
    width = -(-max(len(words) for _, words in expected) // multiple) * multiple
    assert batch.words.shape == (len(expected), min(width, longest))
    for row, (_, words) in zip(batch.words.tolist(), expected, strict=True):
        assert row == words + [0] * (len(row) - len(words))


@st.composite
def questions(draw):
    text = st.lists(st.sampled_from([*WORDS, "zebra"]), min_size=1, max_size=5)
    asked = draw(st.lists(text, min_size=1, max_size=5))
    of = st.lists(text.map(" ".join), min_size=2, max_size=6).map(tuple)
    choices = draw(st.lists(of, min_size=len(asked), max_size=len(asked)))
    rows = draw(st.lists(st.integers(0, len(asked) - 1), min_size=1, max_size=7))
    return asked, choices, rows, draw(st.sampled_from([1, 4, 64]))


@settings(max_examples=60, deadline=None)
@given(case=questions())
def test_a_batch_has_each_candidate_after_its_question(case) -> None:
    asked, choices, rows, multiple = case
    split = split_of(asked, choices)
    rows = np.array(rows)
    words, _ = split.padded(rows, torch.from_numpy(rows), multiple)
    batch = candidates_of(split).padded(rows, words, split.lengths[rows], multiple)
    check_batch(batch, read_together(asked, choices, rows), candidates_of(split).longest, multiple)


@settings(max_examples=30, deadline=None)
@given(case=questions())
def test_some_of_the_questions_keep_their_candidates(case) -> None:
    asked, choices, rows, _ = case
    kept = np.unique(rows)
    part = split_of(asked, choices).take(kept)
    for taken, where in ((part, kept), (part.joined(part), np.concatenate([kept, kept]))):
        again = np.arange(len(where))
        words, _ = taken.padded(again, torch.from_numpy(again), 1)
        batch = candidates_of(taken).padded(again, words, taken.lengths, 1)
        check_batch(batch, read_together(asked, choices, where), candidates_of(taken).longest, 1)
        assert candidates_of(taken).texts == tuple(choices[row] for row in where)


def test_a_file_of_choices_comes_back(tmp_path) -> None:
    wrote = split_of(answer=[1, 3, 0])
    read = load_questions(write(tmp_path / "q.pt", {"train": wrote}, kind="choice"))
    assert (read.kind, read.count_range) == ("choice", None)
    split = read.split("train")
    assert split.answer.tolist() == [1, 3, 0] and candidates_of(split).texts == CHOICES
    assert candidates_of(split).longest == candidates_of(wrote).longest
    for name in ("words", "length", "number"):
        assert torch.equal(getattr(split.candidates, name), getattr(wrote.candidates, name))


def test_a_file_of_numbers_comes_back(tmp_path) -> None:
    numbers = replace(split_of(), candidates=None, answer=torch.tensor([2, 300, 0]))
    path = write(tmp_path / "q.pt", {"train": numbers}, kind="count", count_range=(0, 300))
    read = load_questions(path)
    assert (read.kind, read.count_range) == ("count", (0, 300))
    assert read.split("train").answer.tolist() == [2, 300, 0]
    assert read.split("train").candidates is None


def test_a_file_of_open_questions_says_nothing_of_kinds(tmp_path) -> None:
    path = write(tmp_path / "q.pt", {"train": replace(split_of(), candidates=None)})
    state = torch.load(path, weights_only=True)
    assert state["format"] == 2 and not {"kind", "count_range"} & set(state)
    assert "candidates" not in state["splits"]["train"]
    read = load_questions(path)
    assert (read.kind, read.count_range) == ("open", None)


def broken(change, kind="choice"):
    """A writer of a file of which `change` has altered the state; `s` is it, `c` its candidates."""

    def make(path: Path) -> None:
        split = split_of() if kind == "choice" else replace(split_of(), candidates=None)
        write(path, {"train": split}, kind=kind, count_range=(0, 9) if kind == "count" else None)
        state = torch.load(path, weights_only=True)
        change(state, state["splits"]["train"])
        torch.save(state, path)

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (broken(lambda s, t: s.update(kind="essay")), "kind 'essay' is none of format 3"),
        (broken(lambda s, t: s.pop("kind")), "kind 'open' is none of format 3"),
        (broken(lambda s, t: s.update(format=2)), "kind 'choice' is none of format 2"),
        (broken(lambda s, t: t.pop("candidates")), "candidates is missing"),
        (broken(lambda s, t: t["answer"].add_(2)), "answer has a value that is no candidate's"),
        (broken(lambda s, t: t["answer"].sub_(1)), "answer has a value outside"),
        (broken(lambda s, t: t["candidates"]["words"].add_(9)), "words has a value outside"),
        (broken(lambda s, t: t["candidates"]["length"].sub_(1)), "length has a value outside"),
        (broken(lambda s, t: t["candidates"]["number"].sub_(1)), "number has a value outside"),
        (broken(lambda s, t: t["candidates"]["text"].pop()), "do not belong together"),
        (broken(lambda s, t: t["candidates"]["text"][0].pop()), "do not belong together"),
        (
            broken(lambda s, t: t["candidates"].update(words=t["candidates"]["words"][:-1])),
            "add to different sums",
        ),
        (broken(lambda s, t: t["candidates"].update(longest=5)), "longer than 5 words"),
        (
            broken(lambda s, t: t["candidates"].update(number=torch.ones(3))),
            "number is not a row of torch.int64",
        ),
        (broken(lambda s, t: s.pop("count_range"), "count"), "count_range None is no pair"),
        (broken(lambda s, t: s.update(count_range=[3, 2]), "count"), "begins after its end"),
        (broken(lambda s, t: t["answer"].sub_(1), "count"), "answer has a value outside"),
    ],
)
def test_a_wrong_file_is_named_with_the_cure(make, message, tmp_path) -> None:
    path = tmp_path / "questions.pt"
    make(path)
    with pytest.raises(UserError, match=message) as caught:
        load_questions(path)
    assert str(caught.value).startswith(f"{path}: damaged question file: ")
    assert "python -m preprocess.questions" in str(caught.value)


def data_of(split: QuestionSplit) -> QaData:
    return join(split, Stores(), video="none", channels="both", seed=0, on_disk=False)


def test_a_batch_of_data_carries_candidates() -> None:
    data = data_of(split_of(answer=[1, 3, 0]))
    rows = np.array([2, 1])
    batch = data.batch(rows)
    check_batch(batch.candidates, read_together(ASKED, CHOICES, rows), 6, 64)
    assert batch.answer.tolist() == [0, 3]
    moved = data.to(torch.device("cpu")).batch(rows)
    assert all(torch.equal(a, b) for a, b in zip(tensors(batch), tensors(moved), strict=True))
    shapes = {
        tuple(data.padded_to_longest().batch(np.array([row])).candidates.words.shape[1:])
        for row in range(3)
    }
    assert shapes == {(6,)}


def test_open_questions_have_an_empty_batch_of_candidates(tmp_path) -> None:
    tiny_run.make(tmp_path)
    batch = data_of(load_questions(tmp_path / "questions.pt").split("train")).batch(np.arange(3))
    empty = no_candidates()
    for name in ("words", "length", "question"):
        got, expected = getattr(batch.candidates, name), getattr(empty, name)
        assert got.numel() == 0 and got.shape == expected.shape and got.dtype == torch.int64


def test_other_candidates_are_other_data() -> None:
    said = {
        data_of(split_of(choices=choices)).fingerprint()
        for choices in (
            CHOICES,
            (CHOICES[0][::-1], *CHOICES[1:]),
            (("jump", "runs away", "sit down"), CHOICES[1][1:], CHOICES[2]),
        )
    }
    assert len(said) == 3
    plain = replace(split_of(), candidates=None)
    assert data_of(plain).fingerprint() not in said
