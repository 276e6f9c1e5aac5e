"""The port of engines that keep the vectors of clips and find the nearest, and what is stored.

Rows of files and clips are the catalogue's (`library.catalogue`); an engine keeps one vector of
each clip, under the clip's id, and is written within the catalogue's transactions: a clip has its
vector, or is not there.  One suite of tests runs against every engine (tests/library/engines).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from library.where import Condition

Filter = Sequence[Condition]
Use = Literal["auto", "on", "off"]  # of the index of approximate search
Kind = Literal["caption", "answer", "action", "name", "tag"]


@dataclass(frozen=True)
class TextFacts:
    """One text of a clip."""

    kind: Kind
    text: str
    source: str = ""  # the run that said it
    score: float | None = None


@dataclass(frozen=True)
class ClipFacts:
    """One clip of a file."""

    start: float  # s after the file's first frame
    end: float  # s
    texts: Sequence[TextFacts] = ()
    jpeg: bytes | None = field(default=None, repr=False)  # thumbnail


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One video file; None: not known."""

    path: str
    sha256: str
    size: int  # bytes
    mtime_ns: int
    duration: float | None = None  # s
    rate: float | None = None  # frames a second
    width: int | None = None  # pixels
    height: int | None = None
    store: str = ""  # which of the library's feature stores has it


class Engine(Protocol):
    """Vectors of clips, all of one width D and of length 1."""

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Store `vectors` (C, D) float32 under clips' `ids` (C,) int64; all or none.

        A clip that has one gets the new one.  Raises UserError for another width.
        """
        ...

    def delete(self, ids: np.ndarray) -> None:
        """Forget the vectors of clips; those that have none are let pass."""
        ...

    def search(self, vectors: np.ndarray, filter: Filter, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k clips nearest to each of `vectors` (Q, D) among those that a filter leaves.

        Clips of files that are missing are never found.
        -> ids (Q, k) int64, -1 where there are fewer, and scores (Q, k) float32, inner products
        (cosines), the best first, -inf where there are fewer.  UserError for another width.
        """
        ...

    def vectors(self, ids: Sequence[int]) -> np.ndarray:
        """The vectors (C, D) float32 of clips that have one."""
        ...

    def fingerprint(self) -> str:
        """Of the weights that made the vectors; "" of a new library."""
        ...


class Vectors(Engine, Protocol):
    """An engine that has an index of approximate search, for large libraries."""

    def build(self, *, least: int = ...) -> bool:
        """Make that index where it lacks or is old, and there are `least` clips or more.

        -> whether it was made.
        """
        ...
