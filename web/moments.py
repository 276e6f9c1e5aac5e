"""A library, as requests search it: moments, pictures, files, re-ranking, edit lists.

Clients name clips by their ids; where a clip's video lies is looked up here, and is told to nobody
but in an edit list, which an editing program could not use otherwise.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from library.edit_list.export import text_of
from library.find.answering import Stretch
from library.find.finder import DEPTH, How, Result, Search
from library.find.moments import Moment
from library.find.open import open_search
from library.find.query import InOrder, Like, Query, read_query
from library.find.shelf import Place
from library.gather.named import library_there
from library.gather.stored import take_stored
from library.hits import Hit
from library.opened import Library
from library.rerank import Candidate, Ranked, rerank
from library.where import read_where
from options.inference.web import WebOptions
from options.library.export import ExportOptions
from options.library.search import LibraryOptions
from preprocess.video.error import VideoError
from util.errors import UserError
from web.errors import WebError
from web.library_schema import ExportAsked, RerankAsked
from web.reading import BoundedAnswering, FileReader, given
from web.video.file_task import Probe
from web.video.playback import Playable

T = TypeVar("T")
WAITING = 64  # requests that may wait for the library


@dataclass(frozen=True)
class Found:
    """A page of moments, and where the clips of them are."""

    result: Result
    moments: list[Moment]  # of the page
    places: dict[int, Place]
    message: str


@dataclass
class Moments:
    """An open library.  One thread asks it: its connection belongs to that thread."""

    options: WebOptions
    run: Path | None  # that answers questions about moments
    search: Search = field(init=False)
    clips: int = field(init=False)
    _answering: BoundedAnswering | None = None
    _waiting: int = 0

    def __post_init__(self) -> None:
        """Open it.  Raises UserError for none, or one of other weights."""
        self._reader = FileReader(self.options)
        self._thread = ThreadPoolExecutor(1, "library")
        self._asking = ThreadPoolExecutor(1, "rerank")
        self._thread.submit(self._open).result()

    def _open(self) -> None:
        self.search = open_search(self._of, None)
        # More of the like of a clip: its vector is there, and no file is read.
        vectors = self.search.shelf.vectors
        self.search.embed_moment = lambda like: vectors([int(like.file)])[0]
        self.clips = self.search.shelf.count()
        assert isinstance(self.search.shelf, Library)
        self._catalogue = self.search.shelf.catalogue

    @property
    def _of(self) -> LibraryOptions:
        options = self.options
        assert options.library is not None
        return LibraryOptions(
            library=options.library, embedder=options.embedder, device=options.device
        )

    def close(self) -> None:
        """End the threads and the process."""
        self._reader.close()
        self._thread.shutdown(cancel_futures=True)
        self._asking.shutdown(cancel_futures=True)

    async def call(self, work: Callable[[], T], *, asks: bool = False) -> T:
        """Do something in the library's thread; `asks`: in the one that reads videos.

        Raises WebError where too many wait.
        """
        if self._waiting >= WAITING:
            raise WebError(429, "busy", "too many searches wait", "search again", retry_after=1)
        self._waiting += 1
        try:
            thread = self._asking if asks else self._thread
            return await asyncio.wrap_future(thread.submit(work))
        finally:
            self._waiting -= 1

    async def file(self, clip: int) -> tuple[Path, str]:
        """A clip's video and the type that browsers play it as.  Raises WebError if they do not."""
        places = await self.call(lambda: self.places([clip]))
        path = Path(places[clip].path)
        if not path.is_file():
            raise WebError(404, "missing", "the video is not there any more", "index it anew")
        task = Probe(path)
        try:
            found: Playable = given(task, await asyncio.wrap_future(self._reader.submit(task)))
        except VideoError as error:
            raise WebError(409, "not_playable", error.reason, "index it anew") from error
        if not found.type:
            raise WebError(
                409, "not_playable", f"it is {found.why}", "send it as a video of your own"
            )
        return path, found.type

    # In the library's thread

    def find(
        self,
        text: str,
        like: Sequence[int],
        *,
        where: str,
        page: int,
        number: int,
        every: bool,
        anyway: bool,
    ) -> Found:
        """A page of moments.  Raises UserError for a query or a filter that is none."""
        self.places(like)
        query = read_query(text) if text.strip() or not like else Query(())
        if like:
            if isinstance(query, InOrder):
                raise UserError("like: goes with one query, not with before or after; leave it out")
            query = Query(query.terms, tuple(Like(str(clip), None, 1.0) for clip in like))
        how = How(
            where=read_where(where),
            every=every,
            anyway=anyway,
            depth=max(DEPTH, 20 * page * number),
        )
        result = self.search.find(query, how)
        shown = result.moments[(page - 1) * number :][:number]
        places = self.search.shelf.places([moment.best for moment in shown])
        parts = [query] if isinstance(query, Query) else [query.first, query.second]
        notes = [self.search.note(term.text) for part in parts for term in part.terms]
        if not result.moments:
            notes.append(self.search.nothing(result).replace("--anyway", "anyway=true"))
        message = "; ".join(dict.fromkeys(filter(None, notes)))
        return Found(result, [m for m in shown if m.best in places], places, message)

    def places(self, clips: Sequence[int]) -> dict[int, Place]:
        """Where clips are.  Raises WebError for one that is not there."""
        found = self.search.shelf.places(list(clips))
        if missing := [clip for clip in clips if clip not in found]:
            raise WebError(
                404, "unknown_clip", f"no clip {missing[0]} in the library", "search again"
            )
        return found

    def picture(self, clip: int) -> bytes:
        """A clip's picture, JPEG.  Raises WebError where there is none."""
        found = self._catalogue.thumbnail(clip)
        if found is None:
            raise WebError(404, "no_thumbnail", "this clip has no picture", "index it anew")
        return found

    def export(self, asked: ExportAsked) -> str:
        """Moments as the text of an edit list.  Raises UserError for what cannot be one."""
        places = self.places([hit.id for hit in asked.hits])
        hits = []
        for hit in asked.hits:
            place = places[hit.id]
            start = place.start if hit.start is None else hit.start
            end = place.end if hit.end is None else hit.end
            if not start < end:
                raise UserError(f"hit {hit.id}: ends before it starts; give start < end")
            first, last = (Fraction(str(round(value, 6))) for value in (start, end))
            hits.append(Hit(place.path, first, last, sha256=place.sha256))
        options = ExportOptions(
            hits="-",
            as_=asked.format,
            output="moments",
            handles=asked.handles,
            rate=asked.rate,
            order=asked.order,
        )
        return text_of(hits, options)[1]

    # In the thread that reads videos

    def rerank(
        self, asked: RerankAsked, places: dict[int, Place]
    ) -> tuple[list[Ranked], list[tuple[Candidate, str]]]:
        """Moments in the order that an answer gives them; those that cannot be read, and why."""
        if self._answering is None:
            self._answering = self._open_answering()
        self._answering.begin()
        self._answering.check(asked.question, asked.answer)
        candidates = []
        for number, one in enumerate(asked.candidates, 1):
            place = places[one.id]
            part = Stretch(place.path, place.start, place.end)
            candidates.append(Candidate({"clip": one.id}, part, one.score, number))
        return rerank(
            candidates, self._answering, asked.question, asked.answer, weight=asked.weight
        )

    def _open_answering(self) -> BoundedAnswering:
        """What answers about moments: by the library's features where it has them."""
        answering = BoundedAnswering(self.run, device=self.options.device, reader=self._reader)
        library = library_there(self._of, say=lambda _: None)  # of this thread
        if library is not None:
            take_stored(answering, library)
        return answering


def name_of(place: Place) -> str:
    """A video's name, without its folder."""
    return Path(place.path).name
