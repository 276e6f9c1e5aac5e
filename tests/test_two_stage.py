"""Runs that train their encoders: an autoencoder, questions on clips, one after the other."""

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from data_loader.batch import Frames
from data_loader.store.clips import open_clip_store, write_clip_store
from data_loader.video_table import ClipTable
from inference.predictor import Predictor
from model.task.autoencoder import Autoencoding
from tests import tiny_clips
from tests.commands import Command, start_processes
from tests.test_train import kill_after, metrics
from util.errors import UserError

PLAIN = ["--plots", "false", "--run"]
STAGE1 = ["--batch_size", "8", "--epochs", "2"]
STAGE2 = ["--batch_size", "16", "--questions_per_video", "2", "--epochs", "2", "--gamma", "1"]


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    """Flags of a tiny data set of clips, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tiny_clips.make(tmp_path)


def weights(run: str, which: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(f"results/{run}/{which}.pt", weights_only=True)["weights"]


def autoencoder(tiny: list[str], run: str, *flags: str) -> None:
    train.main(["autoencoder", *tiny, *tiny_clips.RANDOM, *STAGE1, "--run", run, *flags])


def qa(tiny: list[str], run: str, *flags: str) -> None:
    start = [] if "--init_from" in flags else tiny_clips.RANDOM
    train.main(["qa", *tiny, *start, *STAGE2, "--run", run, *flags])


def test_the_autoencoder_beats_the_mean_colour_and_shows_it(tiny) -> None:
    autoencoder(tiny, "ae", "--epochs", "40", "--eval_every", "20", "--batch_norm", "train")
    last = [m for m in metrics("ae") if "val/mse" in m][-1]
    assert last["val/mse"] < 0.8 * last["val/mse_mean_colour"]
    assert last["val/psnr"] == pytest.approx(10 * np.log10(255**2 / last["val/mse"]))
    assert 0 < last["val/ssim_appearance"] <= 1
    evaluate.main(
        ["reconstruction", "--run", "results/ae", "--checkpoint", "last", "--split", "val"]
    )
    found = json.loads(Path("results/ae/val-reconstruction.json").read_text())
    for name, value in found.items():
        assert value == pytest.approx(last[f"val/{name}"], rel=1e-5), name
    assert imread("results/ae/plots/val-reconstructions.png").std() > 0.02
    events = EventAccumulator("tf-logs/ae").Reload()
    assert events.Tags()["images"] == ["val/reconstructions"]
    assert {"train/mse_appearance", "train/mse_motion", "val/psnr", "val/mse_mean_frame"} <= set(
        events.Tags()["scalars"]
    )


def test_questions_on_clips_are_learned_by_encoders_that_train(tiny, capsys) -> None:
    flags = ["--epochs", "40", "--eval_every", "20", "--dropout", "0"]
    qa(tiny, "full", *flags, "--batch_norm", "train")
    train.main(["qa", *tiny, *STAGE2, "--run", "blind", *flags, "--video", "none"])
    evaluate.main([*PLAIN, "results/full", "--split", "val"])
    found = json.loads(Path("results/full/val-real.json").read_text())
    assert found["val/accuracy"]["total"] > 0.7
    assert found["val/question_only"]["total"] < 0.6  # found beside it, though it has no encoders
    assert found["val/shuffled_video"]["total"] < 0.6
    evaluate.main([*PLAIN, "results/full", "--split", "val", "--video", "none"])


def test_policies_in_training(tiny) -> None:
    """full: every encoder weight moves; partial: the last stage; frozen: nothing, to the bit."""
    for policy in ("frozen", "partial", "full"):
        trained = ["--batch_norm", "train"] if policy != "frozen" else []
        qa(tiny, policy, "--encoders", policy, *trained, "--epochs", "0.1")
        before = weights(policy)
        qa(tiny, policy, "--encoders", policy, *trained, "--resume")
        moved = {
            name
            for name, value in weights(policy).items()
            if name.startswith("encoder.") and not torch.equal(value, before[name])
        }
        names = {name for name in before if name.startswith("encoder.")}
        last = {name for name in names if ".layer4." in name}
        # the motion network's last map is one position: its batch statistics are those of 8 clips
        expected = {"frozen": set(), "partial": last, "full": names}[policy]
        assert moved == expected


def test_batch_norm_of_encoders_holds_unless_told(tiny) -> None:
    qa(tiny, "r", "--epochs", "0.1")
    before = weights("r")
    qa(tiny, "r", "--resume")
    for name, value in weights("r").items():
        if name.startswith("encoder.") and "running" in name:
            assert torch.equal(value, before[name]), name
    assert any("running_var" in name and (value != 1).any() for name, value in before.items())


def test_the_second_stage_starts_from_the_first(tiny, capsys) -> None:
    autoencoder(tiny, "one")
    first = weights("one", "best")
    qa(tiny, "two", "--init_from", "results/one", "--epochs", "0.1", "--lr", "1e-12")
    second = weights("two")
    shared = [n for n in first if not n.startswith(("decoders.", "discriminators."))]
    assert any(n.startswith("encoder.motion.") for n in shared)
    assert any(n.startswith("model.units.0.motion_common.") for n in shared)
    for name in shared:
        torch.testing.assert_close(second[name], first[name], atol=1e-6, rtol=0)
    assert f"weights from results/one/best.pt: {len(shared)} tensors" in capsys.readouterr().out


def test_what_does_not_fit_is_named(tiny) -> None:
    autoencoder(tiny, "one")
    line = r"--init_from results/one/best\.pt: \d+ of \d+ tensors do not fit: .*there and .* here"
    with pytest.raises(UserError, match=line):
        qa(tiny, "two", "--init_from", "results/one", "--width", "32")
    with pytest.raises(UserError, match=r"encoder\.motion\..* there and"):
        qa(tiny, "two", "--init_from", "results/one", "--motion_encoder", "resnext26")
    with pytest.raises(UserError, match=r"model\.units\.1\..* here and not there"):
        qa(tiny, "two", "--init_from", "results/one", "--units", "2")
    assert not Path("results/two").exists()


def test_a_batch_in_parts_takes_the_same_step(tiny) -> None:
    # rows are videos, and with this decoder nothing normalises over the batch
    for run, parts in (("whole", "1"), ("parts", "4")):
        flags = ["--dropout", "0", "--state_dropout", "0", "--log_every", "1", "--epochs", "1"]
        autoencoder(tiny, run, *flags, "--decoder", "mlp", "--accumulate", parts)
    for a, b in zip(metrics("whole"), metrics("parts"), strict=True):
        for key, value in a.items():
            if key in ("step", "train/loss", "train/grad_norm"):
                assert b[key] == pytest.approx(value, rel=2e-3), key


def test_the_adversarial_term_is_logged_and_off_by_default(tiny) -> None:
    autoencoder(tiny, "plain")
    assert not any("discriminator" in n for n in weights("plain"))
    autoencoder(tiny, "ad", "--adversarial", "0.01", "--log_every", "1")
    logged = metrics("ad")[0]
    for channel in ("appearance", "motion"):
        assert logged[f"train/adversarial_{channel}"] > 0
        assert logged[f"train/discriminator_{channel}"] > 0
    total = (logged["train/mse_appearance"] + logged["train/mse_motion"]) / 2 / 255**2
    total += sum(
        0.01 * logged[f"train/adversarial_{c}"] + logged[f"train/discriminator_{c}"]
        for c in ("appearance", "motion")
    )
    assert logged["train/loss"] == pytest.approx(total, rel=1e-4)


MASK = ["--mask", "0.5", "--mask_patch", "6"]


@pytest.mark.long
def test_hidden_tubes_are_rebuilt_better_than_by_their_colour(tiny) -> None:
    flags = [*MASK, "--epochs", "30", "--eval_every", "30", "--batch_norm", "train"]
    autoencoder(tiny, "ae", *flags)
    last = [m for m in metrics("ae") if "val/mse" in m][-1]
    assert last["val/mse"] < 0.8 * last["val/mse_mean_colour"]
    evaluate.main(
        ["reconstruction", "--run", "results/ae", "--checkpoint", "last", "--split", "val"]
    )
    found = json.loads(Path("results/ae/val-reconstruction.json").read_text())
    for name, value in found.items():  # the same tubes as in training's validation
        assert value == pytest.approx(last[f"val/{name}"], rel=1e-5), name


def hidden(task: Autoencoding, batch: Frames) -> torch.Tensor:
    found = task.reconstruct(batch).hidden
    assert found is not None
    return found


def test_what_is_hidden_does_not_reach_the_encoders(tiny) -> None:
    autoencoder(tiny, "ae", *MASK, "--epochs", "0.1")
    task = Autoencoding.from_checkpoint(torch.load("results/ae/last.pt", weights_only=True))
    store = open_clip_store("clips.h5")
    batch = ClipTable(store=store, ids=store.ids[:3]).gather(np.arange(3))
    with torch.no_grad():
        out = task.reconstruct(batch)
        assert out.hidden is not None and not torch.equal(out.seen, out.clips)
        # clips share frames here, so that only what all of them hide may change
        frames, both = batch.frames.clone(), out.hidden.all(1)  # (V, h, w)
        rows = batch.index.flatten(1)
        for v in range(3):
            frames[rows[v].unique()] += (90 * both[v])[None, :, :, None].to(torch.uint8)
        other = task.reconstruct(replace(batch, frames=frames))
        assert not torch.equal(other.clips, out.clips)
        mask = out.hidden[:, :, None, None].expand_as(out.clips)
        torch.testing.assert_close(other.motion[mask], out.motion[mask])
        assert torch.equal(out.motion[~mask], out.clips[~mask] / 255)
        assert torch.equal(hidden(task, batch), out.hidden)
        one = ClipTable(store=store, ids=store.ids[:3]).gather(np.array([2]))
        assert torch.equal(hidden(task, one)[0], out.hidden[2])
        task.train()
        torch.manual_seed(0)
        first, second = hidden(task, batch), hidden(task, batch)
        assert not torch.equal(first, second)


def start(stage: str, flags: list[str], run: str) -> Command:
    return Command("train.py", [stage, *flags, "--run", run, "--resume"])


@pytest.mark.parametrize("stage", [pytest.param("autoencoder", marks=pytest.mark.long), "qa"])
def test_killed_and_resumed_equals_uninterrupted(tiny, stage: str) -> None:
    """Either stage, with everything that draws or remembers: augmentation, batch norm, average."""
    flags = [
        *tiny, *tiny_clips.RANDOM, *(STAGE1 if stage == "autoencoder" else STAGE2),
        "--crop", "16", "--jitter", "0.2", "--flip", "0.5", "--batch_norm", "train",
        "--ema", "0.9", "--epochs", "6", "--log_every", "1", "--save_every", "3",
        *(["--adversarial", "0.01", *MASK] if stage == "autoencoder" else []),
    ]  # fmt: skip
    assert start(stage, flags, "whole").wait() == 0
    log = Path("results/cut/metrics.jsonl")
    chance = random.Random(stage)  # the same kill each time: a failure can be repeated
    kill_after(start(stage, flags, "cut"), chance.randint(4, 12), log, chance.uniform(0, 0.05))
    last = start(stage, flags, "cut")
    assert last.wait() == 0, last.stderr
    assert metrics("cut") == metrics("whole")
    whole, cut = (
        torch.load(f"results/{run}/last.pt", weights_only=True) for run in ("whole", "cut")
    )
    for kind in ("weights", "raw_weights"):
        for name, weight in whole[kind].items():
            assert torch.equal(weight, cut[kind][name]), name


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_good(tiny) -> None:
    flags = ["--save_every", "1", "--log_every", "1", "--lr", "1e30", "--clip_norm", "0"]
    line = r"results/r: the loss or its gradient is no finite number at step (\d+); kept: "
    with pytest.raises(UserError, match=line + r"last\.pt of step (\d+).*--init_from") as caught:
        autoencoder(tiny, "r", *flags, "--epochs", "9")
    found = re.search(line + r"last\.pt of step (\d+)", str(caught.value))
    assert found is not None
    bad, kept = map(int, found.groups())
    assert torch.load("results/r/last.pt", weights_only=True)["step"] == kept == bad - 1
    logged = [m for m in metrics("r") if "train/loss" in m]
    assert [m["step"] for m in logged] == list(range(1, bad))
    assert all(np.isfinite(m["train/loss"]) for m in logged)


@pytest.mark.parametrize(
    ("stage", "flags", "line"),
    [
        ("qa", ["--crop", "40"], r"--crop 40: the clips of .*clips\.h5 are 18x18; give at most 18"),
        ("qa", ["--motion", "m.h5"], r"--clips takes the place of --appearance and --motion"),
        ("qa", ["--appearance_weights", "IMAGENET"], r"IMAGENET: no such file; for resnet_narrow"),
        ("qa", ["--init_from", "results/none"], r"results/none.*no such checkpoint"),
        ("autoencoder", ["--questions_per_video", "3"], r"--questions_per_video: the autoenc"),
        ("autoencoder", ["--feature_norm", "standardize"], r"--feature_norm standardize"),
        ("autoencoder", ["--fusion", "linear"], r"--fusion linear: is for answering questions"),
        ("qa", ["--appearance_encoder", "resnet_narrow64"], r"resnet_narrow64 needs .* 64 or more"),
        ("qa", ["--appearance_encoder", "resnet51"], r"--appearance_encoder resnet51: .* resnet50"),
        ("qa", ["--motion_encoder", "resnet18"], r"resnet18: is a network over frames; .* kind cl"),
        ("qa", ["--motion_encoder", "mvit_v2_s"], r"mvit_v2_s needs clips of exactly 224 pixels"),
        ("autoencoder", ["--appearance_encoder", "pixels"], r"pixels: has no weights to train"),
        ("autoencoder", ["--crop", "12"], r"needs clips of 16 or more .* would see 12x12 of"),
        ("autoencoder", ["--accumulate", "3"], r"--accumulate 3: must divide --batch_size 8"),
        ("autoencoder", ["--mask", "1"], r"--mask 1.0: must be in \[0, 1\), such as 0.75"),
        (
            "autoencoder",
            ["--mask", "0.5", "--mask_patch", "18"],
            r"--mask 0.5: of 1 patches .* none",
        ),
        (
            "autoencoder",
            ["--mask", "0.9", "--crop", "16"],
            r"--mask 0.9: of 4 patches .*16x16.* all",
        ),
        ("autoencoder", ["--clips", "questions.pt"], r"questions\.pt.*clip store"),
        ("autoencoder", ["--clips", "appearance.h5"], r"appearance\.h5: a feature store"),
    ],
)
def test_mistakes(tiny, stage: str, flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        (qa if stage == "qa" else autoencoder)(tiny, "r", *flags)
    assert not Path("results").exists()


def test_weights_must_be_named(tiny) -> None:
    with pytest.raises(UserError, match=r"resnet_narrow needs --appearance_weights: .*random"):
        train.main(["qa", *tiny, *STAGE2, "--run", "r"])


def test_too_little_memory_is_said_before_the_first_step(tiny, monkeypatch) -> None:
    monkeypatch.setattr("training.memory.free_memory", lambda device: 2**20)
    with pytest.raises(UserError, match=r"a step needs about .* GiB.*lower --batch_s"):
        autoencoder(tiny, "r")
    assert not Path("results").exists()


def test_other_clips_are_refused(tiny) -> None:
    qa(tiny, "r", "--epochs", "1")
    store = open_clip_store("clips.h5")
    rng = np.random.default_rng(0)
    videos = [tiny_clips.video(name, 0, 1, rng, size=20) for name in store.ids]
    write_clip_store("clips.h5", videos, tiny_clips.provenance(20))
    line = r"clips\.h5 has size \[20, 20\], but .*r was trained on \[18, 18\]"
    with pytest.raises(UserError, match=line):
        qa(tiny, "r", "--resume")
    with pytest.raises(UserError, match=line):
        evaluate.main([*PLAIN, "results/r"])


def test_an_autoencoder_answers_no_questions(tiny) -> None:
    autoencoder(tiny, "one")
    with pytest.raises(UserError, match="a run of the task autoencoder answers no questions"):
        evaluate.main([*PLAIN, "results/one"])
    with pytest.raises(UserError, match="a run of the task autoencoder answers no questions"):
        Predictor("results/one")
    qa(tiny, "two", "--epochs", "0.1")
    with pytest.raises(UserError, match="results/two is a run of the task qa"):
        evaluate.main(["reconstruction", "--run", "results/two"])


def test_without_questions_the_videos_are_divided_by_lot(tiny, monkeypatch, capsys) -> None:
    flags = tiny[2:]
    assert "--questions" not in flags
    for run in ("a", "b"):
        train.main(
            ["autoencoder", *flags, *tiny_clips.RANDOM, *STAGE1, "--run", run, "--val_share", "0.2"]
        )
    assert metrics("a") == metrics("b")
    assert "32 training and 8 validation videos" in Path("results/a/console.log").read_text()
    monkeypatch.setattr("inference.samples.reconstructions", lambda rows: 1 / 0)
    evaluate.main(["reconstruction", "--run", "results/a", "--checkpoint", "last"])
    assert "reconstructions.png left out (ZeroDivisionError: " in capsys.readouterr().out
    found = json.loads(Path("results/a/val-reconstruction.json").read_text())
    last = [m for m in metrics("a") if "val/mse" in m][-1]
    assert found["mse"] == pytest.approx(last["val/mse"], rel=1e-5)


def test_bf16_trains(tiny) -> None:
    """Encoders too: at the same weights losses within 2 %, the gradient's size within 10 %, of
    float32's.  (Then Adam, which divides by the gradient's size, lets them part.)
    """
    same = ["--dropout", "0", "--state_dropout", "0", "--gamma", "0", "--log_every", "1"]
    for precision, epochs in (("float32", "0.1"), ("bf16", "4")):
        qa(tiny, precision, "--precision", precision, *same, "--epochs", epochs)
    exact, (half, *_, last) = (
        [m for m in metrics(run) if "train/ce" in m] for run in ("float32", "bf16")
    )
    exact = exact[0]
    assert half["train/ce"] != exact["train/ce"]
    assert half["train/ce"] == pytest.approx(exact["train/ce"], rel=0.02)
    assert half["train/grad_norm"] == pytest.approx(exact["train/grad_norm"], rel=0.1)
    assert last["train/ce"] < 0.9 * half["train/ce"]


@pytest.mark.long
def test_two_processes_hide_alike_where_it_is_measured(tiny) -> None:
    """In training each draws tubes of its own, as it does dropout; a validation's are fixed."""
    flags = ["autoencoder", *tiny, *tiny_clips.RANDOM, *STAGE1, *MASK, "--run", "two"]
    for process in start_processes(2, "train.py", flags):
        assert process.wait() == 0, process.stderr
    evaluate.main(
        ["reconstruction", "--run", "results/two", "--checkpoint", "last", "--split", "val"]
    )
    found = json.loads(Path("results/two/val-reconstruction.json").read_text())
    last = [m for m in metrics("two") if "val/mse" in m][-1]
    assert found["mse"] == pytest.approx(last["val/mse"], rel=1e-5)


def test_two_processes_train_encoders_as_one_does(tiny) -> None:
    same = ["--dropout", "0", "--state_dropout", "0", "--log_every", "1", "--epochs", "1"]
    for processes, run in ((1, "one"), (2, "two")):
        flags = ["autoencoder", *tiny, *tiny_clips.RANDOM, *STAGE1, *same, "--run", run]
        for process in start_processes(processes, "train.py", flags):
            assert process.wait() == 0, process.stderr
    for a, b in zip(metrics("one"), metrics("two"), strict=True):
        for key in a:
            # Adam makes other weights of rounding: after an epoch, 2 in 1,000 on some processors.
            assert b[key] == pytest.approx(a[key], rel=1e-2, abs=1e-5), key
