"""A library for searching, whichever engine keeps it, with the run that made its vectors."""

from collections.abc import Sequence

import numpy as np

from inference.retrieval.embedder import Embedder
from inference.retrieval.foreign import own_queries, read_queries
from library.catalogue import Catalogue
from library.exact import ExactEngine
from library.find.answering import clips_within
from library.find.finder import Search
from library.find.query import Like
from library.find.shelf import Place, Shelf, Text
from library.postgres.connection import is_postgres
from library.where import Condition
from options.library.search import LibraryOptions
from util.errors import UserError


class FileShelf:
    """A library in a file; the port of `library.find.shelf.Shelf`."""

    def __init__(self, library: str) -> None:
        self.catalogue = Catalogue(library)
        self.engine = ExactEngine(self.catalogue)

    def search(
        self, vectors: np.ndarray, where: Sequence[Condition], k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k clips most alike to each of Q unit vectors (Q, D)."""
        return self.engine.search(vectors, where, k)

    def vectors(self, clips: Sequence[int]) -> np.ndarray:
        """Unit vectors (C, D) of clips."""
        return self.engine.vectors(clips)

    def places(self, clips: Sequence[int]) -> dict[int, Place]:
        """Where clips are, by id."""
        return self.catalogue.places(clips)

    def texts(self, words: Sequence[str], where: Sequence[Condition], k: int) -> list[Text]:
        """Up to k texts that have one or more of the words."""
        return self.catalogue.texts(words, where, k)

    def count(self) -> int:
        """How many clips there are."""
        return self.catalogue.count()

    def recall(self, key: str) -> str | None:
        """A kept value."""
        return self.catalogue.recall(key)

    def keep(self, key: str, value: str) -> None:
        """Keep a value."""
        self.catalogue.keep(key, value)

    @property
    def fingerprint(self) -> str:
        """Of the weights that made the vectors."""
        return self.engine.fingerprint()


def open_shelf(library: str) -> Shelf:
    """An existing library.  Raises UserError where there is none."""
    if is_postgres(library):
        # Here and not above: psycopg may not be installed.
        from library.postgres.engine import PostgresEngine
        from library.postgres.shelf import PostgresShelf

        return PostgresShelf(PostgresEngine(library))
    return FileShelf(library)


def open_search(of: LibraryOptions, foreign: str | None) -> Search:
    """A library with its embedder.

    `foreign`: file of foreign queries; None: the project's own.  Raises UserError where the library
    was made with other weights.
    """
    queries = own_queries() if foreign is None else read_queries(foreign)
    shelf = open_shelf(of.library)
    embedder = Embedder(of.embedder, device=of.device)
    if shelf.fingerprint not in ("", embedder.fingerprint):
        raise UserError(
            f"--library: was made with other weights ({shelf.fingerprint[:12]}) than those of "
            f"{embedder.run.path} ({embedder.fingerprint[:12]}); name the run that it was made "
            "with by --embedder, or index it anew"
        )
    return Search(
        shelf, embedder.text, lambda like: moment_of(embedder, like), queries, embedder.note
    )


def moment_of(embedder: Embedder, like: Like) -> np.ndarray:
    """The vector of a moment, or of a whole video: (D,), of length 1."""
    seen = embedder.read_video(like.file)
    clips, videos = embedder.clips(seen.visual)
    if like.seconds is None:
        return videos[0]
    nearest = clips_within(seen, like.seconds, like.seconds)[0]
    return clips[0, nearest]
