"""Damaged uploads, by the project's own mutator: each is told, none ends the server."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.extraction.damage import make_jobs, mutate
from tests.video_files import write_video
from tests.web.tiny_page import Server

AT_ONCE = 10  # uploads that wait at the same time


def originals(folder: Path) -> list[Path]:
    """Videos in the containers that people send."""
    codecs = {"a.mp4": "libx264", "b.mkv": "libx264", "c.avi": "mpeg4", "d.webm": "libvpx",
              "e.ts": "libx264"}  # fmt: skip
    return [
        write_video(folder / name, 12, size=(48, 64), codec=codec) for name, codec in codecs.items()
    ]


def told(server: Server, contents: Sequence[bytes], folder: Path) -> Counter[str]:
    """What becomes of uploads, by state."""
    states: Counter[str] = Counter()
    for first in range(0, len(contents), AT_ONCE):
        ids = []
        for number, content in enumerate(contents[first : first + AT_ONCE]):
            file = folder / str(number)
            file.write_bytes(content)
            answer = server.send(file)
            if answer.status_code == 422:  # nothing is left of it
                states["empty"] += 1
                continue
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["id"])
        for video in ids:
            one = server.settled(video, 120)
            states[one["state"]] += 1
            if one["state"] == "failed":
                assert "cannot be read" in one["message"] and one["cure"], one
                assert "mistake" not in one["message"] and "crashed" not in one["message"], one
            else:
                answer = server.ask(video)
                assert answer.status_code == 200, answer.text
            server.client.delete(f"/videos/{video}")
    return states


def send_damaged(server: Server, folder: Path, count: int) -> Counter[str]:
    """Upload damaged copies of videos."""
    jobs = make_jobs(originals(folder), count, 0, "pyav")
    states = told(server, [mutate(job) for job in jobs], folder)
    assert states.total() == count
    assert server.client.get("/healthz").json()["waiting"] == 0
    return states


def test_damaged_uploads_are_told(server: Server, tmp_path: Path) -> None:
    states = send_damaged(server, tmp_path, 15)
    assert states["failed"] and states["ready"]


@pytest.mark.long
def test_five_hundred_damaged_uploads_are_told(server: Server, tmp_path: Path) -> None:
    states = send_damaged(server, tmp_path, 500)
    assert states["failed"] > 50 and states["ready"] > 50
    print(dict(states))
