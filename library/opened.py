"""A library that is open: its tables and its vectors, whichever engine keeps them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from library.catalogue import Catalogue
from library.engine import Use, Vectors
from library.find.shelf import Place, Text
from library.hnsw import HnswEngine
from library.postgres.connection import is_postgres
from library.where import Condition
from util.lock import writer_lock


class Library:
    """Catalogue and engine of one library; the port of `library.find.shelf.Shelf`."""

    def __init__(self, catalogue: Catalogue, engine: Vectors) -> None:
        self.catalogue, self.engine = catalogue, engine

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

    def close(self) -> None:
        """Close the file, or the connection."""
        self.catalogue.close()


def open_library(
    name: str, *, make: bool = False, use: Use = "auto", say: Callable[[str], object] = print
) -> Library:
    """A library's file, or one in PostgreSQL; with `make`, one that is not there is made.

    `use`: of the index of approximate search.  `say`: told of what is wrong with it.
    Raises UserError where there is no library, and where it is damaged.
    """
    if is_postgres(name):
        # Here and not above: psycopg may not be installed.
        from library.postgres.catalogue import PostgresCatalogue
        from library.postgres.engine import PostgresEngine

        engine = PostgresEngine(name, use)
        return Library(PostgresCatalogue(engine), engine)
    catalogue = Catalogue(name, make=make)
    try:
        return Library(catalogue, HnswEngine(catalogue, use, say))
    except BaseException:
        catalogue.close()
        raise


@contextmanager
def writing(name: str) -> Iterator[None]:
    """Be the one that indexes in a library; UserError, that says who is, where another does."""
    if is_postgres(name):
        from library.postgres.connection import one_writer

        with one_writer(name):
            yield
    else:
        with writer_lock(name):
            yield
