import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_loader.sampling import derangement, rows


@given(st.integers(2, 50), st.integers(1, 70), st.integers(0, 9))
def test_every_row_once_an_epoch_and_no_ragged_batch(total: int, size: int, seed: int) -> None:
    steps = -(-3 * total // size)  # three epochs
    batches = [rows(seed=seed, step=s, batch_size=size, total=total) for s in range(steps)]
    assert {len(b) for b in batches} == {size}
    stream = np.concatenate(batches)
    for epoch in range(3):
        part = stream[epoch * total : (epoch + 1) * total]
        assert sorted(part) == list(range(total))


def test_order_is_a_function_of_seed_and_step_alone() -> None:
    def draw(seed: int, step: int) -> list[int]:
        return rows(seed=seed, step=step, batch_size=8, total=100).tolist()

    late = draw(3, 40)
    np.random.default_rng(1).random(10)
    assert draw(3, 40) == late
    assert draw(4, 40) != late
    assert draw(3, 0) != draw(3, 100 // 8 + 1)  # epochs differ


@given(st.integers(2, 60), st.integers(0, 9))
def test_a_derangement_has_no_fixed_point(total: int, seed: int) -> None:
    other = derangement(seed=seed, total=total)
    assert sorted(other) == list(range(total))
    assert (other != np.arange(total)).all()
