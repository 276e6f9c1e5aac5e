"""Which questions count and which answers are classes, and what follows for any model at all."""

from collections import Counter, defaultdict

import numpy as np

from data_loader.questions import Questions
from evaluation.answers import Asked
from options.evaluate import Protocol
from util.errors import UserError

TITLES = {
    "full": "protocol full",
    "answerable": "PROTOCOL answerable: unanswerable questions dropped, not comparable with full",
    "union-vocabulary": "PROTOCOL union-vocabulary: answers of all splits are classes, not "
    "comparable with full",
}


def counted(asked: Asked, protocol: Protocol) -> np.ndarray:
    """Which questions a protocol counts.  -> (Q,) bool; UserError if it counts none."""
    keep = asked.known.copy() if protocol == "answerable" else np.ones(len(asked), dtype=bool)
    if not keep.any():
        raise UserError(
            f"--protocol answerable: none of the {len(asked)} questions of split {asked.split} has "
            "an answer that is a class; use --protocol full"
        )
    return keep


def check_protocol(questions: Questions, protocol: Protocol) -> None:
    """A question file's classes must be those of the protocol; UserError otherwise."""
    if questions.kind != "open" and protocol != "full":
        raise UserError(
            f"--protocol {protocol}: is about the classes of open questions, {questions.path} is "
            f"of kind {questions.kind}; use --protocol full"
        )
    union = questions.answers_from == "union"
    if union and protocol != "union-vocabulary":
        raise UserError(
            f"{questions.path}: its classes include answers of validation and test; give "
            "--protocol union-vocabulary, or encode the questions anew with --answers_from train"
        )
    if protocol == "union-vocabulary" and not union:
        raise UserError(
            f"{questions.path}: its classes come from the training split alone; encode the "
            "questions with preprocess.questions --answers_from union and train on that file, or "
            "use --protocol full"
        )


def attainable(asked: Asked) -> np.ndarray:
    """Which questions one can get right together: the best that conflicting duplicates allow.

    The same question about the same video with several answers can be right for one of them only;
    the commonest among the classes is taken.  -> (Q,) bool.
    """
    groups: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for i in np.flatnonzero(asked.known):
        groups[asked.video[i], _plain(asked.text[i])][asked.answer[i]] += 1
    best = {key: count.most_common(1)[0][0] for key, count in groups.items()}
    right = [
        best.get((video, _plain(text))) == answer
        for video, text, answer in zip(asked.video, asked.text, asked.answer, strict=True)
    ]
    return np.array(right, dtype=bool)


def baseline_hits(asked: Asked) -> dict[str, np.ndarray]:
    """What needs no model, as hits (Q,): the constant answer of each type and the two ceilings.

    Without a training split there is no constant.
    """
    hits = {"vocabulary_ceiling": asked.known, "conflict_ceiling": attainable(asked)}
    if asked.constant is not None:
        hits = {"constant_per_type": asked.constant == asked.answer, **hits}
    return hits


def _plain(text: str) -> str:
    """A question as the model reads it, but for its tokens: case and blanks do not matter."""
    return " ".join(text.lower().split())
