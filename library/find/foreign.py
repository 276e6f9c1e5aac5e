"""Queries of what a library hardly shows, and the threshold that they teach."""

import hashlib
import json
import random
from collections.abc import Callable, Sequence

import numpy as np

from library.find.shelf import Shelf
from library.find.threshold import threshold_of
from util.errors import UserError
from util.text_file import read_text

Embed = Callable[[str], np.ndarray]  # a text -> (D,), of length 1

LEAST = 19  # queries without which a rate of 5 % cannot be told
NUMBER = 399  # the 380th of them is the threshold
KEY = "threshold"
GROWN = 0.02  # share by which a library may have grown since the threshold was learned
WHO = (
    "an astronaut", "a walrus", "a bishop", "a blacksmith", "a camel", "a fisherman", "a judge",
    "a lighthouse keeper", "a miner", "a mermaid", "a nun", "an ostrich", "an owl", "a pilot",
    "a pirate", "a robot", "a samurai", "a scorpion", "a sculptor", "a sheriff", "a surgeon",
    "a whale", "a wizard", "a zebra",
)  # fmt: skip
DOES = (
    "repairs a satellite", "signs a treaty", "sails past an iceberg", "harvests grapes",
    "conducts an orchestra", "launches a rocket", "weaves a carpet", "hunts in the snow",
    "crosses a desert", "welds a bridge", "prays in a cathedral", "loads a cannon",
    "paints a fresco", "digs a tunnel", "lands on the moon", "shears a sheep",
    "blows glass", "guards a castle", "votes in parliament", "counts coins in a vault",
)  # fmt: skip


def own_queries(number: int = NUMBER) -> list[str]:
    """Sentences about what home videos and clips of the web rarely show: always the same ones."""
    every = [f"{who} {does}" for who in WHO for does in DOES]
    return random.Random(18).sample(every, number)


def read_queries(path: str) -> list[str]:
    """Foreign queries of a user's, one a line.  Raises UserError where they are too few."""
    lines = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    if len(set(lines)) < LEAST:
        raise UserError(
            f"--foreign {path}: has {len(set(lines))} queries; {LEAST} or more are needed to know "
            "5 % of false alarms: add lines, or leave the flag out"
        )
    return list(dict.fromkeys(lines))


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
