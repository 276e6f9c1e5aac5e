"""Rows taken more than once have one gradient, bit for bit, however the threads come."""

import torch

from model.layer.gather import gather_rows


def test_it_is_indexing() -> None:
    values = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([[0, 4, 0], [4, 4, 2]])
    assert torch.equal(gather_rows(values, index), values[index])
    upstream = torch.randn(2, 3, 2, 3, dtype=torch.float64)
    (own,) = torch.autograd.grad(gather_rows(values, index), values, upstream)
    (other,) = torch.autograd.grad(values[index], values, upstream)
    torch.testing.assert_close(own, other)


def test_the_gradient_is_the_same_each_time() -> None:
    torch.manual_seed(0)
    values = torch.zeros(16, 8, 64, requires_grad=True)
    index, upstream = torch.randint(0, 16, (256,)), torch.randn(256, 8, 64)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = [
            torch.autograd.grad(gather_rows(values, index), values, upstream)[0] for _ in range(50)
        ]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(found[0], other) for other in found)
