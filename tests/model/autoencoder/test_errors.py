"""Errors by hand, and what they are held against."""

import math

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from model.autoencoder.errors import (
    baselines,
    mean_over,
    psnr,
    reconstruction_loss,
    squared_error,
    ssim,
)


def clips(videos: int = 2, number: int = 3, frames: int = 4, size: int = 16) -> Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (videos, number, 3, frames, size, size), dtype=torch.uint8)


def test_squared_error_by_hand() -> None:
    target = torch.tensor([10, 200, 30], dtype=torch.uint8).view(1, 1, 3, 1, 1, 1)
    output = torch.tensor([20.0, 170.0, 30.0]).view(1, 1, 3, 1, 1, 1) / 255
    torch.testing.assert_close(squared_error(target, output), torch.tensor([[1000 / 3]]))
    torch.testing.assert_close(squared_error(target.float(), output), squared_error(target, output))


def test_padded_clips_are_left_out() -> None:
    target = clips()
    output = torch.rand(target.shape)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    before = squared_error(target, output)[mask].mean()
    real = [
        squared_error(target[v : v + 1, :n], output[v : v + 1, :n]) for v, n in ((0, 3), (1, 1))
    ]
    torch.testing.assert_close(before, torch.cat([r.flatten() for r in real]).mean())
    output[1, 1:] = 0  # whatever is there
    target[1, 1:] = 255
    assert torch.equal(squared_error(target, output)[mask].mean(), before)


@pytest.mark.parametrize("shape", [(1, 1, 1, 16), (4, 3, 1, 16), (2, 2, 8, 16), (2, 2, 4, 40)])
def test_the_loss_is_on_a_fixed_scale(shape: tuple[int, int, int, int]) -> None:
    """Off by half the range everywhere: .25 at every size."""
    target = torch.zeros_like(clips(*shape)) + 255
    output = torch.full(target.shape, 0.5)
    loss = reconstruction_loss(squared_error(target, output).mean())
    torch.testing.assert_close(loss, torch.tensor(0.25))


def test_psnr() -> None:
    assert psnr(255**2) == 0
    assert psnr(650.25) == pytest.approx(20)
    assert psnr(1086) == pytest.approx(17.77, abs=0.005)  # as the write-up's
    assert psnr(0) == math.inf


def test_ssim_of_equal_frames_is_one() -> None:
    target = clips()
    torch.testing.assert_close(ssim(target, target / 255), torch.ones(2, 3))


def test_ssim_of_flat_frames_by_hand() -> None:
    """No structure, so only the means count: (2 a b + c1) / (a^2 + b^2 + c1), c1 = .01^2."""
    target = torch.full((1, 2, 3, 2, 12, 12), 51.0)
    output = torch.full(target.shape, 0.8)
    output[:, 1] = 0.2
    a, b, c1 = 0.2, 0.8, 1e-4
    expected = torch.tensor([[(2 * a * b + c1) / (a * a + b * b + c1), 1.0]])
    torch.testing.assert_close(ssim(target, output), expected, atol=2e-4, rtol=0)


def test_ssim_by_the_formula_at_one_place() -> None:
    """A centre pixel whose window no border touches, from the definition."""
    torch.manual_seed(0)
    target, output = torch.rand(2, 1, 1, 3, 1, 11, 11, dtype=torch.float64)
    far = torch.arange(11, dtype=torch.float64) - 5
    window = torch.exp(-(far[:, None] ** 2 + far**2) / (2 * 1.5**2))
    window = window / window.sum()

    def mean(x: Tensor) -> Tensor:
        return (x * window).sum((-2, -1)).flatten()

    a, b, c1, c2 = mean(target), mean(output), 0.01**2, 0.03**2
    both = 2 * (mean(target * output) - a * b) + c2
    each = mean(target**2) - a * a + mean(output**2) - b * b + c2
    centre = ((2 * a * b + c1) * both / ((a * a + b * b + c1) * each)).mean()
    _, places = structural_similarity_index_measure(
        output[0, 0, :, 0][None].float(),
        target[0, 0, :, 0][None].float(),
        data_range=1.0,
        return_full_image=True,
    )
    torch.testing.assert_close(places[..., 5, 5].mean(), centre.float(), atol=1e-4, rtol=0)
    ours = ssim(target * 255, output)
    torch.testing.assert_close(ours.flatten()[0], places.mean(), atol=1e-4, rtol=0)


def test_ssim_counts_each_clips_own_frames() -> None:
    target = clips()
    output = target / 255
    output[0, 1, :, 2] = torch.rand(3, 16, 16)  # one frame of four
    found = ssim(target, output)
    assert (found[0, [0, 2]] > 0.9999).all() and (found[1] > 0.9999).all()
    assert 0.7 < found[0, 1] < 0.85


def test_ssim_of_frames_smaller_than_its_window() -> None:
    target = clips(size=16)[..., :10]
    with pytest.raises(ValueError, match="11 x 11 pixels or more, not 16 x 10"):
        ssim(target, target / 255)


def test_baselines_by_the_guesses_themselves() -> None:
    target = clips()
    real = target.float()
    frame = real.mean(3, keepdim=True).expand_as(real)
    colour = real.mean((3, 4, 5), keepdim=True).expand_as(real)
    guess = baselines(target)
    torch.testing.assert_close(guess.mean_frame, squared_error(target, frame / 255))
    torch.testing.assert_close(guess.mean_colour, squared_error(target, colour / 255))
    assert (guess.mean_frame < guess.mean_colour).all()


def test_baselines_of_a_still_clip() -> None:
    still = clips(frames=1).expand(-1, -1, -1, 7, -1, -1)
    guess = baselines(still)
    assert (guess.mean_frame == 0).all()
    torch.testing.assert_close(guess.mean_colour, baselines(still[:, :, :, :1]).mean_colour)


def test_a_mean_over_all_is_the_mean_to_the_last_bit() -> None:
    values = torch.rand(7, 5)
    assert torch.equal(mean_over(values, torch.ones(7, 5, dtype=torch.bool)), values.mean())
    mask = values < 0.5
    torch.testing.assert_close(mean_over(values, mask), values[mask].mean())
