"""Decoded clips as an output of `python -m preprocess.videos --backbone none`."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from data_loader.store.clips import open_clip_store
from preprocess.extraction.paths import failed_videos_file
from preprocess.feature.load import load_backbone
from preprocess.video.clips import read_clips, read_resized
from preprocess.video.resize import InputSpec, average, clip_input_spec, resize_frames
from preprocess.videos import main
from tests.commands import Command
from tests.video_files import cut, moving_images, write_video
from util.errors import UserError
from util.files import sha256


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four good videos, of different sizes and lengths; one is shorter than its clips."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i, (name, length) in enumerate([("d.mp4", 12), ("a.avi", 3), ("c.mkv", 60), ("b.mov", 15)]):
        images = moving_images(length, (48, 64 + 16 * i), seed=i)
        write_video(folder / name, images=images)
    return folder


def words(folder: Path, output: Path, *more: str) -> list[str]:
    sizes = ["--clips", "3", "--frames", "4", "--size", "16"]
    return ["--backbone", "none", *sizes, "--videos", str(folder), "--output", str(output), *more]


def spec(size: int, resize: str, scaled: int | tuple[int, int], scaler="torch") -> InputSpec:
    return InputSpec(size=size, resize=resize, scaled=scaled, scaler=scaler)


@pytest.mark.parametrize("scaler", ["decoder", "torch"])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_a_store_holds_each_video_cut_and_resized(folder, tmp_path, capsys, resize, scaler) -> None:
    output = tmp_path / "out" / "c.h5"
    assert main(words(folder, output, "--resize", resize, "--scaler", scaler)) == 0
    line = capsys.readouterr().out.strip()
    assert "4 videos stored (4 new), 0 failed" in line and "MiB" in line
    store = open_clip_store(output)
    assert store.ids == ("a", "b", "c", "d") and store.frame_count.tolist() == [3, 15, 60, 12]
    assert (store.clips, store.frames_per_clip, store.size) == (3, 4, (16, 16))
    assert store.count[0] == 3, "each distinct frame once"
    for file in folder.iterdir():
        clips = read_clips(file, clips=3, frames=4)
        stored = store.video(file.stem)
        (again,) = read_resized(
            file, clips=3, frames=4, decoder="pyav", keep_partial=False,
            specs=[clip_input_spec(store.provenance)],
        )  # fmt: skip
        assert np.array_equal(stored.frames, again.frames), "what prediction gives the model"
        assert np.array_equal(stored.index, clips.index)
        assert stored.file_sha256 == sha256(file)
        by_torch = resize_frames(clips.frames, spec(16, resize, 16))
        assert (scaler == "torch") == np.array_equal(stored.frames, by_torch)
        grey = (stored.frames.astype(int) - by_torch) @ (0.299, 0.587, 0.114)
        assert np.abs(grey).mean() < 4  # swscale makes colours at half the width
    said = store.provenance.to_dict()
    assert {"torch", "numpy", "av", "ffmpeg"} <= said.pop("versions").keys()
    assert said == {
        "backbone": "none", "kind": "clips", "resize": resize, "size": [16, 16], "askable": True,
        "scaler": scaler,
        "sampling": {"clips": 3, "frames": 4, "rule": "linspace"}, "decoder": "pyav",
    }  # fmt: skip
    assert [p.name for p in output.parent.iterdir()] == ["c.h5"], "parts and lists are gone"


@pytest.mark.parametrize("size", [(48, 64), (61, 97), (5, 7), (8, 8), (240, 320)])
def test_averages_are_torchs_to_the_bit(size: tuple[int, int]) -> None:
    frames = moving_images(3, size)
    grids = F.adaptive_avg_pool2d(torch.from_numpy(frames).permute(0, 3, 1, 2).float(), 8)
    assert np.array_equal(average(frames, 8), grids.permute(0, 2, 3, 1).numpy())


def test_squash_is_as_pillow_resizes() -> None:
    frames = moving_images(20, (60, 100))
    made = resize_frames(frames, spec(24, "squash", 24))
    for mine, frame in zip(made, frames, strict=True):
        theirs = Image.fromarray(frame).resize((24, 24), Image.Resampling.BICUBIC)
        assert np.abs(mine.astype(int) - np.asarray(theirs)).max() <= 2


def test_crop_scales_the_short_side_and_takes_the_centre() -> None:
    wide = np.zeros((1, 32, 96, 3), np.uint8)
    wide[:, :, 32:64] = 200  # the central square
    for frames in (wide, wide.swapaxes(1, 2).copy()):
        cropped = resize_frames(frames, spec(32, "crop", 32))
        assert cropped.shape == (1, 32, 32, 3) and (cropped == 200).all()
        half = resize_frames(frames, spec(16, "crop", 16))
        assert half.shape == (1, 16, 16, 3) and (half[:, 4:12, 4:12] == 200).all()


@pytest.mark.parametrize("scaled", [72, (80, 110)])
def test_a_crop_by_the_decoder_is_upright_and_in_the_middle(tmp_path, scaled) -> None:
    """The picture of a video that lies on its side, made by the decoder and by torch."""
    ramps = np.stack(np.broadcast_arrays(*np.ogrid[:96, :144, :1]), axis=-1)[:, :, 0]
    ramps[..., 2] = 100
    images = np.tile((50 + ramps).astype(np.uint8), (9, 1, 1, 1))
    path = write_video(tmp_path / "a.mov", images=images, rotation=90)
    crop = [spec(64, "crop", scaled, scaler) for scaler in ("decoder", "torch")]
    read = {"clips": 2, "frames": 2, "decoder": "pyav", "keep_partial": False}
    whole = read_clips(path, **read)
    one, other = read_resized(path, **read, specs=crop)
    assert whole.frames.shape[1:] == (144, 96, 3) and one.frames.shape[1:] == (64, 64, 3)
    assert np.abs(one.frames.astype(int) - other.frames).mean() < 1.5
    assert np.array_equal(other.frames, resize_frames(whole.frames, crop[1]))


def test_equal_pictures_are_made_once(tmp_path) -> None:
    path = write_video(tmp_path / "a.mp4", 9)
    read = {"clips": 2, "frames": 2, "decoder": "pyav", "keep_partial": False}
    one, small, other = read_resized(
        path,
        **read,
        specs=[spec(16, "squash", 16), spec(8, "squash", 8), spec(16, "squash", 16)],
    )
    assert one is other and small.frames.shape[1:] == (8, 8, 3)


def test_a_backbone_sees_the_pictures_that_it_asks_for(tmp_path) -> None:
    path = write_video(tmp_path / "a.mp4", images=moving_images(9, (60, 100)))
    read = {"clips": 2, "frames": 2, "decoder": "pyav", "keep_partial": False}
    for name, weights in (("squeezenet1_1", "random"), ("r2plus1d_18", "random"), ("pixels", None)):
        for resize in ("squash", "crop") if weights else ("squash",):
            backbone = load_backbone(name, weights=weights, resize=resize, device="cpu")
            whole = read_clips(path, **read)
            (seen,) = read_resized(path, **read, specs=[backbone.picture])
            assert np.array_equal(backbone.extract_pictures(seen), backbone.extract(whole))


def test_provenance_of_features_is_no_recipe_for_clips() -> None:
    made = load_backbone("pixels", weights=None).provenance()
    with pytest.raises(UserError, match=r"features from pixels are no clips.*--backbone none"):
        clip_input_spec(made)


def test_videos_are_set_aside_named_by_a_map_and_kept_in_part(folder, tmp_path, capsys) -> None:
    output = tmp_path / "c.h5"
    cut(folder / "e.mkv", folder / "c.mkv", 0.7)
    (folder / "f.mp4").write_text("no video")
    names = tmp_path / "map"
    names.write_text("".join(f"{name} vid{i}\n" for i, name in enumerate("abcdef")))
    command = words(folder, output, "--id_map", str(names))
    assert main(command) == 1
    assert "4 of 6 videos stored (4 new), 2 failed" in capsys.readouterr().out
    assert open_clip_store(output).ids == ("0", "1", "2", "3")
    assert [row["id"] for row in json.loads(failed_videos_file(output).read_text())] == ["4", "5"]
    (folder / "f.mp4").unlink()
    before = open_clip_store(output).video("2").frames.copy()
    assert main([*command, "--keep_partial"]) == 0
    store = open_clip_store(output)
    assert store.ids == ("0", "1", "2", "3", "4") and store.notes[4].startswith("partial: ")
    assert np.array_equal(store.video("2").frames, before)
    assert not failed_videos_file(output).exists()


def test_another_size_or_kind_is_refused(folder, tmp_path) -> None:
    clips, features = tmp_path / "c.h5", tmp_path / "f.h5"
    main(words(folder, clips))
    main(["--backbone", "pixels", "--videos", str(folder), "--output", str(features)])
    before = clips.read_bytes(), features.read_bytes()
    pixels = ["--backbone", "pixels", "--clips", "3", "--frames", "4", "--videos", str(folder)]
    for command, message in [
        (words(folder, clips, "--size", "24"), r"c\.h5: made with size \[16, 16\], asked for \[24"),
        (words(folder, clips, "--resize", "crop"), 'resize "squash", asked for "crop"'),
        (words(folder, clips, "--frames", "5"), "made with sampling .*another --output"),
        (words(folder, features), r"f\.h5: a feature store .* at another --output"),
        ([*pixels, "--output", str(clips)], r"c\.h5: a clip store .* at another --output"),
        (words(folder, clips, "--weights", "x.pth"), "--weights x.pth: .* --backbone none"),
        (words(folder, clips, "--precision", "float32"), "--precision float32: means nothing with"),
        (words(folder, clips, "--batch", "4"), "--batch 4: means nothing with --backbone none"),
        (words(folder, clips, "--size", "0"), "--size 0: give at least 1"),
        ([*pixels, "--output", str(features), "--size", "64"], "--size 64: means nothing with --b"),
    ]:
        with pytest.raises(UserError, match=message):
            main(command)
        assert (clips.read_bytes(), features.read_bytes()) == before


def test_kill_and_go_on(tmp_path, capsys) -> None:
    """SIGKILL in the middle; the same command finishes, and the file equals an undisturbed one."""
    folder, output, parts = tmp_path / "in", tmp_path / "c.h5", tmp_path / "c.h5.parts"
    folder.mkdir()
    for i in range(9):
        write_video(folder / f"{i}.mp4", images=moving_images(30, (120, 160), seed=i))
    command = words(folder, output, "--threads", "1", "--shard", "1")
    process = Command("preprocess/videos.py", command)
    limit = time.monotonic() + 120
    while len(list(parts.glob("*.h5"))) < 2 and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.002)
    assert process.kill() == -signal.SIGKILL, "it ended before it could be killed"
    done = len(list(parts.glob("*.h5")))
    assert 2 <= done < 9 and not output.exists()

    with pytest.raises(UserError, match=r"c\.h5\.parts: made with size .*delete"):
        main([*command, "--size", "8"])
    assert main(command) == 0
    assert f"9 videos stored ({9 - done} new)" in capsys.readouterr().out
    assert not parts.exists()
    assert main(words(folder, tmp_path / "whole.h5")) == 0
    assert output.read_bytes() == (tmp_path / "whole.h5").read_bytes()
