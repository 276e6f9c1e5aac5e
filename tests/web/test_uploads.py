"""Uploads have limits: of bytes, time, number, memory, room; whoever meets one is told."""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.video_files import write_video
from tests.web.raw import connect, read, request
from tests.web.tiny_page import Server, error_of, serving
from util.lock import writer_lock
from web import bounded, serve
from web.video import shelf as shelving
from web.video import upload
from web.video.folder import UploadFolder


@contextlib.contextmanager
def limited(run: Path, folder: Path, **options: Any) -> Iterator[Server]:
    """A server with some limit."""
    folder.chmod(0o700)
    with serving(run=(str(run),), uploads=str(folder), **options) as server:
        until(lambda: server.page.shelf.decoders.finished > 0)  # what is decoded for nobody
        yield server


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


def files(server: Server) -> list[str]:
    """Uploads on the disk."""
    folder = server.page.shelf.folder.path
    return [path.name for path in folder.iterdir() if not path.name.startswith("example-")]


def test_bytes_have_a_limit(run: Path, video: Path, tmp_path: Path, monkeypatch) -> None:
    with limited(run, tmp_path, most_bytes=0.01) as server:
        big = b"x" * 10_001
        assert error_of(server.client.post("/videos", content=big)) == (413, "too_large")
        # Without a length: it is counted.
        chunks = (b"x" * 1000 for _ in range(11))
        assert error_of(server.client.post("/videos", content=chunks)) == (413, "too_large")
        assert error_of(server.client.post("/videos", content=b"")) == (422, "empty")
        answer = request(server, "/videos", method="POST", body=b"x", Content_Encoding="gzip")
        assert answer.error == (415, "unsupported_encoding")
        assert files(server) == [] and not server.page.shelf.videos
        assert server.page.shelf._uploading == 0
        assert server.client.get("/info").json()["limits"]["bytes"] == 10_000


def test_a_video_has_a_longest_time(run: Path, video: Path, tmp_path: Path) -> None:
    with limited(run, tmp_path, most_seconds=0.5) as server:
        told = server.sent(video)
        assert told["state"] == "failed" and "lasts 1 s, and 0.5 s are taken" in told["message"]
        assert files(server) == []


def test_slow_clients_are_given_up(run: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(upload, "SILENT", 0.3)
    monkeypatch.setattr(upload, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.3)
    head = b"POST /videos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
    with limited(run, tmp_path, upload_seconds=1.0) as server:
        with connect(server) as stalled:
            stalled.sendall(head + b"some bytes")
            answer = read(stalled)
        assert answer.error == (408, "stalled")
        with connect(server) as slow:  # a byte now and then
            slow.sendall(head)
            slow.settimeout(0.15)
            begin = b""
            for _ in range(20):
                slow.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    begin = slow.recv(65536)
                    break
            slow.settimeout(10)
            with contextlib.suppress(ConnectionError):  # more of the answer, if it came in parts
                while more := slow.recv(65536):
                    begin += more
        assert b"408" in begin.split(b"\r\n")[0] and b"too_slow" in begin
        with connect(server) as silent:  # no request at all, or half of its head
            silent.sendall(b"GET /info HTTP/1.1\r\nHost: 127")
            assert silent.recv(100) == b""
        assert files(server) == [] and server.page.shelf._uploading == 0


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    before = set(files(server))
    with connect(server) as broken:
        broken.sendall(b"POST /videos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx")
    until(lambda: server.page.shelf._uploading == 0)
    assert set(files(server)) <= before


def test_the_queue_has_an_end_and_a_place(run: Path, video: Path, tmp_path: Path) -> None:
    with limited(run, tmp_path, waiting=2) as server:
        stop(server)  # nothing is decoded meanwhile
        told = [server.send(video).json() for _ in range(3)]
        for number, one in enumerate(told):
            now = server.client.get(f"/videos/{one['id']}").json()
            if number:
                assert (now["state"], now["place"]) == ("queued", number - 1)
        answer = server.send(video)
        assert error_of(answer) == (429, "queue_full") and answer.headers["retry-after"] == "5"
        assert server.client.get("/info").json()["waiting"] == 3
        assert error_of(server.ask(told[2]["id"])) == (409, "not_ready")
        process = server.page.shelf.decoders.workers[0].process
        assert process is not None
        os.kill(process.pid, signal.SIGCONT)
        for one in told:
            assert server.settled(one["id"])["state"] == "ready"
        assert server.sent(video)["state"] == "ready"
        assert 'page_uploads_total{what="refused"} 1.0' in server.client.get("/metrics").text


def test_requests_at_once_have_an_end(server: Server, seen: str, monkeypatch) -> None:
    monkeypatch.setattr(bounded, "AT_ONCE", 0)
    answer = server.ask(seen)
    assert error_of(answer) == (503, "busy") and answer.headers["retry-after"] == "1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    monkeypatch.undo()
    assert server.ask(seen).status_code == 200


def stop(server: Server) -> int:
    """Stop the decoding process where it is -> its number."""
    process = server.page.shelf.decoders.workers[0].process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    return process.pid


def test_a_killed_decoder_is_told_and_the_server_goes_on(
    run: Path, video: Path, tmp_path: Path
) -> None:
    with limited(run, tmp_path) as server:
        decoder = stop(server)
        lost, waits = (server.send(video).json()["id"] for _ in range(2))
        until(lambda: server.client.get(f"/videos/{lost}").json()["state"] == "decoding")
        os.kill(decoder, signal.SIGKILL)
        told = server.settled(lost)
        assert told["state"] == "failed" and "signal 9" in told["message"]
        assert "again" in told["cure"] and error_of(server.ask(lost)) == (409, "failed")
        assert server.settled(waits)["state"] == "ready"


def test_what_is_deleted_while_it_waits_is_not_encoded(
    run: Path, video: Path, tmp_path: Path, monkeypatch
) -> None:
    with limited(run, tmp_path) as server:
        decoder = stop(server)
        video_id = server.send(video).json()["id"]
        encoded = []
        reader = server.page.models.readers[0]
        monkeypatch.setattr(reader, "seen", lambda decoded: encoded.append(decoded))
        done = server.page.shelf.decoders.finished
        true = server.page.shelf.folder.remove
        monkeypatch.setattr(server.page.shelf.folder, "remove", lambda _: None)  # it decodes
        assert server.client.delete(f"/videos/{video_id}").status_code == 204
        os.kill(decoder, signal.SIGCONT)
        until(lambda: server.page.shelf.decoders.finished > done)
        assert encoded == [] and video_id not in server.page.shelf.videos
        true(video_id)


def test_decoding_has_a_limit_of_time(run: Path, video: Path, tmp_path: Path) -> None:
    with limited(run, tmp_path, decoder_seconds=2.0) as server:
        stop(server)
        told = server.sent(video)
        assert told["state"] == "failed" and "not decoded after 2 s" in told["message"]
        assert server.sent(video)["state"] == "ready"


@pytest.mark.long
def test_decoding_has_a_limit_of_memory(run: Path, video: Path, tmp_path: Path) -> None:
    images = np.zeros((2, 4320, 7680, 3), np.uint8)
    large = write_video(tmp_path / "large.mp4", images=images, options={"preset": "ultrafast"})
    (tmp_path / "up").mkdir()
    with limited(run, tmp_path / "up", decoder_memory=256) as server:
        told = server.sent(large)
        assert told["state"] == "failed" and "memory" in told["message"], told
        assert server.sent(video)["state"] == "ready"


def test_a_video_is_deleted_in_time(run: Path, video: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shelving, "SWEEP", 0.05)
    with limited(run, tmp_path, keep=0.01) as server:
        told = server.sent(video)
        assert told["expires_in"] <= 0.6 and len(files(server)) == 1
        time.sleep(1.0)
        assert error_of(server.client.get(f"/videos/{told['id']}")) == (410, "deleted")
        assert files(server) == []
        assert 'what="expired"} 1.0' in server.client.get("/metrics").text


def test_what_nobody_asks_about_makes_room(
    run: Path, video: Path, tmp_path: Path, monkeypatch
) -> None:
    with limited(run, tmp_path, videos=2, mark="w3") as server:
        first, second = (server.sent(video)["id"] for _ in range(2))
        assert first[:2] == second[:2] == "w3" and len(first) == 22
        assert error_of(server.send(video)) == (429, "shelf_full")
        monkeypatch.setattr(shelving, "IDLE", 0.0)
        server.ask(first)
        assert server.sent(video)["state"] == "ready"
        assert server.ask(first).status_code == 200
        assert error_of(server.ask(second)) == (410, "deleted")


def test_a_full_disk_is_told(server: Server, video: Path, monkeypatch) -> None:
    async def full(*_) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(files(server))
    with monkeypatch.context() as patch:
        patch.setattr(upload, "_write", full)
        answer = server.send(video)
        assert error_of(answer) == (507, "disk_full")
        assert len(answer.json()["error"]["message"].splitlines()) == 1
    assert set(files(server)) <= before
    assert server.sent(video)["state"] == "ready"


def test_the_folder_is_private_and_what_others_left_goes(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    left, held = tmp_path / "page-left", tmp_path / "page-held"
    for folder in (left, held):
        folder.mkdir()
        (folder / "video").write_bytes(b"x")
    with writer_lock(held):
        made = UploadFolder(str(tmp_path))
        assert not left.exists() and (held / "video").exists()
        assert made.path.stat().st_mode & 0o777 == 0o700
        made.upload("x").write_bytes(b"x")
        made.close()
    assert {path.name for path in tmp_path.iterdir()} == {"page-held"}


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_a_folder_that_others_can_read_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "uploads"
    if kind == "link":
        (tmp_path / "other").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "other")
    elif kind == "file":
        folder.write_text("x")
    else:
        folder.mkdir()
        folder.chmod(0o755)
    with pytest.raises(Exception, match=r"--uploads .*; .*folder"):
        UploadFolder(str(folder))
