"""Queries: what is typed, and the vector that comes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.find.query import InOrder, Like, Query, Term, read_query, vector_of
from util.errors import UserError


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a man rides a horse", [("a man rides a horse", 1)]),
        ("2:horse - car", [("horse", 2), ("car", -1)]),
        ("horse + .5:ice-cream - 3: red car", [("horse", 1), ("ice-cream", 0.5), ("red car", -3)]),
        ("- car + horse", [("car", -1), ("horse", 1)]),
        ('"a - b" - c', [("a - b", 1), ("c", -1)]),
        ('"10:30 train"', [("10:30 train", 1)]),
        ("the 2:1 match", [("the 2:1 match", 1)]),
        ("  cats\n", [("cats", 1)]),
    ],
)
def test_sums(text: str, terms: list[tuple[str, float]]) -> None:
    assert read_query(text) == Query(tuple(Term(*term) for term in terms))


def test_moments_and_minus(tmp_path) -> None:
    odd = tmp_path / "a@12.mp4"
    odd.write_bytes(b"")
    query = read_query("", [f"{odd}", "b.mp4@1:02:03.5", "0.5:c.mp4@7"], ["car", "2:red bus"])
    assert isinstance(query, Query)
    assert query.likes == (
        Like(str(odd), None, 1), Like("b.mp4", 3723.5, 1), Like("c.mp4", 7, 0.5),
    )  # fmt: skip
    assert query.terms == (Term("car", -1), Term("red bus", -2))
    assert query.words == "" and query.weights == [-1, -2, 1, 1, 0.5]


def test_order() -> None:
    cut, fry = Query((Term("cutting", 1),)), Query((Term("frying", 2), Term("pan", -1)))
    assert read_query('"cutting" before "2:frying - pan"') == InOrder(cut, fry, 0)
    assert read_query(' "2:frying - pan"  after "cutting" ') == InOrder(cut, fry, 1)
    assert read_query("cutting before frying") == Query((Term("cutting before frying", 1),))


@pytest.mark.parametrize(
    ("text", "like", "minus", "said"),
    [
        ("", (), (), "asks for nothing"),
        ("- car", (), (), "asks for nothing"),
        ("", (), ("car",), "asks for nothing"),
        ("horse - ", (), (), "without words"),
        ("2:", (), (), "without words"),
        ("0:horse", (), (), "above 0"),
        ("999:horse", (), (), "at most 100"),
        ("", ("a.mp4@soon",), (), "FILE@SECONDS"),
        ("", ("@3",), (), "FILE@SECONDS"),
        ('"a" before "b"', ("a.mp4",), (), "leave out --like"),
        ('"a" before "- b"', (), (), "asks for nothing"),
        ("x" * 1001, (), (), "1000 at most"),
    ],
)
def test_mistakes(text: str, like: tuple[str, ...], minus: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_query(text, like, minus)


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_a_query_or_a_line(text: str, minus: str) -> None:
    try:
        query = read_query(text, [], [minus])
    except UserError as error:
        assert len(str(error)) < 400
        return
    assert isinstance(query, Query) and query.words


def test_vector() -> None:
    axes = np.eye(3, dtype=np.float32)
    found = vector_of(axes, [2, -1, 2])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.array([2, -1, 2]) / 3, rtol=1e-6)
    with pytest.raises(UserError, match="cancel"):
        vector_of(np.stack([axes[0], axes[0]]), [1, -1])
