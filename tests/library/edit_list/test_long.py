"""The wanted frames at every cut of videos of 90 minutes: minutes, run by hand."""

import random
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from library.edit_list.cuts import Cut
from library.edit_list.rate import RATES
from library.edit_list.read_source import read_source
from tests import numbered_video
from tests.library.edit_list.drawn import RATE_NAMES
from tests.library.edit_list.test_rendered import by_melt, drawn, edits_of, numbers_of, rendered

LENGTH = 5400  # s
LISTS = 1000

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "master.mp4"
    return numbered_video.write(path, LENGTH * 60, Fraction(25))


@pytest.mark.parametrize("rate", RATE_NAMES)
def test_a_thousand_lists_are_rendered_by_ffmpeg(rate: str, master, tmp_path) -> None:
    fps = RATES[rate].fps
    path = numbered_video.retime(master, tmp_path / "a.mp4", fps, int(LENGTH * fps))
    source = read_source(path, RATES[rate])
    assert not source.variable and source.frames >= int(LENGTH * fps)
    cuts = 0
    for seed in range(LISTS):
        edits = drawn(random.Random(f"{rate} {seed}"), [source])
        assert rendered(edits, tmp_path) == numbers_of(edits), seed
        cuts += len(edits.cuts)
    print(f"ffmpeg at {rate}: {LISTS} lists, {cuts} cuts exact")


@pytest.mark.parametrize("rate", RATE_NAMES)
def test_cuts_at_the_end_of_90_minutes(rate: str, master, tmp_path) -> None:
    """By both programs, where a rate that is off by a hair would show another frame."""
    fps = RATES[rate].fps
    path = numbered_video.retime(master, tmp_path / "a.mp4", fps, int(LENGTH * fps))
    source = read_source(path, RATES[rate])
    rng = random.Random(rate)
    begins = [source.frames - 1 - rng.randrange(2000) for _ in range(8)]
    edits = edits_of([Cut(source, at, min(source.frames, at + 5)) for at in [0, *begins]])
    assert rendered(edits, tmp_path) == numbers_of(edits)
    if shutil.which("melt"):
        assert by_melt(edits, tmp_path) == numbers_of(edits)
