import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmark.training.plain import packed_twin
from model.layer.recurrent import BidirectionalLSTM


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6)
    | st.lists(st.integers(1, 9), min_size=64, max_size=90),  # enough for buckets
    st.integers(0, 3),
)
def test_equals_the_packed_form(lengths: list[int], extra: int) -> None:
    torch.manual_seed(0)
    ours = BidirectionalLSTM(input_width=5, width=8)
    length = torch.tensor(lengths)
    x = torch.randn(len(lengths), max(lengths) + extra, 5)  # padding holds noise, not zeros
    sequence, last = ours(x, length)
    packed = pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False)
    out, (hidden, _) = packed_twin(ours)(packed)
    expected, _ = pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
    torch.testing.assert_close(sequence, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(last, torch.cat([hidden[0], hidden[1]], 1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("steps", [7, 1])
def test_last_states_are_those_of_full_lengths_and_so_are_their_gradients(steps: int) -> None:
    torch.manual_seed(0)
    ours = BidirectionalLSTM(input_width=5, width=8)
    x = torch.randn(3, steps, 5, requires_grad=True)
    gradients = []
    for last in (ours.last_states(x), ours(x, torch.full((3,), steps))[1]):
        gradients.append([last])
        asked = (x, *ours.parameters())  # with one step nothing reaches the recurrent matrices
        gradients[-1] += torch.autograd.grad(
            last.square().sum(), asked, allow_unused=True, materialize_grads=True
        )
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_autocast_changes_nothing() -> None:
    """Neither type nor numbers: not every CPU has a bfloat16 LSTM, and cuDNN would take float16."""
    torch.manual_seed(0)
    ours = BidirectionalLSTM(input_width=5, width=8)
    x, length = torch.randn(3, 7, 5), torch.tensor([7, 1, 4])
    exact = [*ours(x, length), ours.last_states(x)]
    with torch.autocast("cpu", torch.bfloat16):
        same = [*ours(x, length), ours.last_states(x)]
        rounded = ours.last_states(x.bfloat16())
    assert all(torch.equal(a, b) for a, b in zip(exact, same, strict=True))
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact[2], atol=1e-2, rtol=0)
    assert ours.double()(x.double(), length)[0].dtype == torch.float64
