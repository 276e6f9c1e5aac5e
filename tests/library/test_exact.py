"""The matrix on disk: kills, damage, other processes, files that are no library."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from library.catalogue import Catalogue
from library.exact import ExactEngine
from tests.library.engines.conftest import Library, unit
from util.errors import UserError


def opened(path: Path, *, make: bool = True) -> Library:
    catalogue = Catalogue(path, make=make)
    return Library(catalogue, ExactEngine(catalogue), 1e-5)


def test_what_a_kill_leaves_past_the_last_row_is_written_over(tmp_path: Path) -> None:
    path, vectors = tmp_path / "a.db", unit(32, 1)
    opened(path).fill(vectors[:16])
    with Path(f"{path}.vectors").open("ab") as file:
        file.write(b"\xff" * 100)  # half of something
    again = opened(path)
    ids = again.fill(vectors[16:], first=2)
    assert (again.engine.search(vectors[16:], (), 1)[0][:, 0] == ids).all()
    assert Path(f"{path}.vectors").stat().st_size == vectors.nbytes


def test_vectors_that_are_missing_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    opened(path).fill(unit(16, 1))
    with Path(f"{path}.vectors").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(UserError, match=r"a\.db\.vectors: vectors are missing that"):
        opened(path)
    Path(f"{path}.vectors").unlink()
    with pytest.raises(UserError, match=r"a\.db\.vectors: vectors are missing that"):
        opened(path)


def test_a_reader_sees_what_another_commits(tmp_path: Path) -> None:
    path, vectors = tmp_path / "a.db", unit(32, 1)
    writer = opened(path)
    writer.fill(vectors[:16])
    reader = opened(path, make=False)
    assert (reader.engine.search(vectors, (), 1)[0][:16, 0] > 0).all()
    with writer.catalogue.transaction():
        ids = writer.fill(vectors[16:], first=2)
        assert reader.engine.search(vectors[16:], (), 1)[1].max() < 0.999  # not yet
    assert (reader.engine.search(vectors[16:], (), 1)[0][:, 0] == ids).all()


def test_ties_are_in_the_order_of_ids(tmp_path: Path) -> None:
    library = opened(tmp_path / "a.db")
    ids = library.fill(np.repeat(unit(1, 1), 24, axis=0))
    assert (library.engine.search(unit(1, 1), (), 24)[0][0] == ids).all()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    for make in (True, False):
        with pytest.raises(UserError, match=r"a\.db: (is )?no library"):
            Catalogue(path, make=make)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE file (id INTEGER)")
    other.close()
    with pytest.raises(UserError, match="is no library; name another file"):
        Catalogue(path, make=True)


def test_a_library_that_is_not_there_or_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(UserError, match="no such file; python -m library index FOLDER makes one"):
        Catalogue(path)
    assert not path.exists()
    Catalogue(path, make=True).keep("version", "99")
    with pytest.raises(UserError, match="is of version 99, not 1"):
        Catalogue(path)
