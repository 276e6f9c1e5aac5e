"""A scene of the data set `shapes`: what happens in a video, and how it looks.

The principle that makes it a test of watching: whatever moves, moves in a cycle that starts at a
random moment (a traveller leaves on one side and comes in on the other, a growing shape starts
again small, shapes take turns).  So a frame looks the same under every answer, whenever it is
taken; only the change from frame to frame tells the answers apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FRAMES, FPS, SIDE = 24, 8, 64  # frames of a video, frames per second, pixels of a frame's side

COLORS = {"red": (240, 48, 52), "green": (44, 204, 84), "blue": (56, 92, 250)}
FORMS = ("circle", "square", "triangle")
PLACES = {"left": (0.24, 0.5), "right": (0.76, 0.5), "top": (0.5, 0.24), "bottom": (0.5, 0.76)}
HEADINGS = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
TIMES = ("one", "two", "three")
THIRDS = ("start", "middle", "end")

STAY = 4  # frames for which each shape of a parade stays
STEP = {"travel": 0.06, "shuttle": 0.05}  # way from one frame to the next, part of the side
WHEEL, LAP = 0.05, 8  # a turning shape sits on a wheel of this radius; frames of its lap, as a rule
SMALL, LARGE = 0.4, 1.15  # scale at the two ends of growing


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One shape and what it does.  Lengths are fractions of the frame's side."""

    color: str
    form: str
    act: str  # a family's name, "stand", "grow", "shrink" or "show" (in a parade)
    place: str = ""  # where it stands; "" for one that goes
    heading: str = ""  # where it goes; a shuttle: in one third only, otherwise the other way
    third: str = ""  # when a shuttle goes to `heading`
    times: str = ""  # how often it blinks; in a parade: how many shapes there are
    dark: tuple[tuple[int, int], ...] = ()  # [from, to) frames in which it is dark
    x: float = 0.5
    y: float = 0.5
    angle: float = 0.0
    wheel: bool = False  # whether it sits on a wheel, at rest or turning
    phase: float = 0.0  # where in its cycle it is at frame 0
    slot: int = 0  # its turn in a parade
    lap: int = field(default=LAP, repr=False)  # frames in which it goes round on its wheel


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
        turn = 2 * np.pi * (thing.phase + (time / thing.lap if thing.act == "turn" else 0 * time))
        x, y, angle = x + WHEEL * np.cos(turn), y + WHEEL * np.sin(turn), angle + turn
    if thing.act in ("grow", "shrink"):
        cycle = (thing.phase + time / FRAMES) % 1
        scale = SMALL + (LARGE - SMALL) * (cycle if thing.act == "grow" else 1 - cycle)
    if thing.act == "show":
        shapes = TIMES.index(thing.times) + 1
        visible = (time + int(thing.phase)) // STAY % shapes == thing.slot
    for start, end in thing.dark:
        visible[start:end] = False
    return Track(x, y, angle, scale, visible)


def third_of_frame() -> np.ndarray:
    """(FRAMES,) which third of the video each frame belongs to: 0, 1 or 2."""
    return np.arange(FRAMES) * 3 // FRAMES


def draw(scene: Scene) -> np.ndarray:
    """Frames (FRAMES, SIDE, SIDE, 3), uint8 RGB."""
    return paint([(thing, track(thing)) for thing in scene.things], scene.backdrop)


def paint(
    drawn: Sequence[tuple[Thing, Track]], backdrop: tuple[int, int], frames: int = FRAMES
) -> np.ndarray:
    """Things along their tracks of T = `frames` frames -> (T, SIDE, SIDE, 3), uint8 RGB."""
    top, bottom = backdrop
    rows = np.linspace(top, bottom, SIDE, dtype=np.float32)[:, None, None]
    pictures = np.broadcast_to(
        rows * np.array([0.9, 0.95, 1.2], np.float32), (frames, SIDE, SIDE, 3)
    ).copy()
    centres = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    for thing, at in drawn:
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
        pictures += cover[..., None] * (np.array(COLORS[thing.color], np.float32) - pictures)
    return np.clip(pictures + 0.5, 0, 255).astype(np.uint8)


OUTLINES = {  # (u, v) from a shape's centre -> its edge's distance, negative inside
    "circle": lambda u, v: np.hypot(u, v) - 0.137,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) - 0.155,
    "triangle": lambda u, v: np.maximum(np.abs(u) * 0.866 - v * 0.5, v) - 0.07,
}
