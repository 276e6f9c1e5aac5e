"""An open library and a query -> moments, or that nothing shows what was asked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from library.find.coarse import content_words, look
from library.find.foreign import Embed, Surcharge, free, learned_threshold
from library.find.moments import Found, Moment, fold, in_order, merge, one_a_file
from library.find.query import InOrder, Like, Query, vector_of
from library.find.shelf import Shelf
from library.where import Condition

DEPTH = 1000  # clips that a search looks at, at least
DROP = 0.5  # of the range of scores: by how much less than its best clip a moment's others score

EmbedMoment = Callable[[Like], np.ndarray]  # a moment of a video -> (D,), of length 1


@dataclass(frozen=True, kw_only=True)
class How:
    """How a search goes about it."""

    where: Sequence[Condition] = ()
    text_weight: float = 0.2
    every: bool = False
    anyway: bool = False
    depth: int = DEPTH


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a search found."""

    moments: list[Moment]  # the best first
    best: float  # cosine of the best clip; -inf without one
    threshold: float  # below which nothing shows what was asked; -inf: not known for this query
    left_out: int  # clips below it
    spread: float  # between the best and the worst score of the clips that were looked at


class Search:
    """An open library, and what makes vectors of its kind."""

    def __init__(
        self,
        shelf: Shelf,
        embed: Embed,
        embed_moment: EmbedMoment,
        foreign: Sequence[str],
        note: Callable[[str], str] = str,
        surcharge: Surcharge = free,
    ) -> None:
        """`foreign`: queries that the library shows nothing of; none: no threshold.

        `note`: a line about words of a text that the embedder does not know, or ""; `surcharge`:
        what they cost.
        """
        self.shelf, self.embed, self.embed_moment = shelf, embed, embed_moment
        self.foreign, self.note, self.surcharge = foreign, note, surcharge

    def vector(self, query: Query) -> np.ndarray:
        """The vector of a sum (D,).  Raises UserError where its parts cancel each other."""
        parts = [self.embed(term.text) for term in query.terms]
        parts += [self.embed_moment(like) for like in query.likes]
        return vector_of(np.stack(parts), query.weights)

    def find(self, query: Query | InOrder, how: How) -> Result:
        """Moments of one query, or of two in order."""
        if isinstance(query, Query):
            result = self._find(query, how)
            moments = result.moments if how.every else one_a_file(result.moments)
            return replace(result, moments=self._folded(moments, how))
        # Every occurrence of each: the first of a video need not be the one that is before.
        halves = [self._find(half, how) for half in (query.first, query.second)]
        pairs = in_order(halves[0].moments, halves[1].moments, asked=query.asked)
        moments = [hit for hit, _ in pairs]
        weaker = min(halves, key=lambda half: half.best - half.threshold)
        return Result(
            moments=self._folded(moments, how),
            best=weaker.best,
            threshold=weaker.threshold,
            left_out=sum(half.left_out for half in halves),
            spread=weaker.spread,
        )

    def clips(self, query: Query, how: How) -> tuple[Result, list[Found]]:
        """Clips of a sum that pass the threshold, the best first; a result without moments yet."""
        vector = self.vector(query)
        words = content_words(query.words) if query.words and how.text_weight else []
        found = look(
            self.shelf,
            vector,
            words,
            how.where,
            depth=how.depth,
            text_weight=how.text_weight,
        )
        threshold = self.threshold(query)
        kept = [
            clip
            for clip in found
            # What a text says counts as what the picture shows.
            if how.anyway or clip.told or clip.cosine > threshold
        ]
        scores = [clip.score for clip in found]
        result = Result(
            moments=[],
            best=max((clip.cosine for clip in found), default=-math.inf),
            threshold=threshold,
            left_out=len(found) - len(kept),
            spread=max(scores) - min(scores) if found else 0.0,
        )
        return result, kept

    def _find(self, query: Query, how: How) -> Result:
        """Every moment of a sum, those that look alike included."""
        result, kept = self.clips(query, how)
        return replace(result, moments=merge(kept, DROP * result.spread))

    @staticmethod
    def nothing(result: Result) -> str:
        """That nothing was found, in words."""
        if not result.left_out:
            return "nothing: no clip is left to look at; loosen --where, or index videos first"
        return (
            f"nothing here shows this: the nearest clip scores {result.best:.2f}, and 1 in 20 "
            f"queries of things that are not here reaches {result.threshold:.2f} "
            "(--anyway shows the nearest)"
        )

    def threshold(self, query: Query) -> float:
        """The cosine that foreign queries reach by chance, and the query's surcharge.

        -inf for what no foreign query is like.

        They are texts, of weights above 0: a moment's own likeness to others, or a difference, is
        of another size.
        """
        if not self.foreign or query.likes or min(query.weights) < 0:
            return -math.inf
        learned = learned_threshold(self.shelf, self.embed, self.foreign, self.surcharge)
        return learned + self.surcharge(query.words)

    def _folded(self, moments: list[Moment], how: How) -> list[Moment]:
        if how.every or not moments:
            return moments
        best = [moment.best for moment in moments]
        return fold(moments, self.shelf.vectors(best), best)
