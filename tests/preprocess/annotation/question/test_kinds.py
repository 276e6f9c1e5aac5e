import json

import pytest

from preprocess.annotation.dataset import reader
from preprocess.annotation.question.kinds import (
    BROKEN,
    NEGATIVE,
    NO_NUMBER,
    WORDED,
    count_fault,
    encoded_answers,
    kind_of,
    place_of,
)
from preprocess.annotation.sample import Sample
from util.errors import UserError


def sample(answer: str, *choices: str, number: int = 1) -> Sample:
    return Sample(
        id=number, video="v", question="q?", answer=answer, type="q", choices=choices or None
    )


@pytest.mark.parametrize(
    ("answer", "choices", "place"),
    [
        ("run", ["walk", "run"], 1),
        ("1", ["walk", "run"], 1),
        ("a1", ["walk", "run"], 1),
        ("2", ["walk", "run"], None),
        ("a2", ["walk", "run"], None),
        ("Run", ["walk", "run"], None),
        ("1", ["0", "1", "2"], 1),  # text and place agree
        ("a0", ["2", "1"], 0),
        ("5", ["5", "6"], 0),
        ("run", ["run", "run"], 0),  # twins
    ],
)
def test_an_answer_names_a_place(answer, choices, place) -> None:
    assert place_of(answer, choices) == place


@pytest.mark.parametrize(
    ("answer", "choices"), [("1", ["1", "2"]), ("2", ["1", "2", "3"]), ("a0", ["x", "a0"])]
)
def test_an_answer_that_names_two_places_is_refused(answer, choices) -> None:
    with pytest.raises(ValueError, match=r"is the text of choice \d and the place of choice \d"):
        place_of(answer, choices)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("3", None), (" 3 ", None), ("0", None), ("+4", None), ("4.0", None), ("1000000", None),
        ("three", WORDED), ("Once", WORDED), ("-1", NEGATIVE), ("2.5", BROKEN), (".5", BROKEN),
        ("1e3", NO_NUMBER), ("3 times", NO_NUMBER), ("1000001", NO_NUMBER), ("٣", NO_NUMBER),
        ("9" * 500, NO_NUMBER), ("nan", NO_NUMBER), ("", NO_NUMBER),
    ],
)  # fmt: skip
def test_what_is_a_count(answer, fault) -> None:
    assert count_fault(answer) == fault


def test_answers_are_encoded_by_their_kind() -> None:
    rows = [sample("b", "a", "b", "c"), sample("x", "x", "x", number=2)]
    assert encoded_answers("choice", "train", rows) == [1, 0]
    assert encoded_answers("count", "val", [sample("3"), sample("0"), sample("4.0")]) == [3, 0, 4]
    assert encoded_answers("open", "val", [sample("three")]) == []
    assert kind_of(None, rows) == "choice" and kind_of(None, [sample("3")]) == "open"
    assert kind_of("count", [sample("3")]) == "count" and kind_of("open", rows) == "open"


def test_answers_that_are_none_are_refused_with_the_first() -> None:
    rows = [sample("a", "a", "b"), sample("z", "a", "b", number=2), sample("y", "a", "b", number=3)]
    with pytest.raises(
        UserError, match=r"split val: question 2 \(video v\), answer 'z': the first"
    ):
        encoded_answers("choice", "val", rows)
    with pytest.raises(UserError, match=r"of 1 of 1 questions that have fewer than two choices"):
        encoded_answers("choice", "val", [sample("a", "a")])
    with pytest.raises(
        UserError, match=r"answer 'two': the first of 1 of 2 questions whose answer"
    ):
        encoded_answers("count", "train", [sample("2"), sample("two")])


def shapes(folder, name: str, **changes):
    item = {"id": 1, "question": "How often does it blink?", "video_id": 4}
    (folder / name).write_text(json.dumps([item | changes]))
    return folder


def test_shapes_with_choices_and_with_numbers(tmp_path) -> None:
    shapes(tmp_path, "val_choice.json", choices=["red", "green"], answer=1)
    shapes(tmp_path, "val_count.json", answer=3, type="blink")
    assert reader("shapes", "choice")(tmp_path, "val") == [
        Sample(
            id=1, video="4", question="How often does it blink?", answer="green", type="how",
            choices=("red", "green"),
        )
    ]  # fmt: skip
    assert reader("shapes", "count")(tmp_path, "val") == [
        Sample(id=1, video="4", question="How often does it blink?", answer="3", type="blink")
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choices": ["a", "b"], "answer": 2}, "whose `answer` is no place of a choice"),
        ({"choices": ["a", "b"], "answer": -1}, "whose `answer` is no place of a choice"),
        ({"choices": ["a"], "answer": 0}, "whose `choices` are not two or more texts"),
        ({"choices": ["a", 1], "answer": 0}, "whose `choices` are not two or more texts"),
        ({"choices": ["a", " "], "answer": 0}, "whose `choices` are not two or more texts"),
        ({"choices": "ab", "answer": 0}, "field `choices` is a JSON string; it must be a list"),
        ({"choices": ["a", "b"], "answer": "a"}, "field `answer` is a JSON string"),
    ],
)
def test_faults_of_shapes_are_named(changes, message, tmp_path) -> None:
    with pytest.raises(UserError, match=message):
        reader("shapes", "choice")(shapes(tmp_path, "val_choice.json", **changes), "val")
