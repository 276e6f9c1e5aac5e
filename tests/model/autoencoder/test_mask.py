"""Tubes are hidden in all frames of a clip, by row and salt alone, and filled with a colour."""

import pytest
import torch

from model.autoencoder.errors import baselines, squared_error
from model.autoencoder.mask import hidden_patches, hide, tube_mask, views_of

SIZE = (18, 18)


def tubes(row: list[int], salt: int = 0, share: float = 0.5, patch: int = 6) -> torch.Tensor:
    return tube_mask(torch.tensor(row), 3, share=share, patch=patch, size=SIZE, salt=salt)


def test_a_share_of_whole_patches_is_hidden() -> None:
    for share, patch, count in ((0.5, 6, 4), (0.75, 6, 7), (0.3, 9, 1)):
        side = SIZE[0] // patch
        grid = tubes([0, 5], share=share, patch=patch).unflatten(3, (side, patch))
        grid = grid.unflatten(2, (side, patch)).transpose(3, 4)  # (V, N, side, side, patch, patch)
        whole, some = grid.all(-1).all(-1), grid.any(-1).any(-1)
        assert torch.equal(whole, some)
        assert (whole.sum((-2, -1)) == count).all()


def test_a_patch_at_the_edge_may_be_cut() -> None:
    hidden = tubes([1], share=0.5, patch=8)  # 8 + 8 + 2 pixels
    assert hidden.shape == (1, 3, *SIZE) and hidden.any() and not hidden.all()


def test_tubes_depend_on_row_and_salt_alone() -> None:
    together, alone = tubes([4, 9, 2]), tubes([9])
    assert torch.equal(together[1], alone[0])
    assert not torch.equal(tubes([9], salt=1), alone)
    each = tubes(list(range(200)), salt=7)[:, :, ::6, ::6].flatten(2).double()  # (200, 3, 9)
    # every patch as often as the others, and clips of a video apart: 4 of 9, deviation .035
    assert (each.mean(0) - 4 / 9).abs().max() < 0.14
    assert (each[:, 0] == each[:, 1]).all(1).sum() < 20  # of 200; by chance 1 in 126


@pytest.mark.parametrize(("share", "patch", "said"), [(0.01, 6, "none"), (0.95, 9, "all")])
def test_a_share_of_none_or_all_is_refused(share: float, patch: int, said: str) -> None:
    with pytest.raises(ValueError, match=rf"of \d patches \({patch} pixels.* it is {said}"):
        hidden_patches(share, patch=patch, size=SIZE)


def test_what_is_hidden_is_filled_with_the_mean_of_the_rest() -> None:
    clips = torch.rand(2, 3, 3, 4, *SIZE) * 255
    hidden = tubes([0, 1])
    seen = hide(clips, hidden)
    mask = hidden[:, :, None, None].expand_as(clips)
    assert torch.equal(seen[~mask], clips[~mask])
    one = clips[1, 2, 0][:, ~hidden[1, 2]].mean()
    torch.testing.assert_close(seen[1, 2, 0][:, hidden[1, 2]].unique().squeeze(), one)
    changed = clips + 9 * mask  # what is hidden does not reach the encoders
    torch.testing.assert_close(hide(changed, hidden), seen)


def test_encoders_see_each_frame_of_each_clip_once() -> None:
    clips = torch.rand(2, 3, 3, 4, *SIZE)
    views = views_of(clips)
    assert views.images.shape == (24, 3, *SIZE)
    torch.testing.assert_close(views.of_clips(views.images).transpose(2, 3), clips)


def test_errors_are_of_the_hidden_pixels() -> None:
    clips = torch.rand(1, 3, 3, 4, *SIZE) * 255
    hidden = tubes([3])
    mask = hidden[:, :, None, None].expand_as(clips)
    rebuilt = torch.rand_like(clips)
    expected = (255 * rebuilt - clips)[0, 1][mask[0, 1]].square().mean()
    torch.testing.assert_close(squared_error(clips, rebuilt, hidden)[0, 1], expected)
    other = torch.where(mask, rebuilt, 0)
    torch.testing.assert_close(
        squared_error(clips, other, hidden), squared_error(clips, rebuilt, hidden)
    )
    found = baselines(clips, hidden)
    filled = squared_error(clips, hide(clips, hidden) / 255, hidden)
    torch.testing.assert_close(found.mean_colour, filled)
    assert (found.mean_frame < found.mean_colour).all()
    everything = torch.ones_like(hidden)
    torch.testing.assert_close(baselines(clips, everything).mean_frame, baselines(clips).mean_frame)
