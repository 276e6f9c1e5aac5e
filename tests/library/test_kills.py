"""An index that is killed at any moment: no hit is wrong, nothing is there twice, it goes on."""

import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from library.exact import ExactEngine
from library.gather.named import index_named
from library.index import index
from library.opened import open_library
from tests.library.folder import N, PixelEmbedder, options, video
from tests.library.test_index import Shelf


def index_there(folder: Path, library: Path) -> None:
    """Index in this process."""
    given, of = options(folder, library, batch=12)
    index(given, of, PixelEmbedder(), say=str)


def index_named_there(folder: Path, library: Path) -> None:
    """The same of the folder's files, each by its name, as of a list."""
    given, of = options(folder, library, batch=12)
    paths = map(str, sorted(folder.glob("*.mp4")))
    opens = lambda of: (PixelEmbedder(), "the embedder")  # noqa: E731
    index_named(paths, of, opens=opens, options=given, say=str)


def killed(
    shelf: Shelf, seconds: float | None, target: Callable[[Path, Path], None] = index_there
) -> int:
    """Index in a process and kill it when it has worked so long -> exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.library.test_kills", "library.index"])
    process = context.Process(target=target, args=(shelf.folder, shelf.path))
    process.start()
    process.join(300 if seconds is None else seconds)
    process.kill()  # SIGKILL; of one that has ended it does nothing
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def check_hits(shelf: Shelf, *, current: bool = False) -> None:
    """Each vector that is there finds its own clip, of a file whose features it is made of."""
    shelf.check(current=current)
    paths = [file.path for file in shelf.catalogue.files()]
    assert len(paths) == len(set(paths))
    library = open_library(str(shelf.path))
    engine = ExactEngine(shelf.catalogue)
    for file in shelf.catalogue.files():
        clips = shelf.catalogue.clips(file.id)
        vectors = engine.vectors(clips)
        found, scores = library.search(vectors, (), library.count())
        for clip, ids, own in zip(clips, found, scores, strict=True):
            assert len(set(ids.tolist())) == library.count()
            # Its own product is 1, and none is larger (of videos alike some are as large).
            assert own[ids == clip] == pytest.approx(own[0], abs=1e-5) == pytest.approx(1, abs=1e-5)
        assert {p.path for p in library.places(clips).values()} <= {file.path}
    library.close()


def kill(shelf: Shelf, kills: int, files: int, longest: float) -> list[int]:
    """Kill `kills` indexes; whenever one comes to its end, change a tenth of the files.

    Every other one is of files that are named one by one: both go on where either was.
    """
    draws, ends, begin = random.Random(1), [], time.monotonic()
    for number in range(files):
        video(shelf.folder, f"{number}.mp4", number)
    version = 0
    while sum(end != 0 for end in ends) < kills and time.monotonic() - begin < 3000:
        target = (index_there, index_named_there)[len(ends) % 2]
        ends.append(killed(shelf, draws.uniform(0, longest), target))
        assert ends[-1] in (0, -9), ends
        if shelf.path.exists():
            check_hits(shelf)
        if ends[-1] == 0:
            version += 1
            for number in draws.sample(range(files), files // 10):
                video(shelf.folder, f"{number}.mp4", 1000 * version + number)
    assert killed(shelf, None) == 0  # the same command goes on, to its end
    check_hits(shelf, current=True)
    assert len(shelf.names()) == files and shelf.catalogue.count() == files * N
    assert shelf.index() == 0 and "nothing has changed" in shelf.said[-1]
    return ends


def test_a_few_kills(tmp_path: Path) -> None:
    assert kill(Shelf(tmp_path), 3, 12, 2.0).count(-9) >= 3


@pytest.mark.long
def test_a_hundred_kills(tmp_path: Path) -> None:
    assert kill(Shelf(tmp_path), 100, 60, 6.0).count(-9) >= 100
