"""Views of a video: three places in each frame, and each of its clips; scores are their mean."""

import json
from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch

import evaluate
import train
from data_loader.batch import Frames
from evaluation.label.predictions_file import read_results
from inference.classification.predictor import ClassesTold, VideoClassifier
from inference.classification.temperature import keep_temperature, kept_temperatures
from inference.run import open_run
from inference.run_files import weights_file
from model.task.classification import Classification
from preprocess import videos
from preprocess.video import pyav
from preprocess.video.pyav import timed_frames
from tests.commands import start_processes
from tests.labelled_shapes import ENCODERS
from util.checkpoint import load_plain, save_plain
from util.errors import UserError

ONE = torch.ones(1, 1, dtype=torch.bool)

QUICK = ["--same_model", "false", "--count", "0", "--plots", "false", "--device", "cpu"]


def test_three_crops_are_a_slow_loop_in_files_and_stores() -> None:
    flags = ["--run", "results/clips", "--crops", "3", "--output", "crops.json", *QUICK]
    evaluate.main(["classification", *flags])
    known = read_results("crops.json")
    assert known.crops == 3
    classifier = VideoClassifier("results/clips", crops=3, device="cpu")
    task = classifier.run.task
    for row, video in enumerate(known.videos[:6]):
        seen = classifier.read_video(f"d/videos/{video}.mp4")
        assert isinstance(seen.visual, Frames)
        slow = []
        with torch.inference_mode():
            for left in (0, 2, 4):  # squares of 16 in 20 pixels
                frames = seen.visual.frames[:, 2:18, left : left + 16]
                slow.append(task.scores(replace(seen.visual, frames=frames))[0])
        mean = torch.stack(slow).mean(0)
        assert known.logits[row] - known.logits[row].mean() == pytest.approx(
            (mean - mean.mean()).numpy(), abs=1e-3
        )
        share = (mean.double() / classifier.temperature).softmax(0)
        told = classifier.tell(f"d/videos/{video}.mp4")
        assert isinstance(told, ClassesTold)
        assert [p for _, p in told.best] == pytest.approx(share.topk(5).values.tolist(), abs=1e-5)
        assert not torch.allclose(mean, slow[1], atol=1e-6), "one place would prove nothing"


NETWORKS = {
    "encoders": [*ENCODERS, "--network", "linear"],
    "vivit": ["--network", "vivit", "--width", "16", "--patch", "8", "--depth", "1"],
}


@pytest.fixture(scope="module", params=NETWORKS)
def multi(request, classified) -> str:
    """A run whose videos have 4 clips, each a view, seen in squares of 16 of 20 pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(classified)
        if not Path("d/four.h5").exists():
            store = ["--size", "20", "--clips", "4", "--frames", "4", "--output", "d/four.h5"]
            videos.main(["--videos", "d/videos", "--backbone", "none", *store])
        seen = ["--clips", "d/four.h5", "--labels", "d/labels.pt", "--clips_as", "views"]
        short = ["--crop", "16", "--epochs", "1", "--batch_size", "14", "--device", "cpu"]
        name = f"multi_{request.param}"
        flags = [*NETWORKS[request.param], *seen, *short]
        train.main(["classification", "--run", name, *flags])
        enlarge_scores(Path(f"results/{name}/best.pt"))
    return f"results/{name}"


def enlarge_scores(path: Path) -> None:
    """Views of a run trained for a moment are nearly alike, of which a mean proves nothing."""
    content = load_plain(path)
    for name, weight in content["weights"].items():
        if name.endswith(".head.weight"):
            weight *= 100
    save_plain(path, content)


def test_four_clips_by_three_crops_are_twelve_views_of_one_decoding(multi, monkeypatch) -> None:
    flags = ["--run", multi, "--crops", "3", *QUICK]
    decoded = 0

    def counted(*given):
        nonlocal decoded
        for frame in timed_frames(*given):
            decoded += 1
            yield frame

    monkeypatch.setattr(pyav, "timed_frames", counted)
    evaluate.main(["classification", *flags, "--output", "one.json"])
    assert decoded == 0, "a store is decoded already"
    known = read_results("one.json")
    assert known.crops == 3
    classifier = VideoClassifier(multi, crops=3, device="cpu")
    assert classifier.temperature == pytest.approx(known.temperature[0])
    task = classifier.run.task
    for row, video in enumerate(known.videos[:3]):
        path = f"d/videos/{video}.mp4"
        told, frames = classifier.tell(path), decoded
        with av.open(path) as container:
            assert frames == sum(1 for _ in container.decode(video=0)) > 0
        assert isinstance(told, ClassesTold) and len(told.numbers) == 4 * 4
        assert told.numbers == [*known.numbers[row]] and len(set(told.numbers)) > 8
        visual, views = classifier.read_video(path).visual, []
        assert isinstance(visual, Frames)
        with torch.inference_mode():
            for left in (0, 2, 4):
                for clip in range(4):
                    one = visual.frames[visual.index[0, clip]][:, 2:18, left : left + 16]
                    index = torch.arange(4)[None, None]
                    alone = replace(visual, frames=one, index=index, clip_mask=ONE)
                    views.append(task.scores(alone)[0])
        mean = torch.stack(views).mean(0)
        share = (mean.double() / classifier.temperature).softmax(0)
        assert share.numpy() == pytest.approx(known.probability[row], abs=2e-5)
        assert dict(told.best) == pytest.approx(
            {task.classes[k]: float(share[k]) for k in share.topk(5).indices}, abs=1e-5
        )
        assert torch.stack(views).std(0).max() > 3e-3, "equal views would prove nothing"
        decoded = 0


def test_two_processes_evaluate_views_as_one(multi) -> None:
    flags = ["classification", "--run", multi, "--crops", "3", "--batch_size", "5", *QUICK]
    for processes in (1, 2):
        output = ["--output", f"by{processes}.json"]
        started = start_processes(processes, "evaluate.py", [*flags, *output])
        assert [process.wait() for process in started] == [0] * processes
    assert json.loads(Path("by1.json").read_text()) == json.loads(Path("by2.json").read_text())


def test_each_number_of_crops_has_its_temperature() -> None:
    run = open_run("results/clips", Classification, device="cpu")
    before = kept_temperatures(run.folder, weights_file(run.path))
    for crops, temperature in ((1, 0.5), (3, 2.0)):
        keep_temperature(run, temperature, crops=crops, rows=8)
    for crops, temperature in ((1, 0.5), (3, 2.0)):
        assert VideoClassifier(run.path, crops=crops, device="cpu").temperature == temperature
    for crops in (1, 3):
        keep_temperature(run, before.get(str(crops)), crops=crops, rows=8)


@pytest.mark.parametrize(
    ("run", "line"),
    [("both", "was trained on stored features"), ("values", "tells values; leave it out")],
)
def test_what_has_one_place_is_told(run: str, line: str) -> None:
    with pytest.raises(UserError, match=f"--crops 3: results/{run} {line}"):
        VideoClassifier(f"results/{run}", crops=3)
    with pytest.raises(UserError, match=f"--crops 3: results/{run} {line}"):
        evaluate.main(["classification", "--run", f"results/{run}", "--crops", "3", *QUICK])
    assert not Path("results", run, "test-real-crops.json").exists()
