"""One run on one split: its accuracy beside all that it must be judged by."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from data_loader.questions import Questions
from evaluation.answers import Answers
from evaluation.ensemble import Ensemble
from evaluation.format import (
    Interval,
    between,
    columns_of,
    grid,
    largest_types,
    left_out,
    markdown,
    percent,
    signed,
)
from evaluation.protocol import TITLES, baseline_hits, check_protocol, counted
from evaluation.run import answer, find_run_without_video, run_questions
from inference.run import Run, open_run
from model.task.qa import QuestionAnswering
from options.data import Video
from options.evaluate import ScoreOptions, SplitOptions
from util.errors import UserError
from util.files import whole_file
from util.grouped import Grouped, combined
from util.statistics import Bootstrap, reliability

LABELS = {
    "constant_per_type": "constant answer",
    "question_only": "question only",
    "accuracy": "this run",
    "shuffled_video": "shuffled-video control",
    "vocabulary_ceiling": "vocabulary ceiling",
    "conflict_ceiling": "conflict ceiling",
}


@dataclass(frozen=True, eq=False)
class Score:
    """The measurements of a run: for each row of `LABELS` that it has, accuracy."""

    answers: Answers
    step: int
    protocol: str
    counts: Grouped[int]  # questions
    accuracy: dict[str, Grouped[float]] = field(default_factory=dict)
    interval: dict[str, Grouped[Interval]] = field(default_factory=dict)
    gain: Grouped[float] | None = None  # vision gain, if known
    gain_interval: Grouped[Interval] | None = None
    question_only: str | None = None  # the run behind that row
    members: tuple["Score", ...] = ()  # the runs of an ensemble, each by itself

    @property
    def over_members(self) -> tuple[Grouped[float], Grouped[float]]:
        """Mean and standard deviation of the accuracies of an ensemble's runs."""
        found = [member.accuracy["accuracy"] for member in self.members]
        return combined(statistics.mean, found), combined(statistics.stdev, found)

    def label(self, row: str) -> str:
        """What a row of `LABELS` is called in tables and pictures."""
        return "this ensemble" if row == "accuracy" and self.members else LABELS[row]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of the answer's probability."""
        return reliability(self.answers.probability, self.answers.correct)[3]

    def summary(self) -> dict[str, Any]:
        """All numbers as plain types; each metric's name begins with the split's."""
        split = self.answers.asked.split
        out: dict[str, Any] = {
            "run": self.answers.name,
            "step": self.step,
            "split": split,
            "video": self.answers.video,
            "protocol": self.protocol,
            "questions": len(self.answers.asked),
            "videos": self.answers.asked.videos,
            "counts": asdict(self.counts),
        }
        for row, found in self.accuracy.items():
            out[f"{split}/{row}"] = asdict(found)
        out[f"{split}/accuracy_interval"] = asdict(self.interval["accuracy"])
        if self.gain and self.gain_interval:
            out[f"{split}/vision_gain"] = asdict(self.gain)
            out[f"{split}/vision_gain_interval"] = asdict(self.gain_interval)
            out["question_only_run"] = self.question_only
        out[f"{split}/calibration_error"] = self.calibration_error
        if self.members:
            out["runs"] = [member.answers.name for member in self.members]
            out["steps"] = [member.step for member in self.members]
            mean, deviation = self.over_members
            out[f"{split}/runs_mean"] = asdict(mean)
            out[f"{split}/runs_deviation"] = asdict(deviation)
        return out

    def table(self) -> str:
        """The table for the terminal."""
        types = largest_types(self.counts)
        rows: dict[str, list[str]] = {"questions": [f"{n:,}" for n in self.counts.of(types)]}
        for name in LABELS:
            if name not in self.accuracy:
                continue
            rows[self.label(name)] = [percent(v) for v in self.accuracy[name].of(types)]
            if name == "accuracy":
                rows["  95 % interval"] = [between(i) for i in self.interval[name].of(types)]
            if name == "accuracy" and self.members:
                mean, deviation = self.over_members
                rows["mean of its runs"] = [percent(v) for v in mean.of(types)]
                rows["  deviation"] = [percent(v) for v in deviation.of(types)]
        if self.gain and self.gain_interval:
            rows["vision gain"] = [f"{100 * v:+.1f}" for v in self.gain.of(types)]
            ends = self.gain_interval.of(types)
            rows["  95 % interval "] = [between(i, sign=True) for i in ends]
        asked = self.answers.asked
        shown = {"real": "real video", "none": "no video", "shuffled": "shuffled videos"}
        model = f"{self.answers.name} at step {self.step}"
        if self.members:
            model = f"{self.answers.name}, mean probabilities of {len(self.members)} runs"
        title = (
            f"{model}, split {asked.split}, {shown[self.answers.video]}; {TITLES[self.protocol]}\n"
            f"per cent of {len(asked):,} questions on {asked.videos:,} videos"
        )
        lines = [title, grid(columns_of(self.counts), rows.items())]
        if left_out(self.counts):
            lines.append(left_out(self.counts))
        if self.answers.video == "real" and not self.gain and self.members:
            lines.append(
                "vision gain unknown: not every run of the ensemble has its own, see above"
            )
        elif self.answers.video == "real" and not self.gain:
            lines.append(
                "vision gain unknown: no run beside this one was trained alike (same options, same "
                "seed) with --video none; train one, or name another with --question_only"
            )
        return "\n".join(lines)

    def markdown(self) -> str:
        """One row: run, accuracy with interval, types, vision gain with interval."""
        accuracy, interval = self.accuracy["accuracy"], self.interval["accuracy"]
        first = f"{percent(accuracy.total)} [{between(interval.total)}]"
        rest = [percent(accuracy.by_type[kind]) for kind in largest_types(self.counts)]
        gain = "–"
        if self.gain and self.gain_interval:
            gain = signed(self.gain.total, self.gain_interval.total)
        return markdown([self.answers.name, first, *rest, gain])


def score_run(
    folder: str, options: ScoreOptions, where: SplitOptions, ensemble: Ensemble | None = None
) -> tuple[Score, Score | None]:
    """Measure one run; the second Score is the same run asked of other videos, if it saw videos.

    An `ensemble` gets the probabilities of all that is asked.  Raises UserError for a run, a
    question file, a store or a protocol that do not fit.
    """

    def ask(
        row: str,
        run: Run[QuestionAnswering],
        questions: Questions,
        video: Video,
        beside: Answers | None = None,
    ) -> Answers:
        every = ensemble is not None
        given, raw = answer(run, questions, where, video, every_class=every)
        keep = counted(given.asked, options.protocol)
        given = given.only(keep)
        if beside is not None:
            _check_same(beside, given, run.path)
        if ensemble is not None:
            ensemble.add(row, run, given, raw.classes[torch.from_numpy(keep)])
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
    """Measure the mean of the runs' probabilities as `score_run` does a run.

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
    hits = baseline_hits(found.asked) | {name: a.correct for name, a in others.items()}
    hits["accuracy"] = found.correct
    gain = None
    if "question_only" in hits:
        gain = hits["accuracy"].astype(float) - hits["question_only"]
    return Score(
        answers=found,
        step=step,
        protocol=protocol,
        counts=bootstrap.counts,
        accuracy={name: bootstrap.accuracy(hits[name]) for name in LABELS if name in hits},
        interval={name: bootstrap.interval(hits[name]) for name in LABELS if name in hits},
        gain=None if gain is None else bootstrap.accuracy(gain),
        gain_interval=None if gain is None else bootstrap.interval(gain),
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


def write_answers(score: Score, path: Path) -> None:
    """All numbers and every answer as JSON."""
    content = {**score.summary(), "markdown": score.markdown()}
    content["predictions"] = score.answers.records()
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1))


def answers_file(folder: Path, split: str, video: str, protocol: str = "full") -> Path:
    """Where a run's answers lie."""
    return folder / f"{split}-{video}{'' if protocol == 'full' else '-' + protocol}.json"
