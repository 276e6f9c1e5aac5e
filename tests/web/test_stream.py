"""A video that a run follows: what the page says over time is what predict.py --stream says."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import predict
from preprocess.extraction.worker import Failure
from preprocess.video.error import VideoError
from tests.video_files import cut
from tests.web.tiny_page import Server, error_of, serving
from tests.web.tiny_stream import CLASSES, FPS, changing, make_runs
from util.errors import UserError
from web import models
from web.stream import parts, streams
from web.stream.parts import Part, work
from web.stream.streams import PART
from web.video import look


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """Of classes, and of values."""
    return make_runs(tmp_path_factory.mktemp("streams"))


@pytest.fixture(scope="module")
def server(runs: dict[str, Path], tmp_path_factory) -> Iterator[Server]:
    """A server of these runs."""
    uploads = tmp_path_factory.mktemp("uploads")
    uploads.chmod(0o700)
    with serving(run=tuple(map(str, runs.values())), uploads=str(uploads), waiting=50) as one:
        yield one


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """6 s, light, dark and light again."""
    return changing(tmp_path_factory.mktemp("clip") / "changing.mp4", 150)


def follow(server: Server, video: str, run: str | None = None, **more: Any) -> list[dict[str, Any]]:
    """All that is told of a video, part by part."""
    told, after = [], 0
    while not told or not told[-1]["done"]:
        asked = {"after": after, "wait": 10, **({"run": run} if run else {}), **more}
        answer = server.client.post(f"/videos/{video}/stream", params=asked)
        assert answer.status_code == 200, answer.text
        told.append(answer.json())
        assert told[-1]["steps"] or told[-1]["done"]
        after = told[-1]["next"]
    return told


def steps(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [step for part in told for step in part["steps"]]


def test_the_page_says_what_predict_says(server: Server, runs: dict, clip: Path, capsys) -> None:
    """Time, class or value, probability, and whether enough has been seen, frame by frame."""
    video = server.sent(clip)["id"]
    for name in runs:
        told = follow(server, video, name)
        found = steps(told)
        assert len(found) == 6 * FPS and told[0]["run"] == name
        flags = ["--run", str(runs[name]), "--stream", str(clip), "--device", "cpu"]
        every = [] if name == "values" else ["--every", "0.1"]
        assert predict.main([*flags, *every]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(found)
        for line, step in zip(lines, found, strict=True):
            when, _, said, *rest = line.split()
            assert float(when) == pytest.approx(step["time"], abs=0.006)
            assert ("(frame" in line) != step["warm"]
            if name == "values":
                assert step["value"] == pytest.approx(float(said), abs=1e-4)
                assert step["answer"] is step["probability"] is step["number"] is None
            else:
                assert said == step["answer"] == CLASSES[step["number"]]
                assert 100 * step["probability"] == pytest.approx(float(rest[0]), abs=0.06)
    assert {step["answer"] for step in steps(follow(server, video, "classes"))} == set(CLASSES)
    text = server.client.get("/metrics").text
    counted = re.findall(r'page_stream_frames_total\{run="(\w+)"\} ([\d.]+)', text)
    assert [name for name, _ in counted] == list(runs) and float(counted[0][1]) >= 60
    assert 'route="/videos/{video}/stream"' in text


def test_it_is_worked_out_once_and_told_in_parts(server: Server, clip: Path, monkeypatch) -> None:
    video = server.sent(clip)["id"]
    before = dict(server.page.streams.frames)
    first = steps(follow(server, video))
    assert steps(follow(server, video, wait=0)) == first
    assert server.page.streams.frames["classes"] == before["classes"] + len(first)
    monkeypatch.setattr("web.route.streams.MOST", 25)
    told = follow(server, video)
    assert [len(part["steps"]) for part in told] == [25, 25, 10]
    assert [part["done"] for part in told] == [False, False, True] and steps(told) == first
    late = server.client.post(f"/videos/{video}/stream", params={"after": 999}).json()
    assert (late["steps"], late["next"], late["done"]) == ([], 60, True)


def test_info_lists_what_follows(server: Server) -> None:
    tasks = [(run["name"], run["task"]) for run in server.client.get("/info").json()["runs"]]
    assert [name for name, task in tasks if task == "streams"] == ["classes", "values"]
    one, other = server.page.models.streams.values()
    assert one.encoder is not other.encoder
    reader = server.page.models.readers[0]
    assert len(server.page.models.readers) == 1
    assert one.encoder.extractor is other.encoder.extractor is reader.backbones["appearance"]  # type: ignore[attr-defined]


def test_a_timeline_of_many_frames_is_short(server: Server, clip: Path) -> None:
    told = server.sent(clip)
    spans = told["clips"]
    assert len(spans) == 20 and spans[0]["start"] == 0 and spans[-1]["end"] > 5.9
    gaps = [after["start"] - one["end"] for one, after in pairwise(spans)]
    assert all(0 <= gap < 1 / FPS for gap in gaps)
    assert all(one["start"] <= one["middle"] < one["end"] for one in spans)
    assert server.client.get(f"/{spans[-1]['thumbnail']}").status_code == 200


def test_a_long_video_is_followed_and_not_seen_at_once(
    server: Server, clip: Path, monkeypatch
) -> None:
    """It is ready at once, whatever its length; its timeline has clips all the same."""
    (worker,) = server.page.shelf.decoders.workers
    settings = replace(worker.function.args[0], memory=2**62)  # type: ignore[attr-defined]
    monkeypatch.setattr(look, "AT_RATE", 59)
    looked = look.work(settings, look.Look("a", clip))
    assert isinstance(looked, look.Looked) and looked.decoded == (None,)
    assert (len(looked.spans), len(looked.thumbnails), looked.frames) == (16, 16, 150)
    monkeypatch.setattr(look, "AT_RATE", 60)
    whole = look.work(settings, look.Look("a", clip))
    assert isinstance(whole, look.Looked) and whole.decoded[0] is not None
    told = server.sent(clip)
    monkeypatch.setattr(server.page.shelf.videos[told["id"]], "seen", [None])
    answer = server.client.post(f"/videos/{told['id']}/actions")
    assert error_of(answer) == (409, "too_long")
    assert len(steps(follow(server, told["id"]))) == 60


def test_a_video_that_breaks_off_is_followed_as_far_as_it_decodes(
    server: Server, tmp_path: Path
) -> None:
    half = cut(tmp_path / "half.mkv", changing(tmp_path / "whole.mkv", 150), 0.6)
    assert 16 < len(steps(follow(server, server.sent(half)["id"]))) < 60


class Slow:
    """Networks that wait for leave to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
        self.leave = threading.Semaphore(0)
        encoder = server.page.streams.runs["classes"].encoder
        true = encoder.features

        def features(pictures: np.ndarray) -> torch.Tensor:
            assert self.leave.acquire(timeout=20)
            return true(pictures)

        monkeypatch.setattr(encoder, "features", features)

    def allow(self, parts: int) -> None:
        """So many parts more."""
        for _ in range(parts):
            self.leave.release()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, server: Server) -> Iterator[Slow]:
    """What follows is slow; in the end all is done."""
    one = Slow(monkeypatch, server)
    yield one
    one.allow(100)
    end = time.monotonic() + 20
    while server.page.streams.working:
        assert time.monotonic() < end
        time.sleep(0.01)


def stream(server: Server, video: str, **asked: Any) -> Any:
    return server.client.post(f"/videos/{video}/stream", params=asked)


def test_it_is_told_as_it_is_worked_out(server: Server, clip: Path, slow: Slow) -> None:
    video = server.sent(clip)["id"]
    told = stream(server, video).json()
    assert (told["steps"], told["done"], told["next"], told["speed"]) == ([], False, 0, 0)
    for number in (1, 2):
        slow.allow(1)
        told = stream(server, video, after=told["next"], wait=10).json()
        assert len(told["steps"]) == PART and told["next"] == number * PART and not told["done"]
        assert told["message"].startswith(f"so far {told['steps'][-1]['time']:.1f} s; window")
    assert server.client.get("/healthz").status_code == 200  # and the server answers meanwhile


def test_what_nobody_asks_for_rests_and_goes_on(
    server: Server, clip: Path, slow: Slow, monkeypatch
) -> None:
    """Its process lets the file go; what was looked at is not looked at again."""
    whole = steps(follow(server, server.sent(clip)["id"], "values"))
    slow.allow(2)
    video = server.sent(clip)["id"]
    monkeypatch.setattr(streams, "REST", 0.0)
    first = stream(server, video, wait=10).json()
    rested(server)
    monkeypatch.setattr(streams, "REST", 20.0)
    slow.allow(10)
    before = server.page.streams.frames["classes"]
    found = steps(follow(server, video))
    assert [one["time"] for one in found] == [one["time"] for one in whole]
    assert server.page.streams.frames["classes"] - before <= len(found) - len(first["steps"])


def rested(server: Server) -> None:
    end = time.monotonic() + 20
    while server.page.streams.working:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_deleted_video_is_followed_no_more(server: Server, clip: Path, slow: Slow) -> None:
    video = server.sent(clip)["id"]
    stream(server, video)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(stream, server, video, wait=20)
        time.sleep(0.1)
        server.client.delete(f"/videos/{video}")
        assert error_of(waits.result()) == (410, "deleted")
    slow.allow(2)
    rested(server)
    assert error_of(stream(server, video)) == (410, "deleted")


def test_more_than_so_many_are_told_to_come_again(server: Server, clip: Path, slow: Slow) -> None:
    videos = [server.sent(clip)["id"] for _ in range(streams.AT_ONCE + 1)]
    assert [stream(server, video).status_code for video in videos] == [200] * 4 + [429]
    assert "page_streams 4.0" in server.client.get("/metrics").text
    slow.allow(100)
    rested(server)
    assert stream(server, videos[-1], wait=10).json()["steps"]


def test_a_killed_process_costs_nothing(server: Server, clip: Path, slow: Slow) -> None:
    """kill -9 in the middle: the next request finds a new one, which goes on where it was."""
    video = server.sent(clip)["id"]
    slow.allow(1)
    stream(server, video, wait=10)
    (worker,) = server.page.streams._decoders.workers
    assert worker.process is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    slow.allow(100)
    found, expected = (steps(follow(server, one)) for one in (video, server.sent(clip)["id"]))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == {**other, "probability": pytest.approx(other["probability"], abs=1e-4)}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Failure("the decoder crashed (signal 11)"), "cannot be followed: the decoder crashed"),
        (Failure("killed", again=True), "cannot be followed: killed"),
        (ValueError("a bug"), "cannot be followed: the server made a mistake"),
    ],
)
def test_what_fails_is_told(
    server: Server, clip: Path, monkeypatch, outcome: Any, said: str
) -> None:
    """A process that was killed is tried again, once."""
    followed, tried = server.page.streams, []

    def put(part: Part) -> None:
        if part.number:
            tried.append(part)
            threading.Thread(target=followed._done, args=[part, outcome]).start()

    monkeypatch.setattr(followed._decoders, "put", put)
    answer = stream(server, server.sent(clip)["id"], wait=10)
    assert error_of(answer) == (409, "failed") and said in answer.json()["error"]["message"]
    assert len(tried) == 1 + getattr(outcome, "again", False)


def test_a_stream_has_an_end(server: Server, clip: Path, monkeypatch) -> None:
    monkeypatch.setattr(streams, "MOST", 2 * PART)
    told = follow(server, server.sent(clip)["id"])
    assert len(steps(told)) == 2 * PART and told[-1]["note"] == "the first 32 frames"


def test_a_part_is_the_same_whoever_had_the_one_before(server: Server, clip: Path) -> None:
    """Open still, opened anew, or closed for others: the decoding process alone."""
    (worker,) = server.page.streams._decoders.workers
    options, settings = server.page.options, worker.function.args[0]  # type: ignore[attr-defined]
    assert worker.time_limit == options.decoder_seconds
    assert settings.memory == options.decoder_memory * 2**20
    assert settings.most_seconds == options.most_seconds
    settings = replace(settings, memory=2**62)

    def part(video: str, begin: int, number: int = 7) -> parts.Frames:
        return work(settings, Part(video, "classes", clip, begin, number))

    parts._opened.clear()
    whole = part("a", 0, 100)
    assert whole.ended and len(whole.times) == 60 and not parts._opened
    found = [part("b", 0), part("b", 7), part("b", 14)]
    assert list(parts._opened) == [("b", "classes")]
    assert work(settings, Part("b", "classes", clip, 21, 0)).ended and not parts._opened
    found.append(part("b", 21))
    for other in "cdefg":
        part(other, 0)
    assert len(parts._opened) == parts.OPEN and ("b", "classes") not in parts._opened
    found.append(part("b", 28, 32))
    assert not found[-1].ended and part("b", 60).ended
    assert [time for one in found for time in one.times] == whole.times
    np.testing.assert_array_equal(np.concatenate([one.pictures for one in found]), whole.pictures)
    parts._opened.clear()


def test_what_is_no_video_is_not_opened(server: Server, tmp_path: Path) -> None:
    settings = replace(server.page.streams._decoders.workers[0].function.args[0], memory=2**62)
    (tmp_path / "list").write_text("#EXTM3U\n/etc/passwd\n")
    with pytest.raises(VideoError, match="not a video"):
        work(settings, Part("a", "classes", tmp_path / "list", 0, 4))


def test_a_run_that_cannot_be_followed_is_served_all_the_same(
    runs: dict[str, Path], monkeypatch, capsys
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UserError("it looks at whole clips")

    monkeypatch.setattr(models, "open_stream", refuse)
    opened = models.open_models([str(runs["classes"])], "cpu")
    assert list(opened.actions) == ["classes"] and not opened.streams
    assert "not followed frame by frame: it looks at whole clips" in capsys.readouterr().err
    opened.close()


def test_where_no_run_follows_that_is_told(run: Path, video: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with serving(run=(str(run),), uploads=str(tmp_path)) as server:
        answer = stream(server, server.sent(video)["id"])
        assert error_of(answer) == (404, "no_run")
