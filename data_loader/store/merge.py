"""Videos of several stores in one order: what a merge of stores writes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_loader.store.open import Store

OPEN = 16  # files open at a time


@dataclass(frozen=True)
class StoredVideos:
    """`videos` one by one in their order, each from its store, as often as they are gone through.

    A store stays open while its videos come; of many that take turns, as the shards of several
    processes do, the `OPEN` last used.
    """

    stores: Mapping[str, Store]  # of each video
    videos: Sequence[str]

    def __iter__(self) -> Iterator[Any]:
        """VideoFeatures or VideoClips, as the stores have them."""
        opened: dict[Path, tuple[ExitStack, Any]] = {}  # the one used longest ago comes first
        with ExitStack() as whole:
            for video in self.videos:
                store = self.stores[video]
                if store.path in opened:
                    stack, read = opened.pop(store.path)
                else:
                    if len(opened) >= OPEN:
                        opened.pop(next(iter(opened)))[0].close()
                    stack = whole.enter_context(ExitStack())
                    read = stack.enter_context(store.opened())
                opened[store.path] = stack, read
                yield read(video)
