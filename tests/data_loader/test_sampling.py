import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_loader.sampling import Sampler, derangement, fold_of


def sampler(videos: list[str], *, seed: int = 0, size: int = 8, group: int = 1) -> Sampler:
    return Sampler(videos, seed=seed, batch_size=size, questions_per_video=group)


@given(
    st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=50),
    st.integers(1, 70),
    st.integers(0, 9),
    st.integers(1, 9),
)
def test_every_row_once_an_epoch_and_no_ragged_batch(
    videos: list[str], size: int, seed: int, group: int
) -> None:
    total = len(videos)
    draw = sampler(videos, seed=seed, size=size, group=group)
    batches = [draw.rows(s) for s in range(-(-3 * total // size))]  # three epochs
    assert {len(b) for b in batches} == {size}
    stream = np.concatenate(batches)
    for epoch in range(3):
        part = stream[epoch * total : (epoch + 1) * total]
        assert sorted(part) == list(range(total))


def test_order_is_a_function_of_seed_and_step_alone() -> None:
    videos = [str(i % 9) for i in range(100)]
    for group in (1, 4):
        used = sampler(videos, seed=3, group=group)
        in_turn = [used.rows(step).tolist() for step in range(41)]
        assert sampler(videos, seed=3, group=group).rows(40).tolist() == in_turn[40]
        assert sampler(videos, seed=4, group=group).rows(40).tolist() != in_turn[40]
        assert used.rows(0).tolist() == in_turn[0] != in_turn[100 // 8 + 1]  # epochs differ


@pytest.mark.parametrize(("group", "groups"), [(4, 5), (7, 3), (20, 1), (50, 1)])
def test_questions_of_a_video_come_in_groups(group: int, groups: int) -> None:
    videos = [str(i % 10) for i in range(200)]  # 20 questions each
    order = sampler(videos, group=group).order(0)
    owner = order % 10
    runs = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    assert len(runs) <= 10 * groups  # two groups of one video may meet
    assert len(runs) > 10 * groups * 0.7
    assert not (np.diff(order) == 10).all()  # shuffled within a video
    later = sampler(videos, group=group).order(1)
    assert order.tolist() != later.tolist()


@given(st.integers(2, 60), st.integers(0, 9))
def test_a_derangement_has_no_fixed_point(total: int, seed: int) -> None:
    other = derangement(seed=seed, total=total)
    assert sorted(other) == list(range(total))
    assert (other != np.arange(total)).all()


@given(st.lists(st.sampled_from("abcdefghij"), min_size=20, max_size=60), st.integers(2, 4))
def test_folds_part_the_videos_evenly_and_always_alike(videos: list[str], parts: int) -> None:
    names = sorted(set(videos))
    if len(names) < parts:
        with pytest.raises(ValueError, match="only"):
            fold_of(videos, parts)
        return
    found = fold_of(videos, parts)
    of = {v: set(found[np.array(videos) == v]) for v in names}
    assert all(len(folds) == 1 for folds in of.values())  # no video is in two
    sizes = [sum(folds == {i} for folds in of.values()) for i in range(parts)]
    assert max(sizes) - min(sizes) <= 1 and min(sizes) >= 1
    order = np.argsort(videos, kind="stable")
    assert (fold_of([videos[i] for i in order], parts) == found[order]).all()
