"""Scenes of the generated set of actions, each with its twin that goes the other way in time.

The frames of a video and of its twin are the same, in opposite orders.  Whatever happens goes round
and round from a random moment, so that a frame looks alike under both of a pair's actions whenever
it is taken.  What stands around (a rail, a ring, ...) tells the pair in every frame, and only the
order of the frames tells which of the two it is.  Shapes that move by twos and threes have the
same name forwards and backwards: any frame tells them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from preprocess.shapes.families import backdrop, spread
from preprocess.shapes.scene import (
    COLORS,
    FORMS,
    FRAMES,
    HEADINGS,
    LARGE,
    SIDE,
    STAY,
    Scene,
    Thing,
    draw,
)

PAIRS = {  # family -> its action, and that of its twin
    "across": ("moves right", "moves left"),
    "up and down": ("moves down", "moves up"),
    "size": ("grows", "shrinks"),
    "wheel": ("turns clockwise", "turns counterclockwise"),
    "turns": ("square after circle", "square before circle"),
    "lamp": ("lights up", "goes dark"),
    "two": ("two move", "two move"),
    "three": ("three move", "three move"),
}
ACTIONS = tuple(dict.fromkeys(name for pair in PAIRS.values() for name in pair))
ORDER_ONLY = tuple(family for family, (one, other) in PAIRS.items() if one != other)
FULL = SIDE * 0.137  # pixels of a shape's half width at scale 1, about
DIM = 0.2  # how bright a lamp is at least
MARK = 120.0  # grey level of what stands around


@dataclass(frozen=True, kw_only=True)
class ActionScene:
    """A scene, from which two videos are made."""

    family: str
    scene: Scene
    lamp: float | None = None  # where in its cycle the thing's light is at frame 0; None: no lamp

    def frames(self, *, backwards: bool) -> np.ndarray:
        """Frames (FRAMES, SIDE, SIDE, 3), uint8 RGB, of the action or of its twin."""
        frames = draw(self.scene)
        if self.lamp is not None:
            bare = draw(Scene(family="", things=(), backdrop=self.scene.backdrop)).astype(float)
            cycle = (self.lamp + np.arange(FRAMES) / FRAMES) % 1
            light = (DIM + (1 - DIM) * cycle)[:, None, None, None]
            frames = (bare + light * (frames - bare) + 0.5).astype(np.uint8)
        mark = MARKS.get(self.family)
        if mark is not None:
            thing = self.scene.things[0]
            y, x = np.mgrid[:SIDE, :SIDE] + 0.5
            frames[:, mark(x - thing.x * SIDE, y - thing.y * SIDE)] = MARK
        return frames[::-1].copy() if backwards else frames


Mark = Callable[[np.ndarray, np.ndarray], np.ndarray]
MARKS: dict[str, Mark] = {  # (x, y) from where the thing is, or goes, in pixels -> where it is grey
    "across": lambda x, y: np.abs(y) < 0.8,
    "up and down": lambda x, y: np.abs(x) < 0.8,
    "size": lambda x, y: np.abs(np.maximum(np.abs(x), np.abs(y)) - (FULL * LARGE + 4)) < 0.8,
    "wheel": lambda x, y: np.abs(np.hypot(x, y) - (FULL + 7)) < 0.8,
    "turns": lambda x, y: (np.abs(y - FULL - 5) < 0.8) & (np.abs(x) < FULL + 3),
    "lamp": lambda x, y: (np.abs(x) < 0.8) & (y < -FULL - 2),
}


def make_action_scenes(pairs: int, *, seed: int, split: int) -> list[ActionScene]:
    """Scenes of which each action gets `pairs` videos; every (seed, split) is a stream of its own.

    A family of two actions has `pairs` scenes, one of a single action half as many.
    """
    rng = np.random.default_rng([seed, split, 2])
    return [
        scene
        for family in PAIRS
        for scene in _family(family, pairs if family in ORDER_ONLY else pairs // 2, rng)
    ]


def _family(family: str, count: int, rng: np.random.Generator) -> Iterator[ActionScene]:
    colors = spread(COLORS, count, rng)
    forms = spread(FORMS, count, rng)
    headings = spread(HEADINGS, count, rng)
    for color, form, heading in zip(colors, forms, headings, strict=True):
        things = THINGS[family](color, form, heading, rng)
        scene = Scene(family=family, things=things, backdrop=backdrop(rng))
        lamp = float(rng.uniform()) if family == "lamp" else None
        yield ActionScene(family=family, scene=scene, lamp=lamp)


def _going(heading: str):
    def things(color: str, form: str, _: str, rng: np.random.Generator) -> tuple[Thing, ...]:
        x, y = (float(v) for v in rng.uniform(size=2))
        return (Thing(color=color, form=form, act="travel", heading=heading, x=x, y=y),)

    return things


def _standing(act: str, **more):
    def things(color: str, form: str, _: str, rng: np.random.Generator) -> tuple[Thing, ...]:
        x, y, phase = (float(v) for v in (*rng.uniform(0.36, 0.64, 2), rng.uniform()))
        angle = float(rng.uniform(0, 2 * np.pi)) if act == "turn" else 0.0
        return (
            Thing(color=color, form=form, act=act, x=x, y=y, phase=phase, angle=angle, **more),
        )  # fmt: skip

    return things


def _taking_turns(color: str, form: str, _: str, rng: np.random.Generator) -> tuple[Thing, ...]:
    """Circle, square, triangle, circle, ...; one after the other in the same place."""
    x, y = (float(v) for v in rng.uniform(0.36, 0.64, 2))
    phase = float(rng.integers(len(FORMS) * STAY))
    first = [*COLORS].index(color)
    step = int(rng.integers(1, 3))  # colours in either order
    return tuple(
        Thing(
            color=[*COLORS][(first + step * k) % 3], form=FORMS[k], act="show", times="three",
            slot=k, phase=phase, x=x, y=y,
        )
        for k in range(len(FORMS))
    )  # fmt: skip


def _together(number: int):
    """Shapes side by side that go the same way, on lanes of their own."""

    def things(color: str, form: str, heading: str, rng: np.random.Generator) -> tuple[Thing, ...]:
        lane, first = float(rng.uniform()), [*COLORS].index(color)
        shapes = []
        for k in range(number):
            along, beside = float(rng.uniform()), (lane + k / 3) % 1
            x, y = (along, beside) if heading in ("left", "right") else (beside, along)
            form = FORMS[int(rng.integers(len(FORMS)))]
            name = [*COLORS][(first + k) % 3]
            shapes.append(Thing(color=name, form=form, act="travel", heading=heading, x=x, y=y))
        return tuple(shapes)

    return things


THINGS = {
    "across": _going("right"),
    "up and down": _going("bottom"),
    "size": _standing("grow"),
    "wheel": _standing("turn", wheel=True, lap=12),
    "turns": _taking_turns,
    "lamp": _standing("stand"),
    "two": _together(2),
    "three": _together(3),
}
