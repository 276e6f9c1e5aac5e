"""Flags of a contrastive run of seconds, on the clips of tests/tiny_clips.py."""

from pathlib import Path

from tests import tiny_clips


def make(folder: Path) -> list[str]:
    """Write a clip store and its questions; returns the flags of a run on them."""
    flags = tiny_clips.make(folder)
    place = flags.index("--width")  # of models that have one
    del flags[place : place + 2]
    return [
        *flags, *tiny_clips.RANDOM, "--batch_norm", "train", "--batch_size", "8", "--epochs", "2",
        "--embedding", "16", "--temperature", "0.5",
    ]  # fmt: skip


WITHOUT_CHANCE = [  # nothing is drawn: processes, which draw each on their own, see the same views
    "--positives", "other_channel", "--least_area", "1", "--grey", "0", "--blur", "0",
]  # fmt: skip
