"""`python -m library rerank`: the list of any search engine, re-ordered by a question's answer.

score = s + weight * g.  s: the engine's score, standardised over the list, since nobody knows its
scale (0 where all are equal or missing: then the answer alone decides).  g: with an expected
answer, log P(answer | question, clip) - log P(answer | question); without one, how much the clip's
answers differ from those of a video nobody has seen.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from library.find.answering import Answering, Stretch, gain, tells
from library.find.shelf import Place
from library.opened import Library, open_library
from options.library.rerank import RerankOptions
from options.library.search import LibraryOptions
from preprocess.video.error import VideoError
from util.errors import UserError
from util.files import check_output, whole_file
from util.text import cells_of, clipped
from util.text_file import read_text

NamedClip = Callable[[int], Place]  # a clip's id -> where it is; UserError: there is none


class Asks(Protocol):
    """What answers."""

    def tell(self, part: Stretch, question: str) -> dict[str, float]:
        """The probability of every answer, the likeliest first."""
        ...

    def prior(self, question: str) -> dict[str, float]:
        """The same without a video."""
        ...


@dataclass(frozen=True)
class Candidate:
    """One line of a list."""

    row: dict[str, Any]  # as it is written
    part: Stretch
    score: float | None  # the engine's
    was: int  # its place in the list, from 1


@dataclass(frozen=True)
class Ranked:
    """A candidate in its new place."""

    candidate: Candidate
    score: float
    why: str


def run(options: RerankOptions) -> int:
    """Index what is new, ask, write the list anew; 1 if some videos could not be read."""
    # Here and not above: whoever takes `rerank` alone, as the page does, indexes nothing.
    from library.gather.named import index_named, library_there
    from library.gather.stored import take_stored

    source = Path(options.candidates)
    output = check_output(
        options.output or source.with_name(f"{source.stem}.reranked.jsonl"),
        inputs={"--candidates": source},
    )
    candidates = read_candidates(source, _clips_of(options.library))
    answering = Answering(options.run, blind=options.blind, device=options.device)
    answering.check(options.question, options.answer)
    of = LibraryOptions(library=options.library, embedder=options.embedder, device=options.device)
    known: dict[str, str] = {}
    if options.index:
        known = index_named((one.part.path for one in candidates), of)
    if (library := library_there(of)) is not None:
        take_stored(answering, library)
    ranked, failed = rerank(
        [one for one in candidates if one.part.path not in known],
        answering,
        options.question,
        options.answer,
        weight=options.weight,
    )
    failed += [(one, known[one.part.path]) for one in candidates if one.part.path in known]
    failed.sort(key=lambda pair: pair[0].was)
    with whole_file(output) as partial:
        rows = [_row(one, place, options.question) for place, one in enumerate(ranked, 1)]
        rows += [{**one.row, "failed": reason} for one, reason in failed]
        partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    _print(ranked)
    for one, reason in failed:
        print(f"set aside {clipped(one.part.path, 200)}: {clipped(reason, 200)}")
    moved = sum(one.candidate.was != place for place, one in enumerate(ranked, 1))
    print(f"{moved} of {len(candidates)} moved; wrote {output}")
    return 1 if failed else 0


def rerank(
    candidates: Sequence[Candidate],
    asks: Asks,
    question: str,
    answer: str | None,
    *,
    weight: float,
) -> tuple[list[Ranked], list[tuple[Candidate, str]]]:
    """The candidates by their new score, the best first; those that could not be read, and why."""
    asked, told, failed = [], [], []
    for candidate in tqdm(candidates, "asking", unit="video", leave=False, disable=None):
        try:
            told.append(asks.tell(candidate.part, question))
            asked.append(candidate)
        except VideoError as error:
            failed.append((candidate, error.reason))
    if not asked:
        return [], failed
    prior = asks.prior(question)
    ranked = []
    for candidate, said, score in zip(asked, told, standardised(asked), strict=True):
        if answer is None:
            moves, best = tells(said, prior), next(iter(said))
            why = f'says "{best}" ({said[best]:.0%}); tells {moves:.2f} nats'
        else:
            moves = gain(said, prior, answer)
            why = f'"{answer}": {said[answer]:.1%}, without video {prior[answer]:.1%}'
        ranked.append(Ranked(candidate, score + weight * moves, why))
    return sorted(ranked, key=lambda one: (-one.score, one.candidate.was)), failed


def standardised(candidates: Sequence[Candidate]) -> list[float]:
    """Scores of mean 0 and standard deviation 1; a missing one is the lowest of the list."""
    known = [one.score for one in candidates if one.score is not None]
    if not known or max(known) == min(known):
        return [0.0] * len(candidates)
    scores = np.array([min(known) if one.score is None else one.score for one in candidates])
    spread = scores.std() or 1.0
    return ((scores - scores.mean()) / spread).tolist()


def read_candidates(path: Path, clip: NamedClip) -> list[Candidate]:
    """A list of candidates.  Raises UserError with file, line and cure for one that is none."""
    hint = "a list has one JSON object a line: video (or clip), score"
    found: list[Candidate] = []
    for number, line in enumerate(read_text(path, hint).split("\n"), 1):
        if line.strip():
            try:
                found.append(replace(_candidate(line, clip), was=len(found) + 1))
            except (ValueError, RecursionError, UserError) as error:
                reason = clipped(str(error), 200)
                raise UserError(f"{path}, line {number}: {reason}") from error
    if not found:
        raise UserError(f"{path}: holds no candidate; {hint}")
    return found


def _candidate(line: str, clip: NamedClip) -> Candidate:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}); write one object a line") from error
    if not isinstance(row, dict):
        raise ValueError('not an object; write {"video": ..., "score": ...}')
    score = row.get("score")
    if score is not None and not _is_number(score):
        raise ValueError("score is no number; give one, or leave it out")
    video = row.get("video", row.get("file"))
    if video is None and "clip" in row:
        if type(row["clip"]) is not int or not 0 <= row["clip"] < 2**63:
            raise ValueError("clip is no id; give a whole number, or video: a path")
        place = clip(row["clip"])
        part = Stretch(place.path, place.start, place.end)
    else:
        if not isinstance(video, str) or not video.strip() or "\0" in video:
            raise ValueError("video names no file; give its path, or clip: an id of the library")
        start, end = row.get("start", 0.0), row.get("end", 1e299)
        if not all(map(_is_number, (start, end))) or not 0 <= start < end:
            raise ValueError("start and end are no times; give 0 <= start < end, in seconds")
        part = Stretch(video, float(start), float(end) if "end" in row else math.inf)
    return Candidate(row, part, None if score is None else float(score), 0)


def _is_number(value: Any) -> bool:
    """A number that a float can be; not infinite."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) < 1e300  # false of NaN too


def _clips_of(library: str) -> NamedClip:
    """Where the clips of a library are; it is opened for the first that is named."""

    @cache
    def shelf() -> Library:
        return open_library(library, use="off")

    def one(clip: int) -> Place:
        places = shelf().places([clip])
        if clip not in places:
            raise UserError(f"clip {clip}: {library} has none of that id; search it again")
        return places[clip]

    return one


def _row(one: Ranked, place: int, question: str) -> dict[str, Any]:
    """A line of the new list: the old one's keys, and what moved it."""
    was = one.candidate
    own = {"query": question} if "query" not in was.row else {}
    return {
        **was.row,
        **own,
        "video": was.part.path,
        "score": round(one.score, 6),
        "score_before": was.score,
        "place_before": was.was,
        "moved": was.was - place,
        "why": one.why,
    }


def _print(ranked: Sequence[Ranked]) -> None:
    """One line a candidate: its place, how far it moved, file, why."""
    names = [clipped(one.candidate.part.path, 60) for one in ranked]
    width = max(map(cells_of, names), default=0)
    for place, (one, name) in enumerate(zip(ranked, names, strict=True), 1):
        moved = one.candidate.was - place
        arrow = f"{'+' if moved > 0 else ''}{moved}" if moved else "="
        blank = " " * (width - cells_of(name))
        print(f"{place:3}  {arrow:>4}  {one.score:6.2f}  {name}{blank}  {clipped(one.why, 120)}")
