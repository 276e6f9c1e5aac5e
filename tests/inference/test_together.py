"""Questions that are asked together are answered as alone, whatever their videos' shapes."""

import numpy as np
import pytest
import torch

from data_loader.batch import Features, Frames
from inference.visuals import joined, shape_of


def features(clips: int, seed: int) -> Features:
    drawn = torch.Generator().manual_seed(seed)
    return Features(
        appearance=torch.randn(1, clips, 2, 5, generator=drawn),
        motion=torch.randn(1, clips, 3, generator=drawn),
        clip_mask=torch.ones(1, clips, dtype=torch.bool),
    )


def frames(distinct: int, seed: int) -> Frames:
    drawn = np.random.default_rng(seed)
    return Frames(
        frames=torch.from_numpy(drawn.integers(0, 255, (distinct, 4, 4, 3), dtype=np.uint8)),
        index=torch.from_numpy(drawn.integers(0, distinct, (1, 3, 2))),
        clip_mask=torch.ones(1, 3, dtype=torch.bool),
        row=torch.zeros(1, dtype=torch.int64),
    )


def test_features_stand_one_after_another() -> None:
    some = [features(4, seed) for seed in range(3)]
    group = joined(some)
    assert isinstance(group, Features)
    for row, one in enumerate(some):
        assert torch.equal(group.appearance[row], one.appearance[0])
        assert torch.equal(group.motion[row], one.motion[0])
    assert joined(some[:1]) is some[0]


def test_every_video_s_clips_find_their_own_frames() -> None:
    some = [frames(distinct, seed) for seed, distinct in enumerate((5, 2, 7))]
    group = joined(some)
    assert isinstance(group, Frames)
    for row, one in enumerate(some):
        assert torch.equal(group.frames[group.index[row]], one.frames[one.index[0]])
    assert group.row.tolist() == [0, 1, 2] and group.clip_mask.shape == (3, 3)


def test_other_shapes_are_no_group() -> None:
    assert shape_of(features(4, 0)) == shape_of(features(4, 1)) != shape_of(features(5, 0))
    assert shape_of(frames(3, 0)) != shape_of(features(3, 0))
    with pytest.raises(AssertionError):
        joined([features(4, 0), features(5, 0)])
