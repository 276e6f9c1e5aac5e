"""Captions of the embedded data set: true of the scene, in several ways, nothing given away."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from preprocess.shapes.__main__ import main
from preprocess.shapes.captions import captions
from preprocess.shapes.families import FAMILIES, make_scenes
from preprocess.shapes.generate import first_ids, plan
from preprocess.shapes.scene import STEP, Scene, Track, third_of_frame, track

COUNTS = {"train": 120, "val": 60, "test": 60}
THING = r"(red|green|blue) (circle|square|triangle)"
WAY = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


@pytest.mark.parametrize(
    ("seed", "scenes_hash", "questions_hash"),
    [
        (0, "d0c01f6a82a6e029", "48e2e927fdef70a1"),
        (1, "82b11e2c82fa4eae", "645a2867bda5b3ec"),
    ],
)  # fmt: skip
def test_captions_change_no_video_and_no_question(seed, scenes_hash, questions_hash):
    """The hashes are those of the version before there were captions."""
    scenes, questions = plan(COUNTS, seed=seed)
    asked = [[(q.video, q.text, q.answer) for q in rows] for rows in questions.values()]
    assert hashlib.sha256(repr(scenes).encode()).hexdigest()[:16] == scenes_hash
    assert hashlib.sha256(repr(asked).encode()).hexdigest()[:16] == questions_hash


def test_the_files_hold_every_caption_of_every_video(tmp_path: Path):
    flags = [f"--{split}={60}" for split in COUNTS]
    assert main(["--output", str(tmp_path / "s"), *flags]) == 0
    scenes, _ = plan(dict.fromkeys(COUNTS, 60), seed=0)
    for split, first in first_ids(dict.fromkeys(COUNTS, 60)).items():
        items = json.loads((tmp_path / "s" / f"{split}_captions.json").read_text())
        assert [item["video_id"] for item in items] == list(range(first, first + 60))
        assert [item["captions"] for item in items] == [captions(s) for s in scenes[split]]
        assert (tmp_path / "s" / "videos" / f"{first + 59}.mp4").is_file()


def test_two_or_three_captions_of_six_to_thirteen_words():
    told = [captions(scene) for scene in make_scenes(2000, seed=3, split=0)]
    assert {len(rows) for rows in told} == {2, 3}
    assert all(len(set(rows)) == len(rows) for rows in told)
    lengths = {len(text.split()) for rows in told for text in rows}
    assert (min(lengths), max(lengths)) == (6, 13)
    words = {word for rows in told for text in rows for word in text.split()}
    assert len(words) == 38 and all(re.fullmatch("[a-z]+", word) for word in words)


def moves(at: Track) -> np.ndarray:
    """(FRAMES - 1, 2) the way from frame to frame, with sides that are neighbours."""
    steps = np.diff(np.stack([at.x, at.y], 1), axis=0)
    return (steps + 0.5) % 1 - 0.5


def is_true(text: str, scene: Scene) -> bool:
    """Whether a caption is, by what `track` says of each thing in each frame."""
    at = {(thing.color, thing.form): track(thing) for thing in scene.things}
    named = [at.get(name) for name in re.findall(THING, text)]
    if any(thing is None for thing in named) or len(named) != len(scene.things):
        return False
    tracks = [thing for thing in named if thing is not None]
    acts = [act for _, _, act in re.findall(rf"{THING} (\w+)", text)]
    if "take turns" in text:
        shown = np.stack([thing.visible for thing in tracks])
        seen = shown.argmax(0)  # who is there, frame by frame
        changes = seen[1:][np.diff(seen) != 0]
        follows = all((b - a) % len(tracks) == 1 for a, b in pairwise(changes))
        return bool((shown.sum(0) == 1).all()) and follows and len(tracks) > 1
    if text.endswith("is there") or text.startswith("there is only"):
        return bool(tracks[0].visible.all()) and not moves(tracks[0]).any()
    if scene.family in STEP:
        words = re.split(rf"{THING} (?:moves|first goes|keeps going) ", text)[-1]
        told = [WAY[word] for word in re.findall("left|right|up|down", words)]
        step = moves(tracks[0]) / STEP[scene.family]
        legs = [step[i] for i in range(len(step)) if i == 0 or abs(step[i] - step[i - 1]).max() > 1]
        return len(told) == len(legs) and bool(np.allclose(told, legs, atol=1e-6))
    for thing, act in zip(tracks, acts, strict=True):
        grows = np.median(np.diff(thing.scale))
        dark = int((np.diff(thing.visible.astype(int)) == -1).sum())
        still = not moves(thing).any() and not np.diff(thing.angle).any() and grows == 0
        true = {
            "turns": bool(np.diff(thing.angle).all()),
            "stands": still and dark == 0,
            "stays": still and dark == 0,
            "blinks": still and dark >= 1 and (dark == 1) == ("blinks once" in text),
            "grows": grows > 0,
            "shrinks": grows < 0,
        }
        if not true[act]:
            return False
    return True


def test_every_caption_is_true_and_those_of_other_scenes_are_not():
    scenes = make_scenes(300, seed=4, split=0)
    assert {scene.family for scene in scenes} == set(FAMILIES)
    for scene in scenes:
        own = captions(scene)
        for text in own:
            assert is_true(text, scene), (text, scene)
        for other in scenes[:150]:
            if other.family == scene.family and captions(other)[0] not in own:
                assert not is_true(captions(other)[0], scene), (captions(other)[0], scene)


def test_every_third_of_a_shuttle_is_told():
    scenes = [s for s in make_scenes(400, seed=0, split=0) if s.family == "shuttle"]
    told = defaultdict(set)
    for scene in scenes:
        told[scene.things[0].third].add(captions(scene)[0].partition(" moves ")[2])
    assert told == {
        "start": {"left then right"},
        "middle": {"right then left then right"},
        "end": {"right then left"},
    }
    assert third_of_frame().tolist().count(1) == 8


@pytest.mark.parametrize("seed", range(3))
def test_no_caption_is_right_without_the_video(seed):
    """The commonest caption, and the likeliest of a language model of counts (two words back)."""
    train, test = (
        [captions(scene) for scene in make_scenes(count, seed=seed, split=split)]
        for split, count in ((0, 2800), (2, 700))
    )
    commonest, _ = Counter(text for rows in train for text in rows).most_common(1)[0]
    after: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for text in (text for rows in train for text in rows):
        words = ["", "", *text.split(), "."]
        for one, two, three in zip(words, words[1:], words[2:], strict=False):
            after[one, two][three] += 1
    said = ["", ""]
    while said[-1] != "." and len(said) < 20:
        said.append(after[said[-2], said[-1]].most_common(1)[0][0])
    likeliest = " ".join(said[2:-1])
    for guess in (commonest, likeliest):
        assert np.mean([guess in rows for rows in test]) < 0.05
