"""A folder indexed into PostgreSQL: the same as into a file; one writer at a time."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from library.gather.named import index_named
from library.index import index
from library.opened import open_library, writing
from library.where import read_where
from options.library.index import IndexOptions
from options.library.search import LibraryOptions
from tests.library.folder import N, PixelEmbedder, video
from util.errors import UserError


def test_new_renamed_copied_gone(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, said = tmp_path / "videos", []
    for number in range(3):
        video(folder, f"a{number}.mp4", number)

    def again() -> int:
        options = IndexOptions(folder=str(folder), workers=1, threads=1, tag=("home",))
        of = LibraryOptions(library=postgres_url, device="cpu", hnsw="on")
        return index(options, of, PixelEmbedder(), say=said.append)

    assert again() == 0 and "3 videos, 9 clips; 3 new" in said[0]
    assert "made the index" in said[1]
    library = open_library(postgres_url)
    with writing(postgres_url), pytest.raises(UserError, match="another process is writing it"):
        again()
    (folder / "a0.mp4").rename(folder / "b0.mp4")
    shutil.copy(folder / "a1.mp4", folder / "c1.mp4")
    (folder / "a2.mp4").unlink()
    assert again() == 0 and "1 copies of others, 1 renamed, 1 gone" in said[2]
    assert again() == 0 and "nothing has changed" in said[3]
    found, _ = library.search(np.ones((1, 8), np.float32), read_where("tag:home"), 99)
    clips = found[found >= 0].tolist()
    assert len(clips) == library.count() == 3 * N
    places = library.places(clips)
    assert {Path(p.path).name for p in places.values()} == {"b0.mp4", "a1.mp4", "c1.mp4"}
    assert library.catalogue.thumbnail(clips[0]) and library.texts(["b0"], (), 9)
    assert len({v.tobytes() for v in library.vectors(clips)}) == 2 * N
    library.close()
    assert list((tmp_path / "data/library").glob("postgresql-*.d/*/appearance.h5"))


def test_files_that_a_list_names(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    of, said = LibraryOptions(library=postgres_url, device="cpu"), []
    paths = [str(video(tmp_path / "a", f"{n}.mp4", n)) for n in range(2)]
    (tmp_path / "a/bad.mp4").write_bytes(b"no video" * 50)

    def again() -> dict[str, str]:
        options = IndexOptions(folder=".", workers=1, threads=1)
        opens = lambda of: (PixelEmbedder(), "x")  # noqa: E731
        named = [*paths, "a/bad.mp4", "nowhere.mp4"]
        return index_named(named, of, opens=opens, options=options, say=said.append)

    with writing(postgres_url):
        assert again() == {} and "not indexed, but read for this call alone" in said[0]
    failed = again()
    assert list(failed) == ["a/bad.mp4"] and "2 new, 1 not readable; " in said[1]
    assert again() == failed and len(said) == 2
    # A folder's index passes over them, and finds what was one of them.
    Path(paths[0]).rename(video(tmp_path / "b", "other.mp4", 9).parent / "b.mp4")
    options = IndexOptions(folder="b", workers=1, threads=1)
    assert index(options, of, PixelEmbedder(), say=said.append) == 0
    assert "3 videos, 9 clips; 1 new, 1 renamed; " in said[2]
    library = open_library(postgres_url)
    clips = [c for file in library.catalogue.files() for c in library.catalogue.clips(file.id)]
    assert {Path(p.path).name for p in library.places(clips).values()} == {
        "1.mp4", "b.mp4", "other.mp4",
    }  # fmt: skip
    library.close()
