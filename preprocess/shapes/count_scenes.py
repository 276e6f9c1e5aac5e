"""Scenes of the generated set of counts: a shape that blinks, bounces or passes, 0 to 9 times.

It does so at moments of its own, and nothing in a question gives the number away.  Events last two
frames or more, with a frame or more of rest between them: whoever sees each of the LENGTH frames
can count them, and frames further apart than that miss some.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from preprocess.shapes.families import backdrop
from preprocess.shapes.scene import COLORS, FORMS, Thing, Track, paint

LENGTH = 75  # frames of a video; `--clips 24 --frames 4` sees those from 1 to 73, without a gap
FIRST, LAST = 4, 70  # [from, to) frames in which something may happen
MOST = 9  # times
SIZE = 0.75  # scale of a shape
HOP = 0.25  # how high one jumps that bounces, part of the side


@dataclass(frozen=True)
class Act:
    """How an event looks in time, in frames."""

    shortest: int
    longest: int
    rest: int  # at least, between two events


ACTS = {
    "blink": Act(shortest=2, longest=5, rest=2),
    "bounce": Act(shortest=3, longest=6, rest=2),
    "pass": Act(shortest=4, longest=7, rest=1),
}
WORDINGS = ("how often does the {color} shape {act}?", "how often does the {form} {act}?")
UNIT = len(ACTS) * (MOST + 1) * len(COLORS)  # scenes by which a split grows


@dataclass(frozen=True, kw_only=True)
class CountScene:
    """One video: a shape, and when it does what it does."""

    thing: Thing  # `act` is a key of ACTS, `heading` where one goes that passes
    events: tuple[tuple[int, int], ...]  # [from, to) frames of each
    backdrop: tuple[int, int]

    @property
    def times(self) -> int:
        """How often."""
        return len(self.events)

    def frames(self) -> np.ndarray:
        """Frames (LENGTH, SIDE, SIDE, 3), uint8 RGB."""
        return paint([(self.thing, count_track(self))], self.backdrop, LENGTH)


def count_track(scene: CountScene) -> Track:
    """Where a shape is and whether it is seen, frame by frame."""
    thing = scene.thing
    x, y = np.full(LENGTH, thing.x), np.full(LENGTH, thing.y)
    visible = np.full(LENGTH, thing.act != "pass")
    for start, end in scene.events:
        part = (np.arange(end - start) + 0.5) / (end - start)  # of the event, 0 to 1
        if thing.act == "bounce":
            y[start:end] -= HOP * 4 * part * (1 - part)
        elif thing.act == "pass":
            x[start:end] = part if thing.heading == "right" else 1 - part
        visible[start:end] = thing.act != "blink"
    return Track(x, y, np.zeros(LENGTH), np.full(LENGTH, SIZE), visible)


def make_count_scenes(count: int, *, seed: int, split: int) -> list[CountScene]:
    """`count` scenes, a multiple of UNIT; every (seed, split) is a random stream of its own.

    Each act has each number of times equally often, with each colour and with each form, exactly.
    """
    rng = np.random.default_rng([seed, split, 5])
    scenes = [scene for _ in range(count // UNIT) for scene in _block(rng)]
    return [scenes[i] for i in rng.permutation(len(scenes))]


def asked(scene: CountScene) -> Iterator[tuple[str, int]]:
    """The questions about a scene with their answers: its shape by colour and by form."""
    thing = scene.thing
    for wording in WORDINGS:
        yield wording.format(color=thing.color, form=thing.form, act=thing.act), scene.times


def _block(rng: np.random.Generator) -> Iterator[CountScene]:
    """UNIT scenes: whatever is done so often is done in three colours and in three forms."""
    forms = list(FORMS)
    for act, times in product(ACTS, range(MOST + 1)):
        for color, form in zip(COLORS, rng.permutation(len(forms)).tolist(), strict=True):
            heading = ("left", "right")[int(rng.integers(2))] if act == "pass" else ""
            x, y = (float(v) for v in rng.uniform(0.3, 0.7, 2))
            yield CountScene(
                thing=Thing(color=color, form=forms[form], act=act, heading=heading, x=x, y=y),
                events=_events(ACTS[act], times, rng),
                backdrop=backdrop(rng),
            )


def _events(act: Act, times: int, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """`times` events of one length, at random moments."""
    if times == 0:
        return ()
    longest = min(act.longest, (LAST - FIRST) // times - act.rest)
    length = int(rng.integers(act.shortest, longest + 1))
    free = LAST - FIRST - times * length - (times - 1) * act.rest
    gaps = rng.multinomial(free, rng.dirichlet([1.0] * (times + 1)))[:-1]
    starts = FIRST + np.cumsum(gaps) + np.arange(times) * (length + act.rest)
    return tuple((int(s), int(s) + length) for s in starts)
