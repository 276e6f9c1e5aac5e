"""Views of clips: alike for all frames of a clip, and as a plain form for one clip has them."""

import colorsys
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from model.contrastive.augment import (
    ViewConfig,
    blurred,
    luma,
    random_view,
    recolour,
    resized_crop,
)

ALL = ViewConfig(size=20, least_area=0.2, flip=0.5, jitter=0.8, grey=0.5, blur=0.5)
NOTHING = ViewConfig(size=0, least_area=1.0, flip=0.0, jitter=0.0, grey=0.0, blur=0.0)


def clips(count: int = 6, frames: int = 3, side: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return 255 * torch.rand(count, frames, 3, side, side, generator=generator)


def test_all_frames_of_a_clip_change_alike_and_clips_differ() -> None:
    one = clips(count=1, frames=1).expand(6, 3, -1, -1, -1)  # the same frame everywhere
    torch.manual_seed(0)
    views = random_view(one, ALL)
    assert views.shape == (6, 3, 3, 20, 20)
    torch.testing.assert_close(views[:, 0], views[:, 2])
    assert all((views[0] - view).abs().mean() > 1 for view in views[1:])
    assert views.min() >= 0 and views.max() <= 255


def test_switched_off_it_changes_nothing() -> None:
    given = clips()
    torch.testing.assert_close(random_view(given, NOTHING), given, atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("least_area", 0.3), ("flip", 1.0), ("jitter", 0.5), ("grey", 1.0), ("blur", 1.0)],
)
def test_each_option_changes_views(name: str, value: float) -> None:
    given = clips()
    torch.manual_seed(0)
    changed = random_view(given, replace(NOTHING, **{name: value}))
    assert (changed - given).abs().mean() > 1


def test_crops_and_mirrors_are_those_of_plain_interpolation() -> None:
    given = clips(count=2, side=24)
    # 12 pixels from (left 3, top 6) of the one, the whole of the other mirrored
    x, y = torch.tensor([(3 + 6) / 12 - 1, 0.0]), torch.tensor([(6 + 6) / 12 - 1, 0.0])
    half = torch.tensor([0.5, 1.0])
    found = resized_crop(given, 12, x, y, half, half, mirrored=torch.tensor([False, True]))
    torch.testing.assert_close(found[0], given[0, :, :, 6:18, 3:15], atol=1e-2, rtol=0)
    whole = resized_crop(
        given[1:], 24, x[1:], y[1:], half[1:], half[1:], mirrored=torch.tensor([True])
    )
    torch.testing.assert_close(whole[0], given[1].flip(-1), atol=1e-2, rtol=0)


def test_colours_keep_grey_and_turn_the_hue() -> None:
    grey = torch.full((1, 1, 3, 2, 2), 90.0)
    one, nothing = torch.ones(1), torch.zeros(1)
    kept = recolour(grey, one, one, 2 * one, 0.2 * one)
    torch.testing.assert_close(kept, grey, atol=0.1, rtol=0)
    assert recolour(grey, 1.5 * one, one, one, nothing).mean() == pytest.approx(135)
    red = torch.tensor([150.0, 60, 60]).view(1, 1, 3, 1, 1)
    turned = recolour(red, one, one, one, one / 3).flatten()
    hue = colorsys.rgb_to_hsv(*(turned / 255).tolist())[0]
    assert min(abs(hue - 1 / 3), abs(hue - 2 / 3)) < 0.1
    assert luma(turned.view(1, 1, 3, 1, 1)).item() == pytest.approx(luma(red).item(), abs=0.5)
    contrast = recolour(clips(1), one, 0 * one, one, nothing)
    assert contrast.std() < 1e-2


def test_blur_is_that_of_each_clip_alone() -> None:
    given = clips(count=3, side=40)
    chosen, draw = torch.tensor([True, False, True]), torch.tensor([0.2, 0.5, 0.9])
    found = blurred(given, chosen, draw)
    torch.testing.assert_close(found[1], given[1])
    for i in (0, 2):
        deviation = 0.1 + 1.9 * float(draw[i])
        line = torch.tensor([-0.5 * (k / deviation) ** 2 for k in range(-2, 3)]).exp()
        kernel = torch.outer(line, line) / line.sum() ** 2
        padded = nn.functional.pad(given[i].flatten(0, 1)[:, None], (2, 2, 2, 2), mode="replicate")
        plain = nn.functional.conv2d(padded, kernel[None, None]).view_as(given[i])
        torch.testing.assert_close(found[i], plain, atol=1e-3, rtol=0)
