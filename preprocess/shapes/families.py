"""The families of scenes of the data set `shapes`, and how a split is filled with them."""

from functools import partial
from itertools import permutations, product

import numpy as np

from preprocess.shapes.scene import (
    COLORS,
    FORMS,
    FRAMES,
    HEADINGS,
    PLACES,
    STAY,
    THIRDS,
    TIMES,
    Scene,
    Thing,
)

FAMILIES = {  # their shares of the videos
    "turn": 0.18, "blink": 0.25, "travel": 0.10, "shuttle": 0.14, "size": 0.19, "parade": 0.14,
}  # fmt: skip
OPPOSITE = (("left", "right"), ("right", "left"), ("top", "bottom"), ("bottom", "top"))
DARK = 6  # frames for which a blinking shape is dark in all, however often it blinks


def make_scenes(count: int, *, seed: int, split: int) -> list[Scene]:
    """`count` scenes; every (seed, split) is a random stream of its own."""
    rng = np.random.default_rng([seed, split, 0])
    ends = np.round(np.cumsum(list(FAMILIES.values())) * count).astype(int)
    sizes = np.diff(ends, prepend=0)
    travels = partial(_goers, "travel", HEADINGS, ("",))  # in one of four directions
    shuttles = partial(_goers, "shuttle", ("left",), THIRDS)  # in the other thirds to the right
    builders = (_turns, _blinks, travels, shuttles, _sizes, _parades)  # in the order of FAMILIES
    scenes = [s for build, n in zip(builders, sizes, strict=True) for s in build(int(n), rng)]
    return [scenes[i] for i in rng.permutation(count)]


def spread(levels, count: int, rng: np.random.Generator) -> list:
    """`count` of the levels in random order, each as often as the others (or once more)."""
    levels = list(levels)
    order = [i for _ in range(-(-count // len(levels))) for i in rng.permutation(len(levels))]
    return [levels[i] for i in rng.permutation(order[:count])]


def backdrop(rng: np.random.Generator) -> tuple[int, int]:
    """A dark grey level at the top, and one at the bottom."""
    return int(rng.integers(14, 30)), int(rng.integers(30, 46))


def _stand(place: str, rng: np.random.Generator) -> dict:
    """Where a thing stands, with a little jitter; "" is the middle."""
    x, y = PLACES.get(place, (0.5, 0.5))
    dx, dy = (float(d) for d in rng.uniform(-0.01, 0.01, 2))
    return {"place": place, "x": x + dx, "y": y + dy}


def _groups(size: int, count: int, rng: np.random.Generator, places=(("", "", ""),)):
    """`count` times the colours and forms of `size` things, all different, and their places."""
    levels = (permutations(COLORS, size), permutations(FORMS, size), places)
    colors, forms, stands = (spread(of, count, rng) for of in levels)
    return zip(colors, forms, stands, strict=True)


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
    for colors, forms, places in _groups(2, count, rng, permutations(PLACES, 2)):
        things = tuple(
            Thing(
                color=colors[k], form=forms[k], act=act, wheel=True, phase=float(rng.uniform()),
                angle=float(rng.uniform(0, 2 * np.pi)), **_stand(places[k], rng),
            )
            for k, act in enumerate(("turn", "stand"))
        )  # fmt: skip
        scenes.append(Scene(family="turn", things=things, backdrop=backdrop(rng)))
    return scenes


def _blinks(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes: one blinks one to three times, the other stands."""
    times = spread(TIMES, count, rng)
    scenes = []
    for i, (colors, forms, places) in enumerate(_groups(2, count, rng, OPPOSITE)):
        blinker = Thing(
            color=colors[0], form=forms[0], act="blink", times=times[i],
            dark=_dark(TIMES.index(times[i]) + 1, rng), **_stand(places[0], rng),
        )  # fmt: skip
        stander = Thing(color=colors[1], form=forms[1], act="stand", **_stand(places[1], rng))
        scenes.append(Scene(family="blink", things=(blinker, stander), backdrop=backdrop(rng)))
    return scenes


def _goers(act: str, headings, thirds, count: int, rng: np.random.Generator) -> list[Scene]:
    """Shapes that go, each kind (heading, third) as often with each colour and with each form."""
    colors, forms, kinds = (
        [levels[i] for i in rng.permutation(len(levels))]
        for levels in (list(COLORS), FORMS, list(product(headings, thirds)))
    )
    # An orthogonal array: even few scenes are balanced.  In a block of 3 x len(kinds) scenes
    # each colour c meets each kind k once.  Their form is (c + k) mod 3: whichever kind it is, its
    # three scenes have three forms, and no colour or form tells the kind.  The next block moves all
    # forms on by one, so that after three blocks each (colour, kind, form) has come exactly once.
    scenes = []
    for i in range(count):
        block, inside = divmod(i, 3 * len(kinds))
        k, c = divmod(inside, 3)
        color, form = colors[c], forms[(c + k + block) % 3]
        heading, third = kinds[k]
        x, y = (float(v) for v in rng.uniform(size=2))
        if act == "shuttle":  # goes along the middle
            y = 0.5 + (y - 0.5) * 0.04
        thing = Thing(color=color, form=form, act=act, heading=heading, third=third, x=x, y=y)
        scenes.append(Scene(family=act, things=(thing,), backdrop=backdrop(rng)))
    return scenes


def _sizes(count: int, rng: np.random.Generator) -> list[Scene]:
    """Two shapes: one grows and starts again small, the other shrinks and starts again large."""
    scenes = []
    for colors, forms, places in _groups(2, count, rng, permutations(PLACES, 2)):
        things = tuple(
            Thing(color=c, form=f, act=act, phase=float(rng.uniform()), **_stand(place, rng))
            for c, f, place, act in zip(colors, forms, places, ("grow", "shrink"), strict=True)
        )
        scenes.append(Scene(family="size", things=things, backdrop=backdrop(rng)))
    return scenes


def _parades(count: int, rng: np.random.Generator) -> list[Scene]:
    """One to three shapes in the middle; one appears as another leaves, round and round."""
    times = spread(TIMES, count, rng)
    scenes = []
    for i, (colors, forms, places) in enumerate(_groups(3, count, rng)):
        shapes = TIMES.index(times[i]) + 1
        phase = float(rng.integers(shapes * STAY))
        things = tuple(
            Thing(
                color=colors[k], form=forms[k], act="show", times=times[i], slot=k, phase=phase,
                **_stand(places[k], rng),
            )
            for k in range(shapes)
        )  # fmt: skip
        scenes.append(Scene(family="parade", things=things, backdrop=backdrop(rng)))
    return scenes
