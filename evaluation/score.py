"""One run on one split: its accuracy beside all that it must be judged by."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from data_loader.questions import load_questions
from evaluation.answers import Answers, asked
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
from evaluation.run import answer, find_question_only, run_questions
from inference.run import Run, load_run, open_run
from options.data import Video
from options.evaluate import ScoreOptions, SplitOptions
from util.errors import UserError
from util.files import whole_file
from util.grouped import Grouped
from util.statistics import Bootstrap, reliability

ONE_BY_ONE = "their mean would be of different questions; evaluate them one by one"
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
        return out

    def table(self) -> str:
        """The table for the terminal."""
        types = largest_types(self.counts)
        rows: dict[str, list[str]] = {"questions": [f"{n:,}" for n in self.counts.of(types)]}
        for name, label in LABELS.items():
            if name not in self.accuracy:
                continue
            rows[label] = [percent(v) for v in self.accuracy[name].of(types)]
            if name == "accuracy":
                rows["  95 % interval"] = [between(i) for i in self.interval[name].of(types)]
        if self.gain and self.gain_interval:
            rows["vision gain"] = [f"{100 * v:+.1f}" for v in self.gain.of(types)]
            ends = self.gain_interval.of(types)
            rows["  95 % interval "] = [between(i, sign=True) for i in ends]
        asked = self.answers.asked
        shown = {"real": "real video", "none": "no video", "shuffled": "shuffled videos"}
        title = (
            f"{self.answers.name} at step {self.step}, split {asked.split}, "
            f"{shown[self.answers.video]}; {TITLES[self.protocol]}\n"
            f"per cent of {len(asked):,} questions on {asked.videos:,} videos"
        )
        lines = [title, grid(columns_of(self.counts), rows.items())]
        if left_out(self.counts):
            lines.append(left_out(self.counts))
        if self.answers.video == "real" and not self.gain:
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


def check_same_questions(folders: Sequence[str], where: SplitOptions) -> None:
    """Runs that are measured together must answer the same questions of the same videos.

    Raises UserError that names the first difference.
    """
    first: dict[str, np.ndarray] = {}
    for folder in folders:
        path = where.questions or load_run(folder)["options"]["questions"]
        split = asked(load_questions(path), where.split)
        columns = {"id": split.id, "video": split.video, "text": split.text, "answer": split.answer}
        first = first or columns
        for name, mine in columns.items():
            if len(mine) != len(first[name]):
                raise UserError(
                    f"--run {folder}: {len(mine)} questions in split {where.split} of {path}, "
                    f"{folders[0]} has {len(first[name])}: {ONE_BY_ONE}"
                )
            if differ := np.flatnonzero(mine != first[name]).tolist():
                i = differ[0]
                raise UserError(
                    f"--run {folder}: {name} {mine[i]!r} of question {split.id[i]!r} is "
                    f"{first[name][i]!r} for {folders[0]} ({len(differ)} differ): {ONE_BY_ONE}"
                )


def score_run(
    folder: str, options: ScoreOptions, where: SplitOptions
) -> tuple[Score, Score | None]:
    """Measure one run; the second Score is the same run asked of other videos, if it saw videos.

    Raises UserError for a run, a question file, a store or a protocol that do not fit.
    """
    run = open_run(folder, checkpoint=options.checkpoint, device=where.device)
    questions = run_questions(run, where.questions)
    check_protocol(questions, options.protocol)
    video = cast(Video, options.video or run.options["video"])
    found, _ = answer(run, questions, where, video)
    keep = counted(found.asked, options.protocol)
    found = found.only(keep)
    others: dict[str, Answers] = {}
    blind = _question_only(run, options, video)
    if blind:
        other = open_run(blind, device=where.device)
        given, _ = answer(other, run_questions(other, where.questions), where, "none")
        _check_same(found, given.only(keep), blind)
        others["question_only"] = given.only(keep)
    if video == "real":
        others["shuffled_video"] = answer(run, questions, where, "shuffled")[0].only(keep)
    bootstrap = Bootstrap(found.asked.video, found.asked.type)
    whole = _score(found, run, options.protocol, bootstrap, others, blind and blind.name)
    moved = others.get("shuffled_video")
    return whole, moved and _score(moved, run, options.protocol, bootstrap, {}, None)


def _score(
    found: Answers,
    run: Run,
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
        step=run.step,
        protocol=protocol,
        counts=bootstrap.counts,
        accuracy={name: bootstrap.accuracy(hits[name]) for name in LABELS if name in hits},
        interval={name: bootstrap.interval(hits[name]) for name in LABELS if name in hits},
        gain=None if gain is None else bootstrap.accuracy(gain),
        gain_interval=None if gain is None else bootstrap.interval(gain),
        question_only=blind,
    )


def _question_only(run: Run, options: ScoreOptions, video: Video) -> Path | None:
    """The run to subtract: the one named, or found; None where there is nothing to subtract."""
    if options.question_only is None:
        return find_question_only(run) if video == "real" else None
    if video == "none":
        raise UserError(
            f"--question_only {options.question_only}: {run.path} is asked without video itself; "
            "leave the flag out"
        )
    return Path(options.question_only)


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
