"""`python -m library search`: what is looked for -> moments, or that nothing shows it."""

from collections.abc import Sequence
from dataclasses import replace

from library.find.answering import Answering, Stretch, gain
from library.find.finder import DEPTH, How, Result, Search
from library.find.moments import Moment
from library.find.open import open_search
from library.find.query import InOrder, Query, read_query
from library.find.show import print_rows, row_of, write_rows
from library.where import read_where
from options.library.search import LibraryOptions, SearchOptions
from preprocess.video.error import VideoError
from util.files import check_output
from util.text import clipped


def run(options: SearchOptions, of: LibraryOptions) -> int:
    """Search, show a page, write it as a file of hits; 1 if videos could not be asked."""
    query = read_query(options.query, options.like, options.minus)
    how = how_of(options)
    if options.output:
        check_output(options.output, inputs={"--library": of.library})
    answering = None
    if options.question is not None:  # first: what is wrong with it is told before the search
        answering = Answering(options.run, blind=options.blind, device=of.device)
        answering.check(options.question, options.answer)
    search = open_search(of, options.foreign, answering)
    _print_notes(search, query)
    result = search.find(query, how)
    failed: dict[str, str] = {}
    if answering is not None:
        result, failed = asked(search, answering, result, options)
    if not result.moments:
        print(search.nothing(result))
        return 0
    _print_page(search, result, options)
    for path, reason in failed.items():
        print(f"not asked: {clipped(path, 200)}: {clipped(reason, 200)}")
    return 1 if failed else 0


def how_of(options: SearchOptions) -> How:
    """How the search goes about it; deep enough for the page."""
    return How(
        where=read_where(options.where),
        text_weight=options.text_weight,
        every=options.every,
        anyway=options.anyway,
        depth=max(DEPTH, 20 * options.page * options.number),
    )


def asked(
    search: Search, answering: Answering, result: Result, options: SearchOptions
) -> tuple[Result, dict[str, str]]:
    """The first moments re-ranked by the answer; videos that could not be read, and why.

    score = score of the search + weight * (log P(answer | question, moment) - log P(answer |
    question, no video)).  Those that are not asked follow in their order.
    """
    assert options.question is not None and options.answer is not None
    first = result.moments[: options.candidates]
    places = search.shelf.places([moment.best for moment in first])
    told: dict[int, dict[str, float]] = {}
    failed: dict[str, str] = {}
    for moment in first:
        path = places[moment.best].path
        try:
            stretch = Stretch(path, moment.start, moment.end)
            told[moment.best] = answering.tell(stretch, options.question)
        except VideoError as error:
            failed[path] = error.reason
    if not told:
        return result, failed
    prior = answering.prior(options.question)
    ranked = [_moved(m, told, prior, options.answer, options.weight) for m in first]
    ranked.sort(key=lambda moment: -moment.score)
    return replace(result, moments=[*ranked, *result.moments[options.candidates :]]), failed


def _moved(
    moment: Moment,
    told: dict[int, dict[str, float]],
    prior: dict[str, float],
    answer: str,
    weight: float,
) -> Moment:
    said = told.get(moment.best)
    if said is None:
        return moment
    why = f'{moment.why}; "{answer}": {said[answer]:.1%}, without video {prior[answer]:.1%}'
    return replace(moment, score=moment.score + weight * gain(said, prior, answer), why=why)


def _print_page(search: Search, result: Result, options: SearchOptions) -> None:
    """The moments of the page, and how many there are."""
    total, first = len(result.moments), (options.page - 1) * options.number
    shown = result.moments[first : first + options.number]
    clips = [clip for moment in shown for clip in (moment.best, *moment.like)]
    places = search.shelf.places(clips)
    text = _words_of(options)
    rows = [
        row_of(moment, places, query=text, weights=search.shelf.fingerprint)
        for moment in shown
        if moment.best in places
    ]
    print_rows(rows, first + 1)
    pages = -(-total // options.number)
    of = f"page {options.page} of {pages}; " if pages > 1 or options.page > 1 else ""
    hidden = f"; {result.left_out} clips below what chance reaches" if result.left_out else ""
    print(f"{of}{total} moments{hidden}")
    if options.output and rows:
        write_rows(options.output, rows)
        print(f"wrote {options.output}")


def _words_of(options: SearchOptions) -> str:
    """The query as a hit carries it to an edit list."""
    parts = [options.query, *(f"like {x}" for x in options.like)]
    parts += [f"minus {x}" for x in options.minus]
    return "; ".join(part for part in parts if part)


def _print_notes(search: Search, query: Query | InOrder) -> None:
    """Words that the embedder does not know, once each."""
    queries: Sequence[Query] = [query] if isinstance(query, Query) else [query.first, query.second]
    notes = [search.note(term.text) for part in queries for term in part.terms]
    for note in dict.fromkeys(filter(None, notes)):
        print(clipped(note, 300))
