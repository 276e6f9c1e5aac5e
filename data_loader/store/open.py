"""Stores of either kind."""

from pathlib import Path

from data_loader.store.clips import ClipStore, is_clip_store, open_clip_store
from data_loader.store.features import FeatureStore, open_store

Store = FeatureStore | ClipStore


def open_any_store(path: str | Path) -> Store:
    """Read what a store of either kind holds; raises UserError as `open_store` does."""
    return open_clip_store(path) if is_clip_store(path) else open_store(path)
