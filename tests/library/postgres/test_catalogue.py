"""What a search reads of a library in PostgreSQL."""

from collections.abc import Iterator

import numpy as np
import pytest

from library.find.coarse import content_words, look
from library.find.foreign import learned_threshold
from library.find.shelf import Place, Shelf, Text
from library.opened import Library
from library.postgres.catalogue import PostgresCatalogue
from library.postgres.engine import PostgresEngine
from library.where import read_where
from tests.library.postgres.test_engine import CLIPS, files, unit

CAPTIONS = {
    0: "A man rides a horse",
    9: "a woman slices onions",
    17: "cat_rides.mp4",
    25: "Żółw, je sałatę' OR 1=1 --",
    33: "a horse, a horse & a cat | dog",
}


@pytest.fixture
def shelf(postgres_url: str) -> Iterator[Shelf]:
    engine = PostgresEngine(postgres_url)
    ids = files(engine)
    engine.add(ids, unit(len(ids), 1))
    for clip, text in CAPTIONS.items():
        sql = "INSERT INTO text (clip, kind, source, text) VALUES (%s, 'caption', 'run', %s)"
        engine.connection.execute(sql, [clip, text])
    yield Library(PostgresCatalogue(engine), engine)
    engine.close()


def test_texts_with_a_word_of_the_query_are_found(shelf: Shelf) -> None:
    def clips(text: str, where: str = "") -> list[int]:
        return [t.clip for t in shelf.texts(content_words(text), read_where(where), 10)]

    assert sorted(clips("a horse that rides")) == [0, 17, 33] and clips("horse")[0] == 33
    assert clips("slices") == [9] and clips("nothing") == [] and clips("") == []
    assert clips("sałatę") == [25] and sorted(clips("cat")) == [17, 33]
    assert clips("rides", "name:v0.mp4") == [0] and clips("rides", "caption:*horse*") == [0]
    for hostile in ("' OR 1=1 --", "horse & !man | <-> :*", "%s %(a)s", "\\", "\0horse", '"'):
        assert set(clips(hostile)) <= {0, 25, 33}
    assert shelf.texts(["slices"], (), 1) == [Text(9, "caption", "a woman slices onions")]


def test_places_vectors_and_kept_values(shelf: Library) -> None:
    assert shelf.places([9, 10**9]) == {9: Place(9, 1, 1, 0, 1, "f1/v1.mp4", "")}
    shelf.catalogue.run("UPDATE file SET missing = 1 WHERE id = 1")
    assert shelf.places([9, 0]).keys() == {0} and shelf.texts(["slices"], (), 5) == []
    engine = shelf.engine
    assert isinstance(engine, PostgresEngine)
    files(engine, 1, 100)
    assert np.allclose(shelf.vectors([5, 3, 5]), unit(40 * CLIPS, 1)[[5, 3, 5]], atol=1e-3)
    assert shelf.vectors([3]).dtype == np.float32
    assert shelf.count() == 40 * CLIPS and shelf.recall("none") is None
    shelf.keep("threshold", "1")
    shelf.keep("threshold", '{"a": 2}')
    assert shelf.recall("threshold") == '{"a": 2}' and shelf.fingerprint == ""


def test_a_look_and_a_threshold_as_with_every_shelf(shelf: Shelf) -> None:
    vectors = unit(40 * CLIPS, 1)
    found = look(shelf, vectors[40], ["horse", "man"], (), depth=5, text_weight=2.0)
    assert found[0].clip == 0 and "caption" in found[0].why  # both words
    assert {40, 0, 33} <= {clip.clip for clip in found} and len(found) <= 5 + 2
    queries = [f"query {n}" for n in range(39)]
    embedded = dict(zip(queries, unit(39, 5), strict=True))
    threshold = learned_threshold(shelf, embedded.__getitem__, queries)
    best = np.sort((unit(39, 5) @ vectors.T).max(1))
    assert best[-4] - 1e-3 <= threshold <= best[-1] + 1e-3
