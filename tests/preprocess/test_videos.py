"""`python -m preprocess.videos`: what is stored, what is set aside, and going on after a kill."""

import json
import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from data_loader.store.features import open_store
from data_loader.store.provenance import Sampling
from options.preprocess.extract import VideoOptions
from preprocess.extraction import decode_task, extract
from preprocess.extraction.decode_task import DecodeSettings, DecodeTask, decode
from preprocess.extraction.paths import failed_videos_file
from preprocess.extraction.worker import Failure
from preprocess.feature.load import load_backbone
from preprocess.video.clips import read_clips, read_resized
from preprocess.video.error import VideoError
from preprocess.video.resize import InputSpec
from preprocess.videos import main
from tests.commands import Command
from tests.video_files import moving_images, write_video
from util.errors import UserError, run_command
from util.files import sha256

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four good videos and a hidden file."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate(["d.mp4", "a.avi", "c.mkv", "b.mov"]):
        write_video(folder / name, images=moving_images(12 + i, (48, 64), seed=i))
    (folder / ".DS_Store").write_text("x")
    return folder


def words(folder: Path, output: Path, *more: str, backbone: str = "pixels") -> list[str]:
    size = ["--clips", "3", "--frames", "4"]
    return ["--videos", str(folder), "--backbone", backbone, *size, "--output", str(output), *more]


def test_a_folder_becomes_a_store(folder, tmp_path, capsys) -> None:
    output = tmp_path / "out" / "s.h5"
    assert main(words(folder, output)) == 0
    store = open_store(output)
    assert store.ids == ("a", "b", "c", "d") and store.frame_count.tolist() == [13, 15, 14, 12]
    features, clips = store.load(["c", "a"])
    backbone = load_backbone("pixels", weights=None)
    for row, name in zip(features, ["c.mkv", "a.avi"], strict=True):
        expected = backbone.extract(read_clips(folder / name, clips=3, frames=4))
        assert np.array_equal(row, expected.astype(np.float16))
    assert clips.tolist() == [3, 3]
    assert store.provenance.sampling == Sampling(3, 4, "linspace")
    assert store.provenance.backbone == "pixels" and store.provenance.decoder == "pyav"
    assert {"torch", "torchvision", "av", "numpy"} <= store.provenance.versions.keys()
    assert [p.name for p in output.parent.iterdir()] == ["s.h5"], "parts and lists are gone"
    line = capsys.readouterr().out.strip()
    assert "4 videos stored (4 new), 0 failed" in line
    assert "4 of 4 videos" in line and "frames/s a worker" in line
    assert "MiB" in line and "\n" not in line


@pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="scikit-video needs the ffmpeg program, which this machine does not have",
)
def test_the_other_decoder_is_on_record(folder, tmp_path) -> None:
    assert main(words(folder, tmp_path / "one.h5")) == 0
    assert main(words(folder, tmp_path / "other.h5", "--decoder", "scikit-video")) == 0
    one, other = open_store(tmp_path / "one.h5"), open_store(tmp_path / "other.h5")
    assert other.provenance.decoder == "scikit-video"
    assert {"scikit-video", "ffmpeg"} <= other.provenance.versions.keys()
    difference = one.load(one.ids)[0].astype(float) - other.load(one.ids)[0]
    assert np.abs(difference).max() < 0.02
    with pytest.raises(UserError, match='decoder "pyav", asked for "scikit-video"'):
        main(words(folder, tmp_path / "one.h5", "--decoder", "scikit-video"))


def test_more_videos_are_added_to_a_store(folder, tmp_path, capsys) -> None:
    output = tmp_path / "s.h5"
    main(["--videos", str(folder / "c.mkv"), *words(folder, output)[2:]])
    before = open_store(output).load(["c"])[0]
    assert main(words(folder, output)) == 0
    assert "4 videos stored (3 new)" in capsys.readouterr().out
    store = open_store(output)
    assert store.ids == ("c", "a", "b", "d")
    assert np.array_equal(store.load(["c"])[0], before)
    stamp = output.stat().st_mtime_ns
    assert main(words(folder, output)) == 0
    assert "(0 new)" in capsys.readouterr().out
    assert output.stat().st_mtime_ns == stamp, "nothing to do: the file is left alone"


def test_failed_videos_and_their_end(folder, tmp_path, capsys) -> None:
    output = tmp_path / "s.h5"
    bad = folder / "bad.mp4"
    bad.write_text("no video")
    command = ["--videos", str(folder), str(tmp_path / "gone.mp4"), *words(folder, output)[2:]]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert "4 of 6 videos stored (4 new), 2 failed" in captured.out
    assert f"set aside {bad}: not a video" in captured.err
    rows = json.loads(failed_videos_file(output).read_text())
    assert rows[0]["file"] == str(bad) and rows[0]["id"] == "bad"
    assert rows[0]["sha256"] == sha256(bad) and "not a video" in rows[0]["reason"]
    assert rows[1] == {
        "file": str(tmp_path / "gone.mp4"), "id": "gone", "reason": "no such file", "sha256": None,
        "tried": {"decoder": "pyav", "keep_partial": False, "time_limit": 300.0},
    }  # fmt: skip
    assert "bad" not in open_store(output)
    bad.unlink()
    write_video(bad, 8)
    assert main(words(folder, output)) == 0
    assert not failed_videos_file(output).exists()
    assert "bad" in open_store(output)


@pytest.mark.parametrize("again", [True, False])
def test_what_is_not_the_files_fault_is_tried_again(
    folder, tmp_path, again, monkeypatch, capsys
) -> None:
    """A video that a machine short of memory set aside is read by the same command."""
    output = tmp_path / "s.h5"

    def fails(tasks, compute, **options):
        for task in tasks:
            yield task, Failure("not enough memory" if again else "cut off", again)

    with monkeypatch.context() as patched:
        patched.setattr(extract, "run_pipeline", fails)
        (folder / "d.mp4").rename(tmp_path / "later.mp4")
        with pytest.raises(UserError, match="none of 3 videos can be read; first"):
            main(words(folder, output))
    (tmp_path / "later.mp4").rename(folder / "d.mp4")
    assert main(words(folder, output)) == (0 if again else 1)
    assert len(open_store(output).ids) == (4 if again else 1)


def test_a_file_that_changes_while_it_is_read(folder, monkeypatch) -> None:
    """Frames of one file would stand beside the checksum of another."""
    options = VideoOptions(videos=["x"], output=["s.h5"], backbone=["pixels"], clips=2, frames=2)
    spec = InputSpec(size=8, resize="area", scaled=8, scaler="torch")
    decode_one = partial(decode, DecodeSettings(options, (spec,)))
    task = DecodeTask("a", folder / "a.avi", (0,))
    assert decode_one(task).clips[0].frame_count == 13

    def read(path, **options):
        with path.open("ab") as file:
            file.write(b"more")
        return read_resized(path, **options)

    monkeypatch.setattr(decode_task, "read_resized", read)
    with pytest.raises(VideoError, match="changed while it was read") as caught:
        decode_one(task)
    assert caught.value.again


def test_odd_videos_all_but_the_corrupted(shared, tmp_path) -> None:
    output = tmp_path / "s.h5"
    folder = shared / "data" / "odd_videos"
    assert main(words(folder, output)) == 1
    assert len(open_store(output).ids) == 9
    (row,) = json.loads(failed_videos_file(output).read_text())
    assert row["id"] == "corrupted" and "28 of 50 frames" in row["reason"]
    assert main(words(folder, output, "--keep_partial")) == 0
    store = open_store(output)
    notes = dict(zip(store.ids, store.notes, strict=True))
    assert len(store.ids) == 10 and notes.pop("corrupted") == "partial: 28 of 50 frames"
    assert set(notes.values()) == {""}


def test_another_provenance_is_refused(folder, tmp_path) -> None:
    output = tmp_path / "s.h5"
    main(words(folder, output))
    before = output.read_bytes()
    for command, message in [
        (
            words(folder, output, "--clips", "2"),
            r"s\.h5: made with sampling .*\"clips\": 3.*asked for .*\"clips\": 2",
        ),
        (
            words(folder, output, "--precision", "float32"),
            'precision "float16", asked for "float32"',
        ),
        (words(folder, output, backbone="pixel_motion"), "another --output, or delete"),
    ]:
        with pytest.raises(UserError, match=message):
            main(command)
        assert output.read_bytes() == before


def test_a_crop_of_height_and_width_is_known_again(folder, tmp_path, capsys) -> None:
    """The store has it as JSON, which knows no tuples."""
    command = ["--videos", str(folder / "a.avi"), "--output", str(tmp_path / "s.h5")]
    command += ["--backbone", "r2plus1d_18", "--weights", "random", "--resize", "crop"]
    command += ["--clips", "1", "--frames", "2"]
    assert main(command) == 0
    assert main(command) == 0
    assert "1 videos stored (0 new)" in capsys.readouterr().out


def test_mistakes_name_file_and_cure(folder, tmp_path, monkeypatch) -> None:
    output = tmp_path / "s.h5"
    empty = tmp_path / "empty"
    empty.mkdir()
    twin = tmp_path / "a.mp4"
    write_video(twin, 5)
    (tmp_path / "map").write_text("a vid1\nb vid2\n")
    (tmp_path / "bad_map").write_text("a vid1\nb 2\n")
    (tmp_path / "old.h5").write_text("x")
    rest = words(folder, output)[2:]
    for command, message in [
        (["--videos", str(empty), *rest], "no files there"),
        (["--videos", str(folder), str(twin), *rest], r"a\.avi and .*a\.mp4 have the same id a"),
        (
            words(folder, output, "--id_map", str(tmp_path / "map")),
            r"lacks 2 of 4 files \(c.mkv, d",
        ),
        (words(folder, output, "--id_map", str(tmp_path / "bad_map")), "bad_map, line 2: `b 2`"),
        (words(folder, output, "--id_map", str(tmp_path / "none")), "none: not there"),
        (words(folder, output, "--clips", "0"), "--clips 0: give at least 1"),
        (words(folder, output, backbone="squeezenet1_1"), "needs --weights: IMAGENET1K_V1"),
        (words(folder, output, "--weigths", "x"), "weigths"),
        (words(folder, tmp_path / "old.h5"), "old.h5: not readable as a feature store"),
    ]:
        with pytest.raises(UserError, match=message):
            main(command)
    assert not output.exists()
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(UserError, match="ffmpeg is not on the PATH"):
        main(words(folder, output, "--decoder", "scikit-video"))


def test_nothing_readable_is_an_error(tmp_path) -> None:
    output = tmp_path / "s.h5"
    with pytest.raises(UserError, match=r"none of 1 videos can be read.*x\.mp4: no such file"):
        main(words(tmp_path / "x.mp4", output))
    assert not output.exists() and failed_videos_file(output).exists()


def test_ids_from_a_map(folder, tmp_path) -> None:
    (tmp_path / "map").write_text("a vid12\nb vid3\n\nc vid1\nd vid9\nunused vid77\n")
    output = tmp_path / "s.h5"
    assert main(words(folder, output, "--id_map", str(tmp_path / "map"))) == 0
    assert open_store(output).ids == ("12", "3", "1", "9")


def test_exit_codes_and_one_line_at_the_command_line(folder, tmp_path, monkeypatch, capsys) -> None:
    output = tmp_path / "s.h5"
    missing = ["--videos", str(tmp_path / "gone.mp4"), str(folder), *words(folder, output)[2:]]
    for command, code in [
        (words(folder, output), 0),
        (missing, 1),
        (words(folder, output, backbone="resnet101"), 2),
    ]:
        monkeypatch.setattr(sys, "argv", ["videos", *command])
        with pytest.raises(SystemExit) as ended:
            run_command(main)
        assert ended.value.code == code
    last = capsys.readouterr().err.strip().split("\n")[-1]
    assert last.startswith("error: --backbone resnet101 needs --weights")


def test_kill_and_go_on(tmp_path, capsys) -> None:
    """SIGKILL in the middle; the same command finishes, and the store equals an undisturbed one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(9):
        write_video(folder / f"{i}.mp4", images=moving_images(12, (64, 80), seed=i))
    output = tmp_path / "s.h5"
    parts = tmp_path / "s.h5.parts"
    rest = ["--backbone", "squeezenet1_1", "--weights", "random", "--clips", "2", "--frames", "4"]
    rest += ["--threads", "1", "--shard", "1", "--videos", str(folder)]
    process = Command("preprocess/videos.py", [*rest, "--output", str(output)])
    limit = time.monotonic() + 120
    while len(list(parts.glob("*.h5"))) < 2 and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.005)
    assert process.kill() == -signal.SIGKILL, "it ended before it could be killed"
    done = len(list(parts.glob("*.h5")))
    assert 2 <= done < 9 and not output.exists()

    with pytest.raises(UserError, match=r"s\.h5\.parts: made with sampling .*delete"):
        main([*rest, "--output", str(output), "--clips", "5"])
    assert main([*rest, "--output", str(output)]) == 0
    assert f"9 videos stored ({9 - done} new)" in capsys.readouterr().out
    assert not parts.exists()
    assert main([*rest, "--output", str(tmp_path / "whole.h5")]) == 0
    one, other = open_store(output), open_store(tmp_path / "whole.h5")
    assert one.ids == other.ids and one.provenance == other.provenance
    assert np.array_equal(one.load(one.ids)[0], other.load(one.ids)[0])
