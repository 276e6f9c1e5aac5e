"""From a video file to an answer: the same as from the stored features, and shown."""

import json
import os
import subprocess
import sys
from dataclasses import is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

import evaluate
import predict
import train
from data_loader.batch import Features
from data_loader.questions import load_questions
from data_loader.store.features import open_store, write_store
from inference import pack
from inference.predictor import Predictor
from inference.video import FeatureExtraction
from preprocess import questions, videos
from preprocess.shapes.__main__ import main as generate
from preprocess.video.clips import clip_frames, read_clips
from tests.conftest import ROOT
from tests.video_files import write_video
from util.errors import UserError


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A folder with a few generated videos and a run trained on them for a moment."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        generate(["--output", "d", "--train", "60", "--val", "60", "--test", "60"])
        for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
            flags = ["--backbone", backbone, "--output", f"d/{channel}.h5", "--frames", "6"]
            videos.main(["--videos", "d/videos", *flags, "--precision", "float32"])
        questions.main(["--dataset", "shapes", "--annotations", "d", "--output", "d/q.pt"])
        stores = ["--appearance", "d/appearance.h5", "--motion", "d/motion.h5"]
        small = ["--width", "16", "--batch_size", "16", "--epochs", "3", "--lr", "3e-3"]
        train.main(["--run", "r", "--questions", "d/q.pt", *stores, *small])
        evaluate.main(["--run", "results/r", "--output", "test.json"])
    return folder


@pytest.fixture(autouse=True)
def there(asked, monkeypatch) -> None:
    monkeypatch.chdir(asked)


def test_a_file_is_answered_like_its_stored_features(capsys) -> None:
    predictor = Predictor("results/r")
    asked = json.loads(Path("test.json").read_text())["predictions"]
    for known in asked[:: max(1, len(asked) // 12)]:
        reply = predictor.ask(f"d/videos/{known['video']}.mp4", known["question"])
        answer, probability = reply.answers[0]
        assert answer == known["predicted"]
        assert probability == pytest.approx(known["probability"], abs=2e-3)


def test_a_packed_run_is_asked_and_evaluated_alike(capsys) -> None:
    pack.main(["--run", "results/r", "--output", "given/r.safetensors"])
    known = json.loads(Path("test.json").read_text())["predictions"][0]
    video, stores = f"d/videos/{known['video']}.mp4", ["--questions", "d/q.pt", "--plots", "false"]
    evaluate.main(["--run", "given/r.safetensors", *stores, "--output", "packed.json"])
    asked = json.loads(Path("packed.json").read_text())["predictions"]
    assert [one["predicted"] for one in asked] == [
        one["predicted"] for one in json.loads(Path("test.json").read_text())["predictions"]
    ]
    capsys.readouterr()
    predict.main([
        "--run", "given/r.safetensors", "--video", video, "--question", known["question"]
    ])  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[-1] == asked[0]["predicted"]
    assert float(lines[1].split()[0]) == pytest.approx(100 * asked[0]["probability"], abs=0.3)
    assert lines[-1] == "what it looked at: results/r-packed/answer.png"
    assert imread("results/r-packed/answer.png").std() > 0.05
    assert [path.name for path in Path("given").iterdir()] == ["r.safetensors"]
    again = ["--run", "given/r.safetensors", "--video", video, "--question", "who?", "--output"]
    with pytest.raises(UserError, match=r"given/r\.safetensors: is what --run names"):
        predict.main([*again, "given/r.safetensors"])


def test_without_a_run_the_project_s_own_is_asked(monkeypatch, tmp_path, capsys) -> None:
    video = str(next(Path("d/videos").glob("*.mp4")))
    asked = ["--video", video, "--question", "what turns?"]
    own = tmp_path / "small" / "model.safetensors"
    monkeypatch.setattr("inference.run_files.OWN", own)
    line = rf"{own}: the model that comes with the project is not here; .* --run"
    with pytest.raises(UserError, match=line):
        predict.main(asked)
    pack.main(["--run", "results/r", "--output", str(own)])
    capsys.readouterr()
    predict.main(asked)
    assert capsys.readouterr().out.splitlines()[-1].endswith("results/small-packed/answer.png")
    assert [path.name for path in own.parent.iterdir()] == ["model.safetensors"]


def test_a_file_is_answered_like_its_stored_clips() -> None:
    """A run that has its own encoders: no backbone of a store is asked."""
    store = ["--size", "20", "--clips", "2", "--frames", "4", "--output", "d/clips.h5"]
    videos.main(["--videos", "d/videos", "--backbone", "none", *store])
    encoders = ["--appearance_encoder", "resnet_narrow", "--motion_encoder", "resnext_narrow"]
    weights = ["--appearance_weights", "random", "--motion_weights", "random"]
    small = ["--width", "16", "--batch_size", "32", "--questions_per_video", "4", "--epochs", "1"]
    flags = ["--questions", "d/q.pt", "--clips", "d/clips.h5", *encoders, *weights, *small]
    train.main(["--run", "clips", *flags])
    evaluate.main(["--run", "results/clips", "--output", "clips.json", "--plots", "false"])
    pack.main(["--run", "results/clips", "--output", "clips.safetensors"])
    predictor, packed = Predictor("results/clips"), Predictor("clips.safetensors")
    asked = json.loads(Path("clips.json").read_text())["predictions"]
    for known in asked[:: max(1, len(asked) // 6)]:
        reply = predictor.ask(f"d/videos/{known['video']}.mp4", known["question"])
        other = packed.ask(f"d/videos/{known['video']}.mp4", known["question"])
        assert dict(other.answers) == pytest.approx(dict(reply.answers), abs=2e-3)
        answer, probability = reply.answers[0]
        assert answer == known["predicted"]
        assert probability == pytest.approx(known["probability"], abs=1e-3)
        assert reply.frames[0].shape == (64, 64, 3)  # shown as decoded, not as the encoders see it


def test_a_large_video_leaves_small_frames() -> None:
    """20 frames of 1080p are 124 MB; an answer takes averages of them and 8 small ones."""
    video = write_video(Path("large.mp4"), 20, size=(1080, 1920), options={"preset": "ultrafast"})
    predictor = Predictor("results/r")
    seen = predictor.read_video(video)
    reply = predictor.ask(video, "what is there?")
    assert len(reply.frames) == 8 and {f.shape for f in reply.frames} == {(320, 569, 3)}
    assert array_bytes(seen) < 5e6 and array_bytes(reply) < 5e6
    assert isinstance(predictor.read_video, FeatureExtraction)
    assert isinstance(seen.visual, Features)
    backbone = predictor.read_video.backbones["appearance"]
    whole = read_clips(video, clips=8, frames=6)
    assert np.array_equal(seen.visual.appearance[0], backbone.extract(whole))
    middles = [whole.frames[i].mean() for i in whole.index[:, 3]]
    assert np.abs([f.mean() - m for f, m in zip(reply.frames, middles, strict=True)]).max() < 1
    assert reply.times == [f"frame {i + 1}" for i in clip_frames(20, clips=8, frames=6)[:, 3]]
    predict.main(["--run", "results/r", "--video", str(video), "--question", "what is there?"])
    assert imread("results/r/answer.png").std() > 0.05


def array_bytes(value: object) -> int:
    """Bytes of all arrays and tensors in a tree of dataclasses and lists."""
    return sum(array.nbytes for array in _arrays(value).values())


def _arrays(value: object) -> dict[int, np.ndarray]:
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray):  # a view keeps all of its array
        return _arrays(value.base) if isinstance(value.base, np.ndarray) else {id(value): value}
    if is_dataclass(value):
        value = list(vars(value).values())
    items = value if isinstance(value, list | tuple) else []
    return {key: array for item in items for key, array in _arrays(item).items()}


def test_it_prints_five_answers_and_saves_the_picture(capsys) -> None:
    known = json.loads(Path("test.json").read_text())["predictions"][0]
    video = f"d/videos/{known['video']}.mp4"
    predict.main(["--run", "results/r", "--video", video, "--question", known["question"]])
    lines = capsys.readouterr().out.splitlines()
    shares = [float(line.split()[0]) for line in lines[1:6]]
    assert shares == sorted(shares, reverse=True) and sum(shares) <= 100.3
    assert not any("<UNK" in line for line in lines)
    picture = imread("results/r/answer.png")
    assert picture.shape[1] > 800 and picture.std() > 0.05  # not blank


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("Was macht der Mann?", "none of its words is known to this run: the answer cannot"),
        ("what does the zebra\x1b do??", "words that this run does not know: zebra\\x1b"),
        ("誰？", "none of its words is known to this run"),
    ],
)
def test_words_that_the_run_does_not_know_are_said(question, line, capsys) -> None:
    video = next(Path("d/videos").glob("*.mp4"))
    predict.main(["--run", "results/r", "--video", str(video), "--question", question])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].strip().startswith(line)
    assert [one.split()[1] for one in lines[2:7]] == ["%"] * 5


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--video", "d/none.mp4"], r"d/none\.mp4"),
        (["--video", "d/q.pt"], r"d/q\.pt"),
        (["--question", " ? "], r"--question is empty"),
        (["--question", "\n\u3000?"], r"--question is empty"),
        (["--question", "？"], r"--question is empty"),
        (["--run", "results/none"], r"results/none/best\.pt: no such checkpoint"),
    ],
)
def test_mistakes(flags: list[str], line: str) -> None:
    video = next(Path("d/videos").glob("*.mp4"))
    given = ["--run", "results/r", "--video", str(video), "--question", "who turns?", *flags]
    with pytest.raises(UserError, match=line):
        predict.main(given)


def test_the_released_word_mask_sees_the_padding_of_evaluation() -> None:
    flags = ["--questions", "d/q.pt", "--appearance", "d/appearance.h5", "--motion", "d/motion.h5"]
    small = ["--width", "16", "--batch_size", "16", "--epochs", "0.1"]
    train.main(["--run", "released", "--word_mask", "released", *flags, *small])
    predictor = Predictor("results/released")
    longest = load_questions("d/q.pt").splits["test"].longest
    visual = Features(
        appearance=torch.zeros(1, 8, 6, 192),
        motion=torch.zeros(1, 8, 576),
        clip_mask=torch.ones(1, 8, dtype=torch.bool),
    )
    given = []
    predictor.run.task.score = lambda batch, **_: given.append(batch)  # type: ignore
    with pytest.raises(AttributeError):  # no answer to name
        predictor.ask_live(visual, "what?")
    assert given[0].words.shape == (1, longest) and given[0].length.tolist() == [1]


def test_an_answer_loads_no_package_that_it_does_not_need() -> None:
    video = str(next(Path("d/videos").glob("*.mp4")))
    asked = ["--run", "results/r", "--video", video, "--question", "what turns?"]
    code = f"import sys, predict; predict.main({asked!r}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert {"torch", "av", "matplotlib"} <= loaded
    assert loaded.isdisjoint({"gensim", "nltk", "scipy", "tensorboard", "torch_geometric"})


def test_blanks_and_question_marks_around_a_question_do_not_count(capsys) -> None:
    video = str(next(Path("d/videos").glob("*.mp4")))
    answers = []
    for question in ("what turns?", " What turns ? ?\n", "what turns"):
        predict.main(["--run", "results/r", "--video", video, "--question", question])
        answers.append([one for one in capsys.readouterr().out.splitlines() if " % " in one])
    assert answers[0] == answers[1] == answers[2]


def test_runs_that_no_video_can_be_asked_of() -> None:
    small = ["--width", "16", "--batch_size", "16", "--epochs", "0.1", "--questions", "d/q.pt"]
    train.main(["--run", "blind", "--video", "none", *small])
    with pytest.raises(UserError, match=r"results/blind was trained without video"):
        Predictor("results/blind")
    store = open_store("d/appearance.h5")
    made = replace(store.provenance, has_backbone=False)
    write_store("d/imported.h5", [store.video(v) for v in store.ids], made)
    stores = ["--appearance", "d/imported.h5", "--motion", "d/motion.h5"]
    train.main(["--run", "imported", *stores, *small])
    line = r"results/imported was trained on imported features \(d/imported\.h5\).*stores were made"
    with pytest.raises(UserError, match=line):
        Predictor("results/imported")
