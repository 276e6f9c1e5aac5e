"""`python -m preprocess.cluster`: on a Ray of two cores, the store of `preprocess.videos`."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from preprocess import cluster, videos
from preprocess.extraction import ray_driver
from preprocess.extraction.paths import failed_videos_file, parts_folder
from tests.conftest import ROOT
from tests.preprocess.extraction.test_shards import contents, make_videos, words
from util.errors import UserError

ACTOR = "ray::MapWorker(MapBatches(Networks)).submit"  # while it is called
TASK = "ray::MapBatches(decode_videos)"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")
NETWORK = ["--backbone", "squeezenet1_1", "--weights", "random", "--clips", "3", "--frames", "4"]
NETWORK += ["--runtime", "torch"]  # what auto means there


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twelve good videos."""
    return make_videos(tmp_path_factory.mktemp("cluster") / "in", 12)


@pytest.fixture(scope="module")
def ray() -> Iterator:
    """A Ray of two cores, which the command finds running."""
    ray = pytest.importorskip("ray", reason="needs requirements-scale.txt")
    pytest.importorskip("ray.data", reason="needs requirements-scale.txt")
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield ray
    ray.shutdown()


def test_the_store_is_that_of_preprocess_videos(ray, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.mp4").write_text("no video")
    command = ["--videos", str(folder), "bad.mp4", "--backbone", "pixels", "pixel_motion"]
    command += ["--clips", "3", "--frames", "4", "--output"]
    assert videos.main([*command, "a.h5", "m.h5"]) == 1
    capsys.readouterr()
    assert cluster.main([*command, "out/a.h5", "out/m.h5", "--shard", "5"]) == 1
    seen = capsys.readouterr()
    for name, line in zip(["a.h5", "m.h5"], seen.out.splitlines(), strict=True):
        assert f"out/{name}: 12 of 13 videos stored (12 new), 1 failed; 210 fr" in line
        assert contents(Path("out", name)) == contents(Path(name))
        assert (
            failed_videos_file(Path("out", name)).read_text()
            == failed_videos_file(Path(name)).read_text()
        )
        assert not parts_folder(Path("out", name)).exists()
    # Nothing is left to do: the store is left alone, and what failed is not tried.
    written = Path("out/a.h5").stat().st_ino
    assert cluster.main([*command, "out/a.h5", "out/m.h5"]) == 1
    seen = capsys.readouterr()
    assert "a.h5: 12 of 13 videos stored (0 new), 1 failed" in seen.out
    assert "set aside" not in seen.err and Path("out/a.h5").stat().st_ino == written


@pytest.mark.long
def test_other_versions_on_a_machine_are_refused(ray, folder, tmp_path, monkeypatch) -> None:
    from preprocess.extraction import ray_extract

    def load(outputs, options):
        real(outputs, options)
        outputs[0].provenance.versions["torch"] = "0.1"

    real = ray_extract.load_outputs
    monkeypatch.setattr(ray_extract, "load_outputs", load)
    with pytest.raises(UserError, match=r"s\.h5: .* has torch .*the machine of the command 0\.1;"):
        cluster.main(words(folder, tmp_path / "s.h5"))
    assert not (tmp_path / "s.h5").exists()


@pytest.mark.long
def test_strict_stops(ray, folder, tmp_path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    command = ["--videos", str(tmp_path / "bad.mp4"), *words(folder, tmp_path / "s.h5")[2:]]
    with pytest.raises(UserError, match=r"bad\.mp4: not a video.*--strict stops here"):
        cluster.main([*command, "--strict"])


@pytest.mark.long
def test_a_killed_task_and_a_killed_actor_lose_nothing(ray, folder, tmp_path, capsys) -> None:
    whole, output = tmp_path / "whole.h5", tmp_path / "s.h5"
    rest = ["--videos", str(folder), *NETWORK, "--shard", "1", "--output"]
    assert videos.main([*rest, str(whole)]) == 0
    capsys.readouterr()
    with kill(TASK, output, parts=0) as task, kill(ACTOR, output, parts=2) as actor:
        assert cluster.main([*rest, str(output)]) == 0
    assert task == [0] and len(actor) == 1 and 2 <= actor[0] < 12, "they were to be killed mid-way"
    assert "12 of 12 videos stored (12 new), 0 failed" in capsys.readouterr().out
    assert contents(output) == contents(whole)


@pytest.mark.long
def test_too_many_deaths_stop_the_run_and_the_command_goes_on(
    ray, folder, tmp_path, capsys, monkeypatch
) -> None:
    """The rest is left to `preprocess.videos`, which reads the same parts."""
    monkeypatch.setattr(ray_driver, "TRIES", 0)
    output = tmp_path / "s.h5"
    command = ["--videos", str(folder), *NETWORK, "--shard", "1", "--output", str(output)]
    with (
        kill(ACTOR, output, parts=2) as actor,
        pytest.raises(UserError, match=r"Ray gave up.* on"),
    ):
        cluster.main([*command, "--retries", "0"])
    assert len(actor) == 1
    done = len(list(parts_folder(output).glob("*.h5")))
    assert 2 <= done < 12 and not output.exists()
    capsys.readouterr()
    assert videos.main(command) == 0
    assert f"12 of 12 videos stored ({12 - done} new)" in capsys.readouterr().out


@pytest.mark.long
def test_where_ray_gives_up_the_rest_is_begun_anew(
    ray, folder, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(ray_driver, "TRIES", 0)
    monkeypatch.setattr(ray_driver, "PAUSE", 0)
    output = tmp_path / "s.h5"
    command = ["--videos", str(folder), *NETWORK, "--shard", "1", "--output", str(output)]
    with kill(ACTOR, output, parts=2):
        assert cluster.main([*command, "--retries", "1"]) == 0
    seen = capsys.readouterr()
    assert re.search(r"Ray gave up .*; \d+ videos are begun anew", seen.err)
    assert "12 of 12 videos stored (12 new)" in seen.out


@pytest.mark.long
def test_the_command_itself_killed_goes_on(folder, tmp_path) -> None:
    """With a Ray that it starts, which dies with it; nothing but bar and line is printed."""
    pytest.importorskip("ray.data", reason="needs requirements-scale.txt")
    output = tmp_path / "s.h5"
    rest = ["--videos", str(folder), *NETWORK[:-1], "openvino", "--shard", "1"]
    rest += ["--output", str(output)]
    command = [sys.executable, "-m", "preprocess.cluster", *rest]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    parts = parts_folder(output)
    wait_until(lambda: len(list(parts.glob("*.h5"))) >= 2 or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    time.sleep(5)  # Ray notices
    done = len(list(parts.glob("*.h5")))
    assert 2 <= done < 12 and not output.exists()
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"12 of 12 videos stored ({12 - done} new)" in ended.stdout, ended.stderr
    assert len(ended.stdout.splitlines()) == 1
    noise = [line for line in re.split(r"[\r\n]+", ended.stderr) if "video" not in line]
    assert noise in ([], [""], ["", ""]), "a progress bar and no more"
    whole = tmp_path / "whole.h5"
    assert videos.main([*rest[:-1], str(whole)]) == 0
    assert contents(output) == contents(whole)


LOSE = """
import sys, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster

small = {"object_store_memory": 100 * 2**20}
machines = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, **small})
lost = machines.add_node(num_cpus=2, **small)

def lose():
    while len(list(parts.glob("*.h5"))) < 2:
        time.sleep(0.02)
    machines.remove_node(lost, allow_graceful=False)
    print("lost with", len(list(parts.glob("*.h5"))), file=sys.stderr)

from preprocess.extraction import ray_driver
from preprocess import cluster
parts = Path(sys.argv[-1] + ".parts")
ray_driver.PAUSE = 5
threading.Thread(target=lose, daemon=True).start()
cluster.main(["--address", machines.address, "--actors", "2", *sys.argv[1:]])
machines.shutdown()
"""


@pytest.mark.long
def test_a_machine_that_is_lost_loses_nothing(folder, tmp_path) -> None:
    """Two machines, as far as Ray knows; one goes, with the actors and videos on it."""
    pytest.importorskip("ray.data", reason="needs requirements-scale.txt")
    whole, output = tmp_path / "whole.h5", tmp_path / "s.h5"
    rest = ["--videos", str(folder), *NETWORK, "--shard", "1", "--output"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", LOSE, *rest, str(output)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert re.search(r"lost with ([2-9]|1[01])\n", ended.stderr), ended.stderr
    assert "12 of 12 videos stored" in ended.stdout, ended.stderr
    assert videos.main([*rest, str(whole)]) == 0
    assert contents(output) == contents(whole)


@contextmanager
def kill(title: str, output: Path, *, parts: int) -> Iterator[list[int]]:
    """SIGKILL to a process of our Ray once there are so many parts -> [parts there were then]."""
    killed: list[int] = []
    over = threading.Event()

    def hunt() -> None:
        while not over.is_set():
            there = len(list(parts_folder(output).glob("*.h5")))
            for process in children() if there >= parts else ():
                if process[1].startswith(title):
                    os.kill(process[0], signal.SIGKILL)
                    killed.append(there)
                    return
            time.sleep(0.02)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        over.set()
        hunter.join()


def children() -> Iterator[tuple[int, str]]:
    """Process ids and titles of all that this process started, and those it started."""
    parent, title = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            title[int(path.name)] = (path / "cmdline").read_text().strip("\0 ")
        except OSError:  # it has ended
            continue
    for process in title:
        above = process
        while above in parent:
            above = parent[above]
            if above == os.getpid():
                yield process, title[process]


def wait_until(condition) -> None:
    limit = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_ray_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"--address 127.0.0.1:1: no Ray to be had.*ray start"):
        ray_driver._reach("127.0.0.1:1")


def test_without_ray_a_line_says_what_to_do(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(UserError, match=r"pip install -r requirements-scale\.txt, or use prep"):
        cluster.main(words(folder, tmp_path / "s.h5"))
