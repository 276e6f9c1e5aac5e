"""How often a search finds what is not there, and misses what is: "nothing here shows this".

The threshold is the library's own: learned from its foreign queries over the clips that are
searched (inference/retrieval/threshold.py).  Errors are counted on queries that had no part in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evaluation.format import Interval
from evaluation.retrieval.search_set import Searched, SearchSet
from inference.retrieval.foreign import crossed, own_queries, read_queries
from inference.retrieval.text import embed_text, surcharge
from inference.retrieval.threshold import Curve, curve_of, errors_at, threshold_of
from inference.words import Words
from util.text_metrics.ptb_tokens import tokenize

# Of other words than those that teach the threshold; each of them comes `TIMES` times: 256.
WHO = (
    "an accountant", "an acrobat", "an alchemist", "an anteater", "an astronaut", "an auctioneer",
    "a baboon", "a badger", "a banker", "a baron", "a beaver", "a bison", "a cardinal",
    "a carpenter", "a chimney sweep", "a cobbler", "a crocodile", "a cyclops", "a dragon",
    "a druid", "a duchess", "an eel", "an electrician", "a fairy", "a falcon", "a farrier",
    "a ferryman", "a firefighter", "a fisherman", "a florist", "a ghost", "a giraffe",
    "a gladiator", "a goblin", "a goldsmith", "a governor", "a hippopotamus", "an innkeeper",
    "a janitor", "a judge", "a librarian", "a lighthouse keeper", "a llama", "a lobster",
    "a lumberjack", "a magician", "a mayor", "a mermaid", "a mole", "an ostrich", "an owl",
    "a penguin", "a pharmacist", "a pirate", "a postman", "a priest", "a professor", "a puppeteer",
    "a rabbi", "a shaman", "a sheriff", "a tailor", "a welder", "a wizard",
)  # fmt: skip
DOES = (
    "adjusts a microscope", "anchors a barge", "audits a company", "binds a manuscript",
    "bottles wine", "bribes an official", "broadcasts the news", "buries a treasure",
    "carves a gravestone", "casts a bronze statue", "christens a yacht", "climbs a volcano",
    "collects taxes", "cracks a safe", "crosses a desert", "crowns a champion", "digs a tunnel",
    "disarms a bomb", "donates blood", "drafts a contract", "drills for oil",
    "drives a steamroller", "engraves a tombstone", "fells an oak", "files a lawsuit",
    "fills a sandbag", "grinds a lens", "haggles at a bazaar", "harvests grapes",
    "haunts an attic", "herds reindeer", "hires a lawyer", "hoists a flag", "inflates a balloon",
    "inspects a reactor", "irrigates an orchard", "kneels before a queen", "lays a railway track",
    "lights a lantern", "loads a cannon", "melts iron", "milks a goat", "opens a beehive",
    "paves a highway", "ploughs a field", "plucks a goose", "prints a newspaper",
    "prunes a vineyard", "quarries marble", "rides a chariot", "sails past an iceberg",
    "sharpens a scythe", "shoes a mule", "signs a treaty", "smuggles cigars", "stokes a boiler",
    "stuffs a mattress", "tans leather", "thatches a roof", "translates a scroll", "tunes a radio",
    "votes in parliament", "weaves a carpet", "welds a bridge",
)  # fmt: skip
TIMES = 4
PART = 1024  # queries at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class Absent:
    """Errors at the threshold of one run, and at every other."""

    threshold: float
    false_alarms: float  # share of held-out foreign queries that find something
    alarmed: np.ndarray  # (F,) bool, which
    misses: float  # share of the captions of what is there that find nothing
    # share of the captions that find something where every video is left out of which a caption
    # has the same object; nan: none has an object
    hidden_alarms: float
    missed: np.ndarray  # (Q,) bool
    curve: Curve  # of held-out foreign queries and captions
    foreign: int  # held-out queries
    hidden: int  # captions with an object


@dataclass(frozen=True, eq=False)
class Foreign:
    """Held-out queries of what is not there."""

    queries: Sequence[str]  # F
    # (F, G) int64, which subject and which deed each is of; of a user's file, G = 1, each its own
    parts: np.ndarray


def absent_of(
    searched: Searched, of: SearchSet, foreign: Foreign, objects: Sequence[str]
) -> Absent:
    """Search for what is there, and for what is not, as a library does: by its best clip.

    objects: Q, the object of each caption, or "".
    """
    words = Words(searched.run.task, searched.run.word_vectors)

    def extra(queries: Sequence[str]) -> np.ndarray:
        return np.array([surcharge(searched.run.task.vocabulary, query) for query in queries])

    def reached(queries: Sequence[str]) -> np.ndarray:
        vectors = np.stack([embed_text(searched.run, words, query) for query in queries])
        return (torch.from_numpy(vectors) @ clips.T).amax(1).double().numpy() - extra(queries)

    clips, segment = searched.clips(of)
    queries = searched.embedded[of.split].texts[torch.from_numpy(of.queries)]
    found = _best(queries, clips, segment, _shows(of, objects))
    best, elsewhere = (one - extra(of.texts) for one in found)
    threshold = threshold_of(reached(own_queries()))
    held_out = reached(foreign.queries)
    alarms, misses = errors_at(threshold, held_out, best)
    hidden = elsewhere[[bool(word) for word in objects]]
    return Absent(
        threshold=threshold,
        false_alarms=alarms,
        alarmed=held_out > threshold,
        misses=misses,
        hidden_alarms=float((hidden > threshold).mean()) if len(hidden) else float("nan"),
        missed=best <= threshold,
        curve=curve_of(held_out, best),
        foreign=len(foreign.queries),
        hidden=len(hidden),
    )


def held_out_queries(path: str | None) -> Foreign:
    """Those of a file, or the project's own.  Raises UserError where they are too few."""
    if path is not None:
        queries = read_queries(path)
        return Foreign(queries, np.arange(len(queries))[:, None])
    pairs = crossed(WHO, DOES, TIMES)
    parts = [(WHO.index(who), DOES.index(does)) for who, does in pairs]
    return Foreign([" ".join(pair) for pair in pairs], np.array(parts))


def alarm_interval(alarmed: np.ndarray, parts: np.ndarray, samples: int = 2000) -> Interval:
    """95 % interval of the share of false alarms of queries made of other words.

    alarmed: (F,) mean over seeds.  Queries of one subject, or one deed, find something together,
    so subjects and deeds are drawn, each by itself (the pigeonhole bootstrap: Owen 2007, Annals of
    Applied Statistics 1, 386).
    """
    rng = np.random.default_rng(0)
    times = np.ones((samples, len(alarmed)))
    for column in parts.T:
        number = int(column.max()) + 1
        drawn = rng.multinomial(number, np.full(number, 1 / number), size=samples)
        times *= drawn[:, column]
    total = times.sum(1)
    share = (times @ alarmed)[total > 0] / total[total > 0]
    low, high = np.percentile(share, [2.5, 97.5]).tolist()
    return low, high


def _best(
    queries: Tensor, clips: Tensor, segment: Tensor, shows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best cosine of each query, and the best among videos that do not show its object: (Q,).

    queries (Q, D), clips (K, D) of videos `segment` (K,), shows (Q, V) bool.  -inf where every
    video shows it.
    """
    best, elsewhere = [], []
    for begin in range(0, len(queries), PART):
        cosine = queries[begin : begin + PART] @ clips.T
        best.append(cosine.amax(1))
        there = torch.from_numpy(shows[begin : begin + PART])[:, segment]
        elsewhere.append(cosine.masked_fill(there, -torch.inf).amax(1))
    return torch.cat(best).double().numpy(), torch.cat(elsewhere).double().numpy()


def _shows(of: SearchSet, objects: Sequence[str]) -> np.ndarray:
    """Whether a caption of each video has the object of each query, or its plural: (Q, V) bool."""
    told: list[set[str]] = [set() for _ in of.ids]
    for text, video in zip(of.every_text, of.text_segment.tolist(), strict=True):
        told[video].update(tokenize(text))
    column = {
        word: np.array([not forms.isdisjoint(some) for some in told])
        for word in set(objects)
        for forms in [{word, f"{word}s", f"{word}es"}]
    }
    return np.stack([column[word] for word in objects])
