"""Which frames clips are, and when they are shown: by the rule, the count and the duration."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from data_loader.store.clip_frames import clip_frames
from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.frames import frame_numbers, frame_seconds
from data_loader.store.provenance import Provenance, Sampling
from tests import tiny_run
from util.errors import UserError


def store(folder, sampling: Sampling | None, *, clips: int = 2, frames: int = 3, seconds=4.0):
    folder.mkdir(exist_ok=True)
    path = folder / "s.h5"
    rows = np.zeros((clips, frames, 4), "f2")
    video = VideoFeatures("a", rows, 100, seconds=seconds)
    write_store(path, [video], replace(tiny_run.provenance(width=4), sampling=sampling))
    return open_store(path)


def test_a_stride_by_hand() -> None:
    index = clip_frames(100, clips=3, frames=4, stride=3)
    assert index.tolist() == [[19, 22, 25, 28], [44, 47, 50, 53], [69, 72, 75, 78]]
    assert clip_frames(6, clips=1, frames=5, stride=2).tolist() == [[0, 1, 3, 5, 5]]
    for clips, frames in ((1, 1), (4, 7)):
        plain = clip_frames(50, clips=clips, frames=frames)
        assert (plain == clip_frames(50, clips=clips, frames=frames, stride=1)).all()
        spread = clip_frames(5000, clips=clips, frames=frames, stride=9)
        assert (np.diff(spread, axis=1) == 9).all()
        assert (spread[:, frames // 2] == clip_frames(5000, clips=clips, frames=1)[:, 0]).all()


def test_a_stride_of_one_is_not_written_and_is_what_older_stores_have() -> None:
    old = {"sampling": {"clips": 2, "frames": 4, "rule": "linspace"}}
    made = Provenance.from_dict(old)
    assert made.sampling == Sampling(2, 4, "linspace", stride=1)
    assert made.to_dict()["sampling"] == old["sampling"]
    strided = Provenance(sampling=Sampling(2, 4, "linspace", stride=2))
    assert strided.to_dict()["sampling"]["stride"] == 2
    assert Provenance.from_dict(strided.to_dict()) == strided
    difference = made.first_difference(strided)
    assert difference is not None and difference[0] == "sampling"


def test_clips_spread_over_a_video(tmp_path) -> None:
    of = store(tmp_path, Sampling(2, 3, "linspace", stride=5))
    numbers = frame_numbers(of, "a")
    assert numbers is not None and numbers.tolist() == [[28, 33, 38], [61, 66, 71]]
    shown = frame_seconds(of, "a")
    assert shown is not None and np.allclose(shown, numbers / 25)


def test_clips_at_a_steady_rate(tmp_path) -> None:
    of = store(tmp_path, Sampling(0, 1, "rate", 2.0), clips=8, frames=1)
    numbers, shown = frame_numbers(of, "a"), frame_seconds(of, "a")
    assert shown is not None and shown.tolist() == [[i / 2] for i in range(8)]
    assert numbers is None  # only the moments are known


def test_what_a_store_does_not_know(tmp_path) -> None:
    of = store(tmp_path, Sampling(2, 3, "linspace"), seconds=0.0)
    assert frame_numbers(of, "a") is not None and frame_seconds(of, "a") is None
    for sampling in (None, Sampling(2, 3, "unknown")):
        of = store(tmp_path, sampling)
        assert frame_numbers(of, "a") is None and frame_seconds(of, "a") is None
    of = store(tmp_path, Sampling(0, 1, "unknown", 2.0), frames=1)  # imported rows at a rate
    assert frame_numbers(of, "a") is None and frame_seconds(of, "a") is not None
    with pytest.raises(UserError, match="lacks 1 of 1 videos"):
        frame_numbers(of, "b")


def test_durations_are_kept_and_older_stores_have_none(tmp_path) -> None:
    of = store(tmp_path, Sampling(2, 3, "linspace"))
    assert of.seconds.tolist() == [4.0] and of.video("a").seconds == 4.0
    write_store(tmp_path / "copy.h5", of.videos(), of.provenance)
    assert open_store(tmp_path / "copy.h5").seconds.tolist() == [4.0]
    store(tmp_path / "n", Sampling(2, 3, "linspace"), seconds=0.0)
    with h5py.File(tmp_path / "n" / "s.h5") as file:
        assert "seconds" not in file  # where it is known of none, as stores were before
    with h5py.File(tmp_path / "s.h5", "a") as file:
        del file["seconds"]
    assert open_store(tmp_path / "s.h5").seconds.tolist() == [0.0]
    for wrong in ([float("nan")], [-1.0]):
        with h5py.File(tmp_path / "s.h5", "a") as file:
            if "seconds" in file:
                del file["seconds"]
            file["seconds"] = wrong
        with pytest.raises(UserError, match="seconds has numbers that are no durations"):
            open_store(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "a") as file:
        del file["seconds"]
        file["seconds"] = [1.0, 2.0]
    with pytest.raises(UserError, match="its columns are not all of 1 videos"):
        open_store(tmp_path / "s.h5")
