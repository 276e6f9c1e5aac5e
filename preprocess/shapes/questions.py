"""Questions of the data set `shapes`: templates, answers, and the balance that gives nothing away.

All templates of a type share one set of answers, and within each wording every answer of the set
occurs equally often in every split.  So a model that reads only the question is right as often as
the commonest answer of the type, exactly.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocess.shapes.scene import COLORS, FORMS, PLACES, THIRDS, TIMES, Scene, Thing

ANSWERS: dict[str, tuple[str, ...]] = {
    "what": tuple(COLORS),
    "who": FORMS,
    "how": TIMES,
    "when": THIRDS,
    "where": tuple(PLACES),
}


@dataclass(frozen=True)
class Template:
    """One way to ask about a thing of a family.

    `text` may hold the {color} or {form} of the thing, `acts` says which things it is asked of,
    `answer` which field of the thing is the answer.  `temporal`: no single frame tells.
    """

    family: str
    acts: tuple[str, ...]
    text: str
    answer: str
    temporal: bool

    @property
    def type(self) -> str:
        """The question's type: its first word."""
        return self.text.split()[0]


TEMPLATES = (
    # family, asked of, wording, answer, temporal
    Template("turn", ("turn", "stand"), "where is the {color} shape?", "place", False),
    Template("turn", ("turn",), "who turns?", "form", True),
    Template("turn", ("turn",), "what color turns?", "color", True),
    Template("blink", ("blink",), "who blinks?", "form", True),
    Template("blink", ("blink",), "what color blinks?", "color", True),
    Template("blink", ("blink",), "how many times does the {color} shape blink?", "times", True),
    Template("blink", ("blink",), "how many times does the {form} blink?", "times", True),
    Template("travel", ("travel",), "where does the {color} shape go?", "heading", True),
    Template("travel", ("travel",), "what color is the {form}?", "color", False),
    Template("shuttle", ("shuttle",), "when does the {color} shape go left?", "third", True),
    Template("shuttle", ("shuttle",), "when does the {form} go left?", "third", True),
    Template("size", ("grow",), "what color grows?", "color", True),
    Template("size", ("shrink",), "what color shrinks?", "color", True),
    Template("size", ("grow",), "where is the shape that grows?", "place", True),
    Template("size", ("shrink",), "where is the shape that shrinks?", "place", True),
    Template("parade", ("show",), "what color is the {form}?", "color", False),
    Template("parade", ("show",), "who is {color}?", "form", False),
    Template("parade", ("show",), "how many shapes appear?", "times", True),
)


@dataclass(frozen=True)
class Question:
    """A question about one video (its index in the split)."""

    video: int
    text: str
    answer: str
    template: Template


def ask(scenes: Sequence[Scene], *, seed: int, split: int) -> list[Question]:
    """All questions of a split, balanced, in the order of the videos."""
    rng = np.random.default_rng([seed, split, 1])
    asked, times = [], Counter()
    for video, scene in enumerate(scenes):
        for template in TEMPLATES:
            if template.family == scene.family:
                subjects = [thing for thing in scene.things if thing.act in template.acts]
                rng.shuffle(subjects)
                choice = [_question(video, template, thing) for thing in subjects]
                asked.append(min(choice, key=lambda q: times[q.template, q.text, q.answer]))
                times[template, asked[-1].text, asked[-1].answer] += 1
    return _balance(asked, rng)


def _question(video: int, template: Template, thing: Thing) -> Question:
    text = template.text.format(color=thing.color, form=thing.form)
    return Question(video, text, getattr(thing, template.answer), template)


def _balance(asked: list[Question], rng: np.random.Generator) -> list[Question]:
    """Leave out questions, at random, until each wording has every answer equally often."""
    cells: dict[tuple[Template, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, question in enumerate(asked):
        cells[question.template, question.text][question.answer].append(i)
    kept: list[int] = []
    for (template, _), by_answer in cells.items():
        each = min(len(by_answer[answer]) for answer in ANSWERS[template.type])
        for answer in ANSWERS[template.type]:
            kept += list(rng.permutation(by_answer[answer])[:each])
    return [asked[i] for i in sorted(kept)]
