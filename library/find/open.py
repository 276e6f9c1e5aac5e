"""A library for searching, whichever engine keeps it, with the run that made its vectors."""

import numpy as np

from inference.retrieval.embedder import Embedder
from inference.retrieval.foreign import own_queries, read_queries
from library.find.answering import Answering, steady_rate
from library.find.finder import Search
from library.find.middles import clips_within, middles_of
from library.find.query import Like
from library.opened import open_library
from options.library.search import LibraryOptions
from util.errors import UserError


def open_search(
    of: LibraryOptions, foreign: str | None, answering: Answering | None = None
) -> Search:
    """A library with its embedder.

    `foreign`: file of foreign queries; None: the project's own.  `answering`: what will be asked
    about the library's videos, and finds their features there.  Raises UserError where the library
    was made with other weights.
    """
    queries = own_queries() if foreign is None else read_queries(foreign)
    shelf = open_library(of.library, use=of.hnsw)
    embedder = Embedder(of.embedder, device=of.device)
    if shelf.fingerprint not in ("", embedder.fingerprint):
        raise UserError(
            f"--library: was made with other weights ({shelf.fingerprint[:12]}) than those of "
            f"{embedder.run.path} ({embedder.fingerprint[:12]}); name the run that it was made "
            "with by --embedder, or index it anew"
        )
    if answering is not None:
        from library.gather.stored import take_stored  # what only searches needs none of it

        take_stored(answering, shelf)
    return Search(
        shelf,
        embedder.text,
        lambda like: moment_of(embedder, like),
        queries,
        embedder.note,
        embedder.surcharge,
    )


def moment_of(embedder: Embedder, like: Like) -> np.ndarray:
    """The vector of a moment, or of a whole video: (D,), of length 1."""
    seen = embedder.read_video(like.file)
    clips, videos = embedder.clips(seen.visual)
    if like.seconds is None:
        return videos[0]
    middles = middles_of(like.file, seen.numbers, steady_rate(embedder.stores))
    return clips[0, clips_within(middles, like.seconds, like.seconds)[0]]
