"""`python -m library index`: a folder of videos -> a library, made anew or kept up to date.

A folder is compared with the library, and what is new is stored (`library.gather`).  A kill costs
at most a part of a batch: the same command goes on.
"""

import time
from collections.abc import Callable, Sequence

from library.gather.indexer import Embeds, Indexer
from library.gather.pictures import add_pictures
from library.gather.report import Report
from library.gather.scan import Listed, list_folder
from library.gather.tell import Actions, Captions, Teller
from library.opened import open_library, writing
from library.watch import watch
from options.library.index import IndexOptions
from options.library.search import LibraryOptions


def run(options: IndexOptions, of: LibraryOptions) -> int:
    """Index what the options name -> exit code: 1 if a file cannot be read."""
    # Here and not above: a folder that is not there is told at once.
    list_folder(options.folder)
    from inference.retrieval.embedder import Embedder

    embedder = Embedder(
        of.embedder,
        appearance_weights=options.appearance_weights,
        motion_weights=options.motion_weights,
        device=of.device,
    )
    tellers: list[Teller] = []
    if options.captions is not None:
        tellers.append(Captions(options.captions, embedder.stores, of.device))
    if options.actions is not None:
        tellers.append(Actions(options.actions, embedder.stores, of.device))
    return index(options, of, embedder, tellers, name=str(embedder.run.path))


def index(
    options: IndexOptions,
    of: LibraryOptions,
    embedder: Embeds,
    tellers: Sequence[Teller] = (),
    *,
    name: str = "the embedder",
    say: Callable[[str], object] = print,
) -> int:
    """The same with an embedder and runs that are open."""
    failed: dict[str, str] = {}
    with writing(of.library):
        library = open_library(of.library, make=True, use=of.hnsw, say=say)
        try:
            indexer = Indexer(
                options, library.catalogue, library.engine, embedder, tellers, name=name,
                device=of.device,
            )  # fmt: skip

            def look(listed: Listed | None = None) -> bool:
                """Whether nothing is left to be done."""
                begin = time.perf_counter()
                report = indexer.index(listed)
                if options.thumbnails:
                    add_pictures(library.catalogue, embedder.stores, options, report)
                if report.changes or listed is None:
                    say(summary(indexer, report, time.perf_counter() - begin))
                if library.engine.build():
                    say("made the index of approximate search")
                failed.update(report.failed)
                return not report.again

            if options.watch:
                watch(options.folder, library.catalogue.beside, options.every, look, say)
                return 0
            look()
        finally:
            library.close()
    return 1 if failed else 0


def summary(indexer: Indexer, report: Report, seconds: float) -> str:
    """One line about a library after a look at its folder."""
    files = sum(not file.missing for file in indexer.catalogue.files())
    return (
        f"{indexer.catalogue.name}: {files} videos, {indexer.catalogue.count()} clips; "
        f"{report.words}; {seconds:.1f} s"
    )
