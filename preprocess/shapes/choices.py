"""Multiple-choice questions of the data set `shapes`, whose candidates give nothing away.

    OUTPUT/{train,val,test}_choice.json
    a list of {"id", "question", "video_id", "choices": [text, ...], "answer": index}

Questions come in groups of 2 to 6 about as many videos of a split.  All of a group have the same
wording and the same candidates in the same order, and each candidate is right in one of them.  So
whatever picks a candidate without the video (the first, the longest, the one most often right, the
most refined function of question and candidates) is right in exactly one of each group.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from preprocess.shapes.scene import Scene, Thing

MOST = 6  # candidates
DOES = {
    "turn": "it turns", "stand": "it stands still", "blink": "it blinks", "grow": "it grows",
    "shrink": "it shrinks",
}  # fmt: skip
GOES = {
    "left": "it goes to the left", "right": "it goes to the right", "top": "it goes up",
    "bottom": "it goes down",
}  # fmt: skip
TIMES = {"one": "once", "two": "twice", "three": "three times"}
THIRDS = {"start": "at the start", "middle": "in the middle", "end": "at the end"}
PLACES = {
    "left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom",
}  # fmt: skip


@dataclass(frozen=True)
class ChoiceQuestion:
    """A question about one video (its index in the split)."""

    video: int
    text: str
    choices: tuple[str, ...]
    answer: int  # which of them


def choose(scenes: Sequence[Scene], *, seed: int, split: int) -> list[ChoiceQuestion]:
    """The questions of a split, in the order of the videos; a random stream of its own."""
    rng = np.random.default_rng([seed, split, 4])
    open_groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for video, scene in enumerate(scenes):
        for text, phrase in _facts(scene):
            open_groups[text][phrase].append(video)
    asked = [
        question
        for text, videos_of in open_groups.items()
        for question in _groups(text, videos_of, rng)
    ]
    return sorted(asked, key=lambda q: q.video)


def _groups(
    text: str, videos_of: dict[str, list[int]], rng: np.random.Generator
) -> Iterator[ChoiceQuestion]:
    """Groups of one wording; `videos_of`: those in which a phrase is the answer."""
    while len(left := [phrase for phrase, videos in videos_of.items() if videos]) > 1:
        size = int(rng.integers(2, min(MOST, len(left)) + 1))
        # The phrases of which most videos are left: so few are left over at the end.
        order = sorted(rng.permutation(len(left)).tolist(), key=lambda i: -len(videos_of[left[i]]))
        phrases = [left[i] for i in rng.permutation(order[:size])]
        for answer, phrase in enumerate(phrases):
            yield ChoiceQuestion(videos_of[phrase].pop(), text, tuple(phrases), answer)


def _facts(scene: Scene) -> Iterator[tuple[str, str]]:
    """What can be asked about a scene, and the one true phrase; all others of a wording are false.

    But for the shapes of a parade, no single frame tells which phrase it is.
    """
    things = scene.things
    first = things[0]
    if scene.family == "parade":
        yield "which shapes appear?", " and ".join(sorted(map(_named, things)))
        return
    for thing in things:
        if thing.act in DOES:
            yield f"what does the {thing.color} shape do?", DOES[thing.act]
        if thing.act in ("turn", "blink", "grow", "shrink"):
            yield f"which shape {thing.act}s?", f"the {thing.color} {thing.form}"
        if thing.act in ("grow", "shrink"):
            yield f"where is the shape that {thing.act}s?", PLACES[thing.place]
    if scene.family == "travel":
        yield f"what does the {first.color} shape do?", GOES[first.heading]
    elif scene.family == "shuttle":
        yield f"when does the {first.color} shape go left?", THIRDS[first.third]
    elif scene.family == "blink":
        yield f"how many times does the {first.color} shape blink?", TIMES[first.times]


def _named(thing: Thing) -> str:
    return f"a {thing.color} {thing.form}"
