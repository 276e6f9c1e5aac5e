"""Both encoders: length 1, and what is beside a video or a text does not count."""

from typing import Any

import pytest
import torch

from model.retrieval.clip_encoder import ClipEmbedding
from model.retrieval.config import RetrievalConfig
from model.retrieval.text_encoder import TextEmbedding


def config(**changed: Any) -> RetrievalConfig:
    values: dict[str, Any] = {
        "vocabulary": 9, "word_width": 6, "appearance_width": 7, "motion_width": 5,
        "feature_norm": "standardize", "feature_dropout": 0.0, "word_dropout": 0.0, "dropout": 0.0,
        "hidden": 0, "embedding": 8, "text_summary": "mean",
    }  # fmt: skip
    return RetrievalConfig(**{**values, **changed})


@pytest.mark.parametrize("hidden", [0, 10])
def test_padded_clips_change_nothing(hidden: int) -> None:
    torch.manual_seed(0)
    encoder = ClipEmbedding(config(hidden=hidden)).eval()
    appearance, motion = torch.randn(2, 4, 3, 7), torch.randn(2, 4, 5)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    clips, videos = encoder(appearance, motion, mask)
    alone = encoder(appearance[1:, :2], motion[1:, :2], mask[1:, :2])
    torch.testing.assert_close(clips[1:, :2], alone[0])
    torch.testing.assert_close(videos[1:], alone[1])
    assert not clips[1, 2:].any()
    torch.testing.assert_close(clips[mask].norm(dim=1), torch.ones(6))
    torch.testing.assert_close(videos.norm(dim=1), torch.ones(2))
    apart = torch.nn.functional.normalize(clips[0].mean(0), dim=0)
    torch.testing.assert_close(videos[0], apart)


@pytest.mark.parametrize("summary", ["mean", "attention", "lstm"])
def test_padded_words_change_nothing(summary: Any) -> None:
    torch.manual_seed(0)
    encoder = TextEmbedding(config(text_summary=summary)).eval()
    words = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    found = encoder(words, torch.tensor([4, 2]))
    torch.testing.assert_close(found[1:], encoder(words[1:, :2], torch.tensor([2])))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    swapped = encoder(words[:, [1, 0, 2, 3]], torch.tensor([4, 2]))
    assert torch.allclose(found, swapped, atol=1e-5) == (summary != "lstm")  # which reads an order


def test_words_left_out_in_training_leave_one() -> None:
    torch.manual_seed(0)
    encoder = TextEmbedding(config(word_dropout=0.99, text_summary="attention")).train()
    words = torch.randint(1, 9, (50, 6))
    found = encoder(words, torch.full((50,), 6))
    assert found.isfinite().all()
    assert (found - encoder.eval()(words, torch.full((50,), 6))).abs().amax() > 0.1
