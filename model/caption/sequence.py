"""A video's positions as a sequence, whichever of them are real.

A recurrent network reads the real ones one after another, so that a padded position, and one that
is left out in the middle, changes nothing.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from model.layer.precision import at_least_float32
from model.layer.recurrent import OneWayLSTM


class RealFirst(NamedTuple):
    """V sequences of M positions with the real ones in front, in their order."""

    index: Tensor  # (V, M) int64, the position of each place of the sequence
    place: Tensor  # (V, M) int64, the place of each position
    length: Tensor  # (V,) int64, how many are real


def real_first(mask: Tensor) -> RealFirst:
    """Where the real positions are.  mask (V, M) True on real ones."""
    index = (~mask).to(torch.uint8).argsort(dim=1, stable=True)
    return RealFirst(index, index.argsort(1), mask.sum(1))


def take(x: Tensor, index: Tensor) -> Tensor:
    """Each sequence's own choice.  x (V, M, C), index (V, K) -> (V, K, C)."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))


def final_state(lstm: OneWayLSTM, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The state of an LSTM after the last real step of each sequence, in float32.

    x (V, M, I), length (V,) with 1 <= length <= M -> hidden, cell (V, width).
    """
    with torch.autocast(x.device.type, enabled=False):
        x = at_least_float32(x)
        if x.is_cuda:
            return masked_final_state(lstm, x, length)
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, length, batch_first=True, enforce_sorted=False
        )
        hidden, cell = lstm(packed)[1]
        return hidden[0], cell[0]


def masked_final_state(lstm: OneWayLSTM, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """The same without reading a length, for which a GPU would have to wait.

    Cell by cell: torch's LSTM does not return the cells of inner steps.
    """
    hidden = cell = x.new_zeros(len(x), lstm.hidden_size)
    for step, inputs in enumerate(x.unbind(1)):
        inside = (step < length)[:, None]
        new_hidden, new_cell = torch.lstm_cell(inputs, (hidden, cell), *lstm.weights)
        hidden = torch.where(inside, new_hidden, hidden)
        cell = torch.where(inside, new_cell, cell)
    return hidden, cell
