"""What every engine does: the hits of NumPy, filters, changes, nothing half."""

import numpy as np
import pytest

from library.where import read_where
from tests.library.engines.conftest import CLIPS, FILES, Library, unit
from util.errors import UserError

OF = np.repeat(np.arange(FILES), CLIPS)  # file of each clip
FILTERS = (
    ("", OF >= 0),
    ("duration<20", OF < 20),
    ("duration<20 -folder:f1", (OF < 20) & (OF % 4 != 1)),
    ("name:v7.mp4", OF == 7),
    ("name:v1*", np.isin(OF, [1, *range(10, 20)])),
    ("tag:t3", np.arange(len(OF)) % CLIPS == 3),
    ("duration<0", OF < 0),
)


@pytest.mark.parametrize(("where", "left"), FILTERS, ids=[f[0] or "all" for f in FILTERS])
def test_hits_are_those_of_numpy(library: Library, where: str, left: np.ndarray) -> None:
    vectors, queries = unit(len(OF), 1), unit(20, 2)
    ids = library.fill(vectors)
    found, scores = library.engine.search(queries, read_where(where), 10)
    truth = np.where(left, queries @ vectors.T, -np.inf)
    order = np.argsort(-truth, axis=1)[:, :10]
    best = np.take_along_axis(truth, order, axis=1)
    assert found.dtype == np.int64 and scores.dtype == np.float32
    assert np.allclose(scores, best, atol=library.tolerance)
    assert ((found == -1) == np.isinf(best)).all() and np.isneginf(scores[found == -1]).all()
    same = np.mean(found == np.where(np.isinf(best), -1, ids[order]))
    assert same == 1 or library.tolerance > 1e-4 < 0.97 < same  # near ones may swap


def test_more_are_wanted_than_there_are(library: Library) -> None:
    ids = library.fill(unit(16, 1))
    found, scores = library.engine.search(unit(3, 2), (), 50)
    assert (np.sort(found[:, :16]) == np.sort(ids)).all() and (found[:, 16:] == -1).all()
    assert np.isfinite(scores[:, :16]).all()


def test_a_clip_has_one_vector(library: Library) -> None:
    vectors = unit(64, 1)
    ids = library.fill(vectors)
    library.engine.add(ids[:3], vectors[10:13])  # again, with others
    found, scores = library.engine.search(vectors[10:13], (), 2)
    assert (np.sort(found) == np.stack([ids[:3], ids[10:13]], axis=1)).all()
    assert np.allclose(scores, 1, atol=2e-3)
    assert np.allclose(library.engine.vectors([ids[1], ids[20]]), vectors[[11, 20]], atol=1e-3)
    library.engine.delete(np.array([*ids[:3], 10**9]))  # one that is none
    assert (library.engine.search(vectors[10:13], (), 1)[0][:, 0] == ids[10:13]).all()


def test_files_that_are_gone_are_not_found(library: Library) -> None:
    vectors = unit(64, 1)
    ids, file = library.fill(vectors), library.catalogue.files()[1]
    library.catalogue.change_file(file.id, missing=1)
    gone = set(ids[CLIPS : 2 * CLIPS].tolist())
    for where in ("", "width>=640"):
        found, _ = library.engine.search(vectors[8:12], read_where(where), 64)
        assert not gone & set(found.ravel().tolist()) and (found >= 0).sum(1).max() == 56
    library.catalogue.change_file(file.id, missing=0)  # it is back
    assert (library.engine.search(vectors[8:12], (), 1)[0][:, 0] == ids[8:12]).all()
    library.catalogue.remove_file(file.id)
    assert not gone & set(library.engine.search(vectors, (), 64)[0].ravel().tolist())
    assert library.catalogue.clips(file.id) == []


def test_what_is_not_committed_is_not_there(library: Library) -> None:
    vectors = unit(64, 1)
    ids = library.fill(vectors[:32])
    with pytest.raises(ZeroDivisionError), library.catalogue.transaction():
        library.fill(vectors[32:48], first=4)
        raise ZeroDivisionError
    assert library.catalogue.count() == 32
    later = library.fill(vectors[48:], first=4)
    found, scores = library.engine.search(vectors[[*range(32), *range(48, 64)]], (), 1)
    assert (found[:, 0] == [*ids, *later]).all() and np.allclose(scores, 1, atol=2e-3)


def test_vectors_of_another_width_are_refused(library: Library) -> None:
    ids = library.fill(unit(16, 1))
    with pytest.raises(UserError, match="vectors of width 16, not 8"):
        library.engine.add(ids, unit(16, 1, width=8))
    with pytest.raises(UserError, match="vectors of width 16, not 8"):
        library.engine.search(unit(1, 1, width=8), (), 3)


def test_an_empty_library_finds_nothing(library: Library) -> None:
    found, scores = library.engine.search(unit(2, 1), (), 3)
    assert (found == -1).all() and np.isneginf(scores).all()
    assert library.engine.fingerprint() == "" and library.catalogue.count() == 0
    library.catalogue.keep("fingerprint", "abc")
    assert library.engine.fingerprint() == "abc"


def test_texts_and_places(library: Library) -> None:
    ids = library.fill(unit(16, 1)).tolist()
    found = library.catalogue.texts(["t3", 't4" OR'], (), 9)
    assert {(text.clip, text.text) for text in found} == {(ids[3], "t3"), (ids[11], "t3")}
    only = library.catalogue.texts(["t3"], read_where("name:v1.mp4"), 9)
    assert [text.clip for text in only] == [ids[11]]
    place = library.catalogue.places([ids[11], 10**9])
    assert list(place) == [ids[11]] and place[ids[11]].path == "/f1/v1.mp4"
    assert (place[ids[11]].number, place[ids[11]].start, place[ids[11]].end) == (3, 3.0, 4.0)
    library.catalogue.remove_texts(["tag"], ids[:8])
    assert [text.clip for text in library.catalogue.texts(["t3"], (), 9)] == [ids[11]]
