"""A channel left out is left out alike in training, in evaluation and for a new video."""

import pytest

import train
from evaluation.run import answer, run_questions
from inference.predictor import Predictor
from inference.run import open_run
from model.task.qa import QuestionAnswering
from options.evaluate import SplitOptions
from preprocess import questions, videos
from preprocess.shapes.__main__ import main as generate

STORES = {
    "float16": ["--appearance", "d/a_float16.h5", "--motion", "d/m_float16.h5"],
    "float32": ["--appearance", "d/a_float32.h5", "--motion", "d/m_float32.h5"],
    "clips": [
        "--clips", "d/clips.h5",
        "--appearance_encoder", "resnet_narrow", "--motion_encoder", "resnext_narrow",
        "--appearance_weights", "random", "--motion_weights", "random",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A few generated videos as feature stores of both precisions, and as clips."""
    folder = tmp_path_factory.mktemp("channels")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        generate(["--output", "d", "--train", "60", "--val", "60", "--test", "60"])
        source = ["--videos", "d/videos", "--clips", "3", "--frames", "4"]
        for precision in ("float16", "float32"):
            for channel, backbone in (("a", "pixels"), ("m", "pixel_motion")):
                output = ["--output", f"d/{channel}_{precision}.h5", "--precision", precision]
                videos.main([*source, "--backbone", backbone, *output])
        videos.main([*source, "--backbone", "none", "--size", "16", "--output", "d/clips.h5"])
        questions.main(["--dataset", "shapes", "--annotations", "d", "--output", "d/q.pt"])
    return folder


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("channels", ["both", "appearance", "motion"])
def test_predict_is_evaluate(folder, monkeypatch, channels: str, store: str, precision) -> None:
    monkeypatch.chdir(folder)
    run = f"{channels}-{store}-{precision}"
    train.main([
        "--run", run, "--questions", "d/q.pt", *STORES[store], "--channels", channels,
        "--feature_norm", "none" if store == "clips" else "standardize", "--precision", precision,
        "--width", "8", "--batch_size", "16", "--epochs", "0.5", "--lr", "1e-2", "--device", "cpu",
    ])  # fmt: skip
    predict_is_evaluate(run)


WITHOUT_MOTION_STORE = {
    "low_rank": ["--motion_from", "mean", "--model", "low_rank"],
    "without graphs": ["--motion_from", "mean", "--units", "0"],
    "product": [
        "--motion_from", "difference", "--head", "product", "--question_summary", "bag",
        "--readout_of", "features", "--gamma", "0",
    ],
}  # fmt: skip


@pytest.mark.parametrize("how", WITHOUT_MOTION_STORE)
def test_without_a_motion_store_predict_is_evaluate(folder, monkeypatch, how: str) -> None:
    monkeypatch.chdir(folder)
    train.main([
        "--run", how.replace(" ", "-"), "--questions", "d/q.pt", "--appearance", "d/a_float16.h5",
        *WITHOUT_MOTION_STORE[how], "--feature_norm", "whiten:4", "--width", "8",
        "--batch_size", "16", "--epochs", "0.5", "--lr", "1e-2", "--device", "cpu",
    ])  # fmt: skip
    predict_is_evaluate(how.replace(" ", "-"))


def predict_is_evaluate(run: str) -> None:
    """A run answers about video files as it does about the stores made of them."""
    trained = open_run(f"results/{run}", QuestionAnswering, device="cpu")
    asked = run_questions(trained, None)
    found, _ = answer(trained, asked, SplitOptions(split="test", device="cpu"), "real")
    predictor = Predictor(f"results/{run}", device="cpu")
    for i in range(0, len(found.asked), len(found.asked) // 3):
        reply = predictor.ask(f"d/videos/{found.asked.video[i]}.mp4", found.asked.text[i])
        assert [word for word, _ in reply.answers] == [word for word, _ in found.top[i]]
        assert [p for _, p in reply.answers] == pytest.approx(
            [p for _, p in found.top[i]], abs=1e-5
        )
