"""Classifiers from their options to what they score."""

import json
from pathlib import Path

import pytest
import torch

import train
from data_loader.batch import Features
from data_loader.label.dataset import join_labels
from data_loader.label.labels import load_labels
from data_loader.open import open_stores
from inference.classification.split import class_scores, step_values
from inference.run import open_run
from inference.run_files import task_of
from model.task.classification import Classification
from options.task import ClassificationRunOptions, parse_task
from tests import tiny_clips, tiny_labels
from training.task.classification import ClassificationTask
from util.checkpoint import load_plain
from util.errors import UserError

CPU = torch.device("cpu")
CLIP_ENCODERS = [
    *tiny_clips.RANDOM, "--appearance_encoder", "resnet_narrow",
    "--motion_encoder", "resnext_narrow",
]  # fmt: skip
MOTION = ("--motion_encoder", "--motion_weights")


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_labels.make(tmp_path)


def run(flags: list[str], name: str, *more: str) -> list[dict]:
    """A run's validations."""
    train.main([*flags, "--run", name, *more])
    text = Path(f"results/{name}/metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if any(key.startswith("val/") for key in line)]


def task(flags: list[str], *more: str) -> ClassificationTask:
    _, options = parse_task([*flags, "--run", "r", *more])
    assert isinstance(options, ClassificationRunOptions)
    return ClassificationTask(options, checkpoint=None)


def without(flags: list[str], *names: str) -> list[str]:
    """Flags without those of an option."""
    pairs = zip(flags[1::2], flags[2::2], strict=True)
    return [flags[0], *(word for pair in pairs if pair[0] not in names for word in pair)]


def on_clips(folder: Path) -> list[str]:
    """Flags of a run on clips, whose labels are those of `tiny_labels`."""
    tiny_clips.make(folder)
    tiny_labels.make(folder)
    return [
        "classification", "--labels", "labels.pt", "--clips", "clips.h5", *CLIP_ENCODERS,
        "--width", "16", "--batch_size", "12", "--device", "cpu", "--epochs", "1",
    ]  # fmt: skip


@pytest.mark.parametrize("network", ["linear", "temporal_transformer", "rnn", "relation"])
def test_each_network_learns(tiny, network: str) -> None:
    flags = without(tiny, "--width", "--dropout") if network == "linear" else tiny
    last = run(flags, "r", "--network", network, "--epochs", "40", "--eval_every", "40")[-1]
    assert last["val/accuracy"] >= 0.75 and last["val/ce"] < 1.2
    assert task_of("results/r") == "classification"


def test_order_is_learned_where_it_is_shown(tiny) -> None:
    """Half of the classes are told by order: all are right, or, shuffled, hardly the half more."""
    flags = ["--channels", "appearance", "--epochs", "60", "--eval_every", "60"]
    real = run(tiny, "real", *flags)[-1]["val/accuracy"]
    shuffled = run(tiny, "shuffled", *flags, "--frames", "shuffled")[-1]["val/accuracy"]
    assert real == 1 and shuffled <= 0.75


def test_validation_does_not_disturb_training(tiny) -> None:
    """After it dropout goes on, and draws what it would have drawn."""
    losses = []
    for name, every in (("often", "0.5"), ("seldom", "4")):
        how = ["--epochs", "4", "--log_every", "1", "--dropout", "0.4", "--eval_every", every]
        run(tiny, name, *how)
        log = map(json.loads, Path(f"results/{name}/metrics.jsonl").read_text().splitlines())
        losses.append([line["train/loss"] for line in log if "train/loss" in line])
    assert losses[0] == losses[1] and len(losses[0]) == 8


def test_a_checkpoint_scores_as_training_did(tiny) -> None:
    last = run(tiny, "r", "--epochs", "3")[-1]
    opened = open_run("results/r", Classification, checkpoint="last")
    labels = load_labels("labels.pt")
    stores = open_stores(appearance="appearance.h5", motion="motion.h5")
    (data,), _ = join_labels(
        [labels.split("val")], stores,
        video="real", channels="both", seed=666, features_in="memory", device=CPU,
    )  # fmt: skip
    scores = class_scores(opened.task, data, batch_size=5, device=CPU)
    right = (scores.argmax(1) == data.split.target).double().mean().item()
    assert right == last["val/accuracy"]
    one = class_scores(opened.task, data, batch_size=1, device=CPU)
    torch.testing.assert_close(one, scores, atol=1e-5, rtol=0)


def test_values_are_told_at_each_frame(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = tiny_labels.make_values(tmp_path)
    last = run(flags, "r", "--network", "rnn", "--epochs", "60", "--eval_every", "60")[-1]
    assert last["val/rmse"] < 0.6 * last["val/deviation"]
    opened = open_run("results/r", Classification)
    labels = load_labels("labels.pt")
    stores = open_stores(appearance="appearance.h5")
    (data,), _ = join_labels(
        [labels.split("val")], stores,
        video="real", channels="both", seed=666, features_in="memory", device=CPU,
    )  # fmt: skip
    found = step_values(opened.task, data, batch_size=4, device=CPU)
    alone = step_values(opened.task, data, batch_size=1, device=CPU)
    for (a, x), (b, y) in zip(found, alone, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)
        assert torch.equal(x, y) and a.shape == x.shape
    with pytest.raises(UserError, match=r"--network linear: .* has a value at each time"):
        run(without(flags, "--width", "--dropout"), "other", "--network", "linear")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--network", "relation", "--channels", "appearance"], "relates two channels"),
        (["--fold", "1"], "--fold 1: .* has splits"),
        (["--questions_per_video", "2"], "a video has one label"),
        (["--frames", "middle"], "--frames middle: features of --motion"),
        (["--crop", "4"], "--crop: a run on stored features has no encoders"),
        (["--label_share", "0"], r"--label_share 0.0: must be above 0 and at most 1"),
        (["--label_share", "0.05"], r"--label_share 0.05: is 1 of 24 training videos; give more"),
        (["--width", "15"], "--width 15: must be even and a multiple"),
    ],
)
def test_what_makes_no_sense_is_one_line(tiny, flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        run(tiny, "r", *flags)
    assert not Path("results/r").exists()


def test_folds_take_the_place_of_splits(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    flags = tiny_labels.make(tmp_path, folds=4)
    run(flags, "r", "--fold", "1", "--epochs", "1")
    held = [len(load_labels("labels.pt").fold(1)[name]) for name in ("train", "val")]
    assert f"{held[0]} training videos and {held[1]} for validation" in capsys.readouterr().out
    with pytest.raises(UserError, match="say which of them is tested on, --fold 0 to 3"):
        run(flags, "other")


def test_a_share_of_the_videos_has_labels(tiny) -> None:
    """Drawn by the seed, and the smaller share part of the larger."""
    few, more, other = (
        set(task(tiny, "--label_share", share, "--seed", seed).videos)
        for share, seed in (("0.25", "1"), ("0.5", "1"), ("0.25", "2"))
    )
    assert len(few) == len(other) == 6 and len(more) == 12
    assert few < more and few != other
    one, whole = task(tiny, "--label_share", "0.25", "--seed", "1"), task(tiny)
    target = dict(zip(whole.videos, whole.data.split.target.tolist(), strict=True))
    assert [target[v] for v in one.videos] == one.data.split.target.tolist()
    assert one.val.split.videos == whole.val.split.videos


@pytest.mark.parametrize("views", ["sequence", "views"])
def test_encoders_are_trained_or_stay(tmp_path, monkeypatch, views: str) -> None:
    """frozen: nothing of them moves, batch norm's statistics included; full: all does."""
    monkeypatch.chdir(tmp_path)
    flags = [*on_clips(tmp_path), "--clips_as", views, "--network", "rnn"]
    for policy in ("frozen", "full"):
        trained = ["--batch_norm", "train"] if policy == "full" else []
        run(flags, policy, "--encoders", policy, *trained, "--epochs", "0.1")
        before = load_plain(Path(f"results/{policy}/last.pt"))["weights"]
        run(flags, policy, "--encoders", policy, *trained, "--resume")
        after = load_plain(Path(f"results/{policy}/last.pt"))["weights"]
        names = {name for name in after if name.startswith("encoder.")}
        moved = {name for name in names if not torch.equal(after[name], before[name])}
        assert moved == (names if policy == "full" else set())


def test_a_channel_left_out_has_no_encoder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = on_clips(tmp_path)
    flags = [*without(flags, "--width", *MOTION), "--channels", "appearance", "--frames", "middle"]
    run(flags, "r", "--network", "linear")
    weights = load_plain(Path("results/r/best.pt"))["weights"]
    assert not [name for name in weights if name.startswith("encoder.motion")]
    opened = open_run("results/r", Classification)
    assert opened.task.widths["motion"] == 0


def test_views_are_averaged(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(tiny_labels.make(tmp_path), "r", "--clips_as", "views", "--epochs", "2")
    task = open_run("results/r", Classification).task
    (data,), _ = join_labels(
        [load_labels("labels.pt").split("val")],
        open_stores(appearance="appearance.h5", motion="motion.h5"),
        video="real", channels="both", seed=666, features_in="memory", device=CPU,
    )  # fmt: skip
    visual = next(data.batches(3)).visual
    assert isinstance(visual, Features)
    with torch.no_grad():
        every = task.model(
            visual.appearance.flatten(0, 1)[:, None],
            visual.motion.flatten(0, 1)[:, None],
            torch.ones(visual.clip_mask.numel(), 1, dtype=torch.bool),
        )
        found = task.scores(visual)
    mean = every.view(*visual.clip_mask.shape, -1).mean(1)
    torch.testing.assert_close(found, mean, atol=1e-5, rtol=0)
