"""The threshold that foreign queries teach, kept in the library."""

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np

from inference.retrieval.threshold import threshold_of
from library.find.shelf import Shelf

Embed = Callable[[str], np.ndarray]  # a text -> (D,), of length 1

KEY = "threshold"
GROWN = 0.02  # share by which a library may have grown since the threshold was learned


def learned_threshold(shelf: Shelf, embed: Embed, queries: Sequence[str]) -> float:
    """The cosine that 5 % of foreign queries reach in a library; kept in it until it has changed.

    Inf where it has no clip.
    """
    names = hashlib.sha256("\n".join(queries).encode()).hexdigest()[:16]
    count, of = shelf.count(), f"{shelf.fingerprint} {names}"
    try:
        kept = json.loads(shelf.recall(KEY) or "null")
        if kept["of"] == of and abs(count - kept["clips"]) <= GROWN * kept["clips"]:
            return float(kept["cosine"])
    except (ValueError, TypeError, KeyError):  # none, or of another version
        pass
    cosine = threshold_of(best_scores(shelf, np.stack([embed(query) for query in queries])))
    if np.isfinite(cosine):
        shelf.keep(KEY, json.dumps({"of": of, "clips": count, "cosine": cosine}))
    return cosine


def best_scores(shelf: Shelf, vectors: np.ndarray) -> np.ndarray:
    """The best cosine of each query (Q, D) in the whole library: (F,), those with a hit."""
    ids, cosines = shelf.search(vectors, (), 1)
    return cosines[ids >= 0].astype(np.float64)
