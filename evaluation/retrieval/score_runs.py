"""`evaluate.py retrieval`: how well runs find videos by captions, and captions by videos."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from evaluation.label.told import name_of
from evaluation.plot.threshold import threshold_curve
from evaluation.retrieval.absent import Absent, Foreign, absent_of, held_out_queries
from evaluation.retrieval.full_text import word_scores
from evaluation.retrieval.measures import Ranks
from evaluation.retrieval.score import ROWS, SearchScore, score_search
from evaluation.retrieval.search_set import (
    VALIDATION,
    Searched,
    SearchSet,
    check_same,
    input_files,
    open_searched,
    search_set,
)
from evaluation.retrieval.second_look import SecondLook, best_weight, look_again, ranks_of
from evaluation.retrieval.shown import records, summary, table
from evaluation.retrieval.texts import answering_runs, captioning_run, captions_of, labels_of
from inference.retrieval.evidence import WEIGHT, AnswerEvidence
from inference.retrieval.ranks import ranks
from inference.run import Run
from inference.run_files import RESULTS, output_folder
from model.task.captioning import Captioning
from options.evaluation.retrieval import RetrievalScoreOptions
from util.clip_plots import save_figure
from util.distributed import process_group, rank
from util.files import check_output, whole_file
from util.progress import warned
from util.tensorboard import log_scores


@dataclass(frozen=True, eq=False, kw_only=True)
class Reranking:
    """What the second look needs: its evidence, its weights, and what is to be said of these."""

    weights: dict[str, float]  # beside each row of `ROWS` that is re-ranked
    look: SecondLook
    notes: tuple[str, ...]


def run(options: RetrievalScoreOptions) -> int:
    """Search, score, print and write; the last line is JSON."""
    numbers = score_runs(options)
    if numbers:  # another process prints
        print(json.dumps(numbers))
    return 0


def score_runs(options: RetrievalScoreOptions) -> dict[str, Any]:
    """Search, score, print and write; -> all numbers as plain types.

    Several processes share the work; the first alone goes on from there, of the others nothing is
    returned.  Raises UserError for runs, files or options that do not fit.
    """
    if options.output is not None:
        for path in options.run:
            check_output(options.output, "--output", inputs=input_files(path, options))
    foreign = held_out_queries(options.foreign)
    fits = options.rerank and options.weight is None  # a weight is fitted on validation
    with process_group(options.device):
        every = [open_searched(path, options, validation=fits) for path in options.run]
        check_same(every)
        first, notes = every[0], []
        of = search_set(first, options.split, options)
        evidence: list[AnswerEvidence] = []
        if options.rerank or options.texts:
            evidence, why = answering_runs(options, first.stores)
            notes += [why] if why else []
        said, captioner = {}, None
        if options.texts:
            captioner, why = captioning_run(options, first.stores)
            notes += [why] if why else []
            said = _texts(of, evidence, captioner, options)
        second = None
        if options.rerank and evidence:
            second = _second_look(every, of, evidence, captioner, options)
            notes += second.notes
        if rank() > 0:
            return {}
    coarse = [one.to_video(of) for one in every]
    look = None if second is None else second.look
    score = score_search(
        name=name_of([one.run.name for one in every]),
        runs=tuple(options.run),
        of=of,
        among=options.among,
        protocol=options.protocol,
        rows={**_worded(said, of, second), **_embedded(coarse, of, second)},
        to_text=_to_text(every, of),
        look=look,
        weights={} if second is None else second.weights,
        absent=tuple(_absent(one, of, foreign, look) for one in every),
        foreign=foreign,
        notes=tuple(notes),
    )
    return _tell(score, every, options)


def _texts(
    of: SearchSet,
    evidence: Sequence[AnswerEvidence],
    captioner: Run[Captioning] | None,
    options: RetrievalScoreOptions,
) -> dict[str, np.ndarray]:
    """How well what other runs say of the videos has the words of the queries: (Q, V) each."""
    said: dict[str, Sequence[str]] = {}
    if evidence:
        said["labels"] = labels_of(evidence, of, options.batch_size)
    if captioner is not None:
        said["captions"] = captions_of(captioner, of, options.batch_size)
    return {name: word_scores(of.texts, texts) for name, texts in said.items()}


def _second_look(
    every: Sequence[Searched],
    of: SearchSet,
    evidence: Sequence[AnswerEvidence],
    captioner: Run[Captioning] | None,
    options: RetrievalScoreOptions,
) -> Reranking:
    """Ask the questions of the queries, with the weight asked for or the best on validation."""
    size, seed = options.batch_size, options.seed
    look = look_again(evidence, of, batch_size=size, seed=seed)
    if options.weight is not None:
        return Reranking(weights={"embedding": options.weight}, look=look, notes=())
    if VALIDATION not in every[0].splits or options.split == VALIDATION:
        note = f"re-ranking: no other split to fit a weight on; it is {WEIGHT:g}"
        return Reranking(weights={"embedding": WEIGHT}, look=look, notes=(note,))
    val = search_set(every[0], VALIDATION, options)
    there = look_again(evidence, val, batch_size=size, seed=seed, controls=False)
    coarse = {"embedding": [one.to_video(val).numpy() for one in every]}
    if captioner is not None:
        coarse["captions"] = [_texts(val, (), captioner, options)["captions"]]
    weights, notes = {}, []
    for row, scores in coarse.items():
        weights[row], tried = best_weight(scores, there.evidence, val.segment)
        notes.append(
            f"{ROWS[row]}: weight {weights[row]:g} of the evidence is the best on split "
            f"{VALIDATION}: MRR {100 * tried[weights[row]]:.1f}, without {100 * tried[0.0]:.1f}"
        )
    return Reranking(weights=weights, look=look, notes=tuple(notes))


def _worded(
    said: dict[str, np.ndarray], of: SearchSet, second: Reranking | None
) -> dict[str, Ranks]:
    """The rows that search words, and the captions re-ranked, as any other engine's list."""
    scores = dict(said)
    if second is not None and "captions" in second.weights:
        add = second.weights["captions"] * second.look.evidence
        scores["captions_reranked"] = said["captions"] + add
    return {name: Ranks(rank=ranks_of(one, of.segment)[None]) for name, one in scores.items()}


def _embedded(
    coarse: Sequence[Tensor], of: SearchSet, second: Reranking | None
) -> dict[str, Ranks]:
    """The rows of the embedding, without and with a second look."""

    def row(add: np.ndarray | float) -> Ranks:
        return Ranks(rank=np.stack([ranks_of(one.numpy() + add, of.segment) for one in coarse]))

    rows = {"embedding": row(0.0)}
    if second is not None:
        look, weight = second.look, np.float32(second.weights["embedding"])
        rows["reranked"] = row(weight * look.evidence)
        rows["random_word"] = row(weight * look.random_word)
        rows["other_question"] = row(weight * look.other_question)
    return rows


def _to_text(every: Sequence[Searched], of: SearchSet) -> Ranks:
    """Of each video of the split, the best ranked of its own captions among all that are there."""
    place = np.flatnonzero([name in set(of.own.ids) for name in of.ids])
    right = of.text_segment == place[:, None]
    found = [ranks(one.to_text(of), torch.from_numpy(right)).numpy() for one in every]
    return Ranks(rank=np.stack(found))


def _absent(one: Searched, of: SearchSet, foreign: Foreign, look: SecondLook | None) -> Absent:
    objects = [""] * len(of.texts)
    if look is not None:
        objects = [
            next((asked.word for asked in some if asked.kind == "object"), "")
            for some in look.asked
        ]
    return absent_of(one, of, foreign, objects)


def _tell(
    score: SearchScore, every: Sequence[Searched], options: RetrievalScoreOptions
) -> dict[str, Any]:
    """Print and write."""
    print(table(score))
    numbers = summary(score)
    path = Path(options.output) if options.output else _results_file(score, options)
    with whole_file(path) as partial:
        content = {**numbers, "searches": records(score)}
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(f"every query: {path}")
    if options.plots:
        with warned(print, "pictures"):
            picture = path.parent / "plots" / f"{path.stem}-threshold.png"
            save_figure(_picture(score, every[0]), picture)
            plain = {k: v for k, v in numbers.items() if "/" in k and isinstance(v, float)}
            log_scores(path.parent.name, path.stem, max(one.run.step for one in every), plain)
            print(f"picture: {picture}")
    return numbers


def _picture(score: SearchScore, first: Searched) -> Figure:
    """Of the first seed."""
    one = score.absent[0]
    title = (
        f"{first.run.name}, split {score.of.split}: {one.foreign:,} foreign queries and "
        f"{len(one.missed):,} captions among {len(score.of.ids):,} videos"
    )
    return threshold_curve(one.curve, one.threshold, title)


def _results_file(score: SearchScore, options: RetrievalScoreOptions) -> Path:
    folder = RESULTS / f"{score.name}-pooled"
    if len(options.run) == 1:
        folder = output_folder(options.run[0])
    ending = "-all" if options.among == "all" else ""
    ending += "-videos" if options.protocol == "videos" else ""
    return folder / f"{score.of.split}-retrieval{ending}.json"
