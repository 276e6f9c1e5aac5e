"""Going on after a kill, a full disk or a stop; several processes; several stores in one pass."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from data_loader.store.features import open_store, write_store
from preprocess.extraction import shards
from preprocess.extraction.paths import failed_videos_file, parts_folder
from preprocess.videos import main
from tests.commands import start_processes
from tests.conftest import ROOT
from tests.video_files import moving_images, write_video
from util.errors import UserError
from util.files import sha256

# Runs the command as often as asked, each time in a process forked for it (importing torch takes
# longer than the work); writes down which videos are done.
SPY = """
import os, sys

def add(self, one):
    real(self, one)
    with open(sys.argv[1], "a") as log:
        log.write(one.id + "\\n")

if __name__ == "__main__":
    from preprocess.extraction import extract
    from preprocess.extraction import shards
    from preprocess import videos
    real, shards.ShardWriter.add = shards.ShardWriter.add, add
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            os.close(1)
            videos.main(sys.argv[2:])
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def make_videos(folder: Path, count: int, frames: int = 12) -> Path:
    folder.mkdir()
    for i in range(count):
        write_video(folder / f"{i:02d}.mp4", images=moving_images(frames + i, (48, 64), seed=i))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twelve good videos."""
    return make_videos(tmp_path_factory.mktemp("shards") / "in", 12)


def words(folder: Path, output: Path, *more: str) -> list[str]:
    size = ["--clips", "3", "--frames", "4"]
    return ["--videos", str(folder), "--backbone", "pixels", *size, "--output", str(output), *more]


def contents(path: Path) -> dict[str, bytes]:
    """The data sets of a store as bytes, and its attributes."""
    with h5py.File(path, "r") as file:
        sets = {name: np.asarray(file[name]) for name in file}
        found = {name: repr((a.dtype, a.shape, a.tolist())).encode() for name, a in sets.items()}
        return found | {f"@{name}": str(value).encode() for name, value in file.attrs.items()}


def stored(output: Path) -> set[str]:
    stores = [output] if output.exists() else [*parts_folder(output).glob("*.h5")]
    return {video for path in stores for video in open_store(path).ids}


def kill_many_times(folder: Path, tmp_path: Path, kills: int, shard: int, seed: int) -> None:
    """Start, kill, start again; then the store is that of a run that nobody disturbed."""
    rng = random.Random(seed)
    spy, log, output = tmp_path / "spy.py", tmp_path / "log", tmp_path / "s.h5"
    spy.write_text(SPY)
    videos, killed = len(list(folder.iterdir())), 0
    command = [sys.executable, str(spy), str(log), *words(folder, output, "--shard", str(shard))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        for left in range(kills, 0, -1):
            before = stored(output)
            log.write_text("")
            print("go", file=process.stdin, flush=True)
            child = int(process.stdout.readline())
            # Anywhere from the first video to the merge, evenly over what the kills have to share.
            goal = len(before) + rng.randint(0, (videos - len(before)) // left + 1)
            limit = time.monotonic() + 60
            ended: list = []
            while len(before) + len(log.read_text().split()) < goal and not ended:
                assert time.monotonic() < limit
                ended = select.select([process.stdout], [], [], 0.001)[0]
            time.sleep(rng.uniform(0, 0.05))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            killed += int(process.stdout.readline()) == -signal.SIGKILL
            computed = set(log.read_text().split())
            where = f"seed {seed}, {left} kills left"
            assert not computed & before, f"{where}: what a part holds is not computed again"
            assert stored(output) >= before, where
            assert len(computed - stored(output)) <= shard, f"{where}: more than a part is lost"
        process.stdin.close()
    # A slow machine sees late that a run is far enough, and some end by themselves.
    assert killed >= kills // 4, "they were to be disturbed"
    assert main(words(folder, output, "--shard", str(shard))) == 0
    assert main(words(folder, tmp_path / "whole.h5")) == 0
    assert contents(output) == contents(tmp_path / "whole.h5")
    assert sorted(p.name for p in tmp_path.glob("s.h5*")) == ["s.h5"], "nothing is left over"


def test_kills_at_any_moment(folder, tmp_path) -> None:
    kill_many_times(folder, tmp_path, kills=4, shard=2, seed=1)


@pytest.mark.long
def test_twenty_kills_at_any_moment(tmp_path) -> None:
    folder = make_videos(tmp_path / "in", 60)
    kill_many_times(folder, tmp_path, kills=20, shard=4, seed=2)


def test_parts_of_one_video_each_are_taken_over(folder, tmp_path, capsys) -> None:
    """As earlier versions left them: named after the video, and silent about the scaler."""
    whole, output = tmp_path / "whole.h5", tmp_path / "s.h5"
    main(words(folder, whole))
    capsys.readouterr()
    store = open_store(whole)
    made = replace(store.provenance, scaler=None)
    for video in store.ids[:5]:
        write_store(parts_folder(output) / f"{video}.h5", [store.video(video)], made)
    assert main(words(folder, output)) == 0
    assert "12 of 12 videos stored (7 new)" in capsys.readouterr().out
    assert contents(output) == contents(whole)


def test_a_store_of_before_is_added_to_as_it_was_made(folder, tmp_path) -> None:
    """Stores that say nothing of a scaler were scaled by torch, and grow so without being told."""
    rest = ["--backbone", "squeezenet1_1", "--weights", "random", "--clips", "1", "--frames", "2"]
    files = [str(path) for path in sorted(folder.iterdir())[:3]]
    first, whole, output = (tmp_path / f"{name}.h5" for name in ("first", "whole", "s"))
    main([*rest, "--videos", *files[:2], "--output", str(first), "--scaler", "torch"])
    main([*rest, "--videos", *files, "--output", str(whole), "--scaler", "torch"])
    known = open_store(first)
    made = replace(known.provenance, scaler=None, network_precision=None)
    write_store(parts_folder(output) / "a.h5", [known.video(known.ids[0])], made)
    assert main([*rest, "--videos", *files, "--output", str(output)]) == 0
    assert contents(output) == contents(whole)
    with pytest.raises(UserError, match='scaler "torch", asked for "decoder"'):
        main([*rest, "--videos", *files, "--output", str(output), "--scaler", "decoder"])


def test_half_precision_of_the_network_and_compression_are_options(folder, tmp_path) -> None:
    rest = ["--backbone", "squeezenet1_1", "--weights", "random", "--clips", "1", "--frames", "2"]
    file = sorted(folder.iterdir())[0]
    rest += ["--videos", str(file), "--precision", "float32"]
    main([*rest, "--output", str(tmp_path / "a.h5"), "--network_precision", "bf16"])
    main([*rest, "--output", str(tmp_path / "b.h5"), "--compression", "gzip"])
    half, full = open_store(tmp_path / "a.h5"), open_store(tmp_path / "b.h5")
    assert half.provenance.network_precision == "bf16"
    assert full.provenance.network_precision == "float32"
    one, other = half.video("00"), full.video("00")
    assert one.file_sha256 == other.file_sha256 == sha256(file)
    difference = np.abs(one.features - other.features).max() / np.abs(other.features).max()
    assert 0 < difference < 0.05
    with h5py.File(tmp_path / "b.h5") as store:
        assert store["features"].compression == "gzip"
    with pytest.raises(UserError, match='network_precision "bf16", asked for "float32"'):
        main([*rest, "--output", str(tmp_path / "a.h5")])


def test_several_stores_in_one_pass_are_those_of_several_passes(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["squeezenet1_1", "pixels", "r2plus1d_18", "none"]
    weights = ["random", "none", "random", "none"]
    few = [str(path) for path in sorted(folder.iterdir())[:3]]
    rest = ["--videos", *few, "--clips", "2", "--frames", "4"]
    together = [f"{name}.h5" for name in names]
    both = ["--backbone", *names, "--output", *together, "--weights", *weights, "--size", "20"]
    assert main([*rest, *both]) == 0
    for name, given in zip(names, weights, strict=True):
        alone = ["--backbone", name, "--output", "alone.h5"]
        alone += ["--size", "20"] if name == "none" else []
        alone += [] if given == "none" else ["--weights", given]
        assert main([*rest, *alone]) == 0
        assert contents(Path("alone.h5")) == contents(Path(f"{name}.h5")), name
        Path("alone.h5").unlink()


def test_one_pass_adds_to_each_store_what_it_lacks(folder, tmp_path, capsys) -> None:
    one, other = tmp_path / "a.h5", tmp_path / "m.h5"
    few = sorted(folder.iterdir())
    rest = ["--clips", "2", "--frames", "4"]
    main(["--videos", *map(str, few[:2]), "--backbone", "pixels", "--output", str(one), *rest])
    capsys.readouterr()
    both = ["--backbone", "pixels", "pixel_motion", "--output", str(one), str(other), *rest]
    assert main(["--videos", *map(str, few[:3]), *both]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "a.h5: 3 of 3 videos stored (1 new)" in lines[0]
    assert "m.h5: 3 of 3 videos stored (3 new)" in lines[1]


def test_mistakes_with_several_stores(folder, tmp_path) -> None:
    one, other = str(tmp_path / "a.h5"), str(tmp_path / "m.h5")
    rest = ["--videos", str(folder)]
    both = ["--backbone", "pixels", "pixel_motion"]
    for command, message in [
        ([*both, "--output", one], "--output: 1 for 2 of --backbone; give one store for each"),
        ([*both, "--output", one, one], "one comes twice"),
        ([*both, "--output", one, other, "--weights", "none"], "--weights: 1 for 2 of --backbone"),
        ([*both, "--output", one, other, "--size", "9"], "--size 9: means nothing with .*motion"),
        (["--backbone", "mango", "--output", one], "--backbone mango: there is none"),
        (["--backbone", "none", "--output", one, "--compression", "gzip"], "--compression gzip"),
        (["--backbone", "pixels", "--output", one, "--time_limit", "0"], "--time_limit 0"),
        (["--backbone", "pixels", "--output", one, "--runtime", "torch"], "--runtime torch: means"),
    ]:
        with pytest.raises(UserError, match=message):
            main([*rest, *command])
    assert not list(tmp_path.iterdir())


def test_two_processes_make_the_store_of_one(folder, tmp_path) -> None:
    videos = tmp_path / "in"
    videos.mkdir()
    for path in folder.iterdir():
        (videos / path.name).symlink_to(path)
    (videos / "bad1.mp4").write_text("no video")
    (videos / "bad2.mp4").write_text("none either")
    whole, output = tmp_path / "whole.h5", tmp_path / "s.h5"
    assert main(words(videos, whole)) == 1
    started = start_processes(2, "preprocess/videos.py", words(videos, output, "--shard", "2"))
    assert [process.wait() for process in started] == [1, 0], started[0].stderr
    assert "12 of 14 videos stored (12 new), 2 failed" in started[0].stdout
    assert contents(output) == contents(whole)
    rows = [json.loads(failed_videos_file(path).read_text()) for path in (output, whole)]
    assert rows[0] == rows[1] and [row["id"] for row in rows[0]] == ["bad1", "bad2"]
    assert not parts_folder(output).exists()


def test_strict_stops_and_keeps_what_is_done(folder, tmp_path, capsys) -> None:
    bad, output = tmp_path / "bad.mp4", tmp_path / "s.h5"
    bad.write_text("no video")
    command = ["--videos", str(folder), str(bad), *words(folder, output, "--workers", "1")[2:]]
    with pytest.raises(UserError, match=r"bad\.mp4: not a video.*--strict stops here"):
        main([*command, "--strict"])
    done = len(stored(output))
    assert done == 12 and not output.exists()
    assert main(command) == 1
    assert f"12 of 13 videos stored ({12 - done} new), 1 failed" in capsys.readouterr().out


def test_a_listed_video_is_not_tried_in_vain(folder, tmp_path, capsys, monkeypatch) -> None:
    bad, output = tmp_path / "bad.mp4", tmp_path / "s.h5"
    bad.write_text("no video")
    command = ["--videos", str(folder), str(bad), *words(folder, output)[2:]]
    assert main(command) == 1
    row = json.loads(failed_videos_file(output).read_text())
    assert row[0]["sha256"] == sha256(bad)
    capsys.readouterr()
    partial = ["--keep_partial"]
    for more, tried in [([], 0), (["--retry"], 1), (partial, 1), (partial, 0)]:
        assert main([*command, *more]) == 1
        seen = capsys.readouterr()
        assert seen.err.count("set aside") == tried, more
        assert "12 of 13 videos stored (0 new), 1 failed" in seen.out
    bad.write_text("other bytes")
    assert main([*command, *partial]) == 1
    assert "set aside" in capsys.readouterr().err


def full(folder: Path, output: Path) -> list[str]:
    """100 KiB a video."""
    more = ["--precision", "float32", "--clips", "8", "--frames", "16", "--shard", "2"]
    return words(folder, output, *more)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs to mount a small disk, which this user may not")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_overcome(folder, small_disk, tmp_path, capsys) -> None:
    output = small_disk / "s.h5"
    command = full(folder, output)
    with pytest.raises(UserError, match=r"s\.h5.*: the disk is full; free \d+ MiB there.*goes on"):
        main(command)
    done = stored(output)
    assert 2 <= len(done) < 12 and not output.exists()
    assert not list(small_disk.rglob("*.partial"))
    with pytest.raises(UserError, match="the disk is full"):
        main(command)
    assert stored(output) >= done
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert main(command) == 0
    assert "12 of 12 videos stored" in capsys.readouterr().out
    main(full(folder, tmp_path / "whole.h5"))
    assert contents(output) == contents(tmp_path / "whole.h5")


def test_no_room_for_the_merge(folder, tmp_path, monkeypatch) -> None:
    """The parts fit, the store beside them does not."""
    output = tmp_path / "s.h5"
    real = os.posix_fallocate

    def fallocate(file: int, begin: int, size: int) -> None:
        if size > 2**20:
            raise OSError(28, "No space left on device")
        real(file, begin, size)

    monkeypatch.setattr(shards.os, "posix_fallocate", fallocate)
    with pytest.raises(UserError, match=r"s\.h5: the disk is full; free 1 MiB"):
        main(full(folder, output))
    assert len(stored(output)) == 12 and not output.exists()
    monkeypatch.undo()
    assert main(full(folder, output)) == 0
    assert len(open_store(output).ids) == 12 and not parts_folder(output).exists()
