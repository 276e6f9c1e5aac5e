"""What browsers play is served as it is; of the rest there is a copy that they play."""

import itertools
import os
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from preprocess.extraction.worker import Failure
from preprocess.video.error import VideoError
from tests.gif_files import grey_gif
from tests.video_files import write_video
from tests.web.test_uploads import until
from tests.web.tiny_page import Server, error_of
from web.video import playback
from web.video.decoders import Taken
from web.video.look import Reencode
from web.video.playback import Copied, even_size, playable, reencode


def played(server: Server, file: Path) -> dict[str, Any]:
    """An uploaded video once it is known how it plays."""
    told = server.sent(file)
    end = time.monotonic() + 30
    while told["playback"]["state"] == "preparing":
        assert time.monotonic() < end
        assert told["state"] == "ready"  # it is asked about meanwhile
        time.sleep(0.02)
        told = server.client.get(f"/videos/{told['id']}").json()
    return told


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [("a.mp4", "libx264", "video/mp4"), ("a.mov", "libx264", "video/mp4"),
     ("a.webm", "libvpx", "video/webm"), ("b.webm", "libvpx-vp9", "video/webm")],
)  # fmt: skip
def test_what_browsers_play_is_left_as_it_is(
    tmp_path: Path, name: str, codec: str, kind: str
) -> None:
    assert playable(write_video(tmp_path / name, codec=codec)).type == kind


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264"), ("a.mp4", "libx265")],
)
def test_of_the_rest_there_is_a_copy(server: Server, tmp_path: Path, name: str, codec: str) -> None:
    source = write_video(tmp_path / name, 25, size=(96, 160), codec=codec)
    told = played(server, source)["playback"]
    assert (told["state"], told["type"], told["reencoded"]) == ("ready", "video/mp4", True)
    assert "re-encoded as H.264" in told["message"]
    assert ("HEVC" in told["message"]) == (codec == "libx265")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(server.client.get(f"/{told['url']}").content)
    assert playable(copy).type == "video/mp4"
    frames = [_frames(path) for path in (source, copy)]
    assert len(frames[0]) == len(frames[1]) == 25
    for (begin, image), (shown, seen) in zip(*frames, strict=True):
        assert shown == pytest.approx(begin, abs=1e-3)
        assert np.abs(image.astype(int) - seen).mean() < 6


def _frames(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        found = [(frame.time or 0.0, frame.to_ndarray(format="rgb24"))
                 for frame in container.decode(video=0)]  # fmt: skip
    return [(time - found[0][0], image) for time, image in found]


def test_a_gif_is_played(server: Server, tmp_path: Path) -> None:
    told = played(server, grey_gif(tmp_path / "a.gif", [10] * 12))
    assert told["playback"]["reencoded"] and told["playback"]["state"] == "ready"


def test_a_copy_is_upright_and_no_larger_than_it_may_be(tmp_path: Path) -> None:
    turned = write_video(tmp_path / "turned.mov", 3, size=(64, 48), codec="mpeg4", rotation=90)
    reencode(turned, tmp_path / "copy.mp4", 10)
    assert _frames(tmp_path / "copy.mp4")[0][1].shape == (48, 64, 3)
    assert even_size(1080, 1920) == (720, 1280) and even_size(3840, 2160) == (720, 404)
    assert even_size(33, 47) == (32, 48) and even_size(1, 1) == (2, 2)


def test_a_copy_ends_where_a_video_may(tmp_path: Path) -> None:
    reencode(write_video(tmp_path / "a.mkv", 50), tmp_path / "copy.mp4", 0.5)
    assert 12 <= len(_frames(tmp_path / "copy.mp4")) <= 14


def test_a_copy_that_takes_too_long_ends_where_time_is_up(
    server: Server, tmp_path: Path, monkeypatch
) -> None:
    """The sound ends with it; the page says how much there is."""
    seconds = itertools.count()
    monkeypatch.setattr(playback, "monotonic", lambda: next(seconds))  # a frame a second
    copied = reencode(write_heard(tmp_path / "a.mov"), tmp_path / "copy.mp4", 10, budget=12)
    monkeypatch.undo()
    assert copied == Copied(silent=False, until=13 / 25)
    assert len(_frames(tmp_path / "copy.mp4")) == 13
    assert len(_loud(tmp_path / "copy.mp4")) in (5, 6)

    def put(task: Reencode) -> None:
        copy = [task, Copied(silent=False, until=12.4)]
        threading.Thread(target=server.page.shelf._reencoded, args=copy).start()

    monkeypatch.setattr(server.page.shelf.copier, "put", put)
    told = played(server, write_video(tmp_path / "a.mkv"))["playback"]
    assert told["state"] == "ready"
    assert ": re-encoded as H.264, only the first 12 s" in told["message"]


def test_nobody_waits_for_another_s_copy(server: Server, tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mkv")
    played(server, file)  # now there is a process that makes copies
    (copier,) = server.page.shelf.copier.workers
    assert copier.process is not None
    assert os.getpriority(os.PRIO_PROCESS, copier.process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    os.kill(copier.process.pid, signal.SIGSTOP)
    try:
        told = [server.sent(file), server.sent(file)]
        assert [one["playback"]["state"] for one in told] == ["preparing"] * 2
        assert server.ask(told[1]["id"]).status_code == 200
    finally:
        os.kill(copier.process.pid, signal.SIGCONT)
    videos = [server.page.shelf.videos[one["id"]] for one in told]
    until(lambda: all(video.playback == "ready" for video in videos))


def test_what_does_not_decode_has_no_copy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(playback, "timed_frames", lambda *_: iter(()))
    with pytest.raises(VideoError, match="no frame of it decodes"):
        reencode(write_video(tmp_path / "a.mkv"), tmp_path / "copy.mp4", 10)
    assert not (tmp_path / "copy.mp4").exists()


def test_what_cannot_be_played_says_why(server: Server, tmp_path: Path, monkeypatch) -> None:
    """The copy fails: the video is answered about all the same."""
    copier = server.page.shelf.copier
    true = copier.put

    def put(task: Reencode) -> None:
        task.file.unlink(missing_ok=True)
        true(task)

    monkeypatch.setattr(copier, "put", put)
    told = played(server, write_video(tmp_path / "a.avi", codec="mpeg4"))
    assert told["playback"]["state"] == "none" and told["playback"]["url"] is None
    assert "could not be re-encoded" in told["playback"]["message"]
    assert server.ask(told["id"]).status_code == 200
    assert error_of(server.client.get(f"/videos/{told['id']}/content")) == (409, "not_playable")


def test_copies_are_made_after_what_is_asked_about() -> None:
    taken: list[str] = []
    waiting = Taken(taken.append, lambda task: task.startswith("copy"))
    for task in ("copy 1", "a", "copy 2", "b"):
        waiting.put((task,))
    assert [waiting.get() for _ in range(3)] == [("a",), ("b",), ("copy 1",)]
    assert taken == ["a", "b", "copy 1"]
    waiting.put(None)
    assert waiting.get() is None  # the end comes before all


def write_heard(
    path: Path, *, seconds: float = 2, codec: str = "libx265", sound: str = "aac", late: float = 0
) -> Path:
    """A video at 25 frames a second with a tone, which begins `late`, and half way is louder."""
    with av.open(str(path), "w") as container:
        shown: Any = container.add_stream(codec, rate=25)
        shown.width, shown.height, shown.pix_fmt = 96, 64, "yuv420p"
        heard: Any = container.add_stream(sound, rate=48000, layout="stereo")
        at = 0
        for number in range(round(25 * seconds)):
            grey = np.full((64, 96, 3), 40 + number % 100, np.uint8)
            container.mux(shown.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
            while at < (number + 1) * 1920:
                times = (at + np.arange(960)) / 48000
                wave = np.sin(2 * np.pi * 440 * times) * (0.2 + 0.3 * (times >= seconds / 2))
                frame = av.AudioFrame.from_ndarray(
                    np.stack([wave, wave]).astype("f4"), format="fltp", layout="stereo"
                )
                frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
                frame.pts = at + round(late * 48000)
                at += 960
                container.mux(heard.encode(frame))
        container.mux(shown.encode())
        container.mux(heard.encode())
    return path


def _packets(path: Path) -> list[bytes]:
    """Those of the sound."""
    with av.open(str(path)) as container:
        return [bytes(one) for one in container.demux(audio=0) if one.size]


def _loud(path: Path) -> np.ndarray:
    """How loud each tenth of a second is, (T,)."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        parts = [p for f in container.decode(audio=0) for p in resampler.resample(f)]
    begin = round((parts[0].time or 0) * 48000)
    wave = np.concatenate([np.zeros(begin), *(part.to_ndarray()[0] for part in parts)])
    tenths = wave[: len(wave) // 4800 * 4800].reshape(-1, 4800)
    return np.sqrt((tenths**2).mean(1))


@pytest.mark.parametrize(
    ("name", "codec", "sound", "same"),
    [
        ("a.mov", "libx265", "aac", True),
        ("a.ts", "libx265", "aac", False),  # the packets lose their headers
        ("a.avi", "mpeg4", "libmp3lame", True),
        ("a.mkv", "libx264", "libopus", False),
    ],
)
def test_the_sound_is_kept(
    server: Server, tmp_path: Path, name: str, codec: str, sound: str, same: bool
) -> None:
    """As it is, or as AAC; in step with the pictures."""
    source = write_heard(tmp_path / name, codec=codec, sound=sound)
    told = played(server, source)["playback"]
    assert told["state"] == "ready" and told["message"].endswith(": re-encoded as H.264")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(server.client.get(f"/{told['url']}").content)
    assert playable(copy).type == "video/mp4" and len(_frames(copy)) == 50
    loud = _loud(copy)
    assert len(loud) in (20, 21)
    np.testing.assert_allclose(loud[1:9], 0.2, rtol=0.1)
    np.testing.assert_allclose(loud[12:19], 0.5, rtol=0.1)
    assert (_packets(copy) == _packets(source)) == same


def test_sound_that_begins_late_or_early_is_in_step(tmp_path: Path) -> None:
    late = write_heard(tmp_path / "late.mov", late=0.5)
    assert reencode(late, tmp_path / "copy.mp4", 10).silent is False
    loud = _loud(tmp_path / "copy.mp4")
    assert loud[:5].max() < 0.02 and loud[6] > 0.1
    assert loud[14] < 0.3 < loud[16]  # louder from second 1.5 on


def test_a_copy_s_sound_ends_where_a_video_may(tmp_path: Path) -> None:
    reencode(write_heard(tmp_path / "a.mov"), tmp_path / "copy.mp4", 0.5)
    assert len(_loud(tmp_path / "copy.mp4")) in (5, 6)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_broken_sound_does_not_cost_the_picture(tmp_path: Path, share: float) -> None:
    """A part of it, or all of it, is noise: what decodes is kept, and what is lost is told."""
    source = write_heard(tmp_path / "a.mov")
    with av.open(str(source)) as container:
        places = [(one.pos, one.size) for one in container.demux(audio=0) if one.size]
    content, rng = bytearray(source.read_bytes()), np.random.default_rng(0)
    for at, size in places[: round(share * len(places))]:
        assert at is not None
        content[at : at + size] = rng.bytes(size)
    source.write_bytes(content)
    lost = reencode(source, tmp_path / "copy.mp4", 10).silent
    assert len(_frames(tmp_path / "copy.mp4")) == 50
    with av.open(str(tmp_path / "copy.mp4")) as copy:
        heard = sum(frame.samples for frame in copy.decode(audio=0)) if copy.streams.audio else 0
    assert lost == (heard == 0)
    if share < 1:
        loud = _loud(tmp_path / "copy.mp4")
        assert len(loud) >= 19 and loud[12:19].min() > 0.3
        assert _packets(tmp_path / "copy.mp4") != _packets(source)


def test_a_decoder_that_dies_of_the_sound_is_asked_without(
    server: Server, tmp_path: Path, monkeypatch
) -> None:
    copier = server.page.shelf.copier
    true, asked = copier.put, []

    def put(task: Reencode) -> None:
        asked.append(task.sound)
        if task.sound:
            dies = Failure("the decoder crashed (signal 11)")
            threading.Thread(target=server.page.shelf._reencoded, args=[task, dies]).start()
        else:
            true(task)

    monkeypatch.setattr(copier, "put", put)
    told = played(server, write_heard(tmp_path / "a.mov"))["playback"]
    assert asked == [True, False] and told["state"] == "ready"
    assert told["message"].endswith("re-encoded as H.264, without its sound")
