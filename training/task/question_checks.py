"""Options, and checkpoints, that do not go with a question file's kind of answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_loader.questions import Questions
from options.task import QaRunOptions
from util.errors import UserError


def refuse_needless(options: QaRunOptions, questions: Questions) -> None:
    """Raise UserError for an option that reaches nothing in questions of this kind."""
    loss, kind = options.loss, questions.kind
    of = f"{questions.path} has {described(questions)}"
    if loss.choice_loss != "ce" and kind != "choice":
        raise UserError(
            f"--choice_loss {loss.choice_loss}: is for multiple choice, and {of}; leave it out"
        )
    if options.model.candidate_encoder != "cross" and kind != "choice":
        raise UserError(
            f"--candidate_encoder {options.model.candidate_encoder}: is for multiple choice, and "
            f"{of}; leave it out"
        )
    if loss.count_as != "value" and kind != "count":
        raise UserError(f"--count_as {loss.count_as}: is for counts, and {of}; leave it out")
    if loss.label_smoothing and kind == "count":
        raise UserError(
            f"--label_smoothing {loss.label_smoothing}: is for classes and candidates, and {of}; "
            "leave it out"
        )
    if options.model.semantic_head and kind != "open":
        raise UserError(
            f"--semantic_head: is for the classes of open answers, and {of}; leave it out"
        )
    if loss.count_as == "ordinal" and questions.count_range is not None:
        least, most = questions.count_range
        if least == most:
            raise UserError(
                f"--count_as ordinal: every training answer of {questions.path} is {least}, there "
                "is nothing to order; leave it out"
            )
    if options.train.cuda_graph and kind == "choice":
        learned = ("train", "val") if options.data.validate_on == "seen" else ("train",)
        found = [questions.split(name).candidates for name in learned]
        numbers = {int(n) for of in found if of is not None for n in of.numbers}
        if len(numbers) > 1:  # nearly each step would be a new shape
            raise UserError(
                "--cuda_graph true: is for questions with equally many candidates, and "
                f"{questions.path} has {min(numbers)} to {max(numbers)}; leave it out"
            )


def check_same_kind(checkpoint: Mapping[str, Any], questions: Questions, run: Path) -> None:
    """Raise UserError if the checkpoint was trained for another kind of answers, or range."""
    kind, told = checkpoint.get("kind", "open"), checkpoint.get("count_range")
    if (kind, told) != (questions.kind, questions.count_range):
        was = "numbers from {} to {}".format(*told) if told else f"the kind {kind}"
        raise UserError(
            f"{questions.path} has {described(questions)}, and {run} was trained for {was}: give "
            "its own file to resume, or take another name for --run"
        )


def described(questions: Questions) -> str:
    """What is answered, in a few words."""
    if questions.count_range is not None:
        return "numbers from {} to {}".format(*questions.count_range)
    return "multiple choice" if questions.kind == "choice" else "open answers"
