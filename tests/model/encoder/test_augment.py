"""Augmentation: one draw a clip, the same for all of its frames, within 0..255."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from model.encoder.augment import Augmentation, augment, centre_crop, recolour

PLAIN = Augmentation(
    crop=0, crop_random=False, flip=0.0, jitter=0.0, degrees=0.0, scale=0.0, translate=0.0
)
ALL = Augmentation(
    crop=5, crop_random=True, flip=0.5, jitter=0.6, degrees=20.0, scale=0.3, translate=0.2
)


def frames(count: int = 6, height: int = 8, width: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, height, width, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def index(clips: int, length: int = 4, count: int = 6) -> Tensor:
    return torch.randint(0, count, (clips, length), generator=torch.Generator().manual_seed(2))


def test_without_a_change_the_clips_are_their_frames() -> None:
    clips = augment(frames(), index(5), PLAIN)
    assert torch.equal(clips, frames()[index(5)].float())


def test_frames_of_a_clip_change_alike_and_clips_do_not() -> None:
    same = torch.zeros(40, 4, dtype=torch.int64)  # each clip is one frame, four times
    clips = augment(frames(), same, ALL)
    assert torch.equal(clips, clips[:, :1].expand_as(clips))
    assert len(clips[:, 0].flatten(1).unique(dim=0)) > 30  # 40 draws


def test_colours_of_different_frames_change_by_the_same_rule() -> None:
    # What red, green and blue of a pixel become depends on the clip's draw, not on the frame: a
    # pixel that two different frames have in common stays in common.
    pair = frames(2)
    pair[1, :4] = pair[0, :4]
    clips = augment(pair, torch.tensor([[0, 1]] * 8), replace(PLAIN, jitter=0.5))
    assert torch.equal(clips[:, 0, :4], clips[:, 1, :4])
    assert not torch.equal(clips[:, 0], clips[:, 1])


def test_flip_mirrors() -> None:
    clips = augment(frames(), index(5), replace(PLAIN, flip=1.0))
    assert torch.equal(clips, frames()[index(5)].float().flip(3))
    half = augment(frames(), index(400), replace(PLAIN, flip=0.25))
    mirrored = (half == frames()[index(400)].float().flip(3)).flatten(1).all(1)
    assert 70 < mirrored.sum() < 130  # mean 100, deviation 8.7


def test_crops_are_windows_that_reach_every_place() -> None:
    clips = augment(frames(), index(300), replace(PLAIN, crop=5, crop_random=True))
    whole = frames()[index(300)].float()
    windows = whole.unfold(2, 5, 1).unfold(3, 5, 1)  # (C, F, 4, 5, 3, 5, 5)
    windows = windows.permute(2, 3, 0, 1, 5, 6, 4).flatten(0, 1)  # (places, C, F, 5, 5, 3)
    is_there = (windows == clips).flatten(2).all(2)  # (places, C)
    assert (is_there.sum(0) == 1).all()
    assert is_there.any(1).all()


def test_without_chance_the_crop_is_the_centre() -> None:
    clips = augment(frames(), index(3), replace(PLAIN, crop=4))
    assert torch.equal(clips, centre_crop(frames(), 4)[index(3)].float())
    assert torch.equal(centre_crop(frames(), 4), frames()[:, 2:6, 2:6])
    assert torch.equal(centre_crop(frames(), 0), frames())


def one_by_one(clips: Tensor) -> Tensor:
    """Colours before sides, as torchvision has images.  (C, F, h, w, 3) -> (C, F, 3, h, w)."""
    return clips.permute(0, 1, 4, 2, 3)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_an_affine_map_is_torchvisions(flip: float, monkeypatch) -> None:
    how = replace(PLAIN, degrees=30.0, scale=0.5, translate=0.25, flip=flip)
    smooth = F.gaussian_blur(torch.rand(1, 3, 40, 40) * 255, [9, 9], [3.0, 3.0])
    images = smooth.permute(0, 2, 3, 1).to(torch.uint8)
    draws = [torch.rand(6, 1), torch.tensor([[0.75], [1.0], [0.2], [0.9]])]
    monkeypatch.setattr(torch, "rand", lambda *size, device: draws.pop(0))
    clips = augment(images, torch.zeros(1, 1, dtype=torch.int64), how)
    # 15 degrees against the clock; 1.5 times as large; what is read in the middle lies 0.15 of the
    # side higher up and 0.2 further right, so that the picture moves the other way
    given = images[0].permute(2, 0, 1).float()
    moved = F.affine(given, angle=0, translate=[-8, 6], scale=1.0, shear=[0.0, 0.0])
    turned = F.affine(
        moved, angle=-15, translate=[0, 0], scale=1.5, shear=[0.0, 0.0],
        interpolation=F.InterpolationMode.BILINEAR,
    )  # fmt: skip
    expected = F.horizontal_flip(turned) if flip else turned
    found = one_by_one(clips)[0, 0]
    inner = (slice(None), slice(14, 26), slice(14, 26))  # where neither has met the edge
    torch.testing.assert_close(found[inner], expected[inner], atol=2.0, rtol=0)
    assert (given[inner] - expected[inner]).abs().max() > 10


def test_an_affine_map_that_moves_nothing_keeps_the_crop() -> None:
    how = replace(PLAIN, degrees=1e-6, crop=4)
    expected = centre_crop(frames(), 4)[index(3)].float()
    torch.testing.assert_close(augment(frames(), index(3), how), expected, atol=1e-2, rtol=0)


def test_runs_without_an_affine_map_draw_what_they_drew() -> None:
    after = []
    for how in (PLAIN, replace(ALL, degrees=0.0, scale=0.0, translate=0.0)):
        torch.manual_seed(0)
        augment(frames(), index(5), how)
        after.append(torch.rand(1))
    torch.manual_seed(0)
    torch.rand(6, 5)
    assert after == [torch.rand(1)] * 2


def test_seeds_reproduce() -> None:
    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return augment(frames(), index(5), ALL)

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_factors_are_those_of_torchvision() -> None:
    clips = frames(1)[None].float() / 2 + 60  # nothing of it is clamped
    image = clips[0, 0].permute(2, 0, 1) / 255
    names = ("adjust_brightness", "adjust_contrast", "adjust_saturation")
    for place, name in enumerate(names):
        factors = [torch.ones(1), torch.ones(1), torch.ones(1)]
        factors[place] = torch.tensor([0.8])
        expected = getattr(F, name)(image, 0.8) * 255
        torch.testing.assert_close(
            recolour(clips, *factors)[0, 0].permute(2, 0, 1), expected, atol=0.05, rtol=0
        )  # torchvision's luma weights have fewer digits


def test_never_outside_the_scale() -> None:
    extreme = torch.tensor([0, 255], dtype=torch.uint8)[torch.randint(0, 2, (6, 8, 9, 3))]
    clips = augment(extreme, index(50), replace(ALL, jitter=1.0))
    assert clips.min() == 0
    assert clips.max() == 255


@pytest.mark.parametrize("crop_random", [False, True])
def test_a_crop_larger_than_the_frames_is_refused(crop_random: bool) -> None:
    with pytest.raises(ValueError, match=r"--crop 9: .* 8x9; give at most 8"):
        augment(frames(), index(2), replace(PLAIN, crop=9, crop_random=crop_random))
    with pytest.raises(ValueError, match="--crop 9"):
        centre_crop(frames(), 9)
