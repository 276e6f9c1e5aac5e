"""A library is searched, its moments are seen, re-ranked and taken along: by ids alone."""

import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inference.decoding
import inference.video
from library.find import open as opening
from library.gather.stored import StoredFeatures
from library.index import index
from tests.library.folder import D, PixelEmbedder, options, video
from tests.web.tiny_page import Server, error_of, serving
from web import reading
from web.video import file_task


class Embedder(PixelEmbedder):
    """Texts that are vectors, too."""

    def __init__(self, run: str | None = None, *, device: str = "cpu") -> None:
        super().__init__()

    def text(self, text: str) -> np.ndarray:
        found = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(D)
        return (found / np.linalg.norm(found)).astype(np.float32)

    def surcharge(self, text: str) -> float:
        return 0.0

    def note(self, text: str) -> str:
        return "words that are not known: zebra" if "zebra" in text else ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("library")
    names = ["a.mp4", "sub/b.mp4", '<img src=x onerror="alert(1)">.mp4']
    for number, name in enumerate(names):
        video(top / "videos", name, number)
    assert index(*options(top / "videos", top / "library.db"), PixelEmbedder()) == 0
    return top


@pytest.fixture(scope="module")
def served(folder: Path, run: Path) -> Iterator[Server]:
    (folder / "uploads").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "Embedder", Embedder)
        library, uploads = str(folder / "library.db"), str(folder / "uploads")
        with serving(run=(str(run),), library=library, uploads=uploads) as server:
            yield server


def search(served: Server, **asked) -> dict:
    answer = served.client.get("/library/search", params={"anyway": True, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_moments_are_found_and_filtered(served: Server) -> None:
    found = search(served, q="a man", every=True)
    assert found["total"] == len(found["hits"]) >= 3 and found["pages"] == 1
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert all("/" not in hit["name"] for hit in found["hits"])
    assert {h["name"] for h in search(served, q="a man", where="name:a*")["hits"]} == {"a.mp4"}
    assert "not known: zebra" in search(served, q="zebra")["message"]


def test_a_page_of_moments_follows_another(served: Server) -> None:
    every = [hit["id"] for hit in search(served, q="x", every=True)["hits"]]
    pages = [search(served, q="x", every=True, number=2, page=n) for n in (1, 2)]
    assert [hit["id"] for page in pages for hit in page["hits"]] == every[:4]
    assert pages[0]["pages"] == -(-len(every) // 2)
    assert search(served, q="x", page=1000)["hits"] == []


def test_the_like_of_a_clip_is_found_without_its_file(served: Server) -> None:
    clip = search(served, q="x")["hits"][1]["id"]
    assert search(served, like=clip)["hits"][0]["score"] == pytest.approx(1, abs=1e-3)
    answer = served.client.get("/library/search", params={"like": 10**9})
    assert error_of(answer) == (404, "unknown_clip")


def test_a_moment_is_seen_and_played(served: Server) -> None:
    hit = search(served, q="x")["hits"][0]
    picture = served.client.get(f"/{hit['thumbnail']}")
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"
    played = served.client.get(f"/{hit['url']}", headers={"Range": "bytes=4-7"})
    assert (played.status_code, played.content) == (206, b"ftyp")
    assert error_of(served.client.get("/library/clips/99999/thumbnail")) == (404, "no_thumbnail")
    assert error_of(served.client.get("/library/clips/99999/content")) == (404, "unknown_clip")


def test_moments_are_reranked(served: Server) -> None:
    ids = [hit["id"] for hit in search(served, q="x", every=True)["hits"]]
    asked = {"candidates": [{"id": i} for i in ids], "question": "what is shown?", "answer": "red"}
    told = served.client.post("/library/rerank", json=asked).json()
    assert sorted(one["id"] for one in told["ranked"]) == sorted(ids) and told["failed"] == {}
    scores = [one["score"] for one in told["ranked"]]
    assert scores == sorted(scores, reverse=True)
    wrong = served.client.post("/library/rerank", json={**asked, "answer": "zebra"})
    assert error_of(wrong) == (422, "refused")


def test_videos_are_read_by_a_process_of_their_own(
    served: Server, folder: Path, monkeypatch, tmp_path: Path
) -> None:
    """Nothing is decoded in the server; what hangs, is broken, or takes too long is told."""
    clips = {hit["name"]: hit["id"] for hit in search(served, q="x", every=True)["hits"]}
    asked = {"candidates": [{"id": i} for i in clips.values()], "question": "what is shown?"}

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("read in the server")

    for module in (inference.video, inference.decoding, file_task):
        monkeypatch.setattr(module, "decode_video", refuse)
    monkeypatch.setattr(file_task, "playable", refuse)
    file, url = folder / "videos" / "a.mp4", f"/library/clips/{clips['a.mp4']}/content"
    before = file.read_bytes()

    def rerank() -> dict[str, str]:
        moments = served.page.library
        assert moments is not None
        if moments._answering is not None:
            moments._answering._seen.cache_clear()
        answer = served.client.post("/library/rerank", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["failed"]

    assert rerank() == {} and served.client.get(url).status_code == 200
    moments = served.page.library
    assert moments is not None and isinstance(moments._answering, reading.BoundedAnswering)
    assert isinstance(moments._answering.stored, StoredFeatures)
    monkeypatch.setattr(moments._answering, "stored", lambda part: None)  # as of another run
    assert rerank() == {}
    (worker,) = moments._reader._decoders.workers
    assert worker.process is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    failed = rerank()  # the one whose turn it was
    assert len(failed) == 1 and "crashed (signal 9" in next(iter(failed.values()))
    file.write_text("no video")
    try:
        assert [*rerank()] == [str(clips["a.mp4"])]
        assert error_of(served.client.get(url)) == (409, "not_playable")
    finally:
        file.write_bytes(before)
    monkeypatch.setattr(reading, "SECONDS", -1.0)
    assert all("are over; re-rank again" in why for why in rerank().values())


@pytest.mark.parametrize("kind", ["edl", "csv", "fcpx"])
def test_moments_are_taken_along(served: Server, kind: str, folder: Path) -> None:
    hits = search(served, q="x", every=True)["hits"][:2]
    asked = {"hits": [{"id": hit["id"]} for hit in hits], "format": kind, "rate": "25"}
    answer = served.client.post("/library/export", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="moments.')
    assert Path(hits[0]["name"]).name[:5] in answer.text or kind == "fcpx"
    wrong = {**asked, "hits": [{"id": hits[0]["id"], "start": 3, "end": 2}]}
    assert error_of(served.client.post("/library/export", json=wrong)) == (422, "refused")


def test_no_path_is_taken_from_a_client(served: Server, folder: Path) -> None:
    """Neither by a query's own words for files, nor as a clip, nor in a list."""
    path = str(folder / "videos" / "a.mp4")
    for asked in ({"like": path}, {"like": "../a"}, {"q": "", "like": "a.mp4@1"}):
        answer = served.client.get("/library/search", params=asked)
        assert error_of(answer) == (422, "invalid")
    for body in ({"candidates": [{"video": path}]}, {"candidates": [{"id": path}]}):
        answer = served.client.post("/library/rerank", json={**body, "question": "what?"})
        assert error_of(answer) == (422, "invalid")
    answer = served.client.post("/library/export", json={"hits": [{"id": path}], "format": "edl"})
    assert error_of(answer) == (422, "invalid")
    assert error_of(served.client.get(f"/library/clips/{path}/content"))[0] == 404


def test_what_is_no_query_is_told(served: Server) -> None:
    for asked in ({"q": ""}, {"q": "- car"}, {"q": "x", "where": "colour:red"}):
        answer = served.client.get("/library/search", params=asked)
        assert error_of(answer) == (422, "refused"), answer.text


def test_without_a_library_that_is_said(server: Server) -> None:
    assert error_of(server.client.get("/library/search?q=x")) == (404, "no_library")
