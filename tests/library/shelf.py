"""A library in memory, for tests of what searches it."""

from collections.abc import Sequence

import numpy as np

from library.find.shelf import Place, Text
from library.where import Condition


class MemoryShelf:
    """Clips of videos, in lists."""

    def __init__(
        self, vectors: np.ndarray, files: Sequence[int], texts: Sequence[Text] = ()
    ) -> None:
        """vectors (C, D) of length 1; files (C,): which video each is of, in the order of time."""
        self.all, self.said, self.kept = vectors, list(texts), {}
        self.fingerprint = "weights"
        self.searches = 0
        self.place: dict[int, Place] = {}
        for clip, file in enumerate(files):
            number = list(files[:clip]).count(file)
            self.place[clip] = Place(
                clip, file, number, 2.0 * number, 2.0 * number + 2, f"/v/{file}.mp4", f"sha{file}"
            )

    def search(
        self, vectors: np.ndarray, where: Sequence[Condition], k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """By brute force; where a condition is given, the first video alone."""
        self.searches += 1
        scores = vectors @ self.all.T
        if where:
            scores = np.where([p.file == 0 for p in self.place.values()], scores, -np.inf)
        ids = np.argsort(-scores, 1, kind="stable")[:, :k]
        best = np.take_along_axis(scores, ids, 1)
        return np.where(np.isfinite(best), ids, -1), best

    def vectors(self, clips: Sequence[int]) -> np.ndarray:
        return self.all[list(clips)]

    def places(self, clips: Sequence[int]) -> dict[int, Place]:
        return {clip: self.place[clip] for clip in clips}

    def texts(self, words: Sequence[str], where: Sequence[Condition], k: int) -> list[Text]:
        return [t for t in self.said if set(words) & set(t.text.split())][:k]

    def count(self) -> int:
        return len(self.all)

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    def keep(self, key: str, value: str) -> None:
        self.kept[key] = value
