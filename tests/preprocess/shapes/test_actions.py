"""Actions of today's videos: balanced, true of their scenes, and the videos stay what they were."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_loader.label.labels import load_labels
from options.preprocess.shapes import ShapesOptions
from preprocess.labels import main as make_labels
from preprocess.shapes.actions import labelled
from preprocess.shapes.families import make_scenes
from preprocess.shapes.folder import write_items
from preprocess.shapes.generate import first_ids
from preprocess.shapes.scene import draw, track

COUNTS = ShapesOptions().counts
# Mean grey level of the first frames of the training videos, as they were before there were
# actions; a byte more or less in a pixel is a 12,288th.
LEVELS = [39.9106, 34.4002, 31.6435, 32.4790, 37.2847, 40.0637, 37.0516, 41.9146]


def test_the_videos_are_what_they_were() -> None:
    scenes = make_scenes(COUNTS["train"], seed=0, split=0)
    found = [float(draw(scene)[5].mean()) for scene in scenes[: len(LEVELS)]]
    assert found == pytest.approx(LEVELS, abs=2e-3)


@pytest.mark.parametrize("split", range(3))
def test_each_action_is_there_as_often_as_the_others(split: int) -> None:
    count = [*COUNTS.values()][split]
    items = labelled(make_scenes(count, seed=0, split=split), 1)
    counts = Counter(item.action for item in items)
    assert len(counts) == 9 and len(set(counts.values())) == 1
    assert min(counts.values()) >= count // 70
    assert len({item.video_id for item in items}) == len(items)


def test_the_actions_are_what_the_things_do() -> None:
    scenes = make_scenes(700, seed=1, split=2)
    for item in labelled(scenes, 1):
        scene = scenes[item.video_id - 1]
        at = track(scene.things[0])
        along = {"moves left": -at.x, "moves right": at.x, "moves up": -at.y, "moves down": at.y}
        if item.action in along:
            steps = (np.diff(along[item.action]) + 0.5) % 1 - 0.5
            assert (steps > 0).all() and item.order_only
        elif item.action.startswith("blinks"):
            times = int((np.diff(at.visible.astype(int)) == -1).sum())
            assert item.action == ("blinks once", "blinks twice", "blinks three times")[times - 1]
            assert (~at.visible).sum() == 6 and item.order_only, "dark as long, however often"
        else:
            assert item.action in ("turns", "stands alone") and not item.order_only


def test_they_become_a_label_file(tmp_path: Path) -> None:
    counts = {"train": 240, "val": 120, "test": 120}
    for split, (name, count) in enumerate(counts.items()):
        items = labelled(make_scenes(count, seed=0, split=split), first_ids(counts)[name])
        write_items(tmp_path / f"{name}_actions.json", [vars(item) for item in items])
    flags = ["--dataset", "shapes", "--annotations", str(tmp_path)]
    assert make_labels([*flags, "--output", str(tmp_path / "labels.pt")]) == 0
    labels = load_labels(tmp_path / "labels.pt")
    assert len(labels.classes) == 9 and {*labels.classes} - {*labels.order_only} == {
        "turns", "stands alone",
    }  # fmt: skip
    assert sorted(map(len, labels.alike)) == [2, 2, 3]
    for name, split in labels.splits.items():
        items = json.loads((tmp_path / f"{name}_actions.json").read_text())
        said = {str(item["video_id"]): item["action"] for item in items}
        found = dict(zip(split.videos, split.target.tolist(), strict=True))
        assert {video: labels.classes[c] for video, c in found.items()} == said
