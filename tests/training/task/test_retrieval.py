"""Retrieval finds what its features show, and refuses what does not fit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import train
from data_loader.batch import Features
from data_loader.caption.captions import load_captions
from inference.pack import main as pack
from inference.retrieval.embedder import Embedder
from model.task.retrieval import Retrieval
from options.task import RetrievalRunOptions, run_options
from tests import tiny_captions, tiny_retrieval, tiny_run
from training.task.retrieval import RetrievalTask
from util.checkpoint import load_plain
from util.errors import UserError


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return tiny_retrieval.make(tmp_path)


def metrics(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


def visual_of(task: RetrievalTask) -> Features:
    """Its first three videos."""
    visual = task.data.table.gather(np.arange(3))
    assert isinstance(visual, Features)
    return visual


def task_of(**changed: Any) -> RetrievalTask:
    """The task of a run on the tiny data set in the working folder."""
    values = {
        "captions": "captions.pt", "appearance": "appearance.h5", "motion": "motion.h5",
        "run": "r", "embedding": 16, "dropout": 0.0, "device": "cpu", **changed,
    }  # fmt: skip
    options = run_options("retrieval", values)
    assert isinstance(options, RetrievalRunOptions)
    return RetrievalTask(options, checkpoint=None)


def test_it_finds_what_is_shown(tiny) -> None:
    """Two colours tell most of the 8 validation videos apart; by chance MRR is 0.34."""
    order = ["--text_summary", "lstm"]  # what is shown and what is moving is told by it
    train.main([*tiny, *order, "--run", "r", "--epochs", "25", "--eval_every", "25"])
    last = {name: value for line in metrics("r") for name, value in line.items()}
    assert last["val/text_to_video/MRR"] > 0.75
    assert last["val/video_to_text/MRR"] > 0.7
    assert last["train/text_to_video"] < last["train/video_to_text"] + 1 < 2
    assert load_plain(Path("results/r/best.pt"))["task"] == "retrieval"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"text_summary": "lstm", "hidden": 12},
        {"text_summary": "mean", "motion": None, "feature_norm": "whiten:3"},
        {"motion": None, "motion_from": "difference", "feature_norm": "none", "freeze_words": True},
    ],
    ids=str,
)
def test_one_batch_is_learned_by_heart(tmp_path, monkeypatch, changed: dict) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_captions.make(tmp_path, vectors=True)
    task = task_of(**changed)
    data, module = task.data, task.module.train()
    told: dict[object, int] = {}  # one caption of what the channels and a bag of words tell apart
    bags: set[frozenset[str]] = set()
    alone = "motion" in changed
    for i, text in enumerate(data.split.texts):
        words = text.split()
        key, bag = words[0] if alone else i, frozenset(words)
        if words[0] != "a" and key not in told and bag not in bags:
            told[key] = i
            bags.add(bag)
    batch = task.batch(np.array(list(told.values())))
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-2)
    for _ in range(120):
        losses, correct = module(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert correct is None and tuple(losses) == module.losses
    assert losses["loss"] < 0.1
    assert all(p.grad is not None and p.grad.any() for p in trained)
    assert 0.01 <= losses["temperature"] < 0.07  # has been learned


def test_options_reach_the_model(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_captions.make(tmp_path, vectors=True)
    module = task_of(temperature=0.5, word_dropout=0.5, feature_dropout=0.25).module
    assert module.log_scale.exp().item() == pytest.approx(2)
    assert module.text_encoder.word_dropout == 0.5
    assert module.clip_encoder.inputs.dropout.chance == 0.25
    vectors = load_captions("captions.pt").word_vectors
    assert vectors is not None and torch.equal(module.text_encoder.embedding.weight, vectors)
    assert len(task_of(longest=6).data) < len(task_of().data)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--accumulate", "2"], "--accumulate 2: every video of a batch is a negative"),
        (["--cuda_graph", "true"], "--cuda_graph: captions differ in length"),
        (["--relation_lr", "2"], "--relation_lr 2: there are no graphs"),
        (["--freeze_words", "true"], "--freeze_words: .* has no word vectors"),
        (["--motion_from", "mean"], "--motion_from mean: takes the place of --motion"),
        (["--temperature", "0"], "--temperature 0.0: give 0.01"),
        (["--embedding", "7"], "--embedding 7: must be even"),
        (["--feature_norm", "whiten"], "--feature_norm whiten: give none"),
        (["--longest", "1"], "--longest 1: every training caption is longer"),
    ],
)
def test_what_makes_no_sense_is_one_line(tiny, flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        train.main([*tiny, "--run", "r", *flags])
    assert not Path("results/r").exists()


def test_a_word_width_of_its_own_is_refused_beside_vectors(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_captions.make(tmp_path, vectors=True)
    with pytest.raises(UserError, match=r"--word_width 5: the word vectors of .* are 6 wide"):
        task_of(word_width=5)


def test_the_embedder_gives_what_training_gave(tiny, tmp_path) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "4"])
    embedder = Embedder("results/r", device="cpu")
    task = task_of()
    visual = visual_of(task)
    clips, videos = embedder.clips(visual)
    assert clips.shape == (3, tiny_run.CLIPS, 16) and videos.shape == (3, embedder.width)
    weights = load_plain(Path("results/r/best.pt"))["weights"]
    task.module.load_state_dict(weights)
    with torch.inference_mode():
        expected = task.module.eval().video(visual)
    np.testing.assert_allclose(videos, expected[1].numpy(), atol=1e-6)
    words = tiny_captions.sentences("red", "blue")[0]
    one, other = embedder.text(words), embedder.text(words.upper() + ".")
    np.testing.assert_array_equal(one, other)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert embedder.note("red zebra") == "words that this run does not know: zebra"
    with pytest.raises(UserError, match="there is no word in it"):
        embedder.text(" ")
    with pytest.raises(UserError, match="appearance features are 4 wide, those of results/r 12"):
        embedder.clips(replace(visual, appearance=visual.appearance[..., :4]))

    pack(["--run", "results/r", "--output", "r.safetensors"])
    packed = Embedder("r.safetensors", device="cpu")
    np.testing.assert_allclose(packed.text(words), one, atol=5e-3)
    assert packed.fingerprint != embedder.fingerprint  # its weights are rounded
    assert Embedder("results/r", device="cpu").fingerprint == embedder.fingerprint


def test_other_runs_embed_nothing() -> None:
    with pytest.raises(UserError, match="a run of the task qa embeds no texts"):
        Retrieval.from_checkpoint({"task": "qa"})
