"""`evaluate.py score`: runs on one split, printed and written."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from evaluation.ensemble import Ensemble, check_members, check_same_questions, folder_of
from evaluation.format import largest_types, type_name
from evaluation.measure import score_ensemble, score_run
from evaluation.plot.score import draw_score
from evaluation.run import input_files
from evaluation.score import Score, answers_file, write_answers
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

    An ensemble of them comes last.  The last line printed is JSON, of the last score.
    """
    if len(options.run) > 1:
        check_same_questions(options, where)
    _check_outputs(options, where)
    ensemble = Ensemble() if options.ensemble else None
    scores = []
    for number, folder in enumerate(options.run):
        alone = options.alone(number)
        found, shuffled = score_run(folder, alone, where, ensemble)
        _show(found, shuffled, output_folder(folder), alone)
        scores.append(found)
    if len(scores) > 1 and rank() == 0:
        _print_spread(scores, where.split)
    if ensemble is not None:
        found, shuffled = score_ensemble(ensemble, scores)
        _show(found, shuffled, folder_of(options), options)
        scores.append(found)
    if rank() == 0:
        print(json.dumps(scores[-1].summary()))
    return scores


def _show(found: Score, shuffled: Score | None, folder: Path, options: ScoreOptions) -> None:
    """Print and write a score; of several processes the first one does."""
    if rank() > 0:
        return
    print(found.table())
    split = found.answers.asked.split
    path = answers_file(folder, split, found.answers.video, found.protocol)
    written = {Path(options.output) if options.output else path: found}
    if shuffled is not None:
        path = answers_file(folder, split, shuffled.answers.video, found.protocol)
        written[path] = shuffled
    for path, score in written.items():
        write_answers(score, path)
    print(f"every answer: {', '.join(map(str, written))}")
    with warned(print, f"pictures and TensorBoard of {folder}"):
        draw_score(found, folder, plots=options.plots)
    print(found.markdown())


def _print_spread(scores: Sequence[Score], split: str) -> None:
    """Mean and deviation over the runs of each metric, of all questions and by type."""
    types = largest_types(scores[0].counts)
    for number, first in enumerate(scores[0].measured):
        metric = first.metric
        columns = zip(*(s.measured[number].own.of(types) for s in scores), strict=True)
        for name, column in zip(["", *(f"/{type_name(k)}" for k in types)], columns, strict=True):
            values = metric.spread(column)
            spread = f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}{metric.unit}"
            print(f"{split}/{metric.key}{name}: {spread} over {len(scores)} runs")


def _check_outputs(options: ScoreOptions, where: SplitOptions) -> None:
    """Raise UserError where the answers cannot be written, or would replace what is read."""
    asked = check_members(options) if options.ensemble else options.video or "real"
    video, moved = where.shown(asked), where.shown("shuffled")
    control = "the shuffled-video control"  # a run that saw videos is also asked about others
    for run in options.run:
        own = answers_file(output_folder(run), where.split, video, options.protocol)
        other = answers_file(output_folder(run), where.split, moved, options.protocol)
        if options.output:
            reads = input_files(run, options.checkpoint, where)
            reads[control] = "" if options.video == "shuffled" else other
            if options.ensemble:
                reads[f"the answers of {run}"] = own
            check_output(options.output, inputs=reads)
        check_output(other if options.output and not options.ensemble else own, "--run")
    if options.ensemble:
        own = answers_file(folder_of(options), where.split, video, options.protocol)
        other = answers_file(folder_of(options), where.split, moved, options.protocol)
        if options.output:
            check_output(options.output, inputs={control: "" if asked == "shuffled" else other})
        check_output(other if options.output else own, "--run")
