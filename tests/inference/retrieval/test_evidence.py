"""The second look of a search: what a question's answer adds to a coarse score."""

from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.batch import Features
from data_loader.open import open_stores
from inference.retrieval.evidence import AnswerEvidence, reranked
from tests import tiny_run
from util.errors import UserError


def test_reranked_is_a_weighted_sum() -> None:
    coarse, evidence = np.array([0.5, 0.25, 0.25, 0.0]), np.array([0.0, 1.0, 1.0, 4.0])
    order, scores = reranked(coarse, evidence, weight=0.25)
    np.testing.assert_allclose(scores, [0.5, 0.5, 0.5, 1.0])
    assert order.tolist() == [3, 0, 1, 2]  # of equal scores the first stays first
    assert reranked(coarse, evidence, weight=0)[0].tolist() == [0, 1, 2, 3]


def test_an_answer_speaks_for_the_video_that_shows_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_run.make(tmp_path), "--epochs", "40", "--eval_every", "40"]
    flags += ["--model", "low_rank", "--feature_norm", "standardize", "--lr", "3e-2"]
    train.main([*flags, "--run", "r"])
    train.main([*flags, "--run", "blind", "--video", "none", "--feature_norm", "none"])
    stores = open_stores(appearance="appearance.h5", motion="motion.h5")
    assert stores.appearance is not None and stores.motion is not None
    ids = list(stores.appearance.ids[-8:])
    a, m = (torch.from_numpy(s.load(ids)[0]).float() for s in (stores.appearance, stores.motion))
    visual = Features(
        appearance=a.view(8, tiny_run.CLIPS, tiny_run.FRAMES, -1),
        motion=m.view(8, tiny_run.CLIPS, -1),
        clip_mask=torch.ones(8, tiny_run.CLIPS, dtype=torch.bool),
    )
    shown = visual.appearance.mean((1, 2))[:, :4].argmax(1).numpy()
    for blind in (None, Path("results/blind")):
        evidence = AnswerEvidence("results/r", blind=blind, device="cpu")
        for number, colour in enumerate(tiny_run.ANSWERS[2:]):
            gain = evidence(visual, "what is shown?", colour)
            there, absent = gain[shown == number], gain[shown != number]
            assert not len(there) or there.min() > 0 > absent.max()
    pairs = [("what is shown?", "red"), ("who is moving?", "blue"), ("what is shown?", "grey")]
    apart = np.stack([evidence(visual, *pair) for pair in pairs])
    np.testing.assert_allclose(evidence.of_pairs(visual, pairs), apart, atol=1e-5)
    with pytest.raises(UserError, match="'zebra' is none of the 4 answers of results/r, such as"):
        evidence(visual, "what is shown?", "zebra")
    with pytest.raises(UserError, match="results/blind was trained without video"):
        AnswerEvidence("results/blind", device="cpu")
    with pytest.raises(UserError, match="results/r: saw videos; name a run of --video none"):
        AnswerEvidence("results/r", blind="results/r", device="cpu")
