"""Files of hits: read exactly, and a line that is none is named with the cure."""

import json
from fractions import Fraction

import pytest

from library.hits import Hit, read_hits
from tests.hostile_text import texts
from util.errors import UserError


def read(tmp_path, *lines: str) -> list[Hit]:
    path = tmp_path / "hits.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_hits(path)


def test_numbers_are_exact(tmp_path) -> None:
    row = '{"video": "a.mp4", "start": 0.1, "end": 3, "score": 1e-3, "query": "q", "thumbs": [1]}'
    (hit,) = read(tmp_path, "", row, "")
    assert hit == Hit("a.mp4", Fraction(1, 10), Fraction(3), 0.001, "q")


def test_everything(tmp_path) -> None:
    row = {"video": "a", "start": 1, "end": 2, "score": -2, "query": "q", "why": {"word": "cat"},
           "weights": "w", "sha256": "s", "track": 2}  # fmt: skip
    (hit,) = read(tmp_path, json.dumps(row))
    assert hit == Hit("a", Fraction(1), Fraction(2), -2.0, "q", '{"word": "cat"}', "w", "s", 2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        ('{"start": 1, "end": 2}', "video names no file"),
        ('{"video": "a\\u0000", "start": 1, "end": 2}', "video names no file"),
        ('{"video": "a", "end": 2}', "start is no number of seconds"),
        ('{"video": "a", "start": true, "end": 2}', "start is no number of seconds"),
        ('{"video": "a", "start": "1", "end": 2}', "start is no number of seconds"),
        ('{"video": "a", "start": 2, "end": 2}', "0 <= start < end"),
        ('{"video": "a", "start": -1, "end": 2}', "0 <= start < end"),
        ('{"video": "a", "start": 0, "end": 1e20}', "0 <= start < end"),
        ('{"video": "a", "start": 0, "end": 1e999999999}', "is no number that a time"),
        ('{"video": "a", "start": NaN, "end": 2}', "NaN is no number"),
        ('{"video": "a", "start": 0, "end": 2, "score": "x"}', "score is no number"),
        ('{"video": "a", "start": 0, "end": 2, "track": 0}', "track is no whole number"),
        ('{"video": "a", "start": 0, "end": 2, "track": 1.5}', "track is no whole number"),
        ("[" * 100_000, "line 2: "),
        ('{"video": "a", "start": ' + "9" * 5000 + ', "end": 2}', "line 2: "),
    ],
    ids=lambda text: text[:40],
)
def test_mistakes(tmp_path, line: str, said: str) -> None:
    good = '{"video": "a", "start": 0, "end": 1}'
    with pytest.raises(UserError, match=r"hits\.jsonl, line 2: ") as caught:
        read(tmp_path, good, line)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_no_hit(tmp_path) -> None:
    with pytest.raises(UserError, match="holds no hit"):
        read(tmp_path, "", " ")


def test_hostile_texts_are_kept(tmp_path) -> None:
    for text in texts():
        row = json.dumps({"video": "a", "start": 0, "end": 1, "query": text, "why": text})
        (hit,) = read(tmp_path, row)
        assert (hit.query, hit.why) == (text, text)
