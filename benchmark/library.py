"""A library of one machine: storing, exact search, the graph of approximate search, filters.

    python -m benchmark library --clips 200000 1000000 --postgres

Made-up clips (benchmark.clusters), 8 a video.  Recall is of the 10 nearest by float32 products.
With --postgres the first number of clips is stored in PostgreSQL, too (benchmark.postgres).
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import postgres
from benchmark.clusters import clustered, nearest, recall
from library.catalogue import Catalogue
from library.hnsw import HnswEngine
from library.where import read_where

A_VIDEO, K, A_BATCH = 8, 10, 20_000


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Each number of clips in turn; a line for each row of the table."""
    found: dict[str, Any] = {}
    for clips in options.clips:
        with tempfile.TemporaryDirectory(prefix="library", dir=options.folder) as folder:
            found[str(clips)] = _one(Path(folder) / "library.db", clips, options)
    if options.postgres:
        asked = argparse.Namespace(**{**vars(options), "clips": options.clips[0], "url": None})
        found["postgres"] = postgres.run(asked)
    return found


def _one(path: Path, clips: int, options: argparse.Namespace) -> dict[str, float]:
    """One library."""
    print(f"{clips:,} clips x {options.width}", flush=True)
    vectors, queries = clustered(clips, options.width, queries=options.queries)
    truth = nearest(vectors, queries, K)
    catalogue = Catalogue(path, make=True)
    exact = HnswEngine(catalogue, "off")
    found = _store(exact, vectors)
    del vectors
    found |= _asked("exact", exact, queries[: options.exact], truth, "")
    if clips < options.least:
        catalogue.close()
        return found
    graph = HnswEngine(catalogue, "on")
    begin, spent = time.perf_counter(), time.process_time()
    graph.build()
    found |= {
        "build_s": round(time.perf_counter() - begin, 1),
        "build_cpu_s": round(time.process_time() - spent, 1),
        "graph_bytes_a_clip": round(graph.graph.stat().st_size / clips, 1),
    }
    catalogue.close()
    opened = HnswEngine(Catalogue(path), "on")
    begin = time.perf_counter()
    opened.search(queries[:1], (), K)
    found["open_s"] = round(time.perf_counter() - begin, 2)
    shown = ("build_s", "build_cpu_s", "graph_bytes_a_clip", "open_s")
    print(", ".join(f"{key} {found[key]}" for key in shown), flush=True)
    found |= _asked("hnsw", opened, queries, truth, "")
    for share in (0.5, 0.01):  # of the videos: what a filter leaves
        videos = int(clips // A_VIDEO * share)
        ids, matrix = opened.rows()
        own = nearest(np.asarray(matrix[: videos * A_VIDEO]), queries[: options.exact], K)
        of = f"filter_{share:g}"
        found |= _asked(of, opened, queries[: options.exact], own, f"duration<{videos}")
        del ids, matrix
    opened.catalogue.close()
    return found


def _store(engine: HnswEngine, vectors: np.ndarray) -> dict[str, float]:
    """Rows of videos and clips, then the vectors, as `library index` stores them."""
    clips, catalogue = len(vectors), engine.catalogue
    with catalogue.transaction():
        catalogue.run_many(
            "INSERT INTO file (id, path, name, sha256, size, mtime_ns, duration, rate, width, "
            "height, added) VALUES (?, ?, ?, ?, 1, 0, ?, 25, 1280, 720, 0)",
            [
                (n + 1, f"/videos/{n % 100}/{n}.mp4", f"{n}.mp4", f"{n:064x}", n)
                for n in range((clips + A_VIDEO - 1) // A_VIDEO)
            ],
        )
        catalogue.run_many(
            'INSERT INTO clip (id, file, number, start, "end") VALUES (?, ?, ?, ?, ?)',
            [
                (n + 1, n // A_VIDEO + 1, n % A_VIDEO, 2 * (n % A_VIDEO), 2 * (n % A_VIDEO) + 2)
                for n in range(clips)
            ],
        )
    begin = time.perf_counter()
    for at in range(0, clips, A_BATCH):
        block = vectors[at : at + A_BATCH]
        engine.add(np.arange(at + 1, at + len(block) + 1), block)
    seconds = time.perf_counter() - begin
    catalogue.run("PRAGMA wal_checkpoint(TRUNCATE)")
    found = {
        "stored_per_s": round(clips / seconds),
        "rows_bytes_a_clip": round(catalogue.path.stat().st_size / clips, 1),
        "vector_bytes_a_clip": round(engine.path.stat().st_size / clips, 1),
    }
    print(", ".join(f"{key} {value}" for key, value in found.items()), flush=True)
    return found


def _asked(
    name: str, engine: HnswEngine, queries: np.ndarray, truth: np.ndarray, where: str
) -> dict[str, float]:
    """One query at a time."""
    conditions = read_where(where)
    engine.search(queries[:1], conditions, K)
    seconds, ids, spent = [], [], time.process_time()
    for query in queries:
        begin = time.perf_counter()
        ids.append(engine.search(query[None], conditions, K)[0][0])
        seconds.append(1e3 * (time.perf_counter() - begin))
    spent = time.process_time() - spent  # of all threads; a busy neighbour does not change it
    found = {
        f"{name}_cpu_ms": round(1e3 * spent / len(queries), 2),
        f"{name}_p50_ms": round(statistics.median(seconds), 2),
        f"{name}_p95_ms": round(float(np.quantile(seconds, 0.95)), 2),
        f"{name}_recall": round(recall(np.stack(ids) - 1, truth[: len(ids)]), 4),
    }
    print(", ".join(f"{key} {value}" for key, value in found.items()), flush=True)
    return found
