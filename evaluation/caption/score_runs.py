"""`evaluate.py --run` of captioning runs: what they say, beside what it must be judged by."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from evaluation.caption.intervals import CaptionBootstrap
from evaluation.caption.material import Material, material_of
from evaluation.caption.meteor import Meteor, meteor_or_why
from evaluation.caption.reference_file import ReferenceSet, of_caption_file
from evaluation.caption.results_file import write_results
from evaluation.caption.run_captions import RunCaptions, caption_run, input_files, results_file
from evaluation.caption.score_files import report
from evaluation.caption.scores import METRICS, CaptionScorer, CaptionScores
from evaluation.caption.truth_rows import of_other_videos
from evaluation.format import Interval, grid, percent, signed
from evaluation.report.captions import (
    CaptionShown,
    frames_of,
    video_files,
    write_caption_page,
)
from evaluation.run import find_run_without_video
from options.caption import SearchOptions
from options.evaluation.captions import CaptionRunOptions
from util.distributed import process_group, rank
from util.errors import UserError
from util.files import check_output, whole_file
from util.tensorboard import log_scores
from util.text_metrics.ptb_tokens import tokenize

HEADLINE = "CIDEr-D"


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoredRun:
    """A run's captions and scores, and those of the language model alone."""

    said: RunCaptions
    material: Material
    scores: CaptionScores
    blind: CaptionScores | None  # of the run without video; None: there is none, or it is this one
    numbers: dict[str, Any]  # all that was measured, as plain types


def run(options: CaptionRunOptions, search: SearchOptions) -> int:
    """Caption, score, print and write; of several runs their mean too; the last line is JSON."""
    found = score_runs(options, search)
    if not found:  # another process prints
        return 0
    last = found[0].numbers if len(found) == 1 else _together(found)
    print(json.dumps({key: value for key, value in last.items() if key != "segments"}))
    return 0


def score_runs(options: CaptionRunOptions, search: SearchOptions) -> list[ScoredRun]:
    """Caption, score, print and write each of the runs.

    Several processes share the captioning; the first alone goes on from there, of the others
    nothing is returned.  Raises UserError for runs, files or options that do not fit.
    """
    if options.n_best > search.beam:
        raise UserError(f"--n_best {options.n_best}: more than --beam {search.beam}; give fewer")
    for folder in options.run:
        _check_outputs(folder, options)
    video_files(options.videos, options.id_map)  # what is not there is told before the work
    with process_group(options.device):
        every = [caption_run(run, options, search, video=options.video) for run in options.run]
        blind = [_language_model(i, options, search, said) for i, said in enumerate(every)]
        if rank() > 0:
            return []
    with meteor_or_why() if options.meteor else nullcontext((None, "")) as (meteor, missing):
        scorers: dict[tuple[str, ...], CaptionScorer] = {}
        why = f"METEOR is missing: {missing}" if missing else ""
        return [
            _score(said, beside, options, scorers, meteor, why)
            for said, beside in zip(every, blind, strict=True)
        ]


def _score(
    said: RunCaptions,
    blind: RunCaptions | None,
    options: CaptionRunOptions,
    scorers: dict[tuple[str, ...], CaptionScorer],
    meteor: Meteor | None,
    why: str,
) -> ScoredRun:
    """Score, print and write one of the runs; `scorers`: by the segments, for all of them."""
    references = _references(said)
    if references.ids not in scorers:
        texts = dict(zip(references.ids, references.captions, strict=True))
        scorers[references.ids] = CaptionScorer(texts, meteor)
    scorer = scorers[references.ids]
    material = material_of(said.best, str(said.run.path), references, scorer)
    notes = [*material.notes, *filter(None, (said.note, why))]
    material = replace(material, notes=notes)
    scores = scorer.score(said.best)
    numbers = report(material, scores, said.run.name, seed=options.seed)
    exact = {"captions": said.best}
    if len(set(references.videos)) > 1:
        exact["other_videos"] = of_other_videos(said.best, references.videos, options.seed)
    without = None
    if blind is not None:
        without = scorer.score(blind.best)
        exact["language_model"] = blind.best
        _say_gain(material, scores, without, blind.run.name, numbers)
    elif said.video != "none":
        print("no vision gain: train the same run with --video none, or name it --language_model")
    numbers["exact"] = {row: _exact(captions, references) for row, captions in exact.items()}
    shares = [f"{row.replace('_', ' ')} {percent(v)} %" for row, v in numbers["exact"].items()]
    print(f"exact match, word for word one of a segment's true captions: {', '.join(shares)}")
    _write(said, material, scores, numbers, options)
    return ScoredRun(said=said, material=material, scores=scores, blind=without, numbers=numbers)


def _exact(captions: Mapping[str, str], references: ReferenceSet) -> float:
    """Share of captions that are, as words, one of their segment's true captions."""
    right = [
        tokenize(captions[name]) in [tokenize(text) for text in texts]
        for name, texts in zip(references.ids, references.captions, strict=True)
    ]
    return sum(right) / len(right)


def _references(said: RunCaptions) -> ReferenceSet:
    """Those of the segments that were captioned."""
    every = of_caption_file(said.file, said.split.name)
    kept = [i for i, name in enumerate(every.ids) if name in said.found]
    return replace(
        every,
        ids=tuple(every.ids[i] for i in kept),
        videos=tuple(every.videos[i] for i in kept),
        captions=tuple(every.captions[i] for i in kept),
    )


def _language_model(
    number: int, options: CaptionRunOptions, search: SearchOptions, said: RunCaptions
) -> RunCaptions | None:
    """What the run says that was trained alike without video, named or beside it."""
    if said.video == "none":
        return None
    named = options.language_model[number if len(options.language_model) > 1 else 0 :][:1]
    folder = named[0] if named else find_run_without_video(said.run)
    if folder is None:
        return None
    blind = caption_run(str(folder), options, search, video=None)
    if blind.video != "none":
        raise UserError(f"--language_model {folder}: a run that saw videos; name one without")
    return blind


def _say_gain(
    material: Material, scores: CaptionScores, blind: CaptionScores, name: str, numbers: dict
) -> None:
    """Print and keep how much is gained by watching."""
    gain = CaptionBootstrap(material.units).difference(blind, scores)
    print(grid(METRICS, [(f"without video ({name})", _cells(blind.corpus))]))
    value, interval = gain[HEADLINE]
    print(f"vision gain: {signed(value, interval)} {HEADLINE} {material.name}")
    numbers["language_model"] = {f"{k} {material.name}": v for k, v in blind.corpus.items()}
    numbers["vision_gain"] = {f"{k} {material.name}": v for k, (v, _) in gain.items()}
    numbers["vision_gain_intervals"] = {f"{k} {material.name}": i for k, (_, i) in gain.items()}


def _write(
    said: RunCaptions,
    material: Material,
    scores: CaptionScores,
    numbers: dict[str, Any],
    options: CaptionRunOptions,
) -> None:
    """The captions in the official form, all numbers, TensorBoard, the page."""
    folder, split = said.run.folder, said.split.name
    output = Path(options.output) if options.output else results_file(folder, split, said.video)
    write_results(output, said.best, n_best=said.n_best if options.n_best > 1 else None)
    whole = folder / f"{split}-{said.video}.json"
    with whole_file(whole) as partial:
        partial.write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    values = {f"{split}/{name}": value for name, value in scores.corpus.items()}
    if "vision_gain" in numbers:
        values[f"{split}/vision_gain"] = numbers["vision_gain"][f"{HEADLINE} {material.name}"]
    log_scores(folder.name, f"{split}-{said.video}", said.run.step, values)
    print(f"captions: {output}\nall numbers: {whole}")
    if options.count:
        page = folder / f"{split}-{said.video}-captions.html"
        _page(page, said, material, scores, options)
        print(f"worst captions: {page}")


def _page(
    path: Path,
    said: RunCaptions,
    material: Material,
    scores: CaptionScores,
    options: CaptionRunOptions,
) -> None:
    """The captions of lowest score, with frames where the videos are named."""
    worst = np.argsort(scores.segments[HEADLINE], kind="stable")[: options.count].tolist()
    split = said.split
    place = {name: i for i, name in enumerate(split.ids)}
    rows = [(scores.ids[i], float(scores.segments[HEADLINE][i])) for i in worst]
    files = video_files(options.videos, options.id_map)
    frames = frames_of(files, [split.videos[place[name]] for name, _ in rows])
    shown = []
    for name, score in rows:
        video = split.videos[place[name]]
        shown.append(
            CaptionShown(
                id=name,
                video=video,
                caption=material.captions[name],
                score=score,
                references=split.references(place[name]),
                frames=frames.get(video, []),
            )
        )
    summary = [(name, percent(value)) for name, value in scores.corpus.items()]
    write_caption_page(
        path, run=said.run.name, scored_on=material.name, summary=summary, captions=shown
    )


def _together(found: Sequence[ScoredRun]) -> dict[str, Any]:
    """Print and return the mean of several runs, its deviation, and the interval of the mean."""
    first = found[0].material
    if any(one.material.name != first.name or one.scores.ids != found[0].scores.ids
           for one in found):  # fmt: skip
        raise UserError("--run: the runs are scored on different segments; evaluate them apart")
    names = [name for name in METRICS if all(name in one.scores.corpus for one in found)]
    values = {name: [one.scores.corpus[name] for one in found] for name in names}
    cells = [f"{percent(mean(v))} ± {percent(stdev(v))}" for v in values.values()]
    rows = [(f"mean of {len(found)} runs", cells)]
    bootstrap, middle = CaptionBootstrap(first.units), _mean([one.scores for one in found])
    intervals = bootstrap.interval(middle)
    rows.append(("  95 % interval", [_short(intervals[name]) for name in names]))
    result: dict[str, Any] = {
        "runs": [str(one.said.run.path) for one in found],
        "mean": {f"{k} {first.name}": mean(v) for k, v in values.items()},
        "deviation": {f"{k} {first.name}": stdev(v) for k, v in values.items()},
        "intervals": {f"{k} {first.name}": intervals[k] for k in names},
    }
    blind = [one.blind for one in found if one.blind is not None]
    if len(blind) == len(found):
        without = _mean(blind)
        rows.append(("without video", _cells(without.corpus, names)))
        gain = bootstrap.difference(without, middle)
        result["vision_gain"] = {f"{k} {first.name}": v for k, (v, _) in gain.items()}
        result["vision_gain_intervals"] = {f"{k} {first.name}": i for k, (_, i) in gain.items()}
    print(grid(names, rows))
    if "vision_gain" in result:
        value, interval = gain[HEADLINE]
        print(f"vision gain: {signed(value, interval)} {HEADLINE} {first.name}")
    return result


def _mean(scores: Sequence[CaptionScores]) -> CaptionScores:
    """The mean of several runs' scores of the same segments."""
    names = [name for name in METRICS if all(name in one.corpus for one in scores)]
    return CaptionScores(
        ids=scores[0].ids,
        corpus={name: mean(one.corpus[name] for one in scores) for name in names},
        segments={name: np.mean([one.segments[name] for one in scores], 0) for name in names},
        bleu_statistics=None,
    )


def _check_outputs(folder: str, options: CaptionRunOptions) -> None:
    """No output may replace what is read."""
    if options.output:
        reads = input_files(folder, options)
        reads |= {"--id_map": options.id_map, **{f"--videos {v}": v for v in options.videos}}
        check_output(options.output, inputs=reads)


def _cells(corpus: dict[str, float], names: Sequence[str] = METRICS) -> list[str]:
    return [percent(corpus[name]) if name in corpus else "–" for name in names]


def _short(interval: Interval) -> str:
    return f"{percent(interval[0])}-{percent(interval[1])}"
