"""Each option of classifiers and of contrastive runs changes a step, or the data of one."""

import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_loader.store.features import open_store, write_store
from options.classification import ClassificationOptions, LabelDataOptions
from options.contrastive import ContrastiveOptions
from options.task import parse_task
from tests import tiny_contrastive, tiny_labels
from train import TASKS

# Flags of one run, and what the other has besides; "": of a temporal transformer.
MODEL = [
    ("", "--network linear"),
    ("", "--clips_as views"),
    ("", "--width 8"),
    ("", "--layers 1"),
    ("", "--heads 2"),
    ("", "--positions none"),
    ("--network rnn", "--cell gru"),
    ("--network rnn", "--head_width 8"),
    ("--network rnn", "--tbptt 2"),
    ("--network rnn", "--carry 1"),
    ("--network relation", "--units 2"),
    ("--network relation", "--graph_layers 2"),
    ("--network relation", "--topology window:1"),
    ("--network relation", "--graph_dropout 0.5"),
    ("--network relation", "--fusion mfb"),
    ("--network relation --fusion mfb", "--bilinear_width 8"),
    ("--network relation --fusion mfb", "--bilinear_factor 3"),
    ("", "--feature_norm standardize"),
    ("", "--feature_dropout 0.5"),
    ("", "--dropout 0.5"),
    ("", "--label_smoothing 0.2"),
]
DATA = [
    ("", "--labels other.pt"),
    ("--labels folds.pt --fold 0", "--fold 1"),
    ("", "--label_share 0.5"),
    ("", "--appearance other.h5"),
    ("", "--motion appearance.h5"),
    ("--motion_from difference", "--motion_from mean"),
    ("", "--video shuffled"),
    ("--channels appearance", "--frames shuffled"),
    ("", "--channels motion"),
    ("", "--features_in disk"),
]
CONTRAST = [
    ("", "--positives neighbour"),
    ("", "--train_channels motion"),
    ("", "--mask_same_video true"),
    ("", "--temperature 0.1"),
    ("", "--head_layers 1"),
    ("", "--head_hidden 9"),
    ("", "--embedding 8"),
    ("", "--intra_negatives reversed"),
    ("", "--least_area 0.5"),
    ("", "--grey 1"),
    ("", "--blur 1"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Data of both tasks; other.pt and other.h5 are labels and features of other numbers."""
    folder = tmp_path_factory.mktemp("reach")
    for name in ("other", "folds"):
        tiny_labels.make(folder, folds=4 if name == "folds" else 0)
        shutil.copy(folder / "labels.pt", folder / f"{name}.pt")
    store = open_store(folder / "motion.h5")
    write_store(folder / "other.h5", [store.video(v) for v in store.ids], store.provenance)
    tiny_contrastive.make(folder)
    tiny_labels.make(folder)
    content = torch.load(folder / "other.pt", weights_only=True)
    content["splits"]["train"]["target"] = content["splits"]["train"]["target"].roll(1)
    torch.save(content, folder / "other.pt")
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)


def step(flags: list[str]) -> tuple[Any, ...]:
    """What can be seen of a task's first step: its data, and its loss and gradient to the bit."""
    name, options = parse_task([*flags, "--run", "r", "--device", "cpu"])
    task = TASKS[name](options, checkpoint=None)
    batch = task.batch(np.arange(8))
    torch.manual_seed(0)
    losses, _ = task.module.train()(batch)
    losses["loss"].backward()
    grads = [p.grad.flatten() for p in task.module.parameters() if p.grad is not None]
    gradient = torch.cat(grads).double()
    placed = getattr(task, "placement", None)
    return task.videos[:8], str(placed), losses["loss"].item(), gradient.norm().item()


def classifier(besides: str) -> list[str]:
    flags = {
        "--labels": "labels.pt", "--appearance": "appearance.h5", "--width": "16",
        "--dropout": "0", "--batch_size": "8", "--motion": "motion.h5",
    }  # fmt: skip
    given = besides.split()
    flags |= dict(zip(given[::2], given[1::2], strict=True))
    if "--motion_from" in flags:
        del flags["--motion"]
    if flags.get("--network") == "linear":
        del flags["--width"], flags["--dropout"]
    return ["classification", *(word for pair in flags.items() for word in pair)]


def contrast(besides: str) -> list[str]:
    given = besides.split()
    flags = {
        "--clips": "clips.h5", "--appearance_encoder": "resnet_narrow", "--batch_norm": "train",
        "--motion_encoder": "resnext_narrow", "--appearance_weights": "random",
        "--motion_weights": "random", "--least_area": "0.2", "--temperature": "0.5",
        "--batch_size": "8", "--grey": "0", "--blur": "0",
    }  # fmt: skip
    flags |= dict(zip(given[::2], given[1::2], strict=True))
    return ["contrastive", *(word for pair in flags.items() for word in pair)]


@pytest.mark.parametrize(("base", "more"), [*MODEL, *DATA], ids=str)
def test_an_option_of_a_classifier(base: str, more: str) -> None:
    before = step(classifier(base))
    assert before == step(classifier(base)) != step(classifier(f"{base} {more}"))


@pytest.mark.parametrize(("base", "more"), CONTRAST, ids=str)
def test_an_option_of_contrastive_runs(base: str, more: str) -> None:
    assert step(contrast(base)) != step(contrast(f"{base} {more}"))


def test_a_step_is_the_same_twice() -> None:
    assert step(contrast("")) == step(contrast(""))


def test_every_option_is_among_them() -> None:
    elsewhere = {
        "network": "test_classification.py, test_frames.py",
        "clips": "test_encoders_are_trained_or_stay",
        "least_rank": "test_a_collapsed_run_stops_and_keeps_its_checkpoint",
    }
    tried = {more.split()[0][2:] for _, more in [*MODEL, *DATA, *CONTRAST]}
    classes = (ClassificationOptions, LabelDataOptions, ContrastiveOptions)
    names = {field.name for cls in classes for field in fields(cls)}
    assert names - tried - set(elsewhere) == set()
