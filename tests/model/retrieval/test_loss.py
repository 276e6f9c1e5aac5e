"""InfoNCE against loops written out, and what must not change it."""

import math

import pytest
import torch

from model.retrieval.loss import info_nce
from model.retrieval.projection import unit

SCALE = torch.tensor(7.0)


def drawn(segment: list[int], width: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(len(segment))
    number = torch.tensor(segment)
    videos = unit(torch.randn(9, width, generator=generator))[number]  # one each, as a batch has it
    return videos, unit(torch.randn(len(segment), width, generator=generator)), number


@pytest.mark.parametrize("segment", [[0, 1, 2, 3], [4, 4, 1, 4, 1, 7], [3, 3, 3]], ids=str)
def test_it_is_the_cross_entropy_written_out(segment: list[int]) -> None:
    videos, texts, number = drawn(segment)
    first = {s: segment.index(s) for s in segment}
    to_video, to_text = [], []
    for b, own in enumerate(segment):
        said = [7 * float(texts[b] @ videos[i]) for i in first.values()]  # each video once
        to_video.append(math.log(sum(map(math.exp, said))) - 7 * float(texts[b] @ videos[b]))
        others = [c for c in range(len(segment)) if c == b or segment[c] != own]
        said = [7 * float(texts[c] @ videos[b]) for c in others]
        to_text.append(math.log(sum(map(math.exp, said))) - 7 * float(texts[b] @ videos[b]))
    found = info_nce(videos, texts, number, scale=SCALE)
    for loss, oracle in zip(found, (to_video, to_text), strict=True):
        assert loss.item() == pytest.approx(sum(oracle) / len(oracle), rel=1e-5, abs=1e-6)


def test_captions_of_the_same_video_are_no_negatives() -> None:
    """One video alone has nothing to be told from, however many captions it has."""
    videos, texts, number = drawn([3, 3, 3])
    texts.requires_grad_()
    found = info_nce(videos, texts, number, scale=SCALE)
    assert [loss.item() for loss in found] == pytest.approx([0, 0], abs=1e-5)
    (gradient,) = torch.autograd.grad(found[0] + found[1], texts)
    torch.testing.assert_close(gradient, torch.zeros_like(texts), atol=1e-5, rtol=0)


def test_the_order_of_a_batch_changes_nothing() -> None:
    videos, texts, number = drawn([4, 4, 1, 4, 1, 7])
    order = torch.tensor([5, 0, 3, 1, 4, 2])
    one = info_nce(videos, texts, number, scale=SCALE)
    other = info_nce(videos[order], texts[order], number[order], scale=SCALE)
    torch.testing.assert_close(one, other)
