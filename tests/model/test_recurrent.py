import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from model.recurrent import BidirectionalLSTM


def packed_twin(ours: BidirectionalLSTM) -> nn.LSTM:
    """torch's own bidirectional LSTM with the same weights."""
    twin = nn.LSTM(
        ours.ahead.input_size, ours.ahead.hidden_size, batch_first=True, bidirectional=True
    )
    for name, parameter in ours.ahead.named_parameters():
        getattr(twin, name).data.copy_(parameter)
    for name, parameter in ours.back.named_parameters():
        getattr(twin, f"{name}_reverse").data.copy_(parameter)
    return twin


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
def test_without_lengths_equals_full_lengths(steps: int) -> None:
    torch.manual_seed(0)
    ours = BidirectionalLSTM(input_width=5, width=8)
    x = torch.randn(3, steps, 5)
    for a, b in zip(ours(x), ours(x, torch.full((3,), steps)), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
