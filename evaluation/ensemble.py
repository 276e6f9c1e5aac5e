"""Several runs as one model: the mean of their probabilities, of counts that of their values."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import Tensor

from data_loader.questions import load_questions
from data_loader.vocabulary import UNKNOWN_ANSWERS
from evaluation.answers import Answers, answers_of, asked, objects
from evaluation.kind.count import told
from inference.run import Run, load_run
from inference.run_files import output_folder
from model.task.qa import QuestionAnswering
from options.data import Video
from options.evaluate import ScoreOptions, SplitOptions
from util.errors import UserError

ONE_BY_ONE = "their mean would be of different questions; evaluate them one by one"


@dataclass
class Sum:
    """What runs that answered the same questions told, added up."""

    first: Answers  # of the first run
    words: tuple[str, ...]  # the answers that the A classes are
    runs: list[Path]  # folders or packed files, each once
    total: Tensor  # (Q, A) probabilities of classes or of candidates; (Q, 1) values of counts

    def answers(self) -> Answers:
        """The best answers by the mean."""
        mean, asked = self.total / len(self.runs), self.first.asked
        if asked.kind == "count":
            value = mean[:, 0].double().numpy()
            chosen = told(value, asked.count_range)
            names = [str(number) for number in chosen.tolist()]
            top = [[(name, 1.0)] for name in names]
            found = replace(self.first, predicted=objects(names), top=top, chosen=chosen)
            return replace(found, name=name_of(self.runs), value=value)
        if asked.kind == "choice":
            best = mean.sort(
                dim=1, descending=True, stable=True
            )  # of equal ones the first, as a run
            columns = best.indices[:, :5], best.values[:, :5]
        else:
            best = mean.topk(min(5, len(self.words) - UNKNOWN_ANSWERS))
            columns = best.indices, best.values
        return answers_of(name_of(self.runs), self.first.video, asked, self.words, *columns)


class Ensemble:
    """The probabilities of runs, gathered while each is scored by itself; of counts the values.

    Their mean is the ensemble's (Dietterich 2000, section 2), unknown classes masked out.  Runs may
    see other features, but must have the same classes.
    """

    def __init__(self) -> None:
        """Without any run."""
        self.sums: dict[str, Sum] = {}  # by row of the table, `evaluation.kind`

    def add(self, row: str, run: Run[QuestionAnswering], given: Answers, told: Tensor) -> None:
        """Add a run's answers with the probability of every class or candidate (Q, A).

        Of counts the values (Q, 1).

        A run that is there already, being question only of several, counts once.
        """
        one = self.sums.get(row)
        if one is None:
            words = run.task.vocabulary.answers
            self.sums[row] = Sum(given, words, [run.path], told)
        elif run.path not in one.runs:
            one.total += told
            one.runs.append(run.path)


def name_of(runs: list[Path]) -> str:
    """The name of an ensemble: its runs'."""
    return "+".join(output_folder(run).name for run in runs)


def folder_of(options: ScoreOptions) -> Path:
    """Where an ensemble's files lie: beside its first run, in a folder called by all names."""
    runs = [Path(os.path.normpath(run)) for run in options.run]
    return output_folder(runs[0]).parent / name_of(runs)


def check_same_questions(options: ScoreOptions, where: SplitOptions) -> None:
    """Runs that are measured together must answer the same questions of the same videos.

    Raises UserError that names the first difference.
    """
    first: dict[str, np.ndarray] = {}
    kinds: list[str] = []
    for folder in options.run:
        own = _load(folder, options.checkpoint)["options"]["questions"]
        path = where.questions or own
        split = asked(load_questions(path), where.split)
        columns = {"id": split.id, "video": split.video, "text": split.text, "answer": split.answer}
        if split.choices is not None:
            columns["choices"] = split.choices
        first = first or columns
        kinds.append(split.kind)
        if split.kind != kinds[0]:
            raise UserError(
                f"--run {folder}: answers questions of kind {split.kind}, {options.run[0]} of kind "
                f"{kinds[0]}; evaluate runs of one kind together"
            )
        for name, mine in columns.items():
            if len(mine) != len(first[name]):
                raise UserError(
                    f"--run {folder}: {len(mine)} questions in split {where.split} of {path}, "
                    f"{options.run[0]} has {len(first[name])}: {ONE_BY_ONE}"
                )
            if differ := np.flatnonzero(mine != first[name]).tolist():
                i = differ[0]
                raise UserError(
                    f"--run {folder}: {name} {mine[i]!r} of question {split.id[i]!r} is "
                    f"{first[name][i]!r} for {options.run[0]} ({len(differ)} differ): {ONE_BY_ONE}"
                )


def check_members(options: ScoreOptions) -> Video:
    """What the runs of an ensemble are shown.

    Raises UserError for a run that has other classes than the first, or is shown something else.
    """
    first, *_ = options.run
    found = {run: _load(run, options.checkpoint) for run in options.run}
    video = {run: options.video or content["options"]["video"] for run, content in found.items()}
    found |= {run: _load(run) for run in options.question_only}
    kinds = {run: _kind(content) for run, content in found.items()}
    for run, kind in kinds.items():
        if kind != kinds[first]:
            raise UserError(
                f"--ensemble: {run} gives answers of kind {kind}, {first} of kind {kinds[first]}; "
                "train both on one question file"
            )
    classes = {run: content["vocabulary"]["answers"] for run, content in found.items()}
    for run, answers in classes.items():
        if answers != classes[first]:
            raise UserError(
                f"--ensemble: {run} has other answers as classes ({len(answers):,}) than {first} "
                f"({len(classes[first]):,}); train both on question files of one training split"
            )
    for run, shown in video.items():
        if shown != video[first]:
            raise UserError(
                f"--ensemble: {run} was trained with --video {shown}, {first} with "
                f"{video[first]}; name runs that were trained alike, or give --video for all"
            )
    return cast(Video, video[first])


def _kind(content: dict[str, Any]) -> str:
    """The kind of a checkpoint's answers; of counts with the numbers it tells."""
    kind = content.get("kind", "open")  # runs of earlier versions had no other
    span = content.get("count_range")
    return kind if span is None else "{}, from {} to {}".format(kind, *span)


def _load(run: str, checkpoint: str = "best") -> dict[str, Any]:
    """The content of a run's checkpoint; UserError if the run answers no questions."""
    content = load_run(run, checkpoint)
    if content["task"] != "qa":
        raise UserError(
            f"{run}: a run of the task {content['task']} answers no questions: name one of the "
            "task qa"
        )
    return content
