"""Searches of a library in memory whose vectors are axes: what they find, and what they do not."""

import json
import math
from collections import Counter

import numpy as np
import pytest

from inference.retrieval.foreign import DOES, TIMES, WHO, crossed, own_queries, read_queries
from library.find.coarse import stem
from library.find.finder import How, Search
from library.find.foreign import learned_threshold
from library.find.query import Query, read_query
from library.find.shelf import Text
from library.find.show import clock, print_rows, row_of, write_rows
from library.hits import read_hits
from library.where import read_where
from tests.library.shelf import MemoryShelf
from util.errors import UserError

AXES = ("cat", "dog", "horse", "car", "cut", "fry")
D = len(AXES) + 1  # and one that no query has


def unit(**parts: float) -> np.ndarray:
    vector = np.array([parts.get(name, 0.0) for name in (*AXES, "rest")], np.float32)
    return vector / np.linalg.norm(vector)


def embed(text: str) -> np.ndarray:
    """Words that are axes; others are a little like everything."""
    words = {word: 1.0 for word in text.split() if word in AXES}
    if words:
        return unit(**words)
    draws = np.random.default_rng(sum(text.encode()))
    return unit(rest=1, **dict(zip(AXES, draws.random(len(AXES)).tolist(), strict=True)))


CLIPS = [
    (0, unit(cat=1, rest=0.2)), (0, unit(cat=1, rest=0.1)), (0, unit(rest=1, dog=0.2)),
    (1, unit(horse=1, rest=0.1)), (1, unit(rest=1)), (1, unit(horse=1, car=0.3)),
    (2, unit(cat=1, rest=0.11)),  # looks like a clip of video 0
    (3, unit(cut=1)), (3, unit(rest=1)), (3, unit(fry=1)),
    (4, unit(fry=1, rest=0.2)), (4, unit(rest=1)), (4, unit(cut=1, rest=0.2)),
]  # fmt: skip
TEXTS = [Text(4, "caption", "a boat at sea"), Text(11, "tag", "boat")]


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf(np.stack([v for _, v in CLIPS]), [file for file, _ in CLIPS], TEXTS)


@pytest.fixture
def search(shelf: MemoryShelf) -> Search:
    moment = lambda like: CLIPS[int(like.seconds or 0)][1]  # noqa: E731
    return Search(shelf, embed, moment, own_queries())


def spans(search: Search, text: str, how: How | None = None, **more) -> list[tuple]:
    found = search.find(read_query(text, **more), how or How())
    return [(m.file, m.start, m.end) for m in found.moments]


def test_moments(search: Search) -> None:
    assert spans(search, "cat") == [(0, 0.0, 4.0)]  # two neighbours; video 2 looks the same
    assert spans(search, "cat", How(every=True)) == [(0, 0.0, 4.0), (2, 0.0, 2.0)]
    assert spans(search, "horse") == [(1, 0.0, 2.0)]
    assert spans(search, "horse", How(every=True)) == [(1, 0.0, 2.0), (1, 4.0, 6.0)]


def test_sums(search: Search) -> None:
    assert spans(search, "3:horse + car") == [(1, 4.0, 6.0)]
    assert spans(search, "horse - car", How(every=True))[0] == (1, 0.0, 2.0)
    assert spans(search, "", like=["x@5"])[0] == (1, 4.0, 6.0)
    assert spans(search, "", like=["x@5"], minus=["car"])[0] == (1, 0.0, 2.0)


def test_one_before_another(search: Search) -> None:
    assert spans(search, '"cut" before "fry"') == [(3, 0.0, 2.0)]
    assert spans(search, '"cut" after "fry"') == [(4, 4.0, 6.0)]
    assert spans(search, '"cat" before "fry"') == []


def test_nothing_shows_it(search: Search) -> None:
    result = search.find(read_query("an unheard of thing"), How())
    assert result.moments == [] and result.best <= result.threshold and result.left_out > 0
    anyway = search.find(read_query("an unheard of thing"), How(anyway=True))
    assert anyway.moments and anyway.left_out == 0


def test_a_text_counts_as_what_is_shown(search: Search) -> None:
    assert spans(search, "a boat") == [(1, 2.0, 4.0)]  # 11 looks the same: both are the rest
    assert spans(search, "a boat", How(every=True)) == [(1, 2.0, 4.0), (4, 2.0, 4.0)]
    assert spans(search, "a boat", How(text_weight=0)) == []
    assert spans(search, "a red boat") == []  # half of the words are not it


def test_filters_reach_the_engine(search: Search) -> None:
    assert spans(search, "horse", How(where=read_where("name:0*"))) == []
    assert spans(search, "cat", How(where=read_where("name:0*"))) == [(0, 0.0, 4.0)]


def test_threshold_is_learned_once_until_the_library_grows(shelf: MemoryShelf) -> None:
    queries = own_queries()
    assert len(set(queries)) == 399 == len(queries) and queries == own_queries()
    for said in zip(*crossed(WHO, DOES, TIMES), strict=True):  # each word as often
        assert set(Counter(said).values()) == {TIMES} and len(set(said)) == 57
    first = learned_threshold(shelf, embed, queries)
    best = np.sort([(shelf.all @ embed(query)).max() for query in queries])
    assert first == pytest.approx(best[379], abs=1e-6)
    assert learned_threshold(shelf, embed, queries) == first and shelf.searches == 1
    shelf.fingerprint = "others"
    learned_threshold(shelf, embed, queries)
    shelf.all = shelf.all[:-1]
    learned_threshold(shelf, embed, queries)
    learned_threshold(shelf, embed, queries[:100])
    assert shelf.searches == 4
    shelf.kept["threshold"] = '["damaged"]'
    learned_threshold(shelf, embed, queries)
    assert shelf.searches == 5


def test_the_threshold_is_that_of_as_many_clips_as_there_are() -> None:
    """The best of more clips is nearer by chance: 5 % of false alarms in each, and not in both."""
    draws = np.random.default_rng(7)

    def vectors(number: int) -> np.ndarray:
        rows = draws.standard_normal((number, 16)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    taught, others = vectors(399), vectors(2000)
    rows = {f"query {i}": row for i, row in enumerate(taught)}
    alarms: dict[tuple[int, int], float] = {}
    clips = {number: vectors(number) for number in (100, 3000)}
    for number, every in clips.items():
        shelf = MemoryShelf(every, range(number))
        threshold = learned_threshold(shelf, rows.__getitem__, list(rows))
        for there, some in clips.items():
            alarms[number, there] = float(((others @ some.T).max(1) > threshold).mean())
    assert 0.03 < alarms[100, 100] < 0.08 and 0.03 < alarms[3000, 3000] < 0.08
    assert alarms[100, 3000] > 0.3 and alarms[3000, 100] < 0.01


def test_an_empty_library_shows_nothing() -> None:
    empty = MemoryShelf(np.empty((0, D), np.float32), [])
    result = Search(empty, embed, lambda like: unit(cat=1), own_queries()).find(
        read_query("cat"), How()
    )
    assert result.moments == [] and result.threshold == math.inf


def test_foreign_queries_of_a_file(tmp_path) -> None:
    path = tmp_path / "foreign.txt"
    path.write_text("\n".join(f"query {i}" for i in range(19)) + "\n\n query 3\n")
    assert len(read_queries(str(path))) == 19
    path.write_text("one\n" * 50)
    with pytest.raises(UserError, match=r"foreign\.txt: has 1 queries; 19 or more"):
        read_queries(str(path))


def test_hits_are_read_back(search: Search, shelf: MemoryShelf, tmp_path, capsys) -> None:
    shelf.place[0] = type(shelf.place[0])(0, 0, 0, 0.0, 2.0, "/v/\x1b[2Ja\n.mp4", "sha0")
    shelf.place[1] = type(shelf.place[0])(1, 0, 1, 2.0, 4.0, "/v/\x1b[2Ja\n.mp4", "sha0")
    (moment,) = search.find(read_query("cat"), How()).moments
    places = shelf.places(range(len(CLIPS)))
    row = row_of(moment, places, query="cat", weights="w")
    write_rows(tmp_path / "hits.jsonl", [row])
    (hit,) = read_hits(tmp_path / "hits.jsonl")
    assert (hit.video, hit.start, hit.end, hit.sha256) == ("/v/\x1b[2Ja\n.mp4", 0, 4, "sha0")
    assert "looks the same in 2.mp4" in hit.why and hit.weights == "w" and hit.query == "cat"
    assert json.loads((tmp_path / "hits.jsonl").read_text())["clips"] == [0, 1]
    print_rows([row], 11)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(" 11") and "0:00.0-0:04.0" in line and line.isprintable()


def test_words_are_one_in_all_their_forms() -> None:
    for forms in ("ride rides riding", "run runs running", "cut cuts cutting", "cat cats",
                  "dance danced dancing dances"):  # fmt: skip
        assert len({stem(word) for word in forms.split()}) == 1, forms
    assert len({stem(word) for word in ("bus", "bed", "ring", "car", "cat", "rat")}) == 6


def test_clock() -> None:
    shown = [clock(s) for s in (0, 59.96, 3599.94, 3723.5)]
    assert shown == ["0:00.0", "1:00.0", "59:59.9", "1:02:03.5"]


def test_words_that_the_embedder_does_not_know_cost(shelf: MemoryShelf) -> None:
    """Of foreign queries as of others: 0.1 on each of them lowers what is learned by that."""
    foreign = own_queries()
    plain = Search(shelf, embed, lambda like: unit(cat=1), foreign)
    shelf.kept.clear()
    costs = Search(
        shelf, embed, lambda like: unit(cat=1), foreign,
        surcharge=lambda text: 0.0 if text == "cat" else 0.1,
    )  # fmt: skip
    known, other = read_query("cat"), read_query("dog")
    assert isinstance(known, Query) and isinstance(other, Query)
    assert costs.threshold(known) == pytest.approx(plain.threshold(known) - 0.1, abs=1e-6)
    assert costs.threshold(other) == pytest.approx(plain.threshold(other), abs=1e-6)
