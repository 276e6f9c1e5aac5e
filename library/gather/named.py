"""Files that somebody names, as a list of candidates does, indexed on the way to something else."""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from library.catalogue import Catalogue, KnownFile
from library.gather.indexer import Embeds, Indexer
from library.gather.notes import NAMED, Notes
from library.gather.scan import Seen, look_at
from library.opened import Library, open_library, writing
from library.postgres.connection import is_postgres
from options.library.index import IndexOptions
from options.library.search import LibraryOptions
from util.errors import UserError

Opens = Callable[[LibraryOptions], tuple[Embeds, str]]  # -> an embedder, and the name of its run


def open_embedder(of: LibraryOptions) -> tuple[Embeds, str]:
    """The run that makes the vectors."""
    # Here and not above: where nothing is to be indexed none is needed.
    from inference.retrieval.embedder import Embedder

    embedder = Embedder(of.embedder, device=of.device)
    return embedder, str(embedder.run.path)


def index_named(
    paths: Iterable[str],
    of: LibraryOptions,
    *,
    opens: Opens = open_embedder,
    options: IndexOptions | None = None,
    say: Callable[[str], object] = print,
) -> dict[str, str]:
    """Index the files among `paths` that a library does not know as they are now.

    A library that is not there is made.  The embedder is opened only where there is something to
    do.  Where another process writes the library, or nothing may be written to it, that is said
    and nothing is indexed.
    -> {path as it is named: why it could not be read}, now or before.  What is no file is left
    out.  Raises UserError where other weights made the library.
    """
    seen = look_at(dict.fromkeys(paths))
    fresh, failed = _unknown(seen, of)
    if fresh:
        embedder, name = opens(of)
        begin = time.perf_counter()
        with ExitStack() as stack:
            try:
                library = _to_write(of, stack, say)
            except UserError as error:
                say(f"not indexed, but read for this call alone: {error}")
                return failed
            indexer = Indexer(
                options or IndexOptions(folder="."), library.catalogue, library.engine, embedder,
                (), name=name, device=of.device,
            )  # fmt: skip
            report = indexer.add(list({one.path: one for one in fresh.values()}.values()))
            seconds = time.perf_counter() - begin
            say(f"{library.catalogue.name}: indexed on the way: {report.words}; {seconds:.1f} s")
        failed |= {
            p: report.failed[one.path] for p, one in seen.items() if one.path in report.failed
        }
    return failed


def library_there(of: LibraryOptions, say: Callable[[str], object] = print) -> Library | None:
    """A library to be read; None: there is none yet."""
    if not is_postgres(of.library) and not Path(of.library).exists():
        return None
    return open_library(of.library, use="off", say=say)


def _unknown(seen: dict[str, Seen], of: LibraryOptions) -> tuple[dict[str, Seen], dict[str, str]]:
    """Files that a library has to index, and why others could not be read before."""
    library = library_there(of)
    if library is None:
        return seen, {}
    with closing(library):
        notes = Notes(library.catalogue)
        failed = {path: why for path, one in seen.items() if (why := notes.why_failed(one))}
        fresh = {
            path: one
            for path, one in seen.items()
            if path not in failed and known_as_it_is(library.catalogue, one) is None
        }
    return fresh, failed


def known_as_it_is(catalogue: Catalogue, seen: Seen) -> KnownFile | None:
    """A file's row in a library; None: it has none, or the file has changed since."""
    known = catalogue.file_at(seen.path)
    if known is None or known.missing:
        return None
    return known if (known.size, known.mtime_ns) == (seen.size, seen.mtime_ns) else None


def _to_write(of: LibraryOptions, stack: ExitStack, say: Callable[[str], object]) -> Library:
    """A library that is ours to write.  Raises UserError where it is not, before any work."""
    stack.enter_context(writing(of.library))
    library = open_library(of.library, make=True, use="off", say=say)
    stack.callback(library.close)
    library.catalogue.forget(NAMED)  # no such key: it only tells whether this may be written
    return library
