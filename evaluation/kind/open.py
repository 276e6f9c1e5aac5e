"""Open questions: one class of many is right."""

import numpy as np

from evaluation.answers import Answers, Asked
from evaluation.kind.metric import ACCURACY
from evaluation.protocol import baseline_hits

METRICS = (ACCURACY,)
LABELS = {
    "constant_per_type": "constant answer",
    "question_only": "question only",
    "accuracy": "this run",
    "shuffled_video": "shuffled-video control",
    "vocabulary_ceiling": "vocabulary ceiling",
    "conflict_ceiling": "conflict ceiling",
}
TRAINED = ("constant_per_type",)


def numbers(answers: Answers) -> dict[str, np.ndarray]:
    """Of each metric, the numbers (Q,) whose means count."""
    return {ACCURACY.key: answers.correct}


def without_model(asked: Asked) -> dict[str, dict[str, np.ndarray]]:
    """Of each metric, the rows that need no model, (Q,) each."""
    return {ACCURACY.key: baseline_hits(asked)}
