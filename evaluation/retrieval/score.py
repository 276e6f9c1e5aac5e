"""All that is measured of a search, beside the rows that it must be judged by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.format import Interval
from evaluation.retrieval.absent import Absent, Foreign, alarm_interval
from evaluation.retrieval.measures import METRICS, Change, QueryBootstrap, Ranks, chance_of
from evaluation.retrieval.search_set import SearchSet
from evaluation.retrieval.second_look import SecondLook

# Rows that are held against another than the embedding.
OVER = {"captions_reranked": "captions"}
# Rows of videos found by captions, in the order of the table.
ROWS = {
    "labels": "words of predicted labels",
    "captions": "words of predicted captions",
    "captions_reranked": "words of predicted captions, re-ranked by answers",
    "embedding": "embedding",
    "reranked": "embedding, re-ranked by answers",
    "random_word": "  control: a random word expected",
    "other_question": "  control: the question of another video",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchScore:
    """The measurements of a search by one or more seeds."""

    name: str
    runs: tuple[str, ...]
    of: SearchSet
    among: str  # split or all
    protocol: str  # captions or videos
    videos: int  # with queries: what intervals draw
    chance: dict[str, float]
    rows: dict[str, Ranks]  # of `ROWS`
    intervals: dict[str, dict[str, Interval]]  # of each row's metrics
    # captions found by videos
    text_chance: dict[str, float]
    to_text: Ranks
    text_intervals: dict[str, Interval]
    # of a row over the embedding, or that of `OVER`, in R@1 and MRR; "asked": of the queries that
    # make a question
    changes: dict[str, dict[str, Change]]
    weights: dict[str, float]  # of the evidence beside each row that is re-ranked
    look: SecondLook | None
    absent: tuple[Absent, ...]  # of each seed
    missed_interval: Interval
    alarm_interval: Interval  # other foreign queries, of other words
    notes: tuple[str, ...]


def score_search(
    *,
    name: str,
    runs: tuple[str, ...],
    of: SearchSet,
    among: str,
    protocol: str,
    rows: Mapping[str, Ranks],
    to_text: Ranks,
    look: SecondLook | None,
    weights: Mapping[str, float],
    absent: tuple[Absent, ...],
    foreign: Foreign,
    notes: tuple[str, ...],
) -> SearchScore:
    """Measure rankings: `rows` of videos by captions, `to_text` of captions by videos."""
    bootstrap = QueryBootstrap(of.videos)
    own = QueryBootstrap(of.own.videos)
    several = np.bincount(of.own.segment.numpy(), minlength=len(of.own))
    asked = look.queries if look is not None else np.zeros(len(of.texts), bool)
    changes: dict[str, dict[str, Change]] = {}
    for row in ("reranked", "random_word", "other_question", "captions_reranked"):
        if row in rows:
            changes[row] = {
                metric: bootstrap.change(rows[OVER.get(row, "embedding")], rows[row], metric)
                for metric in ("R@1", "MRR")
            }
    if asked.any() and "reranked" in rows:
        some = QueryBootstrap([of.videos[i] for i in np.flatnonzero(asked)])
        one, other = (Ranks(rank=rows[n].rank[:, asked]) for n in ("embedding", "reranked"))
        changes["asked"] = {metric: some.change(one, other, metric) for metric in ("R@1", "MRR")}
    return SearchScore(
        name=name,
        runs=runs,
        of=of,
        among=among,
        protocol=protocol,
        videos=bootstrap.videos,
        chance=chance_of(len(of.ids), np.ones(len(of.texts), np.int64)),
        rows={row: rows[row] for row in ROWS if row in rows},
        intervals={
            row: {metric: bootstrap.interval(rows[row], metric) for metric in METRICS}
            for row in ROWS
            if row in rows
        },
        text_chance=chance_of(len(of.every_text), several),
        to_text=to_text,
        text_intervals={metric: own.interval(to_text, metric) for metric in METRICS},
        changes=changes,
        weights=dict(weights),
        look=look,
        absent=absent,
        missed_interval=bootstrap.shares(np.mean([one.missed for one in absent], 0)),
        alarm_interval=alarm_interval(np.mean([one.alarmed for one in absent], 0), foreign.parts),
        notes=notes,
    )
