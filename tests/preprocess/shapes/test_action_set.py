"""The set of actions: balanced, twins have the same frames, and only their order tells them."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import av
import numpy as np
import pytest

from preprocess.shapes.__main__ import main
from preprocess.shapes.action_scenes import ACTIONS, ORDER_ONLY, PAIRS, make_action_scenes
from preprocess.shapes.action_set import plan_actions
from preprocess.shapes.scene import FRAMES, track
from util.errors import UserError

SIZES = ["--train=56", "--val=28", "--test=28"]
SIDE = 8  # of the pictures that are compared
Drawn = dict[str, tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("shapes") / "actions"
    assert main(["--kind=actions", f"--output={output}", *SIZES]) == 0
    return output


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Of each family, small pictures of 48 videos of its first action and of 48 of its second.

    No two are of one scene: (48, FRAMES, D) each.
    """
    of: Drawn = {}
    scenes = defaultdict(list)
    for scene in make_action_scenes(96, seed=5, split=0):
        scenes[scene.family].append(scene)
    for family in ORDER_ONLY:
        videos = [
            small(scene.frames(backwards=i % 2 == 1)) for i, scene in enumerate(scenes[family])
        ]
        of[family] = np.stack(videos[::2]), np.stack(videos[1::2])
    return of


def small(frames: np.ndarray) -> np.ndarray:
    """(FRAMES, 64, 64, 3) -> (FRAMES, D)."""
    blocks = frames.reshape(len(frames), SIDE, 64 // SIDE, SIDE, 64 // SIDE, 3)
    return blocks.mean((2, 4)).reshape(len(frames), -1) / 255


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def accuracy(first: np.ndarray, second: np.ndarray) -> float:
    """How often a linear classifier, fitted to half of the rows, is right on the others."""
    x = np.concatenate([first.reshape(len(first), -1), second.reshape(len(second), -1)])
    y = np.repeat([1.0, -1.0], len(first))
    x = np.concatenate([x - x.mean(0), np.ones((len(x), 1))], 1)
    fitted = np.arange(len(x)) % 4 < 2
    kernel = x @ x.T / x.shape[1]
    ridge = kernel[np.ix_(fitted, fitted)] + 1e-3 * np.eye(fitted.sum())
    told = kernel[np.ix_(~fitted, fitted)] @ np.linalg.solve(ridge, y[fitted])
    return float((np.sign(told) == y[~fitted]).mean())


def order_free(videos: np.ndarray) -> np.ndarray:
    """All that is in the frames but their order: every number sorted over time.  (R, F, D)."""
    return np.sort(videos, axis=1)


def changes(videos: np.ndarray) -> np.ndarray:
    """How often each two neighbouring numbers change one after the other, less the contrary."""
    now, then = videos[:, :-1], videos[:, 1:]
    return np.einsum("rfi,rfj->rij", now, then) - np.einsum("rfi,rfj->rij", then, now)


def test_each_action_is_there_as_often_as_the_others(made) -> None:
    seen: set[int] = set()
    for split, each in (("train", 4), ("val", 2), ("test", 2)):
        items = json.loads((made / f"{split}_actions.json").read_text())
        assert Counter(item["action"] for item in items) == dict.fromkeys(ACTIONS, each)
        seen |= {item["video_id"] for item in items}
        assert all((made / "videos" / f"{item['video_id']}.mp4").is_file() for item in items)
        for item in items:
            assert item["action"] in PAIRS[item["family"]]
            assert item["order_only"] == (item["family"] in ORDER_ONLY)
    assert seen == set(range(1, 113)) and len(ACTIONS) == 14 and len(ORDER_ONLY) == 6


def test_twins_decode_to_the_same_frames_in_opposite_orders(made) -> None:
    groups, splits = defaultdict(list), defaultdict(set)
    for split in ("train", "val", "test"):
        for item in json.loads((made / f"{split}_actions.json").read_text()):
            groups[item["group"]].append(item)
            splits[item["group"]].add(split)
    assert all(len(of) == 1 for of in splits.values())
    for one, other in groups.values():
        frames = decode(made / "videos" / f"{one['video_id']}.mp4")
        assert len(frames) == FRAMES
        assert (frames == decode(made / "videos" / f"{other['video_id']}.mp4")[::-1]).all()
        assert {one["action"], other["action"]} == {*PAIRS[one["family"]]}


@pytest.mark.parametrize("family", ORDER_ONLY)
def test_frames_without_their_order_tell_nothing(drawn: Drawn, family: str) -> None:
    """Of 48 guesses at chance 38 or more are right, or 10 or fewer, once in 20,000 times."""
    first, second = drawn[family]
    assert 10 / 48 < accuracy(order_free(first), order_free(second)) < 38 / 48
    for frame in (0, FRAMES // 2, FRAMES - 1):
        assert 10 / 48 < accuracy(first[:, frame], second[:, frame]) < 38 / 48


@pytest.mark.parametrize("family", ["across", "up and down", "wheel", "lamp", "size"])
def test_their_order_tells(drawn: Drawn, family: str) -> None:
    """What the brightness, or each two regions, do one after the other."""
    first, second = drawn[family]
    if family in ("lamp", "size"):  # brighter, or larger, from frame to frame as a rule
        told = [np.median(np.diff(v.mean(-1), axis=1), axis=1) for v in (first, second)]
        assert ((told[0] > 0).mean() + (told[1] < 0).mean()) / 2 > 0.95
    else:
        assert accuracy(changes(first), changes(second)) > 0.65
    assert accuracy(changes(first), changes(first[:, ::-1])) > 0.6, "a video and its own reverse"


def test_a_square_comes_after_a_circle() -> None:
    assert PAIRS["turns"] == ("square after circle", "square before circle")
    for made in [s for s in make_action_scenes(6, seed=0, split=0) if s.family == "turns"]:
        seen = {thing.form: track(thing).visible for thing in made.scene.things}
        assert (np.sum([*seen.values()], axis=0) == 1).all()
        gone = np.flatnonzero(seen["circle"][:-1] & ~seen["circle"][1:]) + 1
        assert len(gone) >= 1 and seen["square"][gone].all()


@pytest.mark.parametrize("family", ORDER_ONLY)
def test_a_frame_looks_alike_whenever_it_is_taken(drawn: Drawn, family: str) -> None:
    """So no choice of frames gives away which of a pair it is."""
    both = np.concatenate(drawn[family]).mean(-1)  # (96, FRAMES) brightness
    deviation = both.std() / len(both) ** 0.5
    assert np.abs(both.mean(0) - both.mean()).max() < 4.5 * deviation


def test_another_seed_or_split_is_another_set() -> None:
    names = [
        [(s.scene.things, s.lamp) for _, s, _ in plan_actions(28, seed=seed, split=split)]
        for seed, split in ((0, 0), (0, 1), (1, 0))
    ]
    flat = [things for some in names for things in {str(one) for one in some}]
    assert len(set(flat)) == len(flat) == 3 * 14


def test_numbers_that_cannot_be_shared_out(tmp_path) -> None:
    with pytest.raises(UserError, match=r"--val 30: 14 actions .* a multiple of 28, such as 28"):
        main(["--kind=actions", f"--output={tmp_path / 'a'}", "--val=30"])
    with pytest.raises(UserError, match=r"a\.png: shows questions; --kind actions has none"):
        main(["--kind=actions", "--sheet=a.png"])
