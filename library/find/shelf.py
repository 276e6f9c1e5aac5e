"""What a search needs of a library, whichever engine keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from library.where import Condition


@dataclass(frozen=True)
class Place:
    """Where a clip is."""

    clip: int  # its id
    file: int  # id of its video
    number: int  # which clip of the video, from 0
    start: float  # s after the video's first frame
    end: float  # s
    path: str  # of the video
    sha256: str  # of the video's bytes


@dataclass(frozen=True)
class Text:
    """A text of a clip that has words of a query."""

    clip: int
    kind: str  # caption, answer, action, name or tag
    text: str


class Shelf(Protocol):
    """A library that is open."""

    def search(
        self, vectors: np.ndarray, where: Sequence[Condition], k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k clips most alike to each of Q unit vectors (Q, D): ids (Q, k), cosines (Q, k).

        Where fewer clips meet the conditions, ids are -1 at the end.
        """
        ...

    def vectors(self, clips: Sequence[int]) -> np.ndarray:
        """Unit vectors (C, D) of clips."""
        ...

    def places(self, clips: Sequence[int]) -> dict[int, Place]:
        """Where clips are, by id; those of files that are gone are left out."""
        ...

    def texts(self, words: Sequence[str], where: Sequence[Condition], k: int) -> list[Text]:
        """Up to k texts that have one or more of the words, the best first."""
        ...

    def count(self) -> int:
        """How many clips there are."""
        ...

    def recall(self, key: str) -> str | None:
        """A value kept in the library under a key of ours; None: there is none."""
        ...

    def keep(self, key: str, value: str) -> None:
        """Keep a value."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of the weights that made the vectors."""
        ...
