"""Damaged files: each is accounted for, and none gives black pictures in silence."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from benchmark.__main__ import main as benchmark
from benchmark.extraction import mutated
from benchmark.extraction.damage import MUTATIONS, Found, compare, make_jobs, mutate
from preprocess.extraction.worker import Failure
from preprocess.video.clips import Clips, read_clips
from preprocess.video.error import VideoError
from tests.video_files import moving_images, write_video


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number, name in enumerate(("a.mp4", "b.avi", "c.mkv")):
        images = 40 + moving_images(24, (48, 64), seed=number) // 2
        write_video(folder / name, images=images)
    return folder


def test_small_videos(videos: Path, capsys) -> None:
    """Every kind of damage on every container, in a worker process."""
    count = 3 * len(MUTATIONS)
    code = benchmark(
        ["mutated", "--videos", str(videos), "--count", str(count), "--time_limit", "20"]
    )
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])
    assert code == 0 and found["files"] == count == 36
    assert sum(found[k] for k in ("stored", "partial", "refused", "timed_out", "crashed")) == count
    assert found["silently_black"] == found["unaccounted"] == 0
    assert found["crashed"] == found["timed_out"] == 0
    assert found["stored"] > 3 and found["refused"] > 3 and found["partial"] > 0, out


@pytest.mark.long
def test_a_thousand_real_videos(shared, capsys) -> None:
    """The share of files whose damage goes unnoticed is small, and shown."""
    videos = shared / "data" / "msvd_videos"
    assert benchmark(["mutated", "--videos", str(videos), "--count", "1000"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["silently_black"] == found["unaccounted"] == 0
    assert found["off_without_a_note"] < found["pictures"] / 50


def test_damage_is_a_function_of_seed_and_number(videos: Path) -> None:
    paths = sorted(videos.iterdir())
    jobs = make_jobs(paths, 40, 0, "pyav")
    assert Counter(job.kind for job in jobs).keys() == MUTATIONS.keys()
    assert all(job.other != job.path for job in jobs if job.kind == "swap")
    for job in jobs:
        damaged = mutate(job)
        assert damaged == mutate(job)
        assert damaged != job.path.read_bytes(), job.kind
    assert mutate(jobs[0]) != mutate(replace(jobs[0], seed=1))


def test_a_header_has_other_values_whatever_it_had() -> None:
    """A byte drawn like the one that is there would damage nothing."""
    damage, one = MUTATIONS["header"], 23  # a seed that damages one byte
    for value in range(256):
        content = np.full(100, value, np.uint8)
        damaged = damage(content.copy(), content, np.random.default_rng(one))
        assert (damaged != content).sum() == 1


def test_damage_that_is_filled_in_is_told(tmp_path) -> None:
    """Zeros inside H.264 frames: FFmpeg gives all frames, and keeps quiet about them."""
    images = moving_images(24, (96, 128))
    images = images // 2 + np.random.default_rng(0).integers(0, 120, images.shape, np.uint8)
    path = write_video(tmp_path / "a.avi", images=images)
    content, whole = path.read_bytes(), read_clips(path, clips=2, frames=4)
    with av.open(str(path)) as container:
        packets = [(p.pos or 0, p.size) for p in container.demux(video=0) if p.size]
    told = filled = 0
    for position, size in packets[::2]:
        damaged = bytearray(content)
        damaged[position + size // 2 : position + size // 2 + 60] = bytes(60)
        path.write_bytes(damaged)
        clips = read_clips(path, clips=2, frames=4, keep_partial=True)
        if clips.note:  # the coding has no checksum: some damage is a video as good as any
            told += 1
            filled += clips.frame_count == whole.frame_count
            with pytest.raises(VideoError, match=r"damaged|breaks off"):
                read_clips(path, clips=2, frames=4)
    assert told >= 8 and filled >= 4, (told, filled)


def test_black_pictures_are_seen() -> None:
    frames = np.full((3, 8, 8, 3), 90, np.uint8)
    frames[:, :4] = 20
    index = np.zeros((1, 3), np.int64)
    whole = Clips(frames, index, 3)
    assert compare(whole, whole, 0) == Found("", 3, 0, 0, 0, 0)
    damaged = frames.copy()
    damaged[1] = 0
    damaged[2] = 128
    assert compare(Clips(damaged, index, 3), whole, 0) == Found("", 3, 1, 2, 2, 0)
    dark = Clips(np.zeros_like(frames), index, 3)
    assert compare(dark, dark, 0).black == 0, "black in the original too"


def test_outcomes() -> None:
    assert mutated.classify(Found("", 1, 0, 0, 0, 0)) == ("stored", "")
    assert mutated.classify(Found("partial: 1 of 2 frames", 1, 0, 0, 0, 0))[0] == "partial"
    assert mutated.classify(Failure("not decoded after 3 s"))[0] == "timed out"
    assert mutated.classify(Failure("the decoder crashed (signal 11)"))[0] == "crashed"
    assert mutated.classify(Failure("cut off"))[0] == "refused"
