"""Captions of the data set `shapes`: every true way to say what happens in a scene.

A scene has two or three true captions: another thing is told first, or the same in other words.
What they say is what the families (families.py) balance, so that without the video the commonest
caption is right in few scenes.  A blinking shape's count is told as once or more often: two times
and three are seldom told apart by small networks on grids of pixels.
"""

from collections.abc import Sequence

from preprocess.shapes.scene import Scene, Thing

TIMES = {"one": "once", "two": "more than once", "three": "more than once"}
WAYS = {"left": "left", "right": "right", "top": "up", "bottom": "down"}
SHUTTLES = {  # when it goes left -> its ways, one after the other
    "start": ("left", "right"),
    "middle": ("right", "left", "right"),
    "end": ("right", "left"),
}


def captions(scene: Scene) -> list[str]:
    """All true captions of a scene: 2 or 3, each of 6 to 13 words."""
    return CAPTIONS[scene.family](scene.things)


def _name(thing: Thing) -> str:
    return f"{thing.color} {thing.form}"


def _turn(things: Sequence[Thing]) -> list[str]:
    turner, stander = map(_name, things)
    return [
        f"the {turner} turns while the {stander} stands still",
        f"the {stander} stands still while the {turner} turns",
    ]


def _blink(things: Sequence[Thing]) -> list[str]:
    blinker, stander = map(_name, things)
    times = TIMES[things[0].times]
    return [
        f"the {blinker} blinks {times} while the {stander} stays",
        f"the {stander} stays while the {blinker} blinks {times}",
    ]


def _travel(things: Sequence[Thing]) -> list[str]:
    (thing,) = things
    way = WAYS[thing.heading]
    return [f"the {_name(thing)} moves {way} all the time", f"a {_name(thing)} keeps going {way}"]


def _shuttle(things: Sequence[Thing]) -> list[str]:
    (thing,) = things
    first, *rest = SHUTTLES[thing.third]
    return [
        " then ".join([f"the {_name(thing)} moves {first}", *rest]),
        " and then ".join([f"a {_name(thing)} first goes {first}", *rest]),
    ]


def _size(things: Sequence[Thing]) -> list[str]:
    grower, shrinker = map(_name, things)
    return [
        f"the {grower} grows while the {shrinker} shrinks",
        f"the {shrinker} shrinks while the {grower} grows",
    ]


def _parade(things: Sequence[Thing]) -> list[str]:
    """One shape alone; several that take turns, round and round: any of them is told first."""
    names = [f"a {_name(thing)}" for thing in things]
    if len(names) == 1:
        return [f"there is only {names[0]}", f"nothing but {names[0]} is there"]
    rounds = [[*names[k:], *names[:k]] for k in range(len(names))]
    return [f"{' then '.join(names)} take turns" for names in rounds]


CAPTIONS = {
    "turn": _turn, "blink": _blink, "travel": _travel, "shuttle": _shuttle, "size": _size,
    "parade": _parade,
}  # fmt: skip
