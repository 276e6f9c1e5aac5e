"""Features that a library has of its files, for a run that looks at the same."""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

import numpy as np

from data_loader.batch import Features
from data_loader.open import StoreOrigin
from library.catalogue import Catalogue, KnownFile
from library.find.answering import (
    KEPT,
    Answering,
    Stretch,
    clips_of,
    steady_rate,
)
from library.find.middles import clips_within, middles_of
from library.gather.features import Batch
from library.gather.named import known_as_it_is
from library.gather.scan import look_at
from library.opened import Library
from util.errors import UserError


class StoredFeatures:
    """Looks a stretch of a video up instead of decoding it."""

    def __init__(self, catalogue: Catalogue, stores: Mapping[str, StoreOrigin], run: str) -> None:
        """`stores`: what the features of `run` need, by channel."""
        self.catalogue, self.stores, self.run = catalogue, stores, run
        self._batches: dict[str, Batch | None] = {}
        self._read = lru_cache(KEPT)(self._load)

    def __call__(self, part: Stretch) -> Features | None:
        """Features of the clips of a stretch (V = 1).

        None: the library has the video not as it is now, or features of another kind.
        """
        seen = look_at([part.path]).get(part.path)
        file = None if seen is None else known_as_it_is(self.catalogue, seen)
        found = None if file is None else self._read(file)
        if found is None:
            return None
        features, middles = found
        return clips_of(features, clips_within(middles, part.start, part.end))

    def _load(self, file: KnownFile) -> tuple[Features, np.ndarray] | None:
        """A video's features, and when its clips' middles are shown (N,)."""
        batch = self._batch(file.store)
        if batch is None or not batch.has(file.sha256):
            return None
        features = batch.features(file.sha256)
        numbers = batch.numbers(file.sha256)
        if numbers is None:
            numbers = np.zeros((features.appearance.shape[1], 1), np.int64)
        return features, middles_of(file.path, numbers, steady_rate(self.stores))

    def _batch(self, store: str) -> Batch | None:
        if store not in self._batches:
            self._batches[store] = None
            with suppress(UserError):  # gone, or made for other runs
                folder = self.catalogue.features / store
                self._batches[store] = Batch(folder, self.stores, self.run)
        return self._batches[store]


def take_stored(answering: Answering, library: Library) -> None:
    """Have a run that answers look videos of a library up."""
    stores = answering.evidence.run.stores
    answering.stored = StoredFeatures(library.catalogue, stores, str(answering.path))
