"""What a predictions file may say of a choice and of a count, and what is a mistake."""

from typing import Any

import pytest

from evaluation.kind.given import NotTold, choice_told, number_told, shared

TEXTS = ("a dog", "A cat.", "two", "2", "a dog")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (0, 0), (4, 4), (1.0, 1), ("A cat.", 1), ("a  CAT", 1), (" two ", 2),
        ("2", 3),  # a text before it is a place
        (2, 2), ("1", 1),  # digits that no choice is
        ("a dog", 4),  # of two alike the right one
    ],
)  # fmt: skip
def test_a_choice_is_told_by_its_place_or_its_text(value: Any, place: int) -> None:
    assert choice_told(value, TEXTS, 4) == place


def test_of_two_texts_alike_none_of_which_is_right_the_first_is_meant() -> None:
    assert choice_told("a dog", TEXTS, 1) == 0
    assert shared("a dog", TEXTS) and not shared("two", TEXTS) and not shared(0, TEXTS)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a bird", "'a bird' is none of its 5 choices"),
        (5, "choice 5 is not there, they are 0 to 4"),
        (-1, "choice -1 is not there"),
        ("17", "choice 17 is not there"),
        (True, "bool is none of its 5 choices"),
        (None, "NoneType is none of its 5 choices"),
        (1.5, "float is none of its 5 choices"),
        (["a dog"], "list is none of its 5 choices"),
        ("9" * 5000, "is none of its 5 choices"),
    ],
)
def test_what_is_no_choice(value: Any, line: str) -> None:
    with pytest.raises(NotTold, match=f"{line}.*; give the choice's text, or its place") as error:
        choice_told(value, TEXTS, 0)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("value", "number"), [(3, 3), (2.6, 2.6), ("4", 4), (" 2.5 ", 2.5), ("1e1", 10), (-1, -1)]
)
def test_a_count_is_a_number_or_its_text(value: Any, number: float) -> None:
    assert number_told(value) == number


@pytest.mark.parametrize(
    "value", ["three", "", "nan", "1_0", "3 times", True, None, [3], float("inf"), 1e9, "9" * 400]
)
def test_what_is_no_count(value: Any) -> None:
    with pytest.raises(NotTold, match=r"is no (number|count); give a number, such as 3") as error:
        number_told(value)
    assert len(str(error.value)) < 200
