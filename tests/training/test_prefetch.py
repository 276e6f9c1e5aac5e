"""Batches that come from a thread are those of the loop, in the loop's order."""

import threading

import numpy as np
import pytest
import torch

from benchmark.training.sizes import SIZES, make_data
from data_loader.batch import tensors
from training.prefetch import Prefetch
from util.errors import UserError

META = torch.device("meta")  # another device than the data's, that every machine has


def test_a_thread_gathers_the_next_step_and_only_that() -> None:
    data = make_data(SIZES["tiny"], videos=4, questions_per_video=3)
    seen: list[tuple[int, bool]] = []

    def gather(step: int):
        seen.append((step, threading.current_thread() is threading.main_thread()))
        return [data.batch(np.arange(step, step + 3))]

    with Prefetch(gather, META, steps=6) as batches:
        for step in range(2, 6):
            (batch,) = batches(step)
            assert {x.device for x in tensors(batch)} == {META}
            assert batch.words.shape == (3, 5)
    assert seen == [(2, True), (3, False), (4, False), (5, False)]


def test_on_a_cpu_nothing_is_gathered_before_it_is_asked_for() -> None:
    data = make_data(SIZES["tiny"], videos=4, questions_per_video=3)
    seen: list[int] = []

    def gather(step: int):
        seen.append(step)
        return [data.batch(np.arange(3))]

    with Prefetch(gather, torch.device("cpu"), steps=9) as batches:
        (batch,) = batches(0)
    assert seen == [0]
    assert torch.equal(batch.words, data.batch(np.arange(3)).words)


def test_what_the_thread_raises_reaches_the_loop() -> None:
    data = make_data(SIZES["tiny"], videos=4, questions_per_video=3)

    def gather(step: int):
        if step == 1:
            raise UserError("clips.h5: gone")
        return [data.batch(np.arange(3))]

    with Prefetch(gather, META, steps=9) as batches:
        batches(0)
        with pytest.raises(UserError, match=r"clips\.h5: gone"):
            batches(1)


@pytest.mark.parametrize("error", [UserError("no finite number"), KeyboardInterrupt()])
def test_the_thread_ends_with_the_loop(error) -> None:
    data = make_data(SIZES["tiny"], videos=4, questions_per_video=3)
    with (
        pytest.raises(type(error)),
        Prefetch(lambda _: [data.batch(np.arange(3))], META, steps=9) as batches,
    ):
        batches(0)
        assert any(t.name.startswith("prefetch") for t in threading.enumerate())
        raise error
    assert not any(t.name.startswith("prefetch") for t in threading.enumerate())
