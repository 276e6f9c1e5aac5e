"""`python -m preprocess.videos --fps`: from files to a store, a run, and its answers."""

import json
from pathlib import Path

import numpy as np
import pytest

import evaluate
import predict
import train
from data_loader.store import __main__ as describe
from data_loader.store.features import open_store
from data_loader.store.provenance import Sampling
from inference.predictor import SHOWN, Predictor
from preprocess import questions
from preprocess.feature.load import load_backbone
from preprocess.video.clips import read_resized
from preprocess.videos import main
from tests.video_files import moving_images, write_video
from util.errors import UserError

LENGTHS = {"a": 20, "b": 26, "c": 63, "d": 1}  # frames, 25 a second
ROWS = [4, 6, 13, 1]


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for i, (name, frames) in enumerate(LENGTHS.items()):
        write_video(folder / f"{name}.mp4", images=moving_images(frames, (48, 64), seed=i))
    return folder


def words(folder: Path, output: Path, *more: str, backbone: str = "pixels") -> list[str]:
    how = ["--backbone", backbone, "--fps", "5", "--output", str(output)]
    return ["--videos", str(folder), *how, *more]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_each_video_has_as_many_rows_as_it_is_long(folder, tmp_path, compression, capsys) -> None:
    output = tmp_path / "s.h5"
    assert main(words(folder, output, "--shard", "1", "--compression", compression)) == 0
    store = open_store(output)
    assert store.ids == tuple(LENGTHS) and store.clips.tolist() == ROWS
    assert set(store.frames) == {1} and store.frame_count.tolist() == [*LENGTHS.values()]
    assert store.provenance.sampling == Sampling(0, 1, "rate", 5.0)
    features, clips = store.load(["c", "a"])
    backbone = load_backbone("pixels", weights=None)
    for row, n, name in zip(features, clips, "ca", strict=True):
        (read,) = read_resized(
            folder / f"{name}.mp4", clips=1, frames=1, fps=5.0, decoder="pyav",
            keep_partial=False, specs=[None],
        )  # fmt: skip
        assert np.array_equal(row[:n], backbone.extract(read).astype(np.float16))
        assert not row[n:].any()
    capsys.readouterr()
    assert describe.main([str(output), "--videos", "all"]) == 0
    said = capsys.readouterr().out
    assert (
        "1 to 13 clips x 1 frames" in said and "sampling       fps 5.0, frames 1, rule rate" in said
    )


def test_a_store_grows_at_its_own_rate_only(folder, tmp_path) -> None:
    output = tmp_path / "s.h5"
    main(["--videos", str(folder / "c.mp4"), *words(folder, output)[2:]])
    before = open_store(output).video("c").features
    assert main(words(folder, output)) == 0
    store = open_store(output)
    assert store.ids == ("c", "a", "b", "d")
    assert np.array_equal(store.video("c").features, before)
    for other in (["--fps", "2"], ["--clips", "3", "--frames", "1"]):
        flags = ["--videos", str(folder), "--backbone", "pixels", "--output", str(output)]
        with pytest.raises(UserError, match=r"made with sampling .*\"fps\": 5\.0, .*asked for"):
            main([*flags, *other])


@pytest.mark.parametrize(
    ("backbone", "more", "line"),
    [
        ("pixels", ["--clips", "4"], "--clips 4: reaches nothing beside --fps"),
        ("pixels", ["--frames", "1"], "--frames 1: reaches nothing beside --fps"),
        ("pixels", ["--fps", "-1"], "--fps -1: give frames a second, at most 1000, such as 5"),
        ("pixels", ["--fps", "nan"], "--fps nan: give"),
        ("none", [], r"--fps 5: a clip store \(--backbone none\) has the same clips of every"),
        ("pixel_motion", [], "--fps 5: takes single frames, and pixel_motion sees clips"),
        ("resnext101", ["--weights", "random"], "--fps 5: .* resnext101 sees clips of several"),
    ],
)
def test_mistakes(folder, tmp_path, backbone, more, line) -> None:
    with pytest.raises(UserError, match=line):
        main(words(folder, tmp_path / "s.h5", *more, backbone=backbone))
    assert not (tmp_path / "s.h5").exists()


def test_a_run_is_trained_on_them_and_asked(folder, tmp_path, monkeypatch, capsys) -> None:
    """A split has videos of different lengths; a new video is read at the store's rate."""
    monkeypatch.chdir(tmp_path)
    splits = {"train": "abde", "val": "fg", "test": "ch"}
    for i, name in enumerate("efgh"):
        write_video(folder / f"{name}.mp4", images=moving_images(30 + 8 * i, (48, 64), seed=i))
    assert main(words(folder, Path("s.h5"), "--precision", "float32")) == 0
    rows = [
        {
            "video": name,
            "split": split,
            "question": "what is this?",
            "answer": "wave" if name in "afch" else "sea",
        }
        for split, names in splits.items()
        for name in names
    ]
    Path("q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    questions.main(["--dataset", "own", "--annotations", "q.jsonl", "--output", "q.pt"])
    flags = ["--questions", "q.pt", "--appearance", "s.h5", "--motion_from", "mean"]
    train.main([*flags, "--run", "r", "--width", "8", "--batch_size", "2", "--epochs", "2"])
    evaluate.main(["--run", "results/r", "--output", "test.json"])
    predictor = Predictor("results/r")
    for known in json.loads(Path("test.json").read_text())["predictions"]:
        reply = predictor.ask(f"in/{known['video']}.mp4", known["question"])
        assert dict(reply.answers)[known["predicted"]] == pytest.approx(
            known["probability"], abs=1e-3
        )
    reply = predictor.ask("in/c.mp4", "what is this?")
    assert reply.times == [f"frame {i + 1}" for i in range(0, 63, 5)]
    assert len(reply.frames) == 13 == len(reply.readout)
    evaluate.main(["report", "--run", "results/r", "--videos", "in", "--output", "page.html"])
    assert Path("page.html").exists()
    long = write_video(Path("long.mp4"), 800)
    reply = predictor.ask(long, "what is this?")
    assert len(reply.frames) == SHOWN == len(reply.times) and reply.punishment.shape == (2, SHOWN)
    predict.main(["--run", "results/r", "--video", "long.mp4", "--question", "what is this?"])
    assert "what it looked at" in capsys.readouterr().out
