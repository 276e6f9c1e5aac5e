"""Multiple choice: one of the candidates of a question is right."""

import numpy as np

from evaluation.answers import Answers, Asked
from evaluation.kind.metric import ACCURACY

METRICS = (ACCURACY,)
LABELS = {
    "chance": "chance",
    "first": "first choice",
    "longest": "longest choice",
    "prior": "likeliest choice",  # whatever is asked, as the training split has it
    "question_only": "question only",
    "accuracy": "this run",
    "shuffled_video": "shuffled-video control",
}
TRAINED = ("prior",)


def numbers(answers: Answers) -> dict[str, np.ndarray]:
    """Of each metric, the numbers (Q,) whose means count."""
    return {ACCURACY.key: answers.correct}


def without_model(asked: Asked) -> dict[str, dict[str, np.ndarray]]:
    """Of each metric, the rows that need no model, (Q,) each."""
    assert asked.choices is not None
    chance = 1 / np.array([len(of) for of in asked.choices], dtype=np.float64)
    hits = {row: told == asked.right for row, told in asked.guesses.items()}
    return {ACCURACY.key: {"chance": chance, **hits}}
