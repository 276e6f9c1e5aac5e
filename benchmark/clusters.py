"""Made-up vectors of a library: clips in clusters, and queries near some of them."""

import numpy as np

A_CLUSTER = 100  # clips that look alike
BLOCK = 50_000


def clustered(count: int, width: int, *, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (count, width) and (queries, width) float32, the same ones every time.

    Clips lie about a cluster's centre at a cosine of 0.82, queries about a clip at one of 0.82.
    """
    random = np.random.default_rng(18)
    centres = random.standard_normal((max(count // A_CLUSTER, 1), width), dtype=np.float32)
    vectors = np.empty((count, width), np.float32)
    for at in range(0, count, BLOCK):
        block = vectors[at : at + BLOCK]
        block[:] = centres[random.integers(0, len(centres), len(block))]
        block += 0.7 * random.standard_normal(block.shape, dtype=np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    noise = random.standard_normal((queries, width), dtype=np.float32)
    noise *= 0.7 / np.linalg.norm(noise, axis=1, keepdims=True)
    asked = vectors[random.integers(0, count, queries)] + noise
    return vectors, asked / np.linalg.norm(asked, axis=1, keepdims=True)


def nearest(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """Rows (Q, k) of the largest inner products, the largest first, in float32."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.zeros((len(queries), k), np.int64)
    for at in range(0, len(vectors), BLOCK):
        scores = np.concatenate([best, queries @ vectors[at : at + BLOCK].T], axis=1)
        numbers = np.arange(at, at + scores.shape[1] - k)
        ids = np.concatenate([rows, np.broadcast_to(numbers, (len(queries), len(numbers)))], 1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        best, rows = (np.take_along_axis(a, order, axis=1) for a in (scores, ids))
    return rows


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """The share of the true rows (Q, k) that were found (Q, k), the mean of the queries."""
    hits = [len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
    return float(np.mean(hits)) / truth.shape[1]
