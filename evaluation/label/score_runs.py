"""`evaluate.py classification`: what runs told of a split, beside what they must be judged by."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from evaluation.label.predictions import ClassPredictions
from evaluation.label.predictions_file import results_file, write_results
from evaluation.label.score import score_classes
from evaluation.label.shown import class_table, per_class_records, summary, table
from evaluation.label.tell import Teller, input_files, tell_run
from evaluation.label.told import Seeds, together
from evaluation.label.truth_rows import MOTIONLESS
from evaluation.label.values import (
    ValuePredictions,
    score_values,
    value_records,
    value_summary,
    value_table,
)
from evaluation.plot.labels import class_plots, worst_series
from evaluation.report.captions import frames_of, video_files
from evaluation.report.labels import Film, worst_rows, write_class_page, write_value_page
from inference.run_files import RESULTS, output_folder
from options.evaluation.labels import ROWS, LabelRunOptions
from util.clip_plots import save_figure
from util.distributed import process_group, rank
from util.errors import UserError
from util.files import check_output, whole_file
from util.progress import warned
from util.tensorboard import log_scores

Rows = dict[str, tuple[Seeds[ClassPredictions], str]]


def run(options: LabelRunOptions) -> int:
    """Tell, score, print and write; the last line is JSON."""
    numbers = score_runs(options)
    if numbers:  # another process prints
        print(json.dumps(numbers))
    return 0


def score_runs(options: LabelRunOptions) -> dict[str, Any]:
    """Tell, score, print and write; -> all numbers as plain types.

    Several processes share the work; the first alone goes on from there, of the others nothing is
    returned.  Raises UserError for runs, files or options that do not fit.
    """
    if options.output is not None:
        for path in options.run:
            check_output(options.output, "--output", inputs=input_files(path, options))
    video_files(options.videos, options.id_map)  # what is not there is told before the work
    with process_group(options.device):
        told = [tell_run(path, options) for path in options.run]
        model = together([said for said, _ in told])
        values = isinstance(model.first, ValuePredictions)
        beside = {} if values else _beside(model, [teller for _, teller in told], options)
        if rank() > 0:
            return {}
    path = (
        Path(options.output)
        if options.output
        else results_file(_folder(options, model), model.first)
    )
    return _values(model, path, options) if values else _classes(model, beside, path, options)


def _classes(
    model: Seeds[ClassPredictions], beside: Rows, path: Path, options: LabelRunOptions
) -> dict[str, Any]:
    """Score, print and write what classes were told."""
    score = score_classes(model, beside, resample=options.resample)
    print(table(score))
    print(class_table(score))
    numbers = summary(score)
    for place, said in enumerate(model.each):
        one = path if not place else path.with_stem(f"{path.stem}-seed{said.seed}")
        write_results(one, {**numbers, "per_class": per_class_records(score)}, said)
    print(f"every row: {path}")
    if options.plots:
        _draw(path, class_plots(score), numbers, model)
    if options.count:
        page = path.with_suffix(".html")
        rows = worst_rows(model.first, options.count)
        with warned(print, "the page of what was told worst"):
            write_class_page(page, score, rows, _films(model.first.videos, rows, options))
            print(f"page: {page}")
    return numbers


def _values(model: Seeds[ValuePredictions], path: Path, options: LabelRunOptions) -> dict[str, Any]:
    """Score, print and write what values were told."""
    score = score_values(model, resample=options.resample)
    print(value_table(score))
    numbers = value_summary(score)
    content = {
        **numbers,
        "runs": list(model.first.sources),
        "predictions": value_records(model.first),
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(f"every row: {path}")
    if options.plots:
        _draw(path, {"series": worst_series(score)}, numbers, model)
    if options.count:
        page = path.with_suffix(".html")
        error = [float(np.abs(e).mean()) if len(e) else -1.0 for e in model.first.errors]
        rows = np.argsort(error, kind="stable")[::-1][: options.count]
        with warned(print, "the page of what was told worst"):
            write_value_page(page, score, rows, _films(model.first.videos, rows, options))
            print(f"page: {page}")
    return numbers


def _beside(
    model: Seeds[ClassPredictions], tellers: Sequence[Teller | None], options: LabelRunOptions
) -> Rows:
    """The rows of other runs, and of the same model shown less."""
    beside: Rows = {}
    for name, trained in ROWS.items():
        if runs := options.of_row(name):
            beside[name] = _other(model, runs, f"--{name}", trained, options)
    first, opened = model.first, [teller for teller in tellers if teller is not None]
    shown_all = first.frames == "real" and first.video == "real" and len(opened) == len(tellers)
    if not (options.same_model and shown_all):
        return beside
    if not all(teller.hides_order() for teller in opened):
        print(
            "no rows of the same model shown single or shuffled frames: its motion features tell "
            "their order; name runs trained so (--middle, --shuffled)"
        )
        return beside
    for name in MOTIONLESS:
        if name not in beside:
            found = [teller.tell(video="real", frames=name) for teller in opened]
            told = together([said for said in found if isinstance(said, ClassPredictions)])
            beside[name] = (told.in_order_of(model, "--run"), "the same model")
    return beside


def _other(
    model: Seeds[ClassPredictions],
    runs: Sequence[str],
    flag: str,
    trained: tuple[str, str] | None,
    options: LabelRunOptions,
) -> tuple[Seeds[ClassPredictions], str]:
    """The row of runs `trained` with an option of this value, shown what they saw then."""
    every = []
    for path in runs:
        if Path(path).suffix == ".json":
            every.append(tell_run(path, options)[0])
            continue
        teller = Teller(path, options)
        own = teller.run.options
        if trained and own[trained[0]] != trained[1]:
            option, value = trained
            raise UserError(
                f"{flag} {path}: was trained with --{option} {own[option]}, not {value}; name runs "
                "that were"
            )
        every.append(teller.tell(video=own["video"], frames=own["frames"]))
    told = together(every, flag)
    return told.in_order_of(model, flag), told.name


def _folder(options: LabelRunOptions, model: Seeds[Any]) -> Path:
    if len(options.run) > 1:
        return RESULTS / f"{model.name}-pooled"
    (only,) = options.run
    return Path(only).parent if Path(only).suffix == ".json" else output_folder(only)


def _films(videos: Sequence[str], rows: np.ndarray, options: LabelRunOptions) -> list[Film]:
    """Frames of the video of each row, where the videos are named."""
    names = [videos[int(i)] for i in rows]
    found = frames_of(video_files(options.videos, options.id_map), names)
    return [
        [(frame, f"{100 * (i + 0.5) / len(some):.0f} %") for i, frame in enumerate(some)]
        for some in (found.get(name, []) for name in names)
    ]


def _draw(
    path: Path, figures: dict[str, Figure], numbers: dict[str, Any], model: Seeds[Any]
) -> None:
    with warned(print, "pictures"):
        for name, figure in figures.items():
            save_figure(figure, path.parent / "plots" / f"{path.stem}-{name}.png")
        plain = {k: float(v) for k, v in numbers.items() if "/" in k and isinstance(v, float)}
        log_scores(path.parent.name, path.stem, max(model.first.steps), plain)
        print(f"pictures: {path.parent / 'plots'}")
