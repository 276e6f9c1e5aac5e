"""The set of counts: balanced exactly, countable in the decoded frames, seen whole by the clips."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from data_loader.store.clip_frames import clip_frames
from preprocess.shapes.__main__ import main
from preprocess.shapes.count_scenes import (
    ACTS,
    FIRST,
    LAST,
    LENGTH,
    MOST,
    UNIT,
    CountScene,
    asked,
    count_track,
    make_count_scenes,
)
from preprocess.shapes.folder import write_video
from preprocess.shapes.scene import COLORS, FORMS
from util.errors import UserError


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


@pytest.mark.parametrize("split", range(3))
def test_each_wording_has_each_number_equally_often(split: int) -> None:
    numbers: dict[str, Counter[int]] = defaultdict(Counter)
    for scene in make_count_scenes(2 * UNIT, seed=0, split=split):
        for text, answer in asked(scene):
            numbers[text][answer] += 1
    assert len(numbers) == len(ACTS) * (len(COLORS) + len(FORMS))
    for text, times in numbers.items():
        assert times == dict.fromkeys(range(MOST + 1), 2), text


def test_events_are_long_enough_for_frames_one_apart() -> None:
    """Nothing happens between two frames, and each change lies in one clip of `--frames 4`."""
    clips = clip_frames(LENGTH, clips=24, frames=4)
    pairs = Counter(pair for clip in clips for pair in pairwise(clip.tolist()))
    assert set(pairs.values()) == {1}
    for scene in make_count_scenes(3 * UNIT, seed=2, split=0):
        act, last = ACTS[scene.thing.act], 0
        for start, end in scene.events:
            assert end - start >= act.shortest >= 2
            assert start - last >= (act.rest if last else 1)
            assert FIRST <= start < end <= LAST
            assert pairs[start - 1, start] == pairs[end - 1, end] == 1
            last = end


def seen_times(one: CountScene, frames: np.ndarray) -> int:
    """How often it happens, by the pixels of the shape's colour."""
    color = np.array(COLORS[one.thing.color], int)
    alike = np.abs(frames.astype(int) - color).sum(3) < 120  # (T, H, W)
    there = alike.sum((1, 2)) > 4
    if one.thing.act == "bounce":
        height = np.array([np.mean(np.nonzero(a)[0]) if a.any() else 0 for a in alike])
        there = height < height[0] - 4
    if one.thing.act == "blink":
        there = ~there
    return int((there[1:] & ~there[:-1]).sum() + there[0])


def test_decoded_videos_show_the_numbers(tmp_path: Path) -> None:
    checked = Counter()
    for i, scene in enumerate(make_count_scenes(UNIT, seed=0, split=2)[:16]):
        write_video(tmp_path / f"{i}.mp4", scene.frames())
        frames = decode(tmp_path / f"{i}.mp4")
        assert len(frames) == LENGTH
        assert seen_times(scene, frames) == scene.times, (i, scene)
        checked[scene.thing.act] += 1
    assert checked.keys() == set(ACTS)


def test_a_shape_that_does_nothing_stands_or_stays_away() -> None:
    for scene in make_count_scenes(UNIT, seed=0, split=0):
        if scene.times == 0:
            at = count_track(scene)
            assert at.visible.all() == (scene.thing.act != "pass") and np.ptp(at.y) == 0


def test_command_writes_the_set_and_tells_what_cannot_be(tmp_path, capsys, monkeypatch) -> None:
    videos: dict[int, object] = {}  # not encoded here: it takes seconds
    monkeypatch.setattr(
        "preprocess.shapes.count_set.write_videos",
        lambda folder, drawn, threads: videos.update(drawn),
    )
    with pytest.raises(UserError, match=r"--val 100: each number .* a multiple of 90, such as 90"):
        main(["--kind=counts", f"--output={tmp_path / 'a'}", "--val=100"])
    sizes = ["--train=90", "--val=90", "--test=90"]
    sheet = tmp_path / "sheet.png"
    flags = ["--kind=counts", f"--output={tmp_path / 'c'}", *sizes, f"--sheet={sheet}"]
    assert main(flags) == 0
    assert "train: 90 videos, 180 questions" in capsys.readouterr().out
    assert sheet.read_bytes().startswith(b"\x89PNG") and sheet.stat().st_size > 20_000
    ids = []
    for split in ("train", "val", "test"):
        items = json.loads((tmp_path / "c" / f"{split}_count.json").read_text())
        ids += [item["id"] for item in items]
        assert {*items[0]} == {"id", "question", "video_id", "answer"}
        assert {item["video_id"] for item in items} <= videos.keys()
    assert ids == list(range(1, 541)) and list(videos) == list(range(1, 271))
