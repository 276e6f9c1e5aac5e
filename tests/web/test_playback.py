"""What browsers play is served as it is; of the rest there is a copy that they play."""

import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from preprocess.video.error import VideoError
from tests.gif_files import grey_gif
from tests.video_files import write_video
from tests.web.tiny_page import Server, error_of
from web.video import playback
from web.video.decoders import Taken
from web.video.playback import even_size, playable, reencode


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


def test_what_does_not_decode_has_no_copy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(playback, "timed_frames", lambda *_: iter(()))
    with pytest.raises(VideoError, match="no frame of it decodes"):
        reencode(write_video(tmp_path / "a.mkv"), tmp_path / "copy.mp4", 10)
    assert not (tmp_path / "copy.mp4").exists()


def test_what_cannot_be_played_says_why(server: Server, tmp_path: Path, monkeypatch) -> None:
    """The copy fails: the video is answered about all the same."""
    decoders = server.page.shelf.decoders
    true = decoders.put

    def put(task: Any) -> None:
        if hasattr(task, "output"):
            task.file.unlink()
        true(task)

    monkeypatch.setattr(decoders, "put", put)
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
