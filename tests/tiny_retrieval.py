"""Flags of a retrieval run of seconds, on the captions of tests/tiny_captions.py."""

from pathlib import Path

from tests import tiny_captions


def make(folder: Path, *, vectors: bool = False) -> list[str]:
    """Write stores and captions; returns the flags of a run on them."""
    tiny_captions.make(folder, vectors=vectors)
    return [
        "retrieval",
        "--captions", str(folder / "captions.pt"),
        "--appearance", str(folder / "appearance.h5"),
        "--motion", str(folder / "motion.h5"),
        "--embedding", "16", "--batch_size", "16", "--lr", "1e-2", "--dropout", "0",
        "--device", "cpu",
    ]  # fmt: skip
