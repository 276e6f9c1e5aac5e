"""Contrastive pretraining from its options to the runs that start from it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from data_loader.store.clips import open_clip_store
from data_loader.video_table import ClipTable
from inference.embeddings import embedding_statistics
from model.task.contrastive import Contrastive
from model.task.encoder import build_encoder
from options.contrastive import ContrastiveOptions
from options.encoder import EncoderOptions
from tests import tiny_clips, tiny_contrastive
from util.checkpoint import load_plain
from util.errors import UserError

NAMES: dict[str, Any] = {"appearance_encoder": "resnet_narrow", "motion_encoder": "resnext_narrow"}


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_contrastive.make(tmp_path)


def contrastive(tiny: list[str], run: str, *flags: str) -> list[dict]:
    """A run's log."""
    train.main(["contrastive", *tiny, "--run", run, *flags])
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


def task(channels: Any = "both", **options) -> Contrastive:
    encoders = EncoderOptions(**NAMES, batch_norm="train", flip=0.5, jitter=0.5)
    given = ContrastiveOptions(embedding=8, train_channels=channels, **options)
    torch.manual_seed(0)
    encoder = build_encoder(encoders, channels=given.train_channels)
    return Contrastive(given, encoders, encoder=encoder)


def table(folder: Path) -> ClipTable:
    tiny_clips.make(folder)
    store = open_clip_store(folder / "clips.h5")
    return ClipTable(store=store, ids=store.ids[:8])


@pytest.mark.long
def test_views_of_a_video_come_to_be_found(tiny) -> None:
    flags = ["--epochs", "30", "--eval_every", "30", "--lr", "3e-3", "--jitter", "0.2"]
    start = contrastive(tiny, "start", "--epochs", "0.1", "--lr", "1e-9")[-1]
    last = contrastive(tiny, "r", *flags)[-1]
    assert last["val/retrieval"] > start["val/retrieval"] + 0.1
    assert last["val/nt_xent"] < start["val/nt_xent"] - 0.3
    assert last["val/rank"] > 2 and last["val/alignment"] < 1.5 and last["val/uniformity"] < -1
    events = EventAccumulator("tf-logs/r").Reload()
    assert events.Tags()["images"] == ["val/views"]
    assert {"val/rank_motion", "val/alignment", "train/nt_xent_appearance"} <= set(
        events.Tags()["scalars"]
    )


def test_clips_played_backwards_teach_the_order_of_frames(tiny) -> None:
    """Random weights, too, tell some apart: the bar is elsewhere in the frame that counts most."""
    flags = ["--train_channels", "motion", "--intra_negatives", "reversed"]
    flags += ["--least_area", "0.5", "--blur", "0", "--mask_same_video", "true"]
    start = contrastive(tiny, "start", *flags, "--epochs", "0.1", "--lr", "1e-9")[-1]
    long = ["--epochs", "25", "--eval_every", "25", "--lr", "3e-3"]
    last = contrastive(tiny, "r", *flags, *long)[-1]
    assert start["val/order_motion"] < 0.9 < 0.95 < last["val/order_motion"]
    assert last["val/nt_xent"] < start["val/nt_xent"] - 0.2


@pytest.mark.parametrize(
    "options",
    [{}, {"intra_negatives": "reversed"},
     {"positives": "neighbour", "head_layers": 1},
     {"positives": "other_channel"}, {"channels": "motion", "mask_same_video": True}],
    ids=str,
)  # fmt: skip
def test_every_parameter_learns(tmp_path, options: dict) -> None:
    module = task(**options).train()
    losses, correct = module(table(tmp_path).gather(torch.arange(6).numpy()))
    assert correct is None and tuple(losses) == module.losses
    losses["loss"].backward()
    trained = {n: p.grad for n, p in module.named_parameters() if p.requires_grad}
    still = [name for name, grad in trained.items() if grad is None or not grad.any()]
    assert not still
    channels = {name.split(".")[1] for name, _ in module.named_parameters()}
    assert channels == ({"motion"} if "channels" in options else {"appearance", "motion"})


def test_positives_are_what_they_say(tmp_path) -> None:
    batch = table(tmp_path).gather(torch.arange(3).numpy())
    of_clips = batch.frames[batch.index].permute(0, 1, 2, 5, 3, 4).float()  # (V, N, F, 3, H, W)
    same, near = (task(positives=how).eval() for how in ("same_frame", "neighbour"))
    one, other = same._sources(batch)
    assert all(torch.equal(one[channel], other[channel]) for channel in one)
    assert torch.equal(one["appearance"], of_clips[:, :, 2:3].flatten(0, 1))  # the middle one
    one, other = near._sources(batch)
    assert torch.equal(other["appearance"], of_clips[:, :, 3:4].flatten(0, 1))
    assert torch.equal(one["motion"], of_clips.flatten(0, 1))
    assert torch.equal(other["motion"], of_clips.flip(1).flatten(0, 1))  # of two, the other


def test_intra_negatives_are_the_first_view_in_another_order(tmp_path) -> None:
    batch = table(tmp_path).gather(torch.arange(3).numpy())
    clips = torch.arange(60.0).view(6, 5, 2)
    backwards = task(intra_negatives="reversed")._reordered(clips)
    assert torch.equal(backwards, clips.flip(1))
    shuffled = task(intra_negatives="shuffled")
    for _ in range(20):
        other = shuffled._reordered(clips)
        assert torch.equal(other.sort(1).values, clips)  # the same frames
        assert (other != clips).any((1, 2)).all()  # of every clip in another order
    torch.manual_seed(0)
    pair = shuffled.eval().compare(batch)
    assert pair["motion"].intra is not None and pair["appearance"].intra is None
    assert pair["motion"].intra.shape == pair["motion"].embeddings[0].shape


def test_statistics_are_of_the_same_views_each_time(tmp_path) -> None:
    module, videos, device = task(), table(tmp_path), torch.device("cpu")
    first = embedding_statistics(module, videos, 4, device)
    torch.manual_seed(99)
    assert embedding_statistics(module, videos, 4, device) == first
    assert module.training
    assert first["rank"] == min(first["rank_appearance"], first["rank_motion"])


def test_a_collapsed_run_stops_and_keeps_its_checkpoint(tiny) -> None:
    line = r"results/r: stopped at step \d+: the embeddings have collapsed: an effective rank of"
    with pytest.raises(UserError, match=line):
        contrastive(tiny, "r", "--epochs", "9", "--least_rank", "15.9")
    kept = load_plain(Path("results/r/last.pt"))
    assert kept["step"] == 9  # three validations of three steps each
    assert kept["task"] == "contrastive"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--accumulate", "2"], "--accumulate 2: every clip of a batch is a negative"),
        (["--batch_norm", "eval"], "--batch_norm eval: .* give --batch_norm train"),
        (["--affine_scale", "0.1"], "--affine_scale: views are cut by --least_area"),
        (["--questions_per_video", "2"], "--questions_per_video: contrastive"),
        (["--train_channels", "motion", "--positives", "other_channel"], "compares both"),
        (["--head_layers", "4"], "--head_layers 4: give 1, 2 or 3"),
        (["--train_channels", "appearance", "--intra_negatives", "reversed"], "of the motion chan"),
        (["--positives", "other_channel", "--intra_negatives", "shuffled"], "--intra_negatives sh"),
    ],
)
def test_what_makes_no_sense_is_one_line(tiny, flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        contrastive(tiny, "r", *flags)
    assert not Path("results/r").exists()


def test_frozen_encoders_are_one_line(tiny) -> None:
    place = tiny.index("--batch_norm")  # which reaches nothing beside them
    with pytest.raises(UserError, match="--encoders frozen: there would be nothing to pretrain"):
        contrastive(tiny[:place] + tiny[place + 2 :], "r", "--encoders", "frozen")


def test_other_tasks_start_from_its_encoders(tiny, capsys) -> None:
    contrastive(tiny, "one", "--train_channels", "appearance")
    contrastive(tiny, "both")
    flags = [*tiny_clips.make(Path.cwd()), "--epochs", "0.1", "--lr", "1e-12"]
    train.main(["qa", *flags, "--run", "qa", "--init_from", "results/both"])
    said = capsys.readouterr().out
    assert "the rest, with the relation graphs and the video encoder, starts as" in said
    first, second = (load_plain(Path(f"results/{r}/best.pt"))["weights"] for r in ("both", "qa"))
    names = [name for name in first if name.startswith("encoder.")]
    assert {name.split(".")[1] for name in names} == {"appearance", "motion"}
    for name in names:
        torch.testing.assert_close(second[name], first[name], atol=1e-6, rtol=0)

    motion = ["--motion_weights", "random", "--run", "half", "--init_from", "results/one"]
    train.main(["qa", *flags, *motion])
    assert "with encoder.motion" in capsys.readouterr().out
    train.main(["autoencoder", *flags, "--run", "ae", "--init_from", "results/both"])
    train.main(["contrastive", *tiny, "--run", "again", "--init_from", "results/ae"])


def test_a_part_of_a_run_of_the_same_task_is_taken_if_asked(tiny, capsys) -> None:
    flags = [*tiny_clips.make(Path.cwd()), "--epochs", "0.1"]
    train.main(["qa", *flags, *tiny_clips.RANDOM, "--run", "first"])
    start = ["--init_from", "results/first", "--run", "second", "--units", "2"]
    with pytest.raises(UserError, match=r"model\.units\.1\..* here and not there"):
        train.main(["qa", *flags, *start])
    train.main(["qa", *flags, *start, "--init_part", "encoders"])
    assert "the rest starts as without it" in capsys.readouterr().out
    first, second = (load_plain(Path(f"results/{r}/best.pt")) for r in ("first", "second"))
    name = "encoder.motion.network.conv1.weight"
    assert name in first["weights"] and second["options"]["init_part"] == "encoders"
    with pytest.raises(UserError, match="--init_part encoders: is a part of --init_from"):
        train.main(["qa", *flags, *tiny_clips.RANDOM, "--run", "r", "--init_part", "encoders"])


def test_a_run_without_encoders_takes_nothing(tiny, tmp_path) -> None:
    from tests import tiny_run

    contrastive(tiny, "both")
    flags = [*tiny_run.make(tmp_path), "--run", "r", "--init_from", "results/both"]
    with pytest.raises(UserError, match=r"it has encoder.appearance and encoder.motion, and this"):
        train.main(["qa", *flags])


def test_classification_starts_from_it(tiny, tmp_path, capsys) -> None:
    """Both channels, or the only one that the classifier has."""
    from tests import tiny_labels

    contrastive(tiny, "both")
    tiny_labels.make(tmp_path)
    tiny_clips.make(tmp_path)
    flags = [
        "classification", "--labels", "labels.pt", "--clips", "clips.h5", "--batch_size", "8",
        "--appearance_encoder", "resnet_narrow", "--epochs", "0.1", "--lr", "1e-12",
        "--init_from", "results/both", "--device", "cpu",
    ]  # fmt: skip
    train.main([*flags, "--motion_encoder", "resnext_narrow", "--run", "two"])
    train.main([*flags, "--channels", "appearance", "--run", "one"])
    first = load_plain(Path("results/both/best.pt"))["weights"]
    for name, channels in (("two", ("appearance", "motion")), ("one", ("appearance",))):
        weights = load_plain(Path(f"results/{name}/best.pt"))["weights"]
        taken = [n for n in weights if n.startswith("encoder.")]
        assert {n.split(".")[1] for n in taken} == {*channels}
        for n in taken:
            torch.testing.assert_close(weights[n], first[n], atol=1e-6, rtol=0)


def test_a_cnn_on_single_frames_feeds_an_rnn(tmp_path, monkeypatch) -> None:
    """The third first stage: the CNN is supervised on single frames, then the RNN reads it."""
    from tests import tiny_labels

    monkeypatch.chdir(tmp_path)
    tiny_labels.make(tmp_path)
    tiny_clips.make(tmp_path)
    flags = [
        "classification", "--labels", "labels.pt", "--clips", "clips.h5", "--batch_size", "8",
        "--appearance_encoder", "resnet_narrow", "--epochs", "1", "--channels", "appearance",
        "--device", "cpu",
    ]  # fmt: skip
    frames = ["--frames", "middle", "--network", "linear", "--appearance_weights", "random"]
    train.main([*flags, *frames, "--run", "cnn"])
    rnn = ["--network", "rnn", "--encoders", "frozen", "--init_from", "results/cnn"]
    train.main([*flags, *rnn, "--init_part", "encoders", "--run", "rnn"])
    first, second = (load_plain(Path(f"results/{r}/best.pt"))["weights"] for r in ("cnn", "rnn"))
    names = [name for name in second if name.startswith("encoder.")]
    assert names and all(torch.equal(first[name], second[name]) for name in names)
