"""Scenes of the data set `shapes`: what happens in each video, and how it looks.

The principle that makes it a test of watching: whatever moves, moves in a cycle that starts at a
random moment (a traveller leaves on one side and comes in on the other, a growing shape starts
again small, shapes take turns).  So a frame looks the same under every answer, whenever it is
taken; only the change from frame to frame tells the answers apart.
"""

from dataclasses import dataclass
from functools import partial
from itertools import permutations, product

import numpy as np

FRAMES, FPS, SIDE = 24, 8, 64  # frames of a video, frames per second, pixels of a frame's side

COLORS = {"red": (240, 48, 52), "green": (44, 204, 84), "blue": (56, 92, 250)}
FORMS = ("circle", "square", "triangle")
PLACES = {"left": (0.24, 0.5), "right": (0.76, 0.5), "top": (0.5, 0.24), "bottom": (0.5, 0.76)}
HEADINGS = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
TIMES = ("one", "two", "three")
THIRDS = ("start", "middle", "end")
FAMILIES = {  # their shares of the videos
    "turn": 0.24, "blink": 0.24, "travel": 0.10, "shuttle": 0.15, "size": 0.10, "parade": 0.17,
}  # fmt: skip

DARK = 6  # frames for which a blinking shape is dark in all, however often it blinks
STAY = 4  # frames for which each shape of a parade stays
STEP = {"travel": 0.06, "shuttle": 0.05}  # way from one frame to the next, part of the side
WHEEL, LAP = 0.05, 8  # a turning shape sits on a wheel of this radius and turns in LAP frames
SMALL, LARGE = 0.4, 1.2  # scale at the two ends of growing


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One shape and what it does.  Lengths are fractions of the frame's side."""

    color: str
    form: str
    act: str  # a family's name, "stand", "grow", "shrink" or "show" (in a parade)
    place: str = ""  # where it stands; "" for one that goes
    heading: str = ""  # where it goes; a shuttle: in one third only, otherwise the other way
    third: str = ""  # when a shuttle goes to `heading`
    times: str = ""  # how often it blinks
    dark: tuple[tuple[int, int], ...] = ()  # [from, to) frames in which it is dark
    x: float = 0.5
    y: float = 0.5
    angle: float = 0.0
    wheel: bool = False  # whether it sits on a wheel, at rest or turning
    phase: float = 0.0  # where in its cycle it is at frame 0
    slot: int = 0  # its turn in a parade
    next_color: str = ""  # of the shape that follows in a parade
    next_form: str = ""


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
    builders = (_turns, _blinks, _travels, _shuttles, _sizes, _parades)  # in the order of FAMILIES
    scenes = [s for build, n in zip(builders, sizes, strict=True) for s in build(int(n), rng)]
    return [scenes[i] for i in rng.permutation(count)]


def track(thing: Thing) -> Track:
    """Where a thing is, how it is turned, how large and whether it is seen, frame by frame."""
    time = np.arange(FRAMES)
    x, y, angle = (np.full(FRAMES, v) for v in (thing.x, thing.y, thing.angle))
    scale, visible = np.ones(FRAMES), np.ones(FRAMES, bool)
    if thing.act in STEP:  # goes, and comes in again on the other side
        sign = np.ones(FRAMES)
        if thing.act == "shuttle":
            sign = np.where(third_of_frame() == THIRDS.index(thing.third), 1.0, -1.0)
        way = STEP[thing.act] * (np.cumsum(sign) - sign[0])
        dx, dy = HEADINGS[thing.heading]
        x, y = (x + dx * way) % 1, (y + dy * way) % 1
    if thing.wheel:
        turn = 2 * np.pi * (thing.phase + (time / LAP if thing.act == "turn" else 0 * time))
        x, y, angle = x + WHEEL * np.cos(turn), y + WHEEL * np.sin(turn), angle + turn
    if thing.act in ("grow", "shrink"):
        cycle = (thing.phase + time / FRAMES) % 1
        scale = SMALL + (LARGE - SMALL) * (cycle if thing.act == "grow" else 1 - cycle)
    if thing.act == "show":
        visible = (time + int(thing.phase)) // STAY % 3 == thing.slot
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
        if thing.act in STEP:  # what leaves on one side comes in on the other
            dx, dy = (dx + 0.5) % 1 - 0.5, (dy + 0.5) % 1 - 0.5
        u = (np.cos(angle) * dx + np.sin(angle) * dy) / scale
        v = (np.cos(angle) * dy - np.sin(angle) * dx) / scale
        cover = np.clip(0.5 - OUTLINES[thing.form](u, v) * scale * SIDE, 0, 1)  # smooth edge
        cover *= at.visible[:, None, None]
        frames += cover[..., None] * (np.float32(COLORS[thing.color]) - frames)
    return np.clip(frames + 0.5, 0, 255).astype(np.uint8)


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - 0.155


def _circle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v) - 0.13


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u) * 0.866 - v * 0.5, v) - 0.078


OUTLINES = {"circle": _circle, "square": _square, "triangle": _triangle}  # negative inside


def _spread(levels, count: int, rng: np.random.Generator) -> list:
    """`count` of the levels in random order, each as often as the others (or once more)."""
    levels = list(levels)
    order = [i for _ in range(-(-count // len(levels))) for i in rng.permutation(len(levels))]
    return [levels[i] for i in rng.permutation(order[:count])]


def _backdrop(rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(14, 30)), int(rng.integers(30, 46))


def _stand(place: str, rng: np.random.Generator) -> dict:
    """Where a thing stands, with a little jitter; "" is the middle."""
    x, y = PLACES.get(place, (0.5, 0.5))
    dx, dy = (float(d) for d in rng.uniform(-0.01, 0.01, 2))
    return {"place": place, "x": x + dx, "y": y + dy}


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


def _turns(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes on wheels: one turns, the other stands."""
    scenes = []
    for colors, forms, places in _groups(2, count, rng):
        things = tuple(
            Thing(
                color=colors[k], form=forms[k], act=act, wheel=True, phase=float(rng.uniform()),
                angle=float(rng.uniform(0, 2 * np.pi)), **_stand(places[k], rng),
            )
            for k, act in enumerate(("turn", "stand"))
        )  # fmt: skip
        scenes.append(Scene(family="turn", things=things, backdrop=_backdrop(rng)))
    return scenes


def _blinks(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes: one blinks one to three times, the other stands."""
    times = _spread(TIMES, count, rng)
    scenes = []
    for i, (colors, forms, places) in enumerate(_groups(2, count, rng)):
        blinker = Thing(
            color=colors[0], form=forms[0], act="blink", times=times[i],
            dark=_dark(TIMES.index(times[i]) + 1, rng), **_stand(places[0], rng),
        )  # fmt: skip
        stander = Thing(color=colors[1], form=forms[1], act="stand", **_stand(places[1], rng))
        scenes.append(Scene(family="blink", things=(blinker, stander), backdrop=_backdrop(rng)))
    return scenes


def _travels(count: int, rng: np.random.Generator) -> list[Scene]:
    """One shape goes in one of four directions."""
    return _goers("travel", HEADINGS, count, rng)


def _shuttles(count: int, rng: np.random.Generator) -> list[Scene]:
    """One shape goes to the left in one third of the video and to the right in the others."""
    return _goers("shuttle", ("left",), count, rng)


def _goers(act: str, headings, count: int, rng: np.random.Generator) -> list[Scene]:
    thirds = THIRDS if act == "shuttle" else ("",)
    scenes = []
    kinds = _spread(product(COLORS, FORMS, headings, thirds), count, rng)
    for color, form, heading, third in kinds:
        x, y = (float(v) for v in rng.uniform(size=2))
        if act == "shuttle":  # goes along the middle
            y = 0.5 + (y - 0.5) * 0.04
        thing = Thing(
            color=color, form=form, act=act, heading=heading,
            third=third, x=x, y=y,
        )  # fmt: skip
        scenes.append(Scene(family=act, things=(thing,), backdrop=_backdrop(rng)))
    return scenes


def _sizes(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes: one grows and starts again small, the other shrinks and starts again large."""
    scenes = []
    for colors, forms, places in _groups(2, count, rng):
        things = tuple(
            Thing(color=c, form=f, act=act, phase=float(rng.uniform()), **_stand(place, rng))
            for c, f, place, act in zip(colors, forms, places, ("grow", "shrink"), strict=True)
        )
        scenes.append(Scene(family="size", things=things, backdrop=_backdrop(rng)))
    return scenes


def _parades(count: int, rng: np.random.Generator) -> list[Scene]:
    """Three shapes take turns in the middle: one appears as another leaves, round and round."""
    phases = _spread(range(3 * STAY), count, rng)
    scenes = []
    for i, (colors, forms, _) in enumerate(_groups(3, count, rng)):
        things = tuple(
            Thing(
                color=colors[k], form=forms[k], act="show", slot=k, phase=float(phases[i]),
                next_color=colors[(k + 1) % 3], next_form=forms[(k + 1) % 3],
                **_stand("", rng),
            )
            for k in range(3)
        )  # fmt: skip
        scenes.append(Scene(family="parade", things=things, backdrop=_backdrop(rng)))
    return scenes
