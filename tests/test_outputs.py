"""No output replaces an input or another output; what cannot be written is said before the work."""

import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import evaluate
import predict
import train
from tests import tiny_run
from tests.conftest import ROOT
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError
from util.lock import writer_lock


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, list[str]]:
    """A folder with a run of one epoch, results/tiny; the flags of its data."""
    folder = tmp_path_factory.mktemp("outputs")
    flags = tiny_run.make(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        train.main(["--run", "tiny", *flags, "--epochs", "1"])
    finally:
        os.chdir(before)
    return folder, flags


@pytest.fixture
def here(trained, monkeypatch) -> list[str]:
    """The flags of the data, in the folder of the run."""
    monkeypatch.chdir(trained[0])
    return trained[1]


def refuse(*_args: object, **_more: object) -> None:
    raise AssertionError("the work has begun")


@pytest.fixture
def idle(monkeypatch) -> None:
    """No command may get as far as its work."""
    monkeypatch.setattr(train.QaTask, "__init__", refuse)
    for work in (
        "score_runs.score_run", "report.failures.write_report", "compare.read_file",
        "caption.score_files.load_material",
        "plot.curves.draw", "report.table.rebuild",
    ):  # fmt: skip
        monkeypatch.setattr(f"evaluation.{work}", refuse)
    monkeypatch.setattr("inference.predictor.Predictor", refuse)


RUN = "results/tiny"
CASES = [
    (evaluate, f"--run {RUN} --output {RUN}/best.pt", "is what --run names"),
    (evaluate, f"--run {RUN} --output link.pt", "is what --run names"),
    (evaluate, f"--run {RUN} --questions questions.pt --output questions.pt", "--questions names"),
    (evaluate, f"--run {RUN} --output {RUN}/test-shuffled.json", "the shuffled-video control"),
    (evaluate, f"--run {RUN} --output results", "--output results: is a folder"),
    (evaluate, f"--run {RUN} --output questions.pt/a.json", "is not a folder"),
    (evaluate, f"--run {RUN} --output {'x' * 300}", "File name too long"),
    (evaluate, f"--run {RUN} --output questions.pt", "--questions names"),
    (evaluate, f"report --run {RUN} --output appearance.h5", "--appearance names"),
    (evaluate, f"report --run {RUN} --output {RUN}/best.pt", "is what --run names"),
    (evaluate, f"report --run {RUN} --videos v.mp4 --output v.mp4", "--videos v.mp4"),
    (evaluate, "compare a.json b.json --output a.json", "is what --runs a.json names"),
    (evaluate, f"compare {RUN} b --questions questions.pt --output questions.pt", "--questions"),
    (evaluate, f"curves --run {RUN},other --output {RUN}/metrics.jsonl", f"--run {RUN} names"),
    (evaluate, "table --tables questions.pt --readme questions.pt", "is what --tables names"),
    (evaluate, "captions --predictions a.json --references b --output b", "--references b names"),
    (predict, f"--run {RUN} --video v.mp4 --question a --output v.mp4", "is what --video names"),
    (predict, f"--run {RUN} --video v.mp4 --question a --output link.pt", "is what --run names"),
    (predict, f"--run {RUN} --video v.mp4 --question a --output results", "is a folder"),
    (train, "--run tiny", "results/tiny exists"),
    (train, "--run file", "file is not a folder"),
    (train, f"--run {'x' * 300}", "File name too long"),
    (train, f"--run tiny --init_from {RUN} --overwrite", "is what --init_from names"),
    (train, f"--run tiny --init_from {RUN}/best.pt --overwrite", "is what --init_from names"),
    (train, "--run many --seeds 3", "results/many_s3 exists"),
    (train, "--run logged", "tf-logs/logged is not a folder"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "typed", "line"), CASES)
def test_outputs_are_looked_at_before_the_work(here, idle, command, typed: str, line: str) -> None:
    Path("results/file").touch()
    Path("tf-logs/logged").touch()
    Path("results/many_s3").mkdir(exist_ok=True)
    Path("a.json").touch()
    Path("v.mp4").touch()
    if not Path("link.pt").exists():
        Path("link.pt").symlink_to(f"{RUN}/best.pt")
    more = here if command is train else []
    with pytest.raises(UserError, match=line):
        command.main([*typed.split(), *more])
    assert not Path("results/many_s1").exists()
    load_checkpoint(f"{RUN}/best.pt")


UNPRIVILEGED = [
    "setpriv", "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search", sys.executable,
]  # fmt: skip
SCRIPT = """
import sys, evaluate, predict, train
from util.errors import UserError
for command, *words in (
    (predict, "--run", "locked", "--video", "v.mp4", "--question", "what?"),
    (evaluate, "--run", "locked"),
    (evaluate, "report", "--run", "locked"),
    (evaluate, "compare", "locked", "b", "--output", "locked/c.json"),
    (evaluate, "curves", "--run", "locked", "--output", "locked/c.png"),
    (evaluate, "reconstruction", "--run", "locked"),
    (train, "--run", "other", *sys.argv[1:]),
):
    try:
        command.main(words)
        print("done")
    except UserError as error:
        print(error)
"""


def test_folders_without_permission_are_said_before_the_work(here, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("locked", "results"):
        Path(name).mkdir()
        Path(name).chmod(0o555)
    may = ["-c", "open('locked/x', 'w')"]
    try:
        if subprocess.run([*UNPRIVILEGED, *may], capture_output=True).returncode == 0:
            pytest.skip("root's rights cannot be dropped here")
    except FileNotFoundError:
        pytest.skip("needs setpriv")
    made = subprocess.run(
        [*UNPRIVILEGED, "-c", SCRIPT, *here],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    lines = made.stdout.splitlines()
    assert len(lines) == 7, made.stderr
    for line, folder in zip(lines, ["locked"] * 6 + ["results"], strict=True):
        assert f"{tmp_path / folder} may not be written" in line


def test_two_trainings_into_one_run(here) -> None:
    with (
        writer_lock("results/both"),
        pytest.raises(UserError, match=r"results/both: process .* is writing it"),
    ):
        train.main(["--run", "both", *here, "--epochs", "0.1"])
    assert not Path("results/both").exists()
    train.main(["--run", "both", *here, "--epochs", "0.1"])
    assert not Path("results/both.lock").exists()


@contextmanager
def files_of_at_most(size: int):
    """Writing more raises EFBIG, as a full disk raises ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_last_checkpoint(here) -> None:
    flags = ["--run", "full", *here, "--eval_every", "1"]
    train.main([*flags, "--epochs", "1"])
    last = Path("results/full/last.pt")
    before = last.read_bytes()
    with (
        files_of_at_most(len(before) // 2),
        pytest.raises(UserError, match=r"\.pt: cannot be written .the disk is full"),
    ):
        train.main([*flags, "--epochs", "2", "--resume"])
    assert last.read_bytes() == before
    assert not list(last.parent.glob("*.partial"))
    train.main([*flags, "--epochs", "2", "--resume"])
    assert load_checkpoint(last)["step"] == 6


def test_what_torch_writes_is_whole_or_named(tmp_path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(path, {"x": torch.zeros(3)})
    with files_of_at_most(1000), pytest.raises(UserError, match=f"{path}: cannot be written"):
        save_checkpoint(path, {"x": torch.zeros(10000)})
    assert load_checkpoint(path)["x"].shape == (3,)


@pytest.mark.parametrize("run", ["results/nowhere", "results/tiny/best.pt", "results", "broken"])
def test_runs_that_are_none(here, run: str) -> None:
    Path("broken").mkdir(exist_ok=True)
    Path("broken/best.pt").write_bytes(b"PK no checkpoint")
    for command, *more in (
        (evaluate,),
        (evaluate, "--video", "none"),
        (predict, "--video", "v.mp4", "--question", "what?"),
    ):
        with pytest.raises(UserError, match=run):
            command.main(["--run", run, *more])
