"""The threshold that foreign queries teach, kept in the library."""

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np

from inference.retrieval.threshold import threshold_of
from library.find.shelf import Shelf

Embed = Callable[[str], np.ndarray]  # a text -> (D,), of length 1
Surcharge = Callable[[str], float]  # a text -> the cosine that it needs beyond the threshold

KEY = "threshold"
GROWN = 0.02  # share by which a library may have grown since the threshold was learned


def free(_text: str) -> float:
    """No surcharge."""
    return 0.0


def learned_threshold(
    shelf: Shelf, embed: Embed, queries: Sequence[str], surcharge: Surcharge = free
) -> float:
    """The cosine that 5 % of foreign queries reach in a library, less the surcharge of each.

    Kept in the library until it has changed; inf where it has no clip.
    """
    extra = np.array([surcharge(query) for query in queries])
    names = "\n".join(f"{one:g} {query}" for one, query in zip(extra, queries, strict=True))
    names = hashlib.sha256(names.encode()).hexdigest()[:16]
    count, of = shelf.count(), f"{shelf.fingerprint} {names}"
    try:
        kept = json.loads(shelf.recall(KEY) or "null")
        if kept["of"] == of and abs(count - kept["clips"]) <= GROWN * kept["clips"]:
            return float(kept["cosine"])
    except (ValueError, TypeError, KeyError):  # none, or of another version
        pass
    vectors = np.stack([embed(query) for query in queries])
    ids, cosines = shelf.search(vectors, (), 1)
    reached = cosines.astype(np.float64) - extra[:, None]
    cosine = threshold_of(reached[ids >= 0])
    if np.isfinite(cosine):
        shelf.keep(KEY, json.dumps({"of": of, "clips": count, "cosine": cosine}))
    return cosine
