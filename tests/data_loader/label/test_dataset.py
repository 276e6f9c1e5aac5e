"""Labels with their videos: rows, values at the times of steps, middle and shuffled frames."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from data_loader.batch import Features, Frames
from data_loader.label.dataset import LabelData, join_labels
from data_loader.label.labels import load_labels
from data_loader.label.steps import aligned
from data_loader.open import Stores, open_stores
from data_loader.store.clips import write_clip_store
from tests import tiny_clips, tiny_labels, tiny_run
from util.errors import UserError

CPU = torch.device("cpu")


def join(folder, stores: Stores, split: str = "train", **how) -> LabelData:
    given = {"video": "real", "channels": "both", "features_in": "memory", **how}
    labels = load_labels(folder / "labels.pt").split(split)
    (data,), _ = join_labels([labels], stores, seed=3, device=CPU, **given)
    return data


def both(folder) -> Stores:
    return open_stores(
        appearance=str(folder / "appearance.h5"), motion=str(folder / "motion.h5")
    )  # fmt: skip


def appearance(folder) -> Stores:
    return open_stores(appearance=str(folder / "appearance.h5"))


def steps(visual: Features | Frames) -> torch.Tensor:
    assert isinstance(visual, Features)
    return visual.appearance.flatten(1, 2)


@pytest.mark.parametrize("features_in", ["memory", "disk"])
def test_a_batch_has_its_rows(tmp_path, features_in) -> None:
    tiny_labels.make(tmp_path)
    data = join(tmp_path, both(tmp_path), features_in=features_in)
    batch = data.batch(np.array([7, 0, 2]))
    assert batch.row.tolist() == [7, 0, 2] and batch.target.tolist() == [3, 0, 2]
    stored = both(tmp_path).appearance
    assert stored is not None and isinstance(batch.visual, Features)
    features, _ = stored.load(["v7", "v0", "v2"])
    assert torch.equal(batch.visual.appearance[batch.video], torch.from_numpy(features).float())
    assert [b.row.tolist() for b in data.batches(16)] == [[*range(16)], [*range(16, 24)]]
    shared = [r for i in (0, 1) for b in data.batches(5, every=2, first=i) for r in b.row.tolist()]
    assert sorted(shared) == [*range(24)]


def test_values_are_those_at_the_times_of_the_steps(tmp_path) -> None:
    tiny_labels.make_values(tmp_path)
    data = join(tmp_path, appearance(tmp_path))
    batch = data.batch(np.arange(24))
    longest = batch.target.shape[1]
    assert isinstance(batch.visual, Features) and batch.visual.clip_mask.shape[1] == longest
    for row, target in enumerate(batch.target):
        mask = batch.visual.clip_mask[batch.video[row]]
        assert torch.equal(target.isfinite(), mask), "known on all real steps, and on no other"
        x = batch.visual.appearance[batch.video[row], mask, 0, 0]
        running = x.cumsum(0) / torch.arange(1, len(x) + 1)
        assert torch.allclose(target[mask], running, atol=0.5)
    short = data.batch(np.array([int(data.values.isfinite().sum(1).argmin())]))  # type: ignore
    assert short.target.shape[1] < longest and short.target.isfinite().all()


def test_alignment() -> None:
    times, values = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([1.0, 3.0, -1.0])
    found = aligned(np.array([0.0, 0.5 - 1e-9, 0.75, 1.5, 2.0, 2.1]), times, values)
    expected = [np.nan, 1, 2, 1, -1, np.nan]
    assert torch.allclose(found, torch.tensor(expected), equal_nan=True)
    one = aligned(np.array([0.4, 0.5, 0.6]), times[:1], values[:1])
    assert torch.allclose(one, torch.tensor([np.nan, 1.0, np.nan]), equal_nan=True)


def test_times_that_are_not_known_are_refused(tmp_path) -> None:
    tiny_labels.make_values(tmp_path)
    labels = (tmp_path / "labels.pt").read_bytes()
    tiny_labels.make(tmp_path)  # stores at no steady rate
    (tmp_path / "labels.pt").write_bytes(labels)
    with pytest.raises(UserError, match=r"appearance\.h5: at what second its frames of v0 are"):
        join(tmp_path, appearance(tmp_path))
    with pytest.raises(UserError, match="--video none: without a video its values"):
        join(tmp_path, Stores(), video="none")


def test_values_of_another_video(tmp_path) -> None:
    """They are the row's own, at the times of the video that is shown in its place."""
    tiny_labels.make_values(tmp_path)
    own = join(tmp_path, appearance(tmp_path))
    other = join(tmp_path, appearance(tmp_path), video="shuffled")
    assert all(other.shown[i] != v for i, v in zip(other.video, other.split.videos, strict=True))
    a, b = own.batch(np.arange(24)), other.batch(np.arange(24))
    assert isinstance(b.visual, Features)
    for row in range(24):
        known = b.target[row].isfinite()
        shown = b.visual.clip_mask[b.video[row]]
        assert not (known & ~shown).any()
        length = int(known.sum())
        assert torch.allclose(a.target[row, :length], b.target[row, :length])


def test_the_middle_frame(tmp_path) -> None:
    tiny_labels.make_values(tmp_path)
    real, middle = (join(tmp_path, appearance(tmp_path), frames=f) for f in ("real", "middle"))
    a, b = real.batch(np.arange(24)), middle.batch(np.arange(24))
    assert isinstance(b.visual, Features) and isinstance(a.visual, Features)
    assert b.visual.appearance.shape[1:3] == (1, 1) and b.visual.clip_mask.all()
    at = a.visual.clip_mask.sum(1) // 2
    rows = torch.arange(24)
    assert torch.equal(b.visual.appearance[:, 0, 0], a.visual.appearance[rows, at, 0])
    assert torch.equal(b.target[:, 0], a.target[rows, at[a.video]])


def test_shuffled_frames(tmp_path) -> None:
    """The same frames in another order, the same each time, in any batch and for any seed its own.

    Padding stays where it is, and values go with their frames.
    """
    tiny_labels.make_values(tmp_path)
    real, shuffled = (join(tmp_path, appearance(tmp_path), frames=f) for f in ("real", "shuffled"))
    a, b = real.batch(np.arange(24)), shuffled.batch(np.arange(24))
    x, y = steps(a.visual), steps(b.visual)
    assert torch.equal(a.visual.clip_mask, b.visual.clip_mask)
    moved = 0
    for row, (i, j) in enumerate(zip(a.video, b.video, strict=True)):
        number = int(a.visual.clip_mask[i].sum())
        order = [x[i].tolist().index(v) for v in y[j, :number].tolist()]
        assert sorted(order) == [*range(number)] and torch.equal(y[j, :number], x[i, order])
        assert torch.equal(b.target[row, :number], a.target[row, order])
        moved += order != [*range(number)]
    assert moved > 20
    alone = shuffled.batch(np.array([4]))
    number = int(alone.visual.clip_mask.sum())
    assert torch.equal(steps(alone.visual)[0], y[b.video[4], :number])
    other = replace(shuffled, seed=4).batch(np.arange(24))
    assert not torch.equal(steps(other.visual), y)


def test_hidden_frames_allow_no_motion_of_frames_in_order(tmp_path) -> None:
    tiny_labels.make(tmp_path)
    with pytest.raises(UserError, match=r"--frames middle: each feature of .*motion\.h5"):
        join(tmp_path, both(tmp_path), frames="middle")
    join(tmp_path, both(tmp_path), frames="middle", channels="appearance")


def test_frames_of_decoded_clips(tmp_path) -> None:
    tiny_labels.make(tmp_path)
    rng = np.random.default_rng(0)
    videos = [tiny_clips.video(v, i % 4, (i + 1) % 4, rng) for i, v in enumerate(
        tiny_labels.videos()
    )]  # fmt: skip
    write_clip_store(tmp_path / "clips.h5", videos, tiny_clips.provenance())
    stores = open_stores(clips=str(tmp_path / "clips.h5"))
    real, middle, shuffled = (
        join(tmp_path, stores, frames=f).batch(np.array([3, 1])).visual
        for f in ("real", "middle", "shuffled")
    )
    assert all(isinstance(v, Frames) for v in (real, middle, shuffled))
    whole = real.frames[real.index].flatten(1, 2)  # type: ignore[union-attr]
    (one,) = middle.frames[middle.index].flatten(1, 2).unbind(1)  # type: ignore[union-attr]
    assert torch.equal(one, whole[:, 4]) and len(middle.frames) == 2  # type: ignore[union-attr]
    mixed = shuffled.frames[shuffled.index].flatten(1, 2)  # type: ignore[union-attr]
    assert torch.equal(mixed.sort(1).values, whole.sort(1).values)
    assert not torch.equal(mixed, whole)


def test_it_tells_other_labels_apart(tmp_path) -> None:
    tiny_labels.make(tmp_path)
    data = join(tmp_path, both(tmp_path))
    assert data.fingerprint() == join(tmp_path, both(tmp_path)).fingerprint()
    changed = replace(data, split=replace(data.split, target=data.split.target.flip(0)))
    assert changed.fingerprint() != data.fingerprint()
    assert data.fingerprint().startswith(f"{tiny_run.VIDEOS['train']} labels ")


def test_a_split_without_rows(tmp_path) -> None:
    tiny_labels.make(tmp_path)
    empty = load_labels(tmp_path / "labels.pt").split("train").take(np.empty(0, np.int64))
    with pytest.raises(UserError, match="split train has no labels"):
        join_labels(
            [empty], both(tmp_path), video="real", channels="both", seed=0, features_in="memory",
            device=CPU,
        )  # fmt: skip
