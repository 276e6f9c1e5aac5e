"""Measure a run, or several as one: asked, asked without video, asked of other videos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from data_loader.questions import Questions
from evaluation.answers import Answers
from evaluation.ensemble import Ensemble
from evaluation.kind.metric import measure
from evaluation.kind.table import MEASURES
from evaluation.protocol import check_protocol, counted
from evaluation.run import answer, find_run_without_video, run_questions
from evaluation.score import Score
from inference.run import Run, open_run
from model.task.qa import QuestionAnswering
from options.data import Video
from options.evaluate import ScoreOptions, SplitOptions
from util.errors import UserError
from util.statistics import Bootstrap


def score_run(
    folder: str, options: ScoreOptions, where: SplitOptions, ensemble: Ensemble | None = None
) -> tuple[Score, Score | None]:
    """Measure one run; the second Score is the same run asked of other videos, if it saw videos.

    An `ensemble` gets the probabilities, or values, of all that is asked.  Raises UserError for a
    run, a question file, a store or a protocol that do not fit.
    """

    def ask(
        row: str,
        run: Run[QuestionAnswering],
        questions: Questions,
        video: Video,
        beside: Answers | None = None,
    ) -> Answers:
        every = ensemble is not None and questions.kind != "count"
        given, raw = answer(run, questions, where, video, every_class=every)
        keep = counted(given.asked, options.protocol)
        given = given.only(keep)
        if beside is not None:
            _check_same(beside, given, run.path)
        if ensemble is not None:
            told = raw.value[:, None] if questions.kind == "count" else raw.classes
            ensemble.add(row, run, given, told[torch.from_numpy(keep)])
        return given

    run = open_run(folder, QuestionAnswering, checkpoint=options.checkpoint, device=where.device)
    questions = run_questions(run, where.questions)
    check_protocol(questions, options.protocol)
    video = cast(Video, options.video or run.options["video"])
    found = ask("accuracy", run, questions, video)
    others: dict[str, Answers] = {}
    blind = _question_only(run, options, video)
    if blind:
        other = open_run(blind, QuestionAnswering, device=where.device)
        same = run_questions(other, where.questions)
        others["question_only"] = ask("question_only", other, same, "none", found)
    if video == "real":
        others["shuffled_video"] = ask("shuffled_video", run, questions, "shuffled")
    return _with_control(found, run.step, options.protocol, others, blind and blind.name, ())


def score_ensemble(ensemble: Ensemble, members: Sequence[Score]) -> tuple[Score, Score | None]:
    """Measure the mean of the runs' probabilities or values as `score_run` does a run.

    Question only, and with it the vision gain, is the mean of those of all runs, if each has one.
    """
    others = {row: one.answers() for row, one in ensemble.sums.items()}
    found = others.pop("accuracy")
    if not all(member.question_only for member in members):
        others.pop("question_only", None)
    blind = others["question_only"].name if "question_only" in others else None
    step = max(member.step for member in members)
    return _with_control(found, step, members[0].protocol, others, blind, tuple(members))


def _with_control(
    found: Answers,
    step: int,
    protocol: str,
    others: dict[str, Answers],
    blind: str | None,
    members: tuple[Score, ...],
) -> tuple[Score, Score | None]:
    """The score of `found`, and that of its shuffled-video control if `others` have it."""
    bootstrap = Bootstrap(found.asked.video, found.asked.type)
    whole = _score(found, step, protocol, bootstrap, others, blind)
    moved = others.get("shuffled_video")
    control = moved and _score(moved, step, protocol, bootstrap, {}, None)
    return replace(whole, members=members), control


def _score(
    found: Answers,
    step: int,
    protocol: str,
    bootstrap: Bootstrap,
    others: dict[str, Answers],
    blind: str | None,
) -> Score:
    """The numbers of one set of answers beside those of `others` and of no model."""
    kind = MEASURES[found.asked.kind]
    labels = tuple(kind.labels)
    rows = kind.without_model(found.asked)
    for metric, numbers in kind.numbers(found).items():
        rows[metric][metric] = numbers
    for name, other in others.items():
        for metric, numbers in kind.numbers(other).items():
            rows[metric][name] = numbers
    return Score(
        answers=found,
        step=step,
        protocol=protocol,
        counts=bootstrap.counts,
        measured=tuple(measure(m, rows[m.key], labels, bootstrap) for m in kind.metrics),
        question_only=blind,
    )


def _question_only(run: Run[QuestionAnswering], options: ScoreOptions, video: Video) -> Path | None:
    """The run to subtract: the one named, or found; None where there is nothing to subtract."""
    if not options.question_only:
        return find_run_without_video(run) if video == "real" else None
    (folder,) = options.question_only
    if video == "none":
        raise UserError(
            f"--question_only {folder}: {run.path} is asked without video itself; "
            "leave the flag out"
        )
    return Path(folder)


def _check_same(a: Answers, b: Answers, folder: Path) -> None:
    """Two runs must have answered the same questions."""
    if len(a.asked) != len(b.asked) or not np.array_equal(a.asked.id, b.asked.id):
        raise UserError(
            f"{folder} answers other questions ({len(b.asked)}) than {a.name} ({len(a.asked)}): "
            "train both on the same question file"
        )
