"""Captioning learns what the video shows, resumes exactly, and refuses what does not fit."""

import itertools
import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.caption.captions import load_captions
from data_loader.caption.dataset import join_captions
from data_loader.open import open_stores
from data_loader.vocabulary import BOS, EOS, PAD
from inference.caption.split import caption_split, cross_entropy, texts
from inference.run import open_run
from model.caption.captioner import DECODERS
from model.task.captioning import Captioning, doubly_stochastic, of_similar_length, shifted
from options.caption import SearchOptions
from options.task import run_options
from tests import tiny_captions, tiny_clips
from tests.commands import Command
from training.task.captioning import CaptioningTask
from util.errors import UserError


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_captions.make(tmp_path)


def metrics(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


def task_of(**changed) -> CaptioningTask:
    """The task of a run on the tiny data set in the working folder."""
    values = {
        "captions": "captions.pt", "appearance": "appearance.h5", "motion": "motion.h5",
        "run": "r", "width": 16, "dropout": 0.0, "device": "cpu", **changed,
    }  # fmt: skip
    return CaptioningTask(run_options("captioning", values), checkpoint=None)


def right(run: str, **search) -> float:
    """Share of the validation videos whose caption is a true one."""
    opened = open_run(f"results/{run}", Captioning, device="cpu")
    captions = load_captions("captions.pt")
    (data,), _ = join_captions(
        [captions.split("val")],
        open_stores(appearance="appearance.h5", motion="motion.h5"),
        video=opened.options["video"], channels="both", seed=0, features_in="memory",
        device=torch.device("cpu"),
    )  # fmt: skip
    found = caption_split(
        opened.task, data, SearchOptions(**search), batch_size=4, device=torch.device("cpu")
    )
    said = texts(opened.task, found)
    return float(np.mean([s in data.split.references(i) for i, s in enumerate(said)]))


QUICK = ("lstm", "ets_paddle")  # the others learn one batch by heart elsewhere


@pytest.mark.parametrize(
    "decoder",
    [pytest.param(d, marks=() if d in QUICK else pytest.mark.long) for d in DECODERS],
)
def test_it_learns_to_say_what_is_shown(tmp_path, monkeypatch, decoder: str) -> None:
    monkeypatch.chdir(tmp_path)
    flags = tiny_captions.make(tmp_path, first=True)
    epochs = "240" if decoder == "dualvgr_lstm" else "80"  # the graphs mix the clips' colours
    how = ["--epochs", epochs, "--eval_every", "40", "--select_by", "likelihood"]
    train.main([*flags, *how, "--decoder", decoder, "--run", "r"])
    assert right("r", beam=3) >= 0.75


def test_a_language_model_alone_cannot(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = tiny_captions.make(tmp_path, first=True)
    train.main([*flags, "--epochs", "40", "--eval_every", "40", "--run", "r", "--video", "none"])
    assert right("r") <= 0.5


def test_what_is_read_and_what_is_said() -> None:
    words, target = shifted(torch.tensor([[7, 8, 0], [5, 6, 9]]), torch.tensor([2, 3]))
    assert words.tolist() == [[BOS, 7, 8, 0], [BOS, 5, 6, 9]]
    assert target.tolist() == [[7, 8, EOS, PAD], [5, 6, 9, EOS]]


def test_the_doubly_stochastic_penalty_is_that_of_the_formula() -> None:
    attention = torch.rand(2, 3, 4).softmax(2)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    said = torch.tensor([[True, True, False], [True, True, True]])
    expected = [
        sum((1 - sum(attention[b, t, m] for t in range(3) if said[b, t])) ** 2
            for m in range(4) if mask[b, m]) / mask[b].sum()
        for b in range(2)
    ]  # fmt: skip
    assert torch.allclose(doubly_stochastic(attention, mask, said), torch.stack(expected))


def test_captions_of_similar_length_come_together() -> None:
    length = torch.randint(1, 30, (100,))
    parts = of_similar_length(length)
    assert sorted(torch.cat(list(parts)).tolist()) == list(range(100))
    assert len(parts) > 1
    assert all(length[a].max() <= length[b].min() for a, b in itertools.pairwise(parts))


@pytest.mark.parametrize("decoder", ["ets_yao2015", "lstm"])
def test_losses_do_not_depend_on_what_shares_a_batch(tiny, decoder: str) -> None:
    penalty = 0.7 if decoder == "ets_yao2015" else 0.0
    task = task_of(decoder=decoder, attention_penalty=penalty)
    module, rows = task.module.eval(), np.arange(40)
    with torch.no_grad():
        whole = module(task.batch(rows))[0]
        parts = [module(task.batch(part))[0] for part in (rows[:20], rows[20:])]
    assert set(whole) == set(module.losses)
    for name in whole:
        mean = (parts[0][name] + parts[1][name]) / 2
        assert torch.allclose(whole[name], mean, atol=1e-5), name


def test_the_cross_entropy_is_that_of_training(tiny) -> None:
    task = task_of()
    ce = cross_entropy(task.module, task.data, batch_size=7, device=torch.device("cpu"))
    with torch.no_grad():
        loss = task.module.eval()(task.batch(np.arange(len(task.data))))[0]["loss"].item()
    assert ce == pytest.approx(loss, rel=1e-5)  # mean_length is that of all training captions


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"reduction": "captions"}, True), ({"label_smoothing": 0.2}, True),
        ({"attention_penalty": 1.0, "decoder": "ets_yao2015"}, True),
        ({"decoder": "ets_yao2015"}, False),
    ],
)  # fmt: skip
def test_options_of_the_loss(tiny, changed: dict, differs: bool) -> None:
    plain = {k: v for k, v in changed.items() if k == "decoder"}
    losses = []
    for options in (plain, changed):
        task = task_of(**options)
        with torch.no_grad():
            losses.append(task.module.eval()(task.batch(np.arange(8)))[0]["loss"].item())
    assert (abs(losses[0] - losses[1]) > 1e-3) == differs


def test_word_vectors_are_those_of_the_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_captions.make(tmp_path, vectors=True)
    vectors = load_captions("captions.pt").word_vectors
    module = task_of(freeze_words=True).module
    embedding = module.model.decoder.embedding
    assert embedding is not None and vectors is not None
    assert torch.equal(embedding.weight[4:], vectors[4:])
    assert not embedding.weight.requires_grad
    with pytest.raises(UserError, match=r"--word_width 9: the word vectors of .* are 6 wide"):
        task_of(word_width=9)


def test_options_that_change_the_model(tiny) -> None:
    assert task_of(word_width=5).module.widths == {"appearance": 12, "motion": 9}
    assert task_of(channels="appearance").module.widths == {"appearance": 12, "motion": 0}
    assert task_of(motion=None).module.widths == {"appearance": 12, "motion": 0}
    graphs = task_of(decoder="dualvgr_lstm", dropout=0.5, graph_dropout=0.25).module.model
    assert graphs.video.dropout.chance == 0.25 and graphs.decoder.dropout.chance == 0.5
    derived = task_of(motion=None, motion_from="difference").module
    assert derived.widths == {"appearance": 12, "motion": 12}
    frames, clips = (task_of(positions=kind) for kind in ("frames", "clips"))
    shown = frames.batch(np.arange(4)).visual
    assert frames.module.encode(shown)["mask"].shape[1] == 12  # clips times frames
    assert clips.module.encode(shown)["mask"].shape[1] == 4
    whitened = task_of(feature_norm="whiten:3").module.model.inputs.appearance_norm
    assert float(whitened.projection.abs().sum()) > 0  # fitted
    count = {n: sum(p.numel() for p in task_of(decoder="transformer", layers=n).module.parameters())
             for n in (1, 2)}  # fmt: skip
    assert count[2] > count[1]


def test_long_captions_are_left_out_of_training_alone(tiny) -> None:
    whole, short = task_of(), task_of(longest=6)
    assert len(short.data) == len(whole.data) // 2 and len(short.val) == len(whole.val)
    assert short.data.lengths.max() == 6
    with pytest.raises(UserError, match="--longest 2: every training caption is longer"):
        task_of(longest=2)


def test_the_best_checkpoint_is_chosen_as_asked(tiny) -> None:
    for how, key in (("cider", "val/CIDEr-D"), ("likelihood", "val/ce")):
        train.main([*tiny, "--epochs", "3", "--run", how, "--select_by", how])
        logged = [m for m in metrics(how) if key in m]
        best = open_run(f"results/{how}", Captioning, device="cpu").step
        better = max if how == "cider" else min
        assert best == better(logged, key=lambda m: m[key])["step"]


def test_a_killed_run_goes_on_as_if_never_interrupted(tiny) -> None:
    flags = [*tiny, "--epochs", "24", "--save_every", "3", "--log_every", "1", "--dropout", "0.3"]
    train.main([*flags, "--run", "whole"])
    process = Command("train.py", [*flags, "--run", "cut", "--resume"])
    while not Path("results/cut/last.pt").exists() and process.poll() is None:
        time.sleep(0.002)
    assert process.kill() == -signal.SIGKILL, process.stderr
    train.main([*flags, "--run", "cut", "--resume"])
    assert metrics("whole") == metrics("cut")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cuda_graph": True}, "--cuda_graph: captions differ"),
        ({"decoder": "dualvgr_lstm", "motion": None}, "--decoder dualvgr_lstm: relates two"),
        ({"freeze_words": True}, "--freeze_words: .* has no word vectors"),
        ({"flip": 0.5}, "--flip: a run on stored features has no encoders"),
        ({"feature_norm": "whiten:99"}, "--feature_norm whiten:99: .* give fewer"),
        ({"captions": "appearance.h5"}, "not a caption file"),
    ],
)
def test_mistakes_are_one_line(tiny, changed: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        task_of(**changed)


def test_encoders_are_trained_with_the_captions(tiny) -> None:
    tiny_clips.make(Path.cwd())
    train.main(
        ["captioning", "--captions", "captions.pt", "--clips", "clips.h5", "--run", "r",
         "--appearance_encoder", "resnet_narrow", "--appearance_weights", "random",
         "--motion_encoder", "resnext_narrow", "--motion_weights", "random", "--width", "16",
         "--batch_size", "8", "--epochs", "0.5", "--device", "cpu", "--encoder_lr", "0.5"]
    )  # fmt: skip
    run = open_run("results/r", Captioning, device="cpu")
    assert run.task.encoder is not None
