"""Classifiers that see frames themselves, from their options to what they score."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import evaluate
import train
from data_loader.batch import Frames
from data_loader.label.dataset import join_labels
from data_loader.label.labels import load_labels
from data_loader.open import open_stores
from inference import pack
from inference.classification.split import class_scores
from inference.run import open_run
from inference.stream.open import open_stream
from model.task.classification import Classification
from model.task.frame_network import FrameNetwork
from model.vivit.config import VivitConfig
from model.vivit.distillation import soft_kl
from options.classification import SEE_FRAMES
from options.parse import parse
from options.task import ClassificationRunOptions, option_classes
from tests import tiny_frames, tiny_labels
from tests.model.vivit.test_from_image import stored, torchvision_vit
from training.task.classification import ClassificationTask
from util.checkpoint import load_plain
from util.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_frames.make(tmp_path)


def run(flags: list[str], name: str, *more: str) -> dict:
    """A run's last validation."""
    train.main([*flags, "--run", name, *more])
    text = Path(f"results/{name}/metrics.jsonl").read_text()
    return [m for m in map(json.loads, text.splitlines()) if "val/accuracy" in m][-1]


def weights(name: str, checkpoint: str = "last") -> dict[str, torch.Tensor]:
    return load_plain(Path(f"results/{name}/{checkpoint}.pt"))["weights"]


def task_of(flags: list[str], *more: str) -> ClassificationTask:
    """A task before its first step."""
    parsed = parse("p", "", option_classes("classification"), [*flags[1:], "--run", "r", *more])
    return ClassificationTask(ClassificationRunOptions(*parsed), checkpoint=None)


def network_of(flags: list[str], *more: str) -> FrameNetwork:
    network = task_of(flags, *more).module.model
    assert isinstance(network, FrameNetwork)
    return network


@pytest.mark.parametrize("network", SEE_FRAMES)
def test_each_network_learns_what_moves_and_evaluates_as_it_trained(
    tiny, network: str, capsys
) -> None:
    """The mean over times cannot tell right from left: the order it can is within a tubelet."""
    last = run(tiny, "r", "--network", network, "--epochs", "25", "--eval_every", "25")
    assert last["val/accuracy"] == 1
    opened = open_run("results/r", Classification, checkpoint="last")
    stores = open_stores(clips="clips.h5")
    (data,), _ = join_labels(
        [load_labels("labels.pt").split("val")], stores,
        video="real", channels="both", seed=666, features_in="auto", device=CPU,
    )  # fmt: skip
    every, one = (class_scores(opened.task, data, batch_size=n, device=CPU) for n in (8, 1))
    torch.testing.assert_close(one, every, atol=1e-4, rtol=0)
    ce = torch.nn.functional.cross_entropy(every, data.split.target).item()
    assert ce == pytest.approx(last["val/ce"], abs=1e-5)
    if network != "vivit":
        return
    capsys.readouterr()
    assert evaluate.main(["classification", "--run", "results/r", "--plots", "false"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["test/accuracy"] == found["test/order_only/accuracy"] == 1
    assert found["test/middle"] <= 0.75 and found["middle_source"] == "the same model"


def test_a_resumed_run_is_the_same_with_a_teacher_too(tiny) -> None:
    """And what is kept is the student alone."""
    run(tiny, "teacher", "--epochs", "2")
    before = weights("teacher")
    taught = ["--teacher", "results/teacher", "--repeats", "2", "--jitter", "0.2", "--ema", "0.9"]
    run(tiny, "whole", *taught, "--epochs", "4")
    run(tiny, "cut", *taught, "--epochs", "2")
    run(tiny, "cut", *taught, "--epochs", "4", "--resume")
    whole, cut = weights("whole"), weights("cut")
    assert whole.keys() == cut.keys() and all(torch.equal(whole[k], cut[k]) for k in whole)
    assert set(whole) == set(network_state(tiny, *taught))
    assert all(torch.equal(before[k], v) for k, v in weights("teacher").items())
    assert sum(v.numel() for v in whole.values()) < 0.7 * sum(v.numel() for v in before.values())


def network_state(flags: list[str], *more: str) -> list[str]:
    return list(task_of(flags, *more).module.state_dict())


@pytest.mark.parametrize("views", ["sequence", "views"])
def test_the_teacher_sees_what_the_student_sees(tiny, views: str, monkeypatch) -> None:
    more = ["--clips_as", views, "--jitter", "0.3", "--flip", "0.5"]
    run(tiny, "teacher", *more)
    task = task_of(tiny, *more, "--teacher", "results/teacher", "--distill", "0.3")
    module, seen = task.module.train(), []
    (teacher,) = module._teacher
    for network in (module.model, teacher):
        network.register_forward_hook(lambda net, given, out: seen.append((given[0], out)))
    batch = task.batch(np.arange(4))
    losses, _ = module(batch)
    (images, wanted), (same, scores) = seen
    assert images is same and not teacher.training
    assert images.shape[1] == (4 if views == "views" else 8)
    ce = torch.nn.functional.cross_entropy(scores, batch.target)
    expected = 0.7 * ce + 0.3 * soft_kl(scores, wanted)
    torch.testing.assert_close(losses["loss"], expected)
    losses["loss"].backward()
    assert not [p for p in teacher.parameters() if p.grad is not None]
    moved = module.to(torch.float64)  # as to another device
    assert {p.dtype for p in moved._teacher[0].parameters()} == {torch.float64}


def test_a_teacher_that_does_not_fit_is_one_line(tiny, tmp_path) -> None:
    run(tiny, "cropped", "--crop", "12")
    with pytest.raises(UserError, match=r"sees 8 frames of 12x12, and this run 8 frames of 18x18"):
        task_of(tiny, "--teacher", "results/cropped")
    features = tiny_labels.make(tmp_path)
    run([*features, "--epochs", "1"], "features")
    with pytest.raises(UserError, match="--teacher results/features: sees no frames"):
        task_of(tiny, "--teacher", "results/features")
    content = torch.load("results/cropped/best.pt", weights_only=True)
    Path("results/other").mkdir()
    torch.save({**content, "classes": ["a", "b"]}, "results/other/best.pt")
    with pytest.raises(UserError, match="2 classes that are not the 4 of --labels"):
        task_of(tiny, "--teacher", "results/other")


@pytest.mark.parametrize("how", ["central_frame", "uniform", "inflation"])
def test_weights_of_images_are_what_it_starts_from(tiny, how: str, tmp_path) -> None:
    file = stored(tmp_path / "vit.pt", torchvision_vit(image_size=18, patch_size=6, num_layers=2))
    given = ["--vit_weights", file, "--tubelet_init", how, "--mlp", "32"]
    task = task_of(tiny, *given)
    assert f"tubelets by {how}" in task.note and task.metadata["encoder_weights"]
    kernel = load_plain(Path(file))["conv_proj.weight"]
    network = task.module.model
    assert isinstance(network, FrameNetwork)
    own = network.vivit.tubelets.weight
    parts = {"central_frame": [0, 1], "uniform": [1], "inflation": [0.5, 0.5]}[how]
    torch.testing.assert_close(own, torch.stack([kernel * part for part in parts], 2))
    if how == "uniform":
        run(tiny, "r", *given, "--epochs", "1")
        Path(file).unlink()  # a run goes on without them
        run(tiny, "r", *given, "--epochs", "2", "--resume")
        open_run("results/r", Classification)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("--encoders frozen", "--encoders frozen: reaches nothing beside"),
        ("--appearance_encoder resnet18", "without encoders"),
        ("--feature_norm standardize", "without encoders"),
        ("--channels appearance", "which are one channel"),
        ("--channels motion --frames middle", "nothing moves|--channels motion"),
        ("--patch 5", "tubelets of 2x5x5 do not fill clips of 8 frames of 18x18"),
        ("--crop 20", "--crop 20: the clips of"),
        ("--depth 3 --repeats 2", "a depth of 3 is no multiple of 2 repeats"),
        ("--distill 0", "--distill 0"),
        ("--distill 0.2", "no --teacher"),
        ("--tubelet_init inflation", "there are none"),
        ("--vit_weights nowhere.pt", "--vit_weights nowhere.pt: no such file"),
        ("--teacher results/nowhere", "results/nowhere"),
        ("--network vivit_average --temporal_depth 4", "--temporal_depth 4: reaches nothing"),
        ("--video none", "--network vivit: sees frames"),
    ],
)
def test_what_makes_no_sense_is_one_line(tiny, flags: str, line: str) -> None:
    with pytest.raises(UserError, match=line) as error:
        run(tiny, "r", *flags.split())
    assert "\n" not in str(error.value) and not Path("results/r").exists()


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        ("--tubelet 4", "tubelet", (4, 6)),
        ("--patch 9", "tubelet", (2, 9)),
        ("--crop 12", "size", (12, 12)),
        ("--clips_as views", "frames", 4),
        ("--depth 4", "depth", 4),
        ("--temporal_depth 4", "temporal_depth", 4),
        ("--mlp 24", "mlp", 24),
        ("--width 32", "mlp", 128),
        ("--heads 4", "heads", 4),
        ("--gelu tanh", "gelu", "tanh"),
        ("--drop_path 0.2", "drop_path", 0.2),
        ("--dropout 0.2", "dropout", 0.2),
        ("--time_positions false", "time_positions", False),
        ("--repeats 2", "repeats", 2),
        ("--head_mixing identity", "head_mixing", "identity"),
        ("--mlp_transform released", "mlp_transform", "released"),
        ("--tubelet_init uniform", "every_frame", False),
        ("--checkpointing", "checkpointing", True),
    ],
)
def test_each_option_reaches_the_network(tiny, flags: str, field: str, value: object) -> None:
    before, after = (network_of(tiny, *more).vivit.config for more in ([], flags.split()))
    assert getattr(after, field) == value != getattr(before, field)
    assert isinstance(after, VivitConfig)


def test_clips_are_changed_as_one_in_training_alone(tiny) -> None:
    """One draw a video: a clip's frames keep their relation to those of the other clips."""
    task = task_of(tiny, "--jitter", "0.5")
    network, visual = task.module.model, task.batch(np.arange(3)).visual
    assert isinstance(network, FrameNetwork) and isinstance(visual, Frames)
    plain = network.eval().images(visual)
    torch.testing.assert_close(plain, network.images(visual))
    changed = network.train().images(visual)
    assert not torch.equal(plain, changed)
    torch.testing.assert_close(changed[:, 1], changed[:, 4])  # the same frame of two clips


def test_a_run_is_packed_and_follows_no_stream(tiny) -> None:
    run(tiny, "r", "--crop", "12")
    pack.main(["--run", "results/r", "--output", "r.safetensors"])
    packed, plain = (open_run(name, Classification).task for name in ("r.safetensors", "results/r"))
    visual = task_of(tiny).batch(np.arange(3)).visual
    with torch.no_grad():
        torch.testing.assert_close(packed.scores(visual), plain.scores(visual), atol=1e-3, rtol=0)
    with pytest.raises(UserError, match="a vivit network looks at whole clips"):
        open_stream("r.safetensors")
