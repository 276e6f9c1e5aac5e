"""Files of a list that the library does not know: indexed on the way, asked without decoding."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("fastapi", reason="the run that answers is the page's: requirements-web.txt")

import inference.video
from library import ask, rerank, search
from library.find.answering import Answering, Stretch
from library.find.middles import clips_within, middles_of
from library.find.open import moment_of
from library.find.query import Like
from library.gather import indexer
from library.gather.stored import StoredFeatures
from options.library.ask import AskOptions
from options.library.rerank import RerankOptions
from options.library.search import LibraryOptions, SearchOptions
from tests.library.folder import D, N, PixelEmbedder, video
from tests.library.test_index import Shelf
from tests.web.tiny_page import make_run
from util.errors import UserError
from util.lock import writer_lock

NUMBERS = np.array([[1, 2], [5, 6], [9, 10]])  # frames of three clips


class Embedder(PixelEmbedder):
    """As `inference.retrieval.embedder.Embedder` is opened."""

    def __init__(self, run: str | None, *, device: str) -> None:
        super().__init__((run or "f") * 32)
        self.run = SimpleNamespace(path=run or "the packed one")

    def text(self, text: str) -> np.ndarray:
        return np.eye(D, dtype=np.float32)[len(text) % D]

    def surcharge(self, text: str) -> float:
        return 0.0

    def note(self, text: str) -> str:
        return ""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run that answers, on features of the same kind as the embedder's."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return make_run(folder)


class Lists:
    """A folder of videos that no library knows, and how often each was decoded."""

    def __init__(self, top: Path, run: Path, patch: pytest.MonkeyPatch) -> None:
        self.top, self.run, self.shelf = top, run, Shelf(top)
        self.folder = top / "elsewhere"
        for number in range(3):
            video(self.folder, f"v{number}.mp4", number)
        self.extracted: list[int] = []  # videos of each extraction
        self.decoded: list[str] = []  # files that were read to be asked
        true, decode = indexer.extract_batch, inference.video.decode_video

        def extracting(folder, videos, *more):
            self.extracted.append(len(videos))
            return true(folder, videos, *more)

        def decoding(video, *more):
            self.decoded.append(Path(video).name)
            return decode(video, *more)

        patch.setattr(indexer, "extract_batch", extracting)
        patch.setattr(inference.video, "decode_video", decoding)
        patch.setattr("inference.retrieval.embedder.Embedder", Embedder)
        patch.setattr("library.find.open.Embedder", Embedder)

    def rows(self, *rows: dict, **more) -> list[dict]:
        """A list, re-ranked -> its new lines."""
        path = self.top / "list.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        given = {"question": "what is shown?", "library": str(self.shelf.path), **more}
        options = RerankOptions(candidates=str(path), run=str(self.run), device="cpu", **given)
        self.code = rerank.run(options)
        lines = (self.top / "list.reranked.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def row(self, number: int, **more) -> dict:
        return {"video": str(self.folder / f"v{number}.mp4"), "score": 1 - number / 10, **more}

    def names(self) -> dict[str, int]:
        return self.shelf.names()


@pytest.fixture
def lists(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> Lists:
    monkeypatch.chdir(tmp_path)
    return Lists(tmp_path, run, monkeypatch)


def test_unknown_files_are_indexed_and_never_decoded_again(
    lists: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = lists.folder / "bad.mp4"
    bad.write_bytes(b"no video" * 50)
    asked = [
        lists.row(0), {"video": str(bad)}, {"video": "nowhere.mp4"}, lists.row(1, start=0.2),
        {"video": "elsewhere/v2.mp4", "score": 0.1}, lists.row(1, start=0, end=0.1), lists.row(0),
    ]  # fmt: skip
    first = lists.rows(*asked)
    said = capsys.readouterr().out
    assert lists.code == 1 and lists.extracted == [4] and lists.decoded == ["nowhere.mp4"]
    assert "library.db: indexed on the way: 3 new, 1 not readable" in said
    assert said.count("set aside") == 2
    bad_row, nowhere = first[-2:]  # at the end, in their order
    assert bad_row["failed"].startswith("not a video") and nowhere["failed"] == "no such file"
    assert sorted(lists.names()) == ["v0.mp4", "v1.mp4", "v2.mp4"]
    lists.shelf.check()
    again = lists.rows(*asked)
    assert again == first and lists.extracted == [4] and lists.decoded == ["nowhere.mp4"] * 2
    assert "indexed on the way" not in capsys.readouterr().out


def test_without_index_a_library_is_read_and_not_written(lists: Lists) -> None:
    lists.rows(lists.row(0))
    before = lists.shelf.path.read_bytes()
    lists.rows(lists.row(0), lists.row(1), index=False)
    assert lists.decoded == ["v1.mp4"] and list(lists.names()) == ["v0.mp4"]
    assert lists.shelf.path.read_bytes() == before
    with pytest.raises(ValueError, match=r"--embedder makes the vectors .* leave it out"):
        RerankOptions(candidates="x", question="x", embedder="x", index=False)


def test_renamed_copied_and_changed_files(lists: Lists) -> None:
    lists.rows(*map(lists.row, range(3)))
    before = lists.names()
    (lists.folder / "v0.mp4").rename(lists.top / "w0.mp4")
    shutil.copy(lists.folder / "v1.mp4", lists.top / "w1.mp4")
    video(lists.folder, "v2.mp4", 20)
    lists.rows({"video": "w0.mp4"}, {"video": "w1.mp4"}, lists.row(2))
    assert lists.extracted == [3, 1] and lists.decoded == []
    after = lists.names()
    assert after["w0.mp4"] == before["v0.mp4"] and after["v1.mp4"] == before["v1.mp4"]
    assert sorted(after) == ["v1.mp4", "v2.mp4", "w0.mp4", "w1.mp4"]
    lists.shelf.check()


def test_an_index_of_a_folder_keeps_files_that_lists_named(lists: Lists) -> None:
    shelf = lists.shelf
    hidden = video(shelf.folder, ".hidden/h.mp4", 7)  # a folder's index passes over it
    video(shelf.folder, "a.mp4", 8)
    lists.rows({"video": str(hidden)}, {"video": "videos/a.mp4"}, lists.row(0), lists.row(1))
    assert shelf.index() == 0 and "nothing has changed" in shelf.said[-1]
    assert sorted(lists.names()) == ["a.mp4", "h.mp4", "v0.mp4", "v1.mp4"]
    # One that is really gone is told, found again, and recognised where it was moved to.
    away = (lists.folder / "v0.mp4").rename(lists.top / "away.mp4")
    hidden.unlink()
    assert shelf.index() == 0 and "2 gone" in shelf.said[-1]
    assert sorted(lists.names()) == ["a.mp4", "v1.mp4"]
    away.rename(lists.folder / "v0.mp4")
    assert shelf.index() == 0 and sorted(lists.names()) == ["a.mp4", "v0.mp4", "v1.mp4"]
    number = lists.names()["v0.mp4"]
    (lists.folder / "v0.mp4").rename(shelf.folder / "b.mp4")
    assert shelf.index() == 0 and "1 renamed" in shelf.said[-1]
    assert lists.names()["b.mp4"] == number and lists.extracted == [4]
    # What lies in the folder is the folder's from then on.
    (shelf.folder / "a.mp4").unlink()
    assert shelf.index() == 0 and sorted(lists.names()) == ["b.mp4", "v1.mp4"]
    lists.shelf.check()


def test_where_nothing_may_be_written_that_is_said(
    lists: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    lists.rows(lists.row(0))
    with writer_lock(lists.shelf.path):
        found = lists.rows(lists.row(0), lists.row(1))
    said = capsys.readouterr().out
    assert "not indexed, but read for this call alone: " in said and "is writing it; wait" in said
    assert lists.code == 0 and len(found) == 2 and lists.decoded == ["v1.mp4"]
    Path(f"{lists.shelf.path}.lock").mkdir()  # as where the folder may not be written
    lists.rows(lists.row(0), lists.row(1))
    assert "cannot be written" in capsys.readouterr().out and lists.extracted == [1]
    Path(f"{lists.shelf.path}.lock").rmdir()
    assert list(lists.names()) == ["v0.mp4"]


def test_a_read_only_library_is_told_before_the_work(
    lists: Lists, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.rows(lists.row(0))
    true = indexer.Catalogue.run

    def refusing(self, sql, values=()):
        if sql.split()[0] in ("DELETE", "INSERT", "UPDATE"):
            raise UserError("attempt to write a readonly database; mend its disk")
        return true(self, sql, values)

    monkeypatch.setattr(indexer.Catalogue, "run", refusing)
    lists.rows(lists.row(0), lists.row(1))
    assert "for this call alone: attempt to write a readonly" in capsys.readouterr().out
    assert lists.extracted == [1] and lists.decoded == ["v1.mp4"] and lists.code == 0


def test_a_library_of_other_weights_is_refused(lists: Lists) -> None:
    lists.rows(lists.row(0))
    with pytest.raises(UserError, match=r"made with other weights \(ffff.*--embedder"):
        lists.rows(lists.row(1), embedder="0")
    assert list(lists.names()) == ["v0.mp4"]


def test_what_is_looked_up_is_what_would_be_decoded(lists: Lists) -> None:
    lists.rows(lists.row(0))
    path = str(lists.folder / "v0.mp4")
    catalogue = lists.shelf.catalogue
    places = catalogue.places(catalogue.clips(lists.names()["v0.mp4"])).values()
    answering = Answering(str(lists.run), device="cpu")
    stored = StoredFeatures(catalogue, answering.evidence.run.stores, "the run")
    spans = [(0, math.inf), (0.2, math.inf), (0, 0.1), (0.03, 0.04)]
    lengths = []
    for start, end in [*spans, *((place.start, place.end) for place in places)]:
        part = Stretch(path, start, end)
        found, true = stored(part), answering.visual(part)
        assert found is not None
        for name in ("appearance", "motion", "clip_mask"):
            assert torch.allclose(getattr(found, name), getattr(true, name), atol=2e-3), name
        assert found.appearance.std() > 0.01
        lengths.append(found.appearance.shape[1])
    assert lengths[:3] == [N, 2, 1] and lengths[4:] == [1] * N
    assert lists.decoded == ["v0.mp4"]  # by what did not look it up
    video(lists.folder, "v0.mp4", 5)
    assert stored(Stretch(path, 0, 1)) is None  # another video now
    assert stored(Stretch("nowhere.mp4", 0, 1)) is None


def test_a_moment_is_of_the_clip_that_is_shown_then(tmp_path: Path) -> None:
    path = str(video(tmp_path, "a.mp4", 1))  # 12 frames, 25 a second: middles at 0.06, 0.22, 0.38 s
    clips = np.eye(N, dtype=np.float32)
    embedder: Any = SimpleNamespace(
        read_video=lambda file: SimpleNamespace(visual=None, numbers=NUMBERS),
        clips=lambda visual: (clips[None], clips[:1]),
        stores=PixelEmbedder().stores,
    )
    for seconds, clip in ((0.0, 0), (0.13, 0), (0.15, 1), (0.31, 2), (99, 2)):
        found = moment_of(embedder, Like(path, seconds, 1.0))
        assert found.tolist() == clips[clip].tolist(), seconds


def test_a_file_without_times_is_asked_as_a_whole(monkeypatch) -> None:
    assert np.isnan(middles_of("nowhere.mp4", NUMBERS, None)).all()
    assert clips_within(middles_of("nowhere.mp4", NUMBERS, None), 0, 0.1).tolist() == [0, 1, 2]
    assert clips_within(middles_of("nowhere.mp4", NUMBERS, 2.0), 0.5, 1).tolist() == [1]


def test_features_of_another_kind_are_not_taken(lists: Lists) -> None:
    lists.rows(lists.row(0))
    stores = Answering(str(lists.run), device="cpu").evidence.run.stores
    only = {"appearance": replace(stores["appearance"], provenance=stores["motion"].provenance)}
    assert (
        StoredFeatures(lists.shelf.catalogue, only, "x")(Stretch(lists.row(0)["video"], 0, 1))
        is None
    )


def test_searches_and_questions_decode_nothing_either(
    lists: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    lists.rows(*map(lists.row, range(3)))
    of = LibraryOptions(library=str(lists.shelf.path), device="cpu")
    asked = SearchOptions(
        query="a man", anyway=True, question="what is shown?", answer="red", run=str(lists.run)
    )
    assert search.run(asked, of) == 0
    assert capsys.readouterr().out.count('"red": ') == 3
    given = AskOptions(question="what is shown?", anyway=True, run=str(lists.run))
    assert ask.run(given, of) == 0 and "says " in capsys.readouterr().out
    assert lists.decoded == []


def test_clips_of_the_library_are_looked_up(lists: Lists) -> None:
    lists.rows(lists.row(0))
    clips = lists.shelf.catalogue.clips(lists.names()["v0.mp4"])
    found = lists.rows(*({"clip": clip} for clip in clips), answer="red")
    assert lists.decoded == [] and sorted(row["clip"] for row in found) == clips
    with pytest.raises(UserError, match=r"line 1: clip 999: .*none of that id"):
        lists.rows({"clip": 999})
