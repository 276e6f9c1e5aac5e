"""Layers of a contrastive run's projection head that stay on the encoders (SimCLR v2)."""

from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.store.clips import open_clip_store
from data_loader.video_table import ClipTable
from model.contrastive.head import ProjectionHead
from model.task.classification import Classification
from model.task.contrastive import Contrastive
from model.task.qa import QuestionAnswering
from tests import tiny_captions, tiny_clips, tiny_contrastive, tiny_labels, tiny_run
from util.checkpoint import load_plain
from util.errors import UserError

HIDDEN = 24  # of the heads; features have 128 and 256
KEPT = ["--projection_layers", "1", "--init_from", "results/first"]
STILL = ["--epochs", "0.1", "--lr", "1e-12"]


@pytest.fixture
def first(tmp_path, monkeypatch) -> list[str]:
    """A contrastive run of both channels; -> flags of another."""
    monkeypatch.chdir(tmp_path)
    flags = ["contrastive", *tiny_contrastive.make(tmp_path), "--head_hidden", str(HIDDEN)]
    train.main([*flags, "--epochs", "1", "--run", "first"])
    return flags


def clip_flags() -> list[str]:
    return [*tiny_clips.make(Path.cwd()), *STILL]


def class_flags() -> list[str]:
    tiny_labels.make(Path.cwd())
    tiny_clips.make(Path.cwd())
    return [
        "classification", "--labels", "labels.pt", "--clips", "clips.h5", "--batch_size", "8",
        "--appearance_encoder", "resnet_narrow", "--device", "cpu", *STILL,
    ]  # fmt: skip


BOTH = ["--motion_encoder", "resnext_narrow"]


def run(name: str) -> dict:
    return load_plain(Path(f"results/{name}/best.pt"))


def test_features_are_those_after_the_first_layer(first) -> None:
    """Of question answering and of classifiers of both channels or one, loaded from their runs."""
    contrastive = Contrastive.from_checkpoint(run("first"))
    store = open_clip_store(Path("clips.h5"))
    clips = ClipTable(store=store, ids=store.ids[:3]).gather(np.arange(3))
    train.main(["qa", *clip_flags(), *KEPT, "--run", "qa"])
    train.main([*class_flags(), *BOTH, *KEPT, "--run", "both"])
    train.main([*class_flags(), *KEPT, "--run", "one", "--channels", "appearance"])
    for name, kind in (("qa", QuestionAnswering), ("both", Classification)):
        assert run(name)["sizes"]["motion_width"] == HIDDEN
        task = kind.from_checkpoint(run(name))
        assert task.encoder is not None
        with torch.no_grad():
            views = contrastive.encoder.views(clips.frames, clips.index)
            before, after = contrastive.encoder(views), task.encoder(views)
            for channel in ("appearance", "motion"):
                features = getattr(before, channel)
                head = contrastive.heads[channel]
                assert isinstance(head, ProjectionHead)
                expected = head.layers[:3](features.flatten(0, -2)).unflatten(
                    0, features.shape[:-1]
                )
                found = getattr(after, channel)
                torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)
                assert found.min() == 0 and found.max() > 0  # after the ReLU
    names = {n.split(".")[2] for n in run("one")["weights"] if "projection" in n}
    assert names == {"appearance"}
    train.main([*class_flags(), *BOTH, *KEPT[:2], "--init_from", "results/qa", "--run", "third",
                "--init_part", "encoders"])  # fmt: skip
    name = "encoder.projection.motion.layers.0.weight"
    torch.testing.assert_close(run("third")["weights"][name], run("qa")["weights"][name])


def test_layers_are_trained_as_the_encoders_are(first) -> None:
    """Frozen ones stay as they are, statistics too; a resumed run needs no --init_from."""
    flags = [*class_flags(), *BOTH, "--lr", "1e-2", "--projection_layers", "1"]
    start = ["--init_from", "results/first"]
    train.main([*flags, *start, "--encoders", "frozen", "--run", "frozen"])
    train.main([*flags, *start, "--run", "eval"])
    train.main([*flags, *start, "--batch_norm", "train", "--run", "train"])
    heads = run("first")["weights"]

    def changed(name: str) -> set[str]:
        kept = {n: v for n, v in run(name)["weights"].items() if "projection.motion" in n}
        return {n.split("layers.")[1] for n, v in kept.items()
                if not torch.equal(v, heads[n.replace("encoder.projection", "heads")])}  # fmt: skip

    trained = {"0.weight", "1.weight", "1.bias"}
    assert changed("frozen") == set()
    assert changed("eval") == trained
    statistics = {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert changed("train") == trained | statistics
    train.main([*flags, "--resume", "--epochs", "0.2", "--run", "eval"])
    assert run("eval")["options"]["projection_layers"] == 1


def test_two_of_three_layers(first) -> None:
    train.main(["qa", *clip_flags(), *KEPT, "--projection_layers", "2", "--run", "two"])
    names = [n for n in run("two")["weights"] if n.startswith("encoder.projection.motion")]
    assert {n.split(".")[4] for n in names} == {"0", "1", "3", "4"}


def test_what_cannot_be_kept_is_one_line(first) -> None:
    flags = clip_flags()
    layers = ["--projection_layers", "1"]
    for given, line in (
        ([*tiny_clips.RANDOM, *layers], "1: are those of a contrastive run; give --init_from"),
        ([*KEPT, "--projection_layers", "3"], "--projection_layers 3: give 0, 1 or 2"),
        ([*KEPT, "--video", "none"], "--projection_layers 1: reaches nothing beside --video none"),
    ):
        with pytest.raises(UserError, match=line):
            train.main(["qa", *flags, *given, "--run", "r"])
    train.main([*first, "--head_layers", "2", "--epochs", "0.1", "--run", "short"])
    train.main([*first[:1], *first[1:-2], "--head_layers", "1", "--epochs", "0.1", "--run", "bare"])
    train.main([*first, "--train_channels", "motion", "--epochs", "0.1", "--run", "half"])
    train.main(["qa", *flags, *tiny_clips.RANDOM, "--run", "plain"])
    for start, count, line in (
        ("bare", "1", "1: .* has 0 before its last for appearance; start from a contrastive run"),
        ("short", "2", "2: .* has 1 before its last for appearance; .* --head_layers 3"),
        ("half", "1", "1: .*half/best.pt has none for appearance"),
        ("plain", "1", "1: .*plain/best.pt has none for appearance"),
    ):
        given = ["--projection_layers", count, "--init_from", f"results/{start}", "--run", "r"]
        with pytest.raises(UserError, match=f"--projection_layers {line}"):
            train.main(["qa", *flags, *given])
    for task in (first, ["autoencoder", *flags, *tiny_clips.RANDOM]):
        with pytest.raises(UserError, match=r"1: are kept by runs of .* qa, classification"):
            train.main([*task, *layers, "--run", "r"])
    with pytest.raises(UserError, match="--projection_layers: a run on stored features has no"):
        train.main(["qa", *tiny_run.make(Path.cwd()), *layers, "--run", "r"])
    assert not Path("results/r").exists()


def test_captions_start_from_it_too(first) -> None:
    tiny_captions.make(Path.cwd())
    flags = ["captioning", "--captions", "captions.pt", "--clips", "clips.h5", "--device", "cpu"]
    sizes = ["--batch_size", "8", "--width", "16", "--appearance_encoder", "resnet_narrow", *BOTH]
    train.main([*flags, *sizes, *STILL, *KEPT, "--run", "caption"])
    assert run("caption")["sizes"]["appearance_width"] == HIDDEN
