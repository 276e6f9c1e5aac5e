"""Actions of the data set `shapes`: what the thing does in some of its videos, a class each.

Moves along one line to one side or the other show the same frames in different orders; so do
shapes that blink once, twice or three times, which are dark for as many frames in all.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from preprocess.shapes.scene import Scene

MOVES = {  # heading -> action, family
    "left": ("moves left", "across"),
    "right": ("moves right", "across"),
    "top": ("moves up", "up and down"),
    "bottom": ("moves down", "up and down"),
}
BLINKS = {"one": "blinks once", "two": "blinks twice", "three": "blinks three times"}
ORDER_ONLY = ("across", "up and down", "blink")  # families


@dataclass(frozen=True)
class ActionItem:
    """The action of one video, as it is written."""

    video_id: int
    action: str
    group: int | str  # videos of one group are made of the same scene
    order_only: bool  # whether no single frame tells the action
    family: str  # order-only actions of a family show the same frames in different orders


def action_of(scene: Scene) -> tuple[str, str] | None:
    """The action of a scene and its family; None for a scene that is of none."""
    thing = scene.things[0]
    if scene.family == "travel":
        return MOVES[thing.heading]
    if scene.family == "blink":
        return BLINKS[thing.times], "blink"
    if scene.family == "turn":
        return "turns", "turn"
    if scene.family == "parade" and thing.times == "one":
        return "stands alone", "stand"
    return None


def labelled(scenes: Sequence[Scene], first: int) -> list[ActionItem]:
    """Videos with actions, each action as often as the others; `first`: the id of the first video.

    Of an action that more scenes have, the first ones are taken.
    """
    of_action: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, scene in enumerate(scenes):
        if found := action_of(scene):
            of_action[found].append(first + i)
    each = min(map(len, of_action.values()), default=0)
    items = [
        ActionItem(video, action, video, family in ORDER_ONLY, family)
        for (action, family), videos in of_action.items()
        for video in videos[:each]
    ]
    return sorted(items, key=lambda item: item.video_id)
