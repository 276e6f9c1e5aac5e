"""One run on one split: its accuracy beside all that it must be judged by."""

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.answers import Answers
from evaluation.format import columns_of, grid, largest_types, left_out, markdown
from evaluation.kind.metric import Measured
from evaluation.kind.table import MEASURES, Measures
from evaluation.protocol import TITLES
from util.files import whole_file
from util.grouped import Grouped, combined
from util.statistics import reliability


@dataclass(frozen=True, eq=False, kw_only=True)
class Score:
    """The measurements of a run."""

    answers: Answers
    step: int
    protocol: str
    counts: Grouped[int]  # questions
    measured: tuple[Measured, ...]  # each metric of the kind of answers, the main one first
    question_only: str | None = None  # the run behind that row
    members: tuple["Score", ...] = ()  # the runs of an ensemble, each by itself

    @property
    def main(self) -> Measured:
        """What the run is judged by: accuracy, of counts the mean squared error."""
        return self.measured[0]

    @property
    def kind(self) -> Measures:
        """How answers of this kind are measured."""
        return MEASURES[self.answers.asked.kind]

    def over_members(self, number: int = 0) -> tuple[Grouped[float], Grouped[float]]:
        """Mean and standard deviation over an ensemble's runs, of a metric by its place."""
        found = [member.measured[number].own for member in self.members]
        return combined(statistics.mean, found), combined(statistics.stdev, found)

    def label(self, row: str) -> str:
        """What a row is called in tables and pictures."""
        own = row in {metric.key for metric in self.kind.metrics}
        return "this ensemble" if own and self.members else self.kind.labels[row]

    @property
    def calibration_error(self) -> float | None:
        """Expected calibration error of the answer's probability; counts have none."""
        if self.answers.asked.kind == "count":
            return None
        return reliability(self.answers.probability, self.answers.correct)[3]

    def summary(self) -> dict[str, Any]:
        """All numbers as plain types; each metric's name begins with the split's."""
        asked = self.answers.asked
        split = asked.split
        out: dict[str, Any] = {
            "run": self.answers.name,
            "step": self.step,
            "split": split,
            "video": self.answers.video,
            "protocol": self.protocol,
            "questions": len(asked),
            "videos": asked.videos,
            "counts": asdict(self.counts),
        }
        if asked.kind != "open":
            out["kind"] = asked.kind
        if asked.count_range is not None:
            out["count_range"] = list(asked.count_range)
        for found in self.measured:
            out |= self._numbers(found)
        if self.main.gain:
            out["question_only_run"] = self.question_only
        if self.calibration_error is not None:
            out[f"{split}/calibration_error"] = self.calibration_error
        if self.members:
            out["runs"] = [member.answers.name for member in self.members]
            out["steps"] = [member.step for member in self.members]
            for number, found in enumerate(self.measured):
                after = "" if number == 0 else f"_{found.metric.key}"
                mean, deviation = self.over_members(number)
                out[f"{split}/runs_mean{after}"] = asdict(mean)
                out[f"{split}/runs_deviation{after}"] = asdict(deviation)
        return out

    def _numbers(self, found: Measured) -> dict[str, Any]:
        """One metric in the summary."""
        split, metric = self.answers.asked.split, found.metric
        out: dict[str, Any] = {}
        for row, value in found.value.items():
            out[f"{split}/{self.kind.named(metric, row)}"] = asdict(value)
        out[f"{split}/{metric.key}_interval"] = asdict(found.own_interval)
        if found.gain and found.gain_interval:
            after = "" if found is self.main else f"_{metric.key}"
            out[f"{split}/vision_gain{after}"] = asdict(found.gain)
            out[f"{split}/vision_gain{after}_interval"] = asdict(found.gain_interval)
        return out

    def table(self) -> str:
        """The table for the terminal."""
        asked = self.answers.asked
        model = f"{self.answers.name} at step {self.step}"
        if self.members:
            what = "values" if asked.kind == "count" else "probabilities"
            model = f"{self.answers.name}, mean {what} of {len(self.members)} runs"
        lines = [
            f"{model}, split {asked.split}, {_shown(self.answers.video)}; {TITLES[self.protocol]}"
        ]
        for number, found in enumerate(self.measured):
            lines.append(self._title(found))
            lines.append(grid(columns_of(self.counts), self._rows(number, found)))
        lines += [line for line in (left_out(self.counts), self.kind.left_out(asked)) if line]
        seen = self.answers.video.startswith("real")
        if seen and not self.main.gain and self.members:
            lines.append(
                "vision gain unknown: not every run of the ensemble has its own, see above"
            )
        elif seen and not self.main.gain:
            lines.append(
                "vision gain unknown: no run beside this one was trained alike (same options, same "
                "seed) with --video none; train one, or name another with --question_only"
            )
        return "\n".join(lines)

    def _title(self, found: Measured) -> str:
        """What the numbers of a block of the table are."""
        asked, metric = self.answers.asked, found.metric
        of = f"{len(asked):,} questions on {asked.videos:,} videos"
        if len(self.measured) == 1:
            return f"per cent of {of}"
        if metric.share:
            return f"{metric.title}, per cent of {of}"
        told = "whole numbers"
        if asked.count_range is not None:
            told += " from {} to {}".format(*asked.count_range)
        return f"mean {metric.title} of {of}, told in {told}; {metric.better}"

    def _rows(self, number: int, found: Measured) -> list[tuple[str, list[str]]]:
        """The rows of one metric, by its place."""
        types, metric = largest_types(self.counts), found.metric
        rows = [("questions", [f"{n:,}" for n in self.counts.of(types)])] if number == 0 else []
        for name, value in found.value.items():
            rows.append((self.label(name), [metric.cell(v) for v in value.of(types)]))
            if name != metric.key:
                continue
            ends = found.own_interval.of(types)
            rows.append(("  95 % interval", [metric.between(i) for i in ends]))
            if self.members:
                mean, deviation = self.over_members(number)
                rows.append(("mean of its runs", [metric.cell(v) for v in mean.of(types)]))
                rows.append(("  deviation", [metric.cell(v) for v in deviation.of(types)]))
        if found.gain and found.gain_interval:
            rows.append((metric.gain, [metric.change(v) for v in found.gain.of(types)]))
            ends = found.gain_interval.of(types)
            rows.append(("  95 % interval", [metric.change_between(i) for i in ends]))
        return rows

    def markdown(self) -> str:
        """One row: run, the main metric with interval, types, vision gain with interval."""
        found, metric = self.main, self.main.metric
        first = f"{metric.cell(found.own.total)} [{metric.between(found.own_interval.total)}]"
        rest = [metric.cell(found.own.by_type[kind]) for kind in largest_types(self.counts)]
        gain = "–"
        if found.gain and found.gain_interval:
            gain = metric.changed(found.gain.total, found.gain_interval.total)
        return markdown([self.answers.name, first, *rest, gain])


def _shown(video: str) -> str:
    """`Answers.video` in words."""
    kind, _, lacking = video.partition("-no-")
    words = {"real": "real video", "none": "no video", "shuffled": "shuffled videos"}[kind]
    if not lacking:
        return words
    channel, _, fill = lacking.partition("-")
    return f"{words} without {channel} ({fill})"


def write_answers(score: Score, path: Path) -> None:
    """All numbers and every answer as JSON."""
    content = {**score.summary(), "markdown": score.markdown()}
    content["predictions"] = score.answers.records()
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1))


def answers_file(folder: Path, split: str, video: str, protocol: str = "full") -> Path:
    """Where a run's answers lie."""
    return folder / f"{split}-{video}{'' if protocol == 'full' else '-' + protocol}.json"
