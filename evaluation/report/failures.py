"""The page of failures of a run: which questions, and what it takes to show them."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from tqdm import tqdm

from data_loader.questions import Kind
from evaluation.answers import Answers
from evaluation.format import TYPES
from evaluation.kind.table import MEASURES
from evaluation.report.captions import video_files
from evaluation.report.page import PER_VIDEO, Failure, clip_frames_of, worst, write_page
from evaluation.report.page import PICKED as PICKED_OPEN
from evaluation.run import answer, input_files, run_questions
from inference.run import open_run
from inference.run_files import output_folder
from model.task.qa import QuestionAnswering, ScoredPredictions
from options.data import Video
from options.evaluate import ReportOptions, SplitOptions
from preprocess.video.error import VideoError
from util.files import check_output
from util.statistics import Bootstrap

Shown = tuple[Sequence[np.ndarray], Sequence[str]]  # frames of the clips, their times
PICKED: dict[Kind, str] = {
    "open": PICKED_OPEN,
    "choice": "Wrong choices, those first whose right choice the model held for least likely; no "
    f"video comes more than {PER_VIDEO} times.",
    "count": "Wrong numbers, those first whose value before rounding is furthest from the true "
    f"number; no video comes more than {PER_VIDEO} times.",
}
UNKNOWN = "Wrong answers; the true answer of each is no class, so that no model could give it."


def run(options: ReportOptions, where: SplitOptions) -> int:
    """Write the page of a run, where nothing that it is made of lies."""
    own = output_folder(options.run) / f"{where.split}-failures.html"
    flag, output = ("--output", Path(options.output)) if options.output else ("--run", own)
    reads = input_files(options.run, options.checkpoint, where) if options.output else {}
    reads |= {"--id_map": options.id_map, **{f"--videos {name}": name for name in options.videos}}
    check_output(output, flag, inputs=reads)
    write_report(options, where, output)
    print(f"failures: {output}")
    return 0


def write_report(options: ReportOptions, where: SplitOptions, output: Path) -> None:
    """Answer the split, pick the worst failures, write the page.

    Raises UserError for a run that does not fit, an unknown type, videos that are not there.
    """
    trained = open_run(
        options.run, QuestionAnswering, checkpoint=options.checkpoint, device=where.device
    )
    video = cast(Video, trained.options["video"])
    files = video_files(options.videos, options.id_map)
    given, found = answer(trained, run_questions(trained, where.questions), where, video)
    rows = worst(given, found.ce.numpy(), count=options.count, kind=options.type)
    clips = found.readout.shape[1]
    sampling = next((store.provenance.sampling for store in trained.stores.values()), None)
    fps = None if sampling is None else sampling.fps
    wanted = {str(given.asked.video[i]) for i in rows}
    seen: dict[str, Shown] = {}
    for name in tqdm(sorted(wanted & files.keys()), unit="video", desc="frames", leave=False):
        try:
            seen[name] = clip_frames_of(files[name], clips=clips, fps=fps)
        except VideoError as error:
            tqdm.write(f"no frames: {error}")
    failures = [_failure(i, given, found, seen) for i in rows]
    picked = PICKED[given.asked.kind] if any(f.known for f in failures) else UNKNOWN
    write_page(
        output,
        run=trained.name,
        split=where.split,
        summary=_summary(given),
        failures=failures,
        picked=picked,
    )


def _summary(given: Answers) -> list[tuple[str, str]]:
    """Label and text of each number in the page's head: of all questions, then by type."""
    kind = MEASURES[given.asked.kind]
    bootstrap = Bootstrap(given.asked.video, given.asked.type)
    rows = []
    for metric in kind.metrics:
        numbers = kind.numbers(given)[metric.key]
        mean, interval = bootstrap.accuracy(numbers), bootstrap.interval(numbers)
        ends = metric.between(interval.total)
        label = f"{given.asked.split} {metric.title}"
        rows.append((label, f"{metric.cell(mean.total)}{metric.unit} [{ends}]"))
    main, mean = kind.main, bootstrap.accuracy(kind.numbers(given)[kind.main.key])
    types = list(mean.by_type.items())[:TYPES]
    return [*rows, *((name, f"{main.cell(v)}{main.unit}") for name, v in types)]


def _failure(row: int, given: Answers, found: ScoredPredictions, seen: dict[str, Shown]) -> Failure:
    """One question with all that the page shows of it."""
    asked = given.asked
    frames, times = seen.get(str(asked.video[row]), ([], []))
    clips = len(frames) or None  # at a steady rate others may have more
    share = asked.known[row] and asked.kind != "count"
    true: tuple[bool, ...] = ()
    if asked.kind == "choice":  # by its place: another choice may have its text
        true = tuple((found.top[row] == found.answer[row]).tolist())
    return Failure(
        id=asked.id[row],
        video=str(asked.video[row]),
        type=str(asked.type[row]),
        question=str(asked.text[row]),
        answer=str(asked.answer[row]),
        known=bool(asked.known[row]),
        probability=float((-found.ce[row]).exp()) if share else None,
        top=given.top[row],
        true=true,
        value=None if given.value is None else float(given.value[row]),
        punishment=found.punishment[row, :, :clips].numpy(),
        readout=found.readout[row, :clips].numpy(),
        frames=frames,
        times=times,
    )
