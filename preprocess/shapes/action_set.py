"""Generate the set of actions:  python -m preprocess.shapes --kind actions

    OUTPUT/videos/<video id>.mp4   OUTPUT/shapes.json (settings)
    OUTPUT/{train,val,test}_actions.json

Every action has as many videos as the others; a video and its twin (action_scenes.py) are in one
split and of one group.  Frames are encoded each for itself, so that the twins' decode to the same.
"""

from functools import partial
from pathlib import Path

import numpy as np

from options.preprocess.shapes import ShapesOptions
from preprocess.shapes.action_scenes import (
    ACTIONS,
    ORDER_ONLY,
    PAIRS,
    ActionScene,
    make_action_scenes,
)
from preprocess.shapes.actions import ActionItem
from preprocess.shapes.folder import claim, write_items, write_videos
from util.errors import UserError

FORMAT = 1  # goes up when the same settings give other videos or actions
UNIT = 2 * len(ACTIONS)  # videos by which a split grows: each action's, and its twin's


def generate_actions(options: ShapesOptions) -> None:
    """Write the data set and print what it holds.

    Raises UserError for a number of videos that cannot be shared out evenly, and a folder that
    cannot be written or that holds something else.
    """
    output, counts = Path(options.folder), options.counts
    for split, count in counts.items():
        if count % UNIT:
            near = max(UNIT, round(count / UNIT) * UNIT)
            raise UserError(
                f"--{split} {count}: {len(ACTIONS)} actions have as many videos each, by twos; "
                f"give a multiple of {UNIT}, such as {near}"
            )
    claim(output, {"format": FORMAT, "kind": "actions", "seed": options.seed, **counts})
    videos, items, first = {}, {}, 1
    for stream, (split, count) in enumerate(counts.items()):
        plan = plan_actions(count, seed=options.seed, split=stream)
        items[split] = [item for item, _, _ in _numbered(plan, first, split)]
        for item, scene, backwards in _numbered(plan, first, split):
            videos[item.video_id] = partial(scene.frames, backwards=backwards)
        first += count
    write_videos(output / "videos", videos, options.threads, coding="intra")
    for split, some in items.items():
        write_items(output / f"{split}_actions.json", [vars(item) for item in some])
    print(
        f"{len(ACTIONS)} actions, {sum(len(set(PAIRS[f])) for f in ORDER_ONLY)} of them told by "
        "order alone; videos of each: "
        + ", ".join(f"{split} {count // len(ACTIONS):,}" for split, count in counts.items())
    )


def plan_actions(count: int, *, seed: int, split: int) -> list[tuple[int, ActionScene, bool]]:
    """`count` videos in random order: number of the scene, the scene, whether it goes backwards."""
    scenes = make_action_scenes(count // len(ACTIONS), seed=seed, split=split)
    videos = [
        (i, scene, backwards) for i, scene in enumerate(scenes) for backwards in (False, True)
    ]
    order = np.random.default_rng([seed, split, 3]).permutation(len(videos))
    return [videos[i] for i in order]


def _numbered(plan: list[tuple[int, ActionScene, bool]], first: int, split: str):
    """Each video with its item."""
    for video, (number, scene, backwards) in enumerate(plan, first):
        family = scene.family
        item = ActionItem(
            video_id=video,
            action=PAIRS[family][backwards],
            group=f"{split} {number}",
            order_only=family in ORDER_ONLY,
            family=family,
        )
        yield item, scene, backwards
