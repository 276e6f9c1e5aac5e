"""The embedded data set: the same bytes from the same seed, fair questions, videos that show it."""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from preprocess.annotation.question import msvd_qa
from preprocess.shapes.__main__ import main
from preprocess.shapes.families import FAMILIES, make_scenes
from preprocess.shapes.generate import first_ids, plan, temporal_share
from preprocess.shapes.questions import ANSWERS, TEMPLATES
from preprocess.shapes.scene import (
    COLORS,
    FRAMES,
    SIDE,
    STAY,
    THIRDS,
    TIMES,
    Scene,
    draw,
    third_of_frame,
    track,
)
from tests.conftest import ROOT
from util.errors import UserError

COUNTS = {"train": 120, "val": 60, "test": 60}


def flags(output: Path, *more: str) -> list[str]:
    return ["--output", str(output), *(f"--{k}={v}" for k, v in COUNTS.items()), *more]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set, made by two threads."""
    output = tmp_path_factory.mktemp("shapes") / "made"
    assert main(flags(output, "--threads=2")) == 0
    return output


def contents(output: Path) -> dict[str, bytes]:
    return {str(p.relative_to(output)): p.read_bytes() for p in output.rglob("*") if p.is_file()}


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(frames).astype(float)


def mask(frames: np.ndarray, color: str) -> np.ndarray:
    """Which pixels have a colour, (T, H, W)."""
    distance = np.abs(frames - np.array(COLORS[color])).sum(-1)
    return distance < 150


def circular_steps(weight: np.ndarray) -> np.ndarray:
    """(T - 1,) signed way of the mask's centre along the last axis; the two ends are neighbours."""
    angle = 2 * np.pi * (np.arange(SIDE) + 0.5) / SIDE
    centre = np.angle((weight.sum(1) * np.exp(1j * angle)).sum(-1))
    return np.angle(np.exp(1j * np.diff(centre)))


def seen(frames: np.ndarray, scene: Scene, answer_of: str, color: str = "") -> str:
    """What the pixels alone say; `color` is the thing asked about."""
    if answer_of == "times":
        dark = mask(frames, color).sum((1, 2)) < 10
        return TIMES[int((np.diff(dark.astype(int)) == 1).sum()) - 1]
    if answer_of == "heading":
        across = circular_steps(mask(frames, color)).sum()
        down = circular_steps(mask(frames, color).transpose(0, 2, 1)).sum()
        if abs(across) > abs(down):
            return "right" if across > 0 else "left"
        return "bottom" if down > 0 else "top"
    if answer_of == "third":
        left = circular_steps(mask(frames, color)) < 0
        return THIRDS[int(np.argmax([left[third_of_frame()[1:] == k].mean() for k in range(3)]))]
    if answer_of == "shapes":
        return TIMES[sum(bool(mask(frames, c).any()) for c in COLORS) - 1]
    grown = {  # the colour whose area gets larger from frame to frame
        c: np.median(np.diff(mask(frames, c).sum((1, 2)).astype(float))) for c in COLORS
    }
    present = [c for c in COLORS if mask(frames, c).any()]
    return (max if answer_of == "grow" else min)(present, key=grown.__getitem__)


def test_same_files_from_one_thread_another_hash_seed_and_an_interrupted_run(made, tmp_path):
    # An interrupted run: its settings and some of the videos are there, the questions are not.
    output = tmp_path / "again"
    (output / "videos").mkdir(parents=True)
    (output / "shapes.json").write_bytes((made / "shapes.json").read_bytes())
    (output / "videos" / "7.mp4").write_bytes((made / "videos" / "7.mp4").read_bytes())
    (output / "videos" / "8.mp4.partial").write_bytes(b"cut off")
    command = [sys.executable, "-m", "preprocess.shapes", *flags(output, "--threads=1")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "temporal" in done.stdout and "0.333" in done.stdout
    assert contents(output) == contents(made)


def test_another_seed_is_another_data_set():
    one, two = plan(COUNTS, seed=0), plan(COUNTS, seed=1)
    assert set(one[0]["train"]).isdisjoint(two[0]["train"])
    assert [q.text for q in one[1]["test"]] != [q.text for q in two[1]["test"]]


def test_splits_share_no_video_and_no_scene(made):
    ids = {s: {x.video for x in msvd_qa.read(made, s)} for s in COUNTS}
    assert not ids["train"] & ids["val"] and not ids["train"] & ids["test"]
    assert not ids["val"] & ids["test"]
    scenes, _ = plan({"train": 500, "val": 500, "test": 500}, seed=0)
    alike = [replace(s, backdrop=(0, 0)) for split in scenes.values() for s in split]
    assert len(set(alike)) == len(alike)


def test_files_are_read_as_msvd_qa(made):
    numbers = []
    for split, start in first_ids(COUNTS).items():
        samples = msvd_qa.read(made, split)
        assert {s.type for s in samples} == set(ANSWERS)
        assert all(s.answer in ANSWERS[s.type] for s in samples)
        videos = {int(s.video) for s in samples}
        assert videos <= set(range(start, start + COUNTS[split]))
        assert all((made / "videos" / f"{video}.mp4").is_file() for video in videos)
        items = json.loads((made / f"{split}_qa.json").read_text())
        assert all(set(i) == {"answer", "id", "question", "video_id"} for i in items)
        numbers += [s.id for s in samples]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [60, 333])
def test_each_wording_has_each_answer_equally_often(count, seed):
    _, questions = plan({split: count for split in COUNTS}, seed=seed)
    for asked in questions.values():
        by_text = defaultdict(Counter)
        for q in asked:
            by_text[q.text][q.answer] += 1
        for text, answers in by_text.items():
            assert answers.keys() == set(ANSWERS[text.split()[0]])
            assert len(set(answers.values())) == 1, (text, answers)


def test_enough_questions_survive_the_balance_and_need_time():
    scenes, questions = plan({"train": 2800, "val": 200, "test": 700}, seed=0)
    for split, asked in questions.items():
        possible = sum(t.family == s.family for s in scenes[split] for t in TEMPLATES)
        assert len(asked) > 0.75 * possible
        assert temporal_share(asked) >= 1 / 3
        assert {q.template for q in asked} == set(TEMPLATES)


def test_decoded_videos_show_the_answers(made):
    """Counts, directions, order, growth and when: from the mp4 files by pixel statistics."""
    scenes, questions = plan(COUNTS, seed=0)
    checked = Counter()
    for split, start in first_ids(COUNTS).items():
        for q in questions[split]:
            answer_of, scene = q.template.answer, scenes[split][q.video]
            color = next((c for c in COLORS if f"the {c} shape" in q.text), "")
            if answer_of == "color" and q.template.family == "size":
                answer_of = q.template.acts[0]
            elif "how many shapes" in q.text:
                answer_of = "shapes"
            elif answer_of not in ("times", "heading", "third") or not color:
                continue
            frames = decode(made / "videos" / f"{start + q.video}.mp4")
            assert len(frames) == FRAMES
            assert seen(frames, scene, answer_of, color) == q.answer, (split, q)
            checked[answer_of] += 1
    assert checked.keys() >= {"times", "heading", "third", "shapes", "grow", "shrink"}


def test_encoding_keeps_the_drawing(made):
    scenes, _ = plan(COUNTS, seed=0)
    for video in range(5):
        decoded = decode(made / "videos" / f"{video + 1}.mp4")
        assert np.abs(decoded - draw(scenes["train"][video])).mean() < 5


def twin(scene: Scene, t: int) -> Scene | None:
    """A scene as likely, with other answers to the temporal questions, and the same frame t."""
    things = scene.things
    if scene.family in ("travel", "shuttle"):  # the other way, started where the frames will meet
        (thing,) = things
        if scene.family == "travel":
            other = replace(
                thing,
                heading=dict(left="right", right="top", top="bottom", bottom="left")[thing.heading],
            )
        else:
            other = replace(thing, third=THIRDS[(THIRDS.index(thing.third) + 1) % 3])
        here, there = track(thing), track(other)
        x, y = other.x + here.x[t] - there.x[t], other.y + here.y[t] - there.y[t]
        return replace(scene, things=(replace(other, x=x % 1, y=y % 1),))
    if scene.family == "turn":  # the other one turns
        here = [track(thing) for thing in things]
        swapped = []
        for thing, act, at in zip(things, ("stand", "turn"), here, strict=True):
            there = track(replace(thing, act=act))
            shift = (at.angle[t] - there.angle[t]) / (2 * np.pi)
            swapped.append(replace(thing, act=act, phase=(thing.phase + shift) % 1))
        return replace(scene, things=tuple(swapped))
    if scene.family == "size":  # growing and shrinking swapped, at the same size now
        swapped = []
        for thing, act in zip(things, ("shrink", "grow"), strict=True):
            cycle = (thing.phase + t / FRAMES) % 1
            swapped.append(replace(thing, act=act, phase=(1 - cycle - t / FRAMES) % 1))
        return replace(scene, things=tuple(swapped))
    if scene.family == "parade":  # fewer shapes, or one more
        (now,) = (thing for thing in things if track(thing).visible[t])
        if len(things) > 1:
            return replace(scene, things=(replace(now, times="one", slot=0, phase=0.0),))
        phase = float(-t % (2 * STAY))
        first = replace(now, times="two", phase=phase)
        second = replace(first, slot=1, color=next(c for c in COLORS if c != now.color))
        return replace(scene, things=(first, second))
    return None


def temporal_answers(scene: Scene) -> dict[str, str]:
    """Every temporal question that can be asked about a scene, with its answer."""
    return {
        t.text.format(color=thing.color, form=thing.form): getattr(thing, t.answer)
        for t in TEMPLATES
        for thing in scene.things
        if t.temporal and t.family == scene.family and thing.act in t.acts
    }


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "blink"])
def test_every_frame_looks_the_same_under_another_answer(family):
    """For each frame there is an equally likely scene with that very frame and another answer."""
    rng = np.random.default_rng(0)
    scenes = [s for s in make_scenes(200, seed=5, split=0) if s.family == family][:8]
    for scene in scenes:
        t = int(rng.integers(FRAMES))
        other = twin(scene, t)
        assert other is not None
        difference = draw(scene)[t].astype(int) - draw(other)[t].astype(int)
        assert np.abs(difference).max() <= 3
        said, says = temporal_answers(scene), temporal_answers(other)
        assert said.keys() == says.keys() != set()
        assert all(said[text] != says[text] for text in said)


def test_a_frame_hardly_tells_how_often_a_shape_blinks():
    """Dark for the same time in all; the best guess from one frame stays near the chance of 1/3."""
    dark = defaultdict(list)
    for scene in make_scenes(6000, seed=3, split=0):
        for thing in scene.things:
            if thing.act == "blink":
                dark[thing.times].append(~track(thing).visible)
    rates = np.array([np.mean(dark[times], 0) for times in TIMES])  # (3, FRAMES)
    assert np.allclose(rates.mean(1), rates.mean(), atol=1e-9)  # the frame's time unknown: nothing
    best = (np.maximum.reduce(rates) + np.maximum.reduce(1 - rates)) / 3
    assert best.max() < 0.5


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--train=0"], "--train 0"),
        (["--val=10"], "--val 10"),
        (["--seed=-1"], "--seed -1"),
        (["--sheet=a.jpg"], "a.jpg"),
        (["--trian=5"], "trian"),
    ],
)
def test_options_that_cannot_be(tmp_path, more, said):
    with pytest.raises(UserError, match=said):
        main(flags(tmp_path / "new", *more))
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_contents_is_left_alone(made, tmp_path):
    with pytest.raises(UserError, match=r"other settings.*another --output"):
        main(flags(made, "--seed=1"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("do not touch")
    with pytest.raises(UserError, match=r"mine: holds files"):
        main(flags(mine))
    assert [p.name for p in mine.iterdir()] == ["thesis.txt"]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match=r"file.*cannot be written"):
        main(flags(blocked / "under"))


def test_sheet(made, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert main(flags(made, f"--sheet={sheet}")) == 0  # nothing to encode again
    assert sheet.read_bytes().startswith(b"\x89PNG") and sheet.stat().st_size > 20_000
