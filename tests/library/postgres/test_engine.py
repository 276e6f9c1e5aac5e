"""Vectors in a real PostgreSQL: the same hits as by hand, filters, two writers, kills, its end."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from library.postgres import engine as module
from library.postgres.engine import PostgresEngine
from library.where import read_where
from tests.conftest import ROOT
from tests.library.postgres_server import MISSING
from util.errors import UserError

pytest.importorskip("psycopg", reason=MISSING)
D, FILES, CLIPS = 16, 40, 8  # clips of a file


def unit(count: int, seed: int, width: int = D) -> np.ndarray:
    """Unit vectors (count, width) float32."""
    found = np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def files(engine: PostgresEngine, count: int = FILES, first: int = 0) -> np.ndarray:
    """Store rows of files and their clips, without vectors; ids (count * CLIPS,)."""
    with engine.connection.transaction():
        for n in range(first, first + count):
            engine.connection.execute(
                "INSERT INTO file (id, path, name, sha256, size, mtime_ns, duration, width, added) "
                "VALUES (%s, %s, %s, '', 1, 0, %s, 640, 0)",
                [n, f"f{n % 4}/v{n}.mp4", f"v{n}.mp4", n],
            )
            engine.connection.cursor().executemany(
                'INSERT INTO clip (id, file, number, start, "end") VALUES (%s, %s, %s, 0, 1)',
                [(n * CLIPS + c, n, c) for c in range(CLIPS)],
            )
    return np.arange(first * CLIPS, (first + count) * CLIPS)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[PostgresEngine]:
    found = PostgresEngine(postgres_url)
    yield found
    found.close()


@pytest.mark.parametrize("indexed", [False, True])
def test_hits_are_those_of_numpy(
    engine: PostgresEngine, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, vectors, queries = files(engine), unit(FILES * CLIPS, 1), unit(20, 2)
    engine.add(ids, vectors)
    assert engine.build(least=len(ids) + 1 - indexed) == indexed
    monkeypatch.setattr(module, "FEW", 50)  # so that a filter of half the clips takes the index
    of_file = ids // CLIPS
    for where, left in (
        ("", ids >= 0),
        ("duration<20", of_file < 20),
        ("duration<20 -folder:f1", (of_file < 20) & (of_file % 4 != 1)),
        ("name:v7.mp4", of_file == 7),
        ("name:v1*", np.isin(of_file, [1, *range(10, 20)])),
        ("duration<0", ids < 0),
    ):
        found, scores = engine.search(queries, read_where(where), 10)
        truth = np.where(left, queries @ vectors.T, -np.inf)
        order = np.argsort(-truth, axis=1)[:, :10]
        best = np.take_along_axis(truth, order, axis=1)
        assert np.allclose(scores, best, atol=2e-3, equal_nan=True), where
        assert ((found == -1) == np.isinf(best)).all(), where
        assert np.isinf(scores[found == -1]).all()
        same = np.mean(found == np.where(np.isinf(best), -1, ids[order]))
        assert same > 0.97, f"{where}: {same}"  # neighbours within half precision may swap


def test_the_index_answers_and_a_filter_that_leaves_few_does_without(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = files(engine)
    engine.add(ids, unit(len(ids), 1))
    engine.build(least=1)
    plans, plain = [], engine.connection.execute

    def explained(query: Any, params: Any = None) -> Any:
        if "AS far" in str(query):
            plans.append(str(plain(b"EXPLAIN " + query, params).fetchall()))
        return plain(query, params)

    monkeypatch.setattr(module, "FEW", 50)
    monkeypatch.setattr(engine.connection, "execute", explained)
    for where in ("", "duration<20", "name:v7.mp4"):
        engine.search(unit(1, 3), read_where(where), 5)
    assert [module.INDEX in plan for plan in plans] == [True, True, False], plans


def test_a_clip_has_one_vector_and_goes_with_its_file(engine: PostgresEngine) -> None:
    ids, vectors = files(engine), unit(FILES * CLIPS, 1)
    engine.add(ids, vectors)
    engine.add(ids[:3], vectors[10:13])  # again, with others
    found, scores = engine.search(vectors[10:13], (), 2)
    assert (np.sort(found) == np.stack([ids[:3], ids[10:13]], axis=1)).all()
    assert np.allclose(scores, 1, atol=1e-3)
    engine.delete(np.array([*ids[:3], 10**9]))  # one that is none
    assert (engine.search(vectors[10:13], (), 1)[0][:, 0] == ids[10:13]).all()
    engine.connection.execute("DELETE FROM file WHERE id = %s", [10 // CLIPS])
    assert not np.isin(engine.search(vectors[10:13], (), 50)[0], np.arange(8, 16)).any()
    with pytest.raises(UserError, match="vectors of width 16, not 8; take the run that it was"):
        engine.add(ids[:3], unit(3, 1, 8))
    with pytest.raises(UserError, match="vectors of width 16, not 8"):
        engine.search(unit(3, 1, 8), (), 5)


def test_an_empty_library_finds_nothing(engine: PostgresEngine) -> None:
    found, scores = engine.search(unit(2, 1), read_where("duration<5"), 3)
    assert (found == -1).all() and np.isinf(scores).all() and engine.fingerprint() == ""
    assert not engine.build(least=1)
    engine.delete(np.arange(3))


WRITER = """
import sys, numpy as np
from library.postgres.engine import PostgresEngine
engine = PostgresEngine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for first in range(int(sys.argv[2]), int(sys.argv[3]), 20):
    ids = np.arange(first, first + 20)
    engine.add(ids, np.eye(16, dtype=np.float32)[ids % 16])
    print(first, flush=True)
"""


def writer(url: str, first: int, end: int) -> Any:
    """A process that stores vectors, 20 at a time, once a line is sent to it."""
    words = [sys.executable, "-c", WRITER, url, str(first), str(end)]
    process = subprocess.Popen(
        words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_two_write_at_once_and_a_killed_one_leaves_nothing_half(
    engine: PostgresEngine, postgres_url: str
) -> None:
    files(engine)
    one, other = writer(postgres_url, 0, 200), writer(postgres_url, 100, 320)  # 100 of both
    for process in (one, other):
        process.stdin.write("\n")
        process.stdin.flush()
    time.sleep(0.05)
    one.kill()
    assert other.wait(20) == 0
    done = [int(line) for line in one.stdout.read().splitlines() if line]
    one.wait()
    stored = {r[0] for r in engine.connection.execute("SELECT clip FROM clip_vector").fetchall()}
    for first in range(0, 320, 20):
        held = stored & set(range(first, first + 20))
        assert len(held) in (0, 20), f"half of {first}"
        assert len(held) == 20 or (first < 100 and first not in done)
    engine.add(np.arange(320), np.eye(16, dtype=np.float32)[np.arange(320) % 16])  # goes on
    found, _ = engine.search(np.eye(16, dtype=np.float32)[:1], (), 20)
    assert (found[0] == np.arange(0, 320, 16)).all()
    for process in (one, other):
        process.stdin.close()
        process.stdout.close()


def test_a_server_that_ends_is_one_line_and_what_was_stored_stays(
    postgres_server: Any, engine: PostgresEngine, postgres_url: str
) -> None:
    ids, server = files(engine, 4), postgres_server
    engine.add(ids, unit(len(ids), 1))
    words = ["-D", str(server.pgdata), "-m", "immediate", "stop"]  # as at a power cut
    program = [server.bin_path / "pg_ctl", *words]
    subprocess.run(program, user=server.system_user, check=True, capture_output=True)
    for call in (
        lambda: engine.add(ids, unit(len(ids), 2)),
        lambda: engine.search(unit(1, 1), (), 3),
        lambda: PostgresEngine(postgres_url),
    ):
        with pytest.raises(UserError, match="check that the server runs") as told:
            call()
        assert "\n" not in str(told.value) and str(told.value).startswith("--library postgres")
    server.ensure_postgres_running()
    again = PostgresEngine(postgres_url)
    found, scores = again.search(unit(len(ids), 1), (), 1)
    again.close()
    assert (found[:, 0] == ids).all() and np.allclose(scores, 1, atol=1e-3)
