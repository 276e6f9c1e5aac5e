"""Scenes of the data set `shapes`: what happens in each video, and how it looks.

The principle that makes it a test of watching: whatever moves, moves in a cycle that starts at a
random moment (a traveller leaves on one side and comes in on the other, a growing shape starts
again small, shapes take turns).  So a frame looks the same under every answer, whenever it is
taken; only the change from frame to frame tells the answers apart.
"""

from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np

FRAMES, FPS, SIDE = 24, 8, 96  # frames of a video, frames per second, pixels of a frame's side

COLORS = {
    "red": (236, 50, 56),
    "green": (52, 200, 84),
    "blue": (56, 96, 246),
    "yellow": (244, 208, 50),
}
FORMS = ("circle", "square", "triangle", "cross")
PLACES = {"left": (0.24, 0.5), "right": (0.76, 0.5), "top": (0.5, 0.24), "bottom": (0.5, 0.76)}
HEADINGS = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
TIMES = ("one", "two", "three", "four")
THIRDS = ("start", "middle", "end")
FAMILIES = {"pair": 0.40, "travel": 0.20, "swap": 0.20, "parade": 0.20}  # share of the videos

DARK = 8  # frames for which a blinking shape is dark in all, however often it blinks
STAY = 4  # frames for which each shape of a parade stays
STEP = 0.06  # of the frame's side, a traveller's way from one frame to the next
WHEEL = 0.05  # a turning shape is fixed to a wheel of this radius
SMALL, LARGE = 0.5, 1.3  # scale at the two ends of growing


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One shape and what it does.  Lengths are fractions of the frame's side."""

    color: str
    form: str
    act: str  # "turn", "blink", "travel", "grow", "shrink" or "show" (in a parade)
    place: str = ""  # where it stands; "" for a traveller
    heading: str = ""  # where a traveller goes
    third: str = ""  # when a shape turns, or a traveller rests
    times: str = ""  # how often a shape blinks
    dark: tuple[tuple[int, int], ...] = ()  # [from, to) frames in which it is dark
    phase: float = 0.0  # where in its cycle it is at frame 0
    x: float = 0.5
    y: float = 0.5
    angle: float = 0.0
    turn_in_parade: int = 0
    next_color: str = ""  # of the shape that follows in a parade
    next_form: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """How a question may call it."""
        return f"{self.color} shape", self.form


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One video."""

    family: str
    things: tuple[Thing, ...]
    backdrop: tuple[int, int]  # grey level at the top and at the bottom


@dataclass(frozen=True)
class Track:
    """A thing over time, each (FRAMES,): centre, rotation in radians, scale, 1 where visible."""

    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    scale: np.ndarray
    visible: np.ndarray


def make_scenes(count: int, *, seed: int, split: int) -> list[Scene]:
    """`count` scenes; every (seed, split) is a random stream of its own."""
    rng = np.random.default_rng([seed, split, 0])
    ends = np.round(np.cumsum(list(FAMILIES.values())) * count).astype(int)
    sizes = np.diff(ends, prepend=0)
    builders = {"pair": _pairs, "travel": _travels, "swap": _swaps, "parade": _parades}
    scenes = [s for family, n in zip(FAMILIES, sizes, strict=True) for s in builders[family](n, rng)]
    return [scenes[i] for i in rng.permutation(count)]


def track(thing: Thing) -> Track:
    """Where a thing is, how it is turned, how large and whether it is seen, frame by frame."""
    time = np.arange(FRAMES)
    x, y = np.full(FRAMES, thing.x), np.full(FRAMES, thing.y)
    angle, scale, visible = np.full(FRAMES, thing.angle), np.ones(FRAMES), np.ones(FRAMES, bool)
    if thing.act == "travel":
        going = third_of_frame() != THIRDS.index(thing.third)
        way = STEP * np.concatenate([[0], np.cumsum(going[1:])])
        dx, dy = HEADINGS[thing.heading]
        x, y = (x + dx * way) % 1, (y + dy * way) % 1
    if thing.act in ("turn", "blink"):
        wheel = np.full(FRAMES, 2 * np.pi * thing.phase)
        if thing.act == "turn":
            going = third_of_frame() == THIRDS.index(thing.third)
            wheel = wheel + 2 * np.pi * np.cumsum(going) / going.sum()  # once round
        x, y = x + WHEEL * np.cos(wheel), y + WHEEL * np.sin(wheel)
        angle = angle + wheel
    if thing.act in ("grow", "shrink"):
        cycle = (thing.phase + time / FRAMES) % 1
        scale = SMALL + (LARGE - SMALL) * (cycle if thing.act == "grow" else 1 - cycle)
    if thing.act == "show":
        visible = (time + int(thing.phase)) // STAY % 3 == thing.turn_in_parade
    for start, end in thing.dark:
        visible[start:end] = False
    return Track(x, y, angle, scale, visible)


def third_of_frame() -> np.ndarray:
    """(FRAMES,) which third of the video each frame belongs to: 0, 1 or 2."""
    return np.arange(FRAMES) * 3 // FRAMES


def draw(scene: Scene) -> np.ndarray:
    """Frames (FRAMES, SIDE, SIDE, 3), uint8 RGB."""
    top, bottom = scene.backdrop
    rows = np.linspace(top, bottom, SIDE, dtype=np.float32)[:, None, None]
    frames = np.broadcast_to(rows * np.float32([0.9, 0.95, 1.2]), (FRAMES, SIDE, SIDE, 3)).copy()
    centres = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    for thing in scene.things:
        at = track(thing)
        x, y, angle, scale = (
            v.astype(np.float32)[:, None, None] for v in (at.x, at.y, at.angle, at.scale)
        )
        dx, dy = centres[None, None, :] - x, centres[None, :, None] - y
        if thing.act == "travel":  # what leaves on one side comes in on the other
            dx, dy = (dx + 0.5) % 1 - 0.5, (dy + 0.5) % 1 - 0.5
        u = (np.cos(angle) * dx + np.sin(angle) * dy) / scale
        v = (np.cos(angle) * dy - np.sin(angle) * dx) / scale
        cover = np.clip(0.5 - OUTLINES[thing.form](u, v) * scale * SIDE, 0, 1)  # smooth edge
        cover *= at.visible[:, None, None]
        frames += cover[..., None] * (np.float32(COLORS[thing.color]) - frames)
    return np.clip(frames + 0.5, 0, 255).astype(np.uint8)


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - 0.135


def _circle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v) - 0.13


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u) * 0.866 - v * 0.5, v) - 0.0825


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v) - 0.145, np.minimum(u, v) - 0.028)


OUTLINES = {"circle": _circle, "square": _square, "triangle": _triangle, "cross": _cross}  # <0 inside


def _spread(levels, count: int, rng: np.random.Generator) -> list:
    """`count` of the levels in random order, each as often as the others (or once more)."""
    levels = list(levels)
    order = [i for _ in range(-(-count // len(levels))) for i in rng.permutation(len(levels))]
    return [levels[i] for i in rng.permutation(order[:count])]


def _backdrop(rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(14, 30)), int(rng.integers(30, 46))


def _stand(place: str, rng: np.random.Generator) -> dict:
    """Where a thing stands, with a little jitter, and how it is turned."""
    x, y = PLACES[place]
    jitter = rng.uniform(-0.01, 0.01, 2)
    return {
        "place": place,
        "x": x + float(jitter[0]),
        "y": y + float(jitter[1]),
        "angle": float(rng.uniform(0, 2 * np.pi)),
    }


def _groups(size: int, count: int, rng: np.random.Generator):
    """`count` times the colours, forms and places of `size` things, all different."""
    spread = partial(_spread, count=count, rng=rng)
    columns = (spread(permutations(levels, size)) for levels in (COLORS, FORMS, PLACES))
    return zip(*columns, strict=True)


def _dark(times: int, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """`times` dark stretches of DARK frames in all, 2 or more each, 2 or more apart."""
    dark = 2 + rng.multinomial(DARK - 2 * times, [1 / times] * times)
    free = FRAMES - DARK - 2 * (times + 1)
    light = 2 + rng.multinomial(free, rng.dirichlet([1.0] * (times + 1)))
    starts = np.cumsum(light[:-1]) + np.cumsum(dark) - dark
    return tuple((int(s), int(s + d)) for s, d in zip(starts, dark, strict=True))


def _pairs(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes; one turns once in one third of the video, the other blinks one to four times."""
    thirds, times = _spread(THIRDS, count, rng), _spread(TIMES, count, rng)
    scenes = []
    for i, (colors, forms, places) in enumerate(_groups(2, count, rng)):
        turner = Thing(
            color=colors[0], form=forms[0], act="turn", third=thirds[i],
            phase=float(rng.uniform()), **_stand(places[0], rng),
        )  # fmt: skip
        blinker = Thing(
            color=colors[1], form=forms[1], act="blink", times=times[i],
            dark=_dark(TIMES.index(times[i]) + 1, rng),
            phase=float(rng.uniform()), **_stand(places[1], rng),
        )  # fmt: skip
        scenes.append(Scene(family="pair", things=(turner, blinker), backdrop=_backdrop(rng)))
    return scenes


def _travels(count: int, rng: np.random.Generator) -> list[Scene]:
    """One shape goes in one direction, and rests for one third of the video."""
    columns = [_spread(levels, count, rng) for levels in (COLORS, FORMS, HEADINGS, THIRDS)]
    scenes = []
    for color, form, heading, third in zip(*columns, strict=True):
        x, y, angle = (float(v) for v in rng.uniform(size=3) * (1, 1, 2 * np.pi))
        thing = Thing(
            color=color, form=form, act="travel", heading=heading, third=third, x=x, y=y, angle=angle
        )
        scenes.append(Scene(family="travel", things=(thing,), backdrop=_backdrop(rng)))
    return scenes


def _swaps(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes; one grows and starts again small, the other shrinks and starts again large."""
    scenes = []
    for colors, forms, places in _groups(2, count, rng):
        things = tuple(
            Thing(color=c, form=f, act=act, phase=float(rng.uniform()), **_stand(place, rng))
            for c, f, place, act in zip(colors, forms, places, ("grow", "shrink"), strict=True)
        )
        scenes.append(Scene(family="swap", things=things, backdrop=_backdrop(rng)))
    return scenes


def _parades(count: int, rng: np.random.Generator) -> list[Scene]:
    """Three shapes take turns: one appears as another leaves, round and round."""
    phases = _spread(range(3 * STAY), count, rng)
    scenes = []
    for i, (colors, forms, places) in enumerate(_groups(3, count, rng)):
        things = tuple(
            Thing(
                color=colors[k], form=forms[k], act="show", turn_in_parade=k, phase=float(phases[i]),
                next_color=colors[(k + 1) % 3], next_form=forms[(k + 1) % 3],
                **_stand(places[k], rng),
            )
            for k in range(3)
        )  # fmt: skip
        scenes.append(Scene(family="parade", things=things, backdrop=_backdrop(rng)))
    return scenes
