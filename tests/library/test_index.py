"""A folder indexed: new, renamed, copied, changed, gone, damaged files; what is refused."""

import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from library.catalogue import Catalogue
from library.exact import ExactEngine
from library.gather import features, indexer
from library.index import index
from library.where import read_where
from tests.library.folder import N, PixelEmbedder, options, video
from util.errors import UserError
from util.files import sha256


class Shelf:
    """A library after an index of a folder."""

    def __init__(self, top: Path) -> None:
        self.folder, self.path = top / "videos", top / "library.db"
        self.said: list[str] = []

    def index(self, embedder: PixelEmbedder | None = None, **more) -> int:
        embedder = embedder or PixelEmbedder()
        return index(*options(self.folder, self.path, **more), embedder, say=self.said.append)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.path)

    def names(self) -> dict[str, int]:
        """{name of a file that is there: its id}."""
        return {Path(f.path).name: f.id for f in self.catalogue.files() if not f.missing}

    def check(self, *, current: bool = True) -> None:
        """Every file has its own clips, whole, and their vectors are those of its features.

        current: what is indexed is what lies in the folder.
        """
        catalogue = self.catalogue
        engine = ExactEngine(catalogue)
        for file in catalogue.files():
            clips = catalogue.clips(file.id)
            assert len(clips) == N, file
            batch = features.Batch(catalogue.features / file.store, PixelEmbedder().stores, "x")
            true = PixelEmbedder().clips(batch.features(file.sha256))[0][0]
            assert np.allclose(engine.vectors(clips), true, atol=1e-6)
            assert not current or file.missing or sha256(file.path) == file.sha256
            spans = [catalogue.places([c])[c] for c in clips if not file.missing]
            assert not spans or (spans[0].start == 0 and all(s.start < s.end for s in spans))
        rows = catalogue.run("SELECT count(*), count(DISTINCT row), count(row) FROM clip")
        assert len(set(rows[0])) == 1, rows


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    found = Shelf(tmp_path)
    for number in range(3):
        video(found.folder, f"sub/a{number}.mp4", number)
    assert found.index(tag=("home",)) == 0
    return found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many videos each extraction was asked for."""
    counts: list[int] = []
    true = indexer.extract_batch

    def counting(folder, videos, *more):
        counts.append(len(videos))
        return true(folder, videos, *more)

    monkeypatch.setattr(indexer, "extract_batch", counting)
    return counts


def test_one_row_a_clip_with_all_that_is_known(shelf: Shelf) -> None:
    shelf.check()
    catalogue = shelf.catalogue
    assert catalogue.count() == 3 * N and sorted(shelf.names()) == ["a0.mp4", "a1.mp4", "a2.mp4"]
    facts = catalogue.run("SELECT duration, rate, width, height FROM file")
    assert facts == [(pytest.approx(12 / 25), 25, 48, 32)] * 3
    clips = catalogue.clips(shelf.names()["a1.mp4"])
    spans = [catalogue.places([c])[c] for c in clips]
    assert spans[0].start == 0 and spans[-1].end == pytest.approx(12 / 25)
    assert all(a.end == b.start for a, b in itertools.pairwise(spans))
    for clip in clips:
        assert [(t.kind, t.text) for t in catalogue.texts_of(clip)] == [
            ("name", "a1"), ("tag", "home"),
        ]  # fmt: skip
        jpeg = catalogue.thumbnail(clip)
        assert jpeg is not None and jpeg[:2] == b"\xff\xd8"
    found = ExactEngine(catalogue).search(np.ones((1, 8), np.float32), read_where("tag:home"), 99)
    assert (found[0] >= 0).sum() == 9
    left = {path.name for path in shelf.catalogue.features.rglob("*") if path.is_file()}
    assert left == {"appearance.h5", "motion.h5"}


def test_nothing_new_costs_nothing(shelf: Shelf, counted: list[int], monkeypatch) -> None:
    monkeypatch.setattr("library.gather.scan.sha256", None)  # no file is read
    assert shelf.index() == 0 and counted == [] and "nothing has changed" in shelf.said[-1]


def test_renamed_copied_changed_gone_and_back(shelf: Shelf, counted: list[int]) -> None:
    before = shelf.names()
    (shelf.folder / "sub/a0.mp4").rename(shelf.folder / "b0.mp4")
    shutil.copy(shelf.folder / "sub/a1.mp4", shelf.folder / "c1.mp4")
    video(shelf.folder, "sub/a2.mp4", 20)
    os.utime(shelf.folder / "sub/a1.mp4")
    assert shelf.index() == 0
    assert counted == [1]  # the changed one alone
    assert "1 copies of others, 1 renamed, 1 changed" in shelf.said[-1]
    after = shelf.names()
    assert after["b0.mp4"] == before["a0.mp4"] and after["a1.mp4"] == before["a1.mp4"]
    assert sorted(after) == ["a1.mp4", "a2.mp4", "b0.mp4", "c1.mp4"]
    clips = shelf.catalogue.clips(after["b0.mp4"])
    assert [t.text for t in shelf.catalogue.texts_of(clips[0])] == ["home", "b0"]
    assert shelf.catalogue.thumbnail(shelf.catalogue.clips(after["c1.mp4"])[N - 1])
    shelf.check()
    away = (shelf.folder / "c1.mp4").rename(shelf.folder.parent / "away.mp4")
    assert shelf.index() == 0 and "1 gone" in shelf.said[-1]
    assert "c1.mp4" not in shelf.names() and shelf.catalogue.count() == 3 * N
    away.rename(shelf.folder / "c1.mp4")
    assert shelf.index() == 0 and shelf.names() == after and counted == [1]
    shelf.check()


@pytest.mark.long
def test_one_file_in_fifty_that_changes_is_extracted_alone(
    tmp_path: Path, counted: list[int]
) -> None:
    shelf = Shelf(tmp_path)
    for number in range(50):
        video(shelf.folder, f"{number}.mp4", number)
    assert shelf.index() == 0
    video(shelf.folder, "7.mp4", 70)
    assert shelf.index() == 0 and counted == [50, 1]
    shelf.check()


def test_two_that_exchange_their_names(shelf: Shelf, counted: list[int]) -> None:
    one, other, between = (shelf.folder / "sub" / n for n in ("a0.mp4", "a1.mp4", "x"))
    one.rename(between)
    other.rename(one)
    between.rename(other)
    video(shelf.folder, "sub/a3.mp4", 3)
    assert shelf.index() == 0 and counted == [1]
    shelf.check()
    for file in shelf.names().values():
        assert all(shelf.catalogue.thumbnail(c) for c in shelf.catalogue.clips(file))


def test_damaged_and_foreign_files_are_told_once(
    shelf: Shelf, counted: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf.folder / "bad\x1b[31m.mp4").write_bytes(b"no video" * 50)
    (shelf.folder / "empty.mp4").touch()
    (shelf.folder / "notes.txt").write_text("x")
    (shelf.folder / ".hidden").mkdir()
    video(shelf.folder, ".hidden/h.mp4", 50)
    (shelf.folder / "gone.mp4").symlink_to("nowhere")
    (shelf.folder / os.fsdecode(b"\xff.mp4")).write_bytes(b"x")
    assert shelf.index() == 1
    told = capsys.readouterr()
    assert "\x1b" not in told.out and told.out.count("set aside") == 4 and told.err == ""
    for part in ("4 not readable", "1 no videos by their names (1 text)"):
        assert part in shelf.said[-1]
    assert shelf.index() == 1 and counted == [2]  # the two are not tried again
    assert "2 not readable, 2 not readable before" in shelf.said[-1]
    shelf.index(retry=True)
    assert counted == [2, 2]
    video(shelf.folder, "empty.mp4", 7)
    shelf.index()
    assert counted == [2, 2, 1] and "empty.mp4" in shelf.names()
    shelf.check()


def test_a_damaged_store_is_made_anew_for_a_copy(shelf: Shelf, counted: list[int]) -> None:
    (store,) = shelf.catalogue.features.glob("*/appearance.h5")
    store.write_bytes(b"damaged")
    shutil.copy(shelf.folder / "sub/a1.mp4", shelf.folder / "c1.mp4")
    assert shelf.index() == 0 and counted == [1] and shelf.catalogue.count() == 4 * N


def test_batches_go_on_with_numbers_of_their_own(tmp_path: Path, counted: list[int]) -> None:
    shelf = Shelf(tmp_path)
    for number in range(5):
        video(shelf.folder, f"{number}.mp4", number)
    shelf.index(batch=2)
    assert counted == [2, 2, 1]
    assert {file.store for file in shelf.catalogue.files()} == {"000001", "000002", "000003"}
    shelf.check()


def test_a_library_of_other_weights_is_refused(shelf: Shelf) -> None:
    video(shelf.folder, "new.mp4", 9)
    with pytest.raises(UserError, match=r"made with other weights \(ffff.*name the run") as told:
        shelf.index(PixelEmbedder("0" * 32))
    assert "\n" not in str(told.value) and "new.mp4" not in shelf.names()


def test_a_library_within_the_folder_is_no_video(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.path = shelf.folder / "library.db"
    video(shelf.folder, "a.mp4", 1)
    assert shelf.index() == 0 and shelf.index() == 0
    assert list(shelf.names()) == ["a.mp4"] and "nothing has changed" in shelf.said[-1]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be listed .*name a folder of videos"):
        Shelf(tmp_path).index()


def test_features_of_an_extraction_elsewhere(tmp_path: Path, counted: list[int]) -> None:
    from preprocess import videos

    shelf, away = Shelf(tmp_path), tmp_path / "extracted"
    for number in range(3):
        video(shelf.folder, f"a{number}.mp4", number)
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--clips", str(N), "--frames", "2", "--workers", "1"]
        output = ["--output", str(away / f"{channel}.h5")]
        assert videos.main(["--videos", str(shelf.folder), *flags, *output]) == 0
    (shelf.folder / "a0.mp4").rename(shelf.folder / "b0.mp4")  # it is known by its bytes
    video(shelf.folder, "new.mp4", 9)
    assert shelf.index(extracted=str(away)) == 0 and counted == [1]
    assert sorted(shelf.names()) == ["a1.mp4", "a2.mp4", "b0.mp4", "new.mp4"]
    shelf.check()
    shutil.copy(shelf.folder / "a1.mp4", shelf.folder / "c1.mp4")
    assert shelf.index() == 0 and counted == [1]  # of a copy too
    shelf.check()
    with pytest.raises(UserError, match=r"nowhere/appearance\.h5"):
        shelf.index(extracted=str(tmp_path / "nowhere"))
