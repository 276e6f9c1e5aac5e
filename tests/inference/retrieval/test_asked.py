"""Questions of descriptions, by written rules."""

import pytest

from inference.retrieval.asked import asked_of

ANSWERS = {"man", "ride", "horse", "run", "dog", "play", "piano", "cucumber", "woman", "walk"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A man is riding a brown horse.", [
            ("object", "what is a man riding?", "horse"),
            ("action", "what is a man doing?", "ride"),
            ("subject", "who is riding a brown horse?", "man"),
        ]),
        ("two dogs are quickly running in the park", [
            ("action", "what is two dogs doing?", "run"),
            ("subject", "what is running in the park?", "dog"),
        ]),
        ("a woman plays a piano with her nose", [
            ("object", "what is a woman playing?", "piano"),
            ("action", "what is a woman doing?", "play"),
            ("subject", "who is playing a piano with her nose?", "woman"),
        ]),
        ("the man is slicing up cucumbers", [
            ("object", "what is the man slicing up?", "cucumber"),
            ("subject", "who is slicing up cucumbers?", "man"),
        ]),
        ("players of the foot ball", []),
        ("is riding", []),
        ("a man is old", []),
        ("", []),
    ],
)  # fmt: skip
def test_questions_of_a_description(text: str, expected: list) -> None:
    assert asked_of(text, ANSWERS) == expected
