"""Measure runs:  python evaluate.py [score] --run results/shapes

score (the default)   one run on one split, beside all that it must be judged by
baselines             what needs no model: constant answers and ceilings
compare A B ...       runs or predictions files on the same questions
table                 the tables of results/README.md, from the runs' JSON
report                one HTML page of a run's failures
reconstruction        how well an autoencoder rebuilds the clips of a split
curves                what runs logged over their steps, as a picture
"""

import util.threads  # noqa: F401  before torch is loaded

import json
import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard.writer import SummaryWriter

from evaluation import baselines, compare, reconstruction
from evaluation.format import largest_types, type_name
from evaluation.plot import curves
from evaluation.plot.accuracy import all_plots
from evaluation.report import table
from evaluation.report.failures import write_report
from evaluation.score import (
    LABELS,
    Score,
    answers_file,
    check_same_questions,
    score_run,
    write_answers,
)
from options.evaluate import (
    BaselineOptions,
    CompareOptions,
    CurveOptions,
    ReconstructionOptions,
    ReportOptions,
    ScoreOptions,
    SplitOptions,
    TableOptions,
)
from options.parse import parse
from util.checkpoint import load_checkpoint
from util.distributed import process_group, rank
from util.errors import run_command
from util.files import check_output, whole_file
from util.progress import warned
from util.tensorboard import tag

LOGS = Path("tf-logs")
BARS = ("accuracy", "question_only", "shuffled_video", "constant_per_type")  # drawn by type


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; without its word, `score`."""
    argv = list(sys.argv[1:] if argv is None else argv)
    name = argv.pop(0) if argv and argv[0] in COMMANDS else "score"
    return COMMANDS[name](argv)


def score(argv: Sequence[str]) -> int:
    """One run or several on one split."""
    about = "Accuracy of runs on one split, with all that it must be judged by; last line JSON."
    options, where = parse("python evaluate.py score", about, (ScoreOptions, SplitOptions), argv)
    with process_group(where.device):
        measure(options, where)
    return 0


def measure(options: ScoreOptions, where: SplitOptions) -> list[Score]:
    """Measure runs, print, write JSON, pictures and TensorBoard; several: mean and deviation."""
    if len(options.run) > 1:
        check_same_questions(options.run, where)
    look_at_outputs(options, where)
    scores: list[Score] = []
    for run in options.run:
        found, moved = score_run(run, options, where)
        scores.append(found)
        if rank() > 0:  # of several processes the first one speaks and writes
            continue
        print(found.text())
        paths = []
        for one in (found, moved):
            if one is not None:
                video = one.answers.video
                paths.append(answers_file(Path(run), where.split, video, one.protocol))
                if options.output and one is found:
                    paths[0] = Path(options.output)
                write_answers(one, paths[-1])
        print(f"every answer: {', '.join(map(str, paths))}")
        with warned(print, f"pictures and TensorBoard of {run}"):
            show(found, Path(run), plots=options.plots)
        print(found.markdown())
    if rank() > 0:
        return scores
    if len(scores) > 1:
        types = largest_types(scores[0].counts)
        columns = zip(*(s.accuracy["accuracy"].of(types) for s in scores), strict=True)
        for name, column in zip(["", *(f"/{type_name(k)}" for k in types)], columns, strict=True):
            values = [100 * value for value in column]
            spread = f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f} %"
            print(f"{where.split}/accuracy{name}: {spread} over {len(scores)} runs")
    print(json.dumps(scores[-1].summary()))
    return scores


def look_at_outputs(options: ScoreOptions, where: SplitOptions) -> None:
    """Raise UserError where the answers cannot be written, or would replace what is read."""
    for run in options.run:
        own = answers_file(Path(run), where.split, options.video or "real", options.protocol)
        other = answers_file(Path(run), where.split, "shuffled", options.protocol)
        if options.output:
            reads = sources(run, options.checkpoint, where)
            # A run that saw videos is also asked about shuffled ones.
            reads["the shuffled-video control"] = "" if options.video == "shuffled" else other
            check_output(options.output, inputs=reads)
        check_output(other if options.output else own, "--run")


def sources(run: str, checkpoint: str, where: SplitOptions) -> dict[str, object]:
    """The files that answering a split reads, by option: none may be replaced by an output."""
    path = Path(run) / f"{checkpoint}.pt"
    own = load_checkpoint(path)["options"]
    names = ("questions", "appearance", "motion", "clips")
    return {"--run": path, **{f"--{n}": getattr(where, n) or own.get(n) for n in names}}


def show(found: Score, folder: Path, *, plots: bool) -> None:
    """The measurements in TensorBoard, beside the run's own log, and pictures there and as PNG."""
    name = answers_file(Path(), found.answers.asked.split, found.answers.video, found.protocol).stem
    log = LOGS / folder.name / name
    shutil.rmtree(log, ignore_errors=True)  # an earlier evaluation's
    figures: dict[str, Figure] = {}
    if plots:
        bars = {
            LABELS[row]: (found.accuracy[row], found.interval[row])
            for row in BARS
            if row in found.accuracy
        }
        figures = all_plots(found.answers, bars)
    with SummaryWriter(str(log)) as writer:
        split = found.answers.asked.split
        for row, accuracy in found.accuracy.items():
            for key, value in accuracy.named(f"{split}/{row}").items():
                writer.add_scalar(tag(key), value, found.step)
        if found.gain:
            writer.add_scalar(tag(f"{split}/vision_gain"), found.gain.total, found.step)
        writer.add_scalar(f"{split}/calibration_error", found.calibration_error, found.step)
        for key, figure in figures.items():
            path = folder / "plots" / f"{name}-{key}.png"
            path.parent.mkdir(exist_ok=True)
            with whole_file(path) as partial:
                figure.savefig(partial, format="png", dpi=110)
            writer.add_figure(f"{split}/{key}", figure, found.step)
    if figures:
        print(f"pictures: {folder / 'plots'} and TensorBoard, {log}")


def print_baselines(argv: Sequence[str]) -> int:
    """What needs no model."""
    about = "Constant answers and ceilings of a split; the last line is JSON."
    (options,) = parse("python evaluate.py baselines", about, (BaselineOptions,), argv)
    baselines.report(options)
    return 0


def print_comparison(argv: Sequence[str]) -> int:
    """Several runs on the same questions."""
    about = "Runs or predictions files, each against the first; the last line is JSON."
    # compare A B is short for compare --runs A B
    (options,) = parse("python evaluate.py compare", about, (CompareOptions,), argv, first="runs")
    if options.output:
        reads = {"--questions": options.questions, **{f"--runs {n}": n for n in options.runs}}
        check_output(options.output, inputs=reads)
    compare.compare(options)
    return 0


def rebuild_tables(argv: Sequence[str]) -> int:
    """The tables of results/README.md; 1 when one had to stay as it was."""
    about = "Write the tables of results/README.md anew from the runs' JSON."
    (options,) = parse("python evaluate.py table", about, (TableOptions,), argv)
    check_output(options.readme, "--readme", inputs={"--tables": options.tables})
    return 1 if table.rebuild(options) else 0


def report(argv: Sequence[str]) -> int:
    """A page of failures."""
    about = "One self-contained HTML page with a run's worst answers."
    options, where = parse("python evaluate.py report", about, (ReportOptions, SplitOptions), argv)
    own = Path(options.run) / f"{where.split}-failures.html"
    flag, output = ("--output", Path(options.output)) if options.output else ("--run", own)
    reads = sources(options.run, options.checkpoint, where) if options.output else {}
    reads |= {"--id_map": options.id_map, **{f"--videos {name}": name for name in options.videos}}
    check_output(output, flag, inputs=reads)
    write_report(options, where, output)
    print(f"failures: {output}")
    return 0


def print_reconstruction(argv: Sequence[str]) -> int:
    """An autoencoder on a split."""
    about = "Error of the clips that an autoencoder rebuilds, beside what needs no network."
    (options,) = parse("python evaluate.py reconstruction", about, (ReconstructionOptions,), argv)
    check_output(Path(options.run) / f"{options.split}-reconstruction.json", "--run")
    reconstruction.measure_run(options)
    return 0


def draw_curves(argv: Sequence[str]) -> int:
    """Logs of several runs in one picture."""
    about = "Logged numbers of several runs over their steps, as one picture."
    (options,) = parse("python evaluate.py curves", about, (CurveOptions,), argv)
    folders = [folder for line in options.run for folder in line.split(",")]
    reads = {f"--run {name}": Path(name) / "metrics.jsonl" for name in folders}
    check_output(options.output, inputs=reads)
    print(f"picture: {curves.draw(options)}")
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "score": score,
    "baselines": print_baselines,
    "compare": print_comparison,
    "table": rebuild_tables,
    "report": report,
    "reconstruction": print_reconstruction,
    "curves": draw_curves,
}

if __name__ == "__main__":
    run_command(main)
