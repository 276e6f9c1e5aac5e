"""A run that follows a stream: what it says is what it says of the file's stored features."""

import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import evaluate
import predict
import train
from data_loader.batch import Frames
from data_loader.label.labels import save_labels
from evaluation.label.predictions_file import read_results
from inference.run import open_run
from inference.stream.open import open_stream
from inference.stream.state_file import load_state, save_state
from inference.video import open_video_input
from model.streaming.state import Mode
from model.task.classification import Classification
from preprocess import videos
from preprocess.video.live import at_rate, live_frames
from tests.commands import Command
from tests.tiny_labels import split
from tests.video_files import moving_images, write_video
from util.errors import UserError

NAMES, FPS, FRAMES = [f"v{i}" for i in range(8)], 10, 75
RUNS = ("carried", "windows", "values", "own")
WEIGHTS: dict[str, str | None] = {"appearance": None, "motion": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Eight videos of 3 s, and runs on them trained for a moment."""
    folder = tmp_path_factory.mktemp("streams")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("d").mkdir()
        for i, name in enumerate(NAMES):
            images = moving_images(FRAMES, (32, 48), i) // (1 + i % 2)
            write_video(Path(f"d/{name}.mkv"), images=images)
        labels("class.pt", ("light", "dark"))
        labels("value.pt", ())
        steady = ["--videos", "d", "--fps", str(FPS), "--output"]
        videos.main([*steady, "f.h5", "--backbone", "pixels", "--precision", "float32"])
        clips = ["--backbone", "none", "--size", "20", "--clips", "2", "--frames", "4"]
        clips += ["--stride", "2"]
        videos.main(["--videos", "d", "--output", "c.h5", *clips])
        short = [
            "--width",
            "8",
            "--epochs",
            "1",
            "--batch_size",
            "6",
            "--device",
            "cpu",
            "--lr",
            "1e-2",
        ]
        common = ["classification", *short, "--network", "rnn", "--labels"]
        features = ["--appearance", "f.h5"]
        train.main([*common, "class.pt", "--run", "carried", *features, "--carry", "0.5"])
        train.main([*common, "class.pt", "--run", "windows", *features])
        train.main([*common, "value.pt", "--run", "values", *features])
        own = ["--clips", "c.h5", "--channels", "appearance", "--appearance_weights", "random"]
        own += ["--appearance_encoder", "resnet_narrow"]
        train.main([*common, "class.pt", "--run", "own", *own])
    return folder


def labels(path: str, classes: tuple[str, ...], held: int = 2, wrong: int = 0) -> None:
    """Every second video is dark; or each has the time of each of its frames.

    The last `held` are for validation, the last `wrong` of which have the other label.
    """
    times = torch.arange(30).double() / FPS
    splits = {}
    for name, of in (("train", NAMES[:-held]), ("val", NAMES[-held:])):
        series = {"times": (times,) * len(of), "values": (times / 3,) * len(of)}
        target = [i % 2 if classes else 0 for i in range(len(of))]
        if name == "val" and wrong:
            target[-wrong:] = [1 - k for k in target[-wrong:]]
        splits[name] = split(name, of, target, **({} if classes else series))
    save_labels(
        Path(path), dataset="tiny", version="", kind="class" if classes else "value",
        classes=classes, order_only=(), alike=(), splits=splits, folds=None,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def there(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)


def followed(name: str, video: str, **how) -> torch.Tensor:
    """Scores of each frame that is looked at, (T, K)."""
    stream = open_stream(f"results/{name}", device="cpu", **how)
    state, found = stream.model.init_state(1), []
    frames = live_frames(video)
    for frame in frames if stream.fps is None else at_rate(frames, stream.fps):
        picture = torch.from_numpy(stream.encoder.decoded(frame.convert))
        with torch.inference_mode():
            output, state = stream.model.step(picture[None], state)
        found.append(output.scores[0])
    return torch.stack(found)


@pytest.mark.parametrize("name", ["carried", "windows", "values"])
@pytest.mark.parametrize("mode", ["stateful", "window"])
def test_a_stream_ends_with_the_scores_of_its_file(name: str, mode) -> None:
    run = open_run(f"results/{name}", Classification, device="cpu")
    reader = open_video_input(run, weights=WEIGHTS, device="cpu")
    for video in ("d/v0.mkv", "d/v7.mkv"):
        with torch.inference_mode():
            expected = run.task.scores(reader(video).visual)[0]
        found = followed(name, video, mode=mode)
        assert len(found) == 30 and found.std(0).max() > 1e-4
        if name == "values":
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        else:
            torch.testing.assert_close(found[-1], expected, rtol=0, atol=1e-5)


def test_a_run_with_its_own_encoder_sees_frames_as_its_training_did(capsys) -> None:
    run = open_run("results/own", Classification, device="cpu")
    stream = open_stream("results/own", device="cpu")
    assert (stream.fps, stream.model.window) == (None, 8)
    visual = open_video_input(run, weights=WEIGHTS, device="cpu")("d/v3.mkv").visual
    assert isinstance(visual, Frames)
    with torch.inference_mode():
        expected = run.task.scores(visual)
        state = stream.model.init_state(1)
        for i in visual.index.flatten():
            output, state = stream.model.step(visual.frames[i][None], state)
    torch.testing.assert_close(output.scores, expected, rtol=0, atol=1e-5)
    every = followed("own", "d/v3.mkv")  # and frames of any size, as the store scaled them
    assert len(every) == FRAMES and every.isfinite().all()
    of_run = ["--run", "results/own", "--stream", "d/v3.mkv", "--every", "0.001"]
    lines, err = said(capsys, *of_run)  # one line a frame
    assert "one frame in 2 looked at" in err
    assert [line.split()[0] for line in lines] == [f"{i / 25:.2f}" for i in range(0, FRAMES, 2)]


def said(capsys, *flags: str) -> tuple[list[str], str]:
    """Lines of a command that goes well, and its error stream."""
    assert predict.main([*flags, "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    return out.splitlines(), err


def test_a_line_for_each_value_or_change(capsys) -> None:
    lines, err = said(capsys, "--run", "results/values", "--stream", "d/v1.mkv")
    assert len(lines) == 30 and "30 frames looked at" in err and "10 frames a second" in err
    assert re.fullmatch(r" +0\.10 s  -?[\d.e-]+  \(frame 2 of 30\)", lines[1])
    expected = followed("values", "d/v1.mkv")[:, 0]
    found = torch.tensor([float(line.split()[2]) for line in lines])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    scores = followed("carried", "d/v1.mkv")
    best = scores.argmax(1).tolist()
    changes = [i for i, k in enumerate(best) if i == 0 or k != best[i - 1]]
    lines, err = said(capsys, "--run", "results/carried", "--stream", "d/v1.mkv")
    assert "stateful" in err
    assert [float(line.split()[0]) for line in lines] == [i / FPS for i in changes]
    assert [line.split()[2] for line in lines] == [("light", "dark")[best[i]] for i in changes]
    lines, _ = said(capsys, "--run", "results/windows", "--stream", "d/v1.mkv", "--every", "1")
    assert [line.split()[0] for line in lines] == ["0.00", "1.00", "2.00"]
    few = ["--window", "4", "--fps", "5", "--every", "0.2"]
    lines, err = said(capsys, "--run", "results/windows", "--stream", "d/v1.mkv", *few)
    assert len(lines) == 15 and "last 4 frames" in err and "frame 4 of" not in lines[3]


def test_a_pipe_is_followed_as_the_file(capsys, tmp_path: Path) -> None:
    expected, _ = said(capsys, "stream", "--run", "results/values", "--stream", "d/v2.mkv")
    fifo, content = tmp_path / "fifo", Path("d/v2.mkv").read_bytes()
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(content))
    writer.start()
    assert said(capsys, "--run", "results/values", "--stream", str(fifo))[0] == expected
    writer.join()


@pytest.mark.parametrize("mode", ["stateful", "window"])
def test_a_stopped_stream_goes_on_to_the_bit(mode: Mode, capsys, tmp_path: Path) -> None:
    """Killed by Ctrl-C in the middle of a pipe; the rest comes through another process."""
    path = str(tmp_path / "state")
    flags = ["--run", "results/values", "--stream_mode", mode, "--device", "cpu"]
    expected, _ = said(capsys, *flags, "--stream", "d/v4.mkv")
    fifo, content = tmp_path / "fifo", Path("d/v4.mkv").read_bytes()
    os.mkfifo(fifo)
    command = Command("predict.py", [*flags, "--stream", str(fifo), "--state", path])
    with fifo.open("wb") as pipe:  # some 20 of its frames; the pipe stays open
        pipe.write(content[: int(0.7 * len(content))])
        pipe.flush()
        while not command.stdout and command.poll() is None:
            time.sleep(0.02)
        assert command.poll() is None, command.stderr
        time.sleep(0.1)
        os.kill(command._process.pid or 0, signal.SIGINT)
        assert command.wait(20) == 0, command.stderr
    lines = command.stdout.splitlines()
    model = open_stream("results/values", mode=mode, device="cpu").model
    state, mark = load_state(Path(path), model)
    assert 0 < len(lines) == mark.frames == int(state.seen) < 30
    # Of a file, what was looked at is passed over.
    Path("same.mkv").write_bytes(content)
    save_state(Path(path), model, state, replace(mark, source="same.mkv"))
    rest, err = said(capsys, *flags, "--stream", "same.mkv", "--state", path)
    assert lines + rest == expected and f"goes on after {mark.frames} frames" in err


def test_states_that_are_not_this_stream_s(capsys, tmp_path: Path) -> None:
    path = tmp_path / "state"
    flags = ["--stream", "d/v5.mkv", "--state", str(path)]
    said(capsys, "--run", "results/carried", *flags)
    good = path.read_bytes()
    for run, content, message in (
        ("carried", good[:-1], "damaged, or cut off"),
        ("carried", good[:60] + b"~" + good[61:], "damaged, or cut off"),
        ("carried", b"hello", "is not the state of a stream"),
        ("windows", good, "state of another model"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=message) as caught:
            predict.main(["--run", f"results/{run}", *flags])
        assert "\n" not in str(caught.value) and path.read_bytes() == content


MISTAKES = [
    ("--run results/none --stream d/v0.mkv", "results/none"),
    ("--run results/carried --stream none.mkv", "none.mkv: no such file"),
    ("--run results/carried --stream class.pt", "class.pt: not a video"),
    ("--run results/carried --stream d/v0.mkv --window 0", "--window 0: must be at least 1"),
    ("--run results/carried --stream d/v0.mkv --window 3 --stream_mode stateful", "--window: is"),
    ("--run results/carried --stream d/v0.mkv --fps 0", "--fps 0.0: give a number above 0"),
    ("--run results/carried --stream d/v0.mkv --save_every 3", "--save_every: says when --state"),
    ("--run results/carried --stream d/v0.mkv --state d/v0.mkv", "--state d/v0.mkv: is what"),
    ("--run results/own --stream d/v0.mkv --appearance_weights class.pt", "leave out --appearance"),
]


@pytest.mark.parametrize(("flags", "line"), MISTAKES, ids=[line for _, line in MISTAKES])
def test_mistakes_are_one_line(flags: str, line: str, capsys) -> None:
    with pytest.raises((UserError, SystemExit)) as caught:
        predict.main(flags.split())
    message = str(caught.value) if caught.type is not SystemExit else capsys.readouterr().err
    assert line in message


def test_mean_levels_reach_the_classifier() -> None:
    """Light and dark are told apart at all: else equal scores would prove little."""
    light, dark = (followed("windows", f"d/v{i}.mkv")[-1] for i in (0, 1))
    assert np.abs((light - dark).numpy()).max() > 1e-3


def test_probabilities_are_those_of_the_evaluation(capsys) -> None:
    """At the temperature fitted on validation; on a file's last frame, what evaluation says."""
    flags = ["--labels", "noisy.pt", "--appearance", "f.h5", "--network", "rnn", "--lr", "1e-2"]
    short = ["--width", "8", "--epochs", "20", "--eval_every", "20", "--batch_size", "4"]
    labels("noisy.pt", ("light", "dark"), held=4, wrong=1)  # three in four can be told, at most
    train.main(["classification", "--run", "noisy", *flags, *short, "--device", "cpu"])
    once = ["--run", "results/noisy", "--every", "2.9", "--stream"]
    capsys.readouterr()
    _, err = said(capsys, *once, "d/v7.mkv")
    assert "probabilities as trained" in err
    rows = ["--split", "val", "--output", "rows.json", "--plots", "false", "--count", "0"]
    evaluate.main(["classification", "--run", "results/noisy", *rows, "--device", "cpu"])
    capsys.readouterr()
    known = read_results("rows.json")
    assert abs(np.log(known.temperature[0])) > 0.1
    for row, video in enumerate(known.videos):
        lines, err = said(capsys, *once, f"d/{video}.mkv")
        assert f"at temperature {known.temperature[row]:.3g}, fitted on the validation" in err
        best = known.probability[row].argmax()
        expected = f"{known.classes[best]}  {100 * known.probability[row, best]:5.1f} %"
        assert lines[-1].split("s  ", 1)[1] == expected
