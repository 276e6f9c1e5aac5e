"""`evaluate.py score`: runs on one split, printed and written."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from evaluation.format import largest_types, type_name
from evaluation.plot.score import draw_score
from evaluation.run import input_files
from evaluation.score import Score, answers_file, check_same_questions, score_run, write_answers
from inference.run_files import output_folder
from options.evaluate import ScoreOptions, SplitOptions
from util.distributed import process_group, rank
from util.files import check_output
from util.progress import warned


def run(options: ScoreOptions, where: SplitOptions) -> int:
    """Score the runs, by as many processes as torchrun started."""
    with process_group(where.device):
        score_runs(options, where)
    return 0


def score_runs(options: ScoreOptions, where: SplitOptions) -> list[Score]:
    """Score runs, print, write JSON, pictures and TensorBoard; several: mean and deviation.

    The last line printed is JSON, of the last run.
    """
    if len(options.run) > 1:
        check_same_questions(options.run, where)
    _check_outputs(options, where)
    scores = [_score_one(run, options, where) for run in options.run]
    if rank() == 0:
        if len(scores) > 1:
            _print_spread(scores, where.split)
        print(json.dumps(scores[-1].summary()))
    return scores


def _score_one(run: str, options: ScoreOptions, where: SplitOptions) -> Score:
    """Score one run; of several processes the first one prints and writes."""
    found, shuffled = score_run(run, options, where)
    if rank() > 0:
        return found
    print(found.table())
    folder = output_folder(run)
    path = answers_file(folder, where.split, found.answers.video, found.protocol)
    written = {Path(options.output) if options.output else path: found}
    if shuffled is not None:
        written[answers_file(folder, where.split, "shuffled", found.protocol)] = shuffled
    for path, score in written.items():
        write_answers(score, path)
    print(f"every answer: {', '.join(map(str, written))}")
    with warned(print, f"pictures and TensorBoard of {folder}"):
        draw_score(found, folder, plots=options.plots)
    print(found.markdown())
    return found


def _print_spread(scores: Sequence[Score], split: str) -> None:
    """Mean and deviation of the runs' accuracy, of all questions and by type."""
    types = largest_types(scores[0].counts)
    columns = zip(*(s.accuracy["accuracy"].of(types) for s in scores), strict=True)
    for name, column in zip(["", *(f"/{type_name(k)}" for k in types)], columns, strict=True):
        values = [100 * value for value in column]
        spread = f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f} %"
        print(f"{split}/accuracy{name}: {spread} over {len(scores)} runs")


def _check_outputs(options: ScoreOptions, where: SplitOptions) -> None:
    """Raise UserError where the answers cannot be written, or would replace what is read."""
    for run in options.run:
        folder = output_folder(run)
        own = answers_file(folder, where.split, options.video or "real", options.protocol)
        other = answers_file(folder, where.split, "shuffled", options.protocol)
        if options.output:
            reads = input_files(run, options.checkpoint, where)
            # A run that saw videos is also asked about shuffled ones.
            reads["the shuffled-video control"] = "" if options.video == "shuffled" else other
            check_output(options.output, inputs=reads)
        check_output(other if options.output else own, "--run")
