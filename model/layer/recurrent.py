"""Recurrent layers, and a bidirectional LSTM over padded sequences that asks the host nothing."""

import torch
from torch import Tensor, nn

from model.layer.precision import at_least_float32

BUCKETS = 4  # groups of similar length that a CPU computes one after another


class OneWayLSTM(nn.LSTM):
    """torch's LSTM of one layer, whose weights have names that a type checker knows."""

    weight_ih_l0: Tensor  # (4 h, I), gates i, f, g, o
    weight_hh_l0: Tensor  # (4 h, h)
    bias_ih_l0: Tensor  # (4 h,)
    bias_hh_l0: Tensor  # (4 h,)

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As torch.lstm_cell takes them."""
        return self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0


class OneWayGRU(nn.GRU):
    """torch's GRU of one layer, likewise."""

    weight_ih_l0: Tensor  # (3 h, I), gates r, z, n
    weight_hh_l0: Tensor  # (3 h, h)
    bias_ih_l0: Tensor  # (3 h,)
    bias_hh_l0: Tensor  # (3 h,)

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As torch.gru_cell takes them."""
        return self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0


class BidirectionalLSTM(nn.Module):
    """A masked pair of one-way LSTMs: the same numbers as one packed bidirectional LSTM.

    Packing needs the lengths on the host, which makes a GPU wait at every step.  A forward LSTM
    does not see padding that comes after its input; the backward one reads each sequence reversed
    within its own length, by a gather.  So both run on padded tensors of fixed shape.

    Inside autocast it computes, and returns, float32 all the same: oneDNN has no bfloat16 LSTM for
    CPUs without AVX-512, and cuDNN's autocast takes float16 whatever its dtype, whose gradients
    underflow without loss scaling.
    """

    def __init__(self, *, input_width: int, width: int) -> None:
        """Two LSTMs of `input_width` inputs a step; `width` is that of both outputs together."""
        super().__init__()
        if width % 2:
            raise ValueError(f"a bidirectional width must be even, not {width}")
        self.ahead = OneWayLSTM(input_width, width // 2, batch_first=True)  # forward in time
        self.back = OneWayLSTM(input_width, width // 2, batch_first=True)  # backward in time

    def forward(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Read sequences in both directions.

        x (B, L, I), length (B,) with 1 <= length <= L.  Returns the sequence (B, L, width), zero
        past each length, and the last states of the two directions (B, width).
        """
        with torch.autocast(x.device.type, enabled=False):
            return self._both_ways(at_least_float32(x), length)

    def _both_ways(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """`forward`, in groups of similar length on a CPU."""
        if x.is_cuda:
            return self._masked(x, length)
        # Reading the lengths costs a CPU nothing; sequences of similar length share little padding.
        order = length.argsort()
        parts = [
            self._masked(x[rows, : int(length[rows[-1]])], length[rows], x.shape[1])
            for rows in order.chunk(BUCKETS if len(order) >= 16 * BUCKETS else 1)
        ]
        unsorted = order.argsort()
        sequence, last = (torch.cat(part)[unsorted] for part in zip(*parts, strict=True))
        return sequence, last

    def _masked(self, x: Tensor, length: Tensor, padded: int = 0) -> tuple[Tensor, Tensor]:
        """Both directions over x (B, L, I), as one block; zeros up to `padded` steps."""
        step = torch.arange(x.shape[1], device=x.device)
        inside = step < length[:, None]  # (B, L)
        mirror = torch.where(inside, length[:, None] - 1 - step, step)  # its own inverse
        forward = self.ahead(x)[0]
        backward = self.back(_gather(x, mirror))[0]
        end = (length - 1)[:, None]
        last = torch.cat([_gather(forward, end), _gather(backward, end)], 2)[:, 0]
        sequence = torch.cat([forward, _gather(backward, mirror)], 2)
        sequence = sequence * inside[..., None]
        missing = max(0, padded - x.shape[1])
        return nn.functional.pad(sequence, (0, 0, 0, missing)), last

    def last_states(self, x: Tensor) -> Tensor:
        """Read sequences that are all L long; only their end counts.  x (B, L, I) -> (B, width)."""
        with torch.autocast(x.device.type, enabled=False):
            return self._last_states(at_least_float32(x))

    def _last_states(self, x: Tensor) -> Tensor:
        if x.is_cuda:
            return torch.cat([self.ahead(x)[1][0][0], self.back(x.flip(1))[1][0][0]], 1)
        # The input's part of the gates for all steps in one product.  Most of the arithmetic is in
        # it, and where x is stored features its backward pass is one product too: torch's LSTM
        # would also compute the gradient of x, which nothing needs.
        lstms = (self.ahead, self.back)
        weight = torch.cat([lstm.weight_ih_l0 for lstm in lstms])
        bias = torch.cat([lstm.bias_ih_l0 + lstm.bias_hh_l0 for lstm in lstms])
        forward, backward = nn.functional.linear(x, weight, bias).chunk(2, 2)  # (B, L, 4 h) each
        recurrent = torch.stack([lstm.weight_hh_l0.T for lstm in lstms])
        hidden = cell = None
        for both in zip(forward.unbind(1), backward.flip(1).unbind(1), strict=True):
            gates = torch.stack(both)  # (2, B, 4 h)
            if hidden is not None:
                gates = torch.baddbmm(gates, hidden, recurrent)
            i, f, g, o = gates.chunk(4, 2)
            new = i.sigmoid() * g.tanh()
            cell = new if cell is None else f.sigmoid() * cell + new
            hidden = o.sigmoid() * cell.tanh()
        assert hidden is not None  # L >= 1
        return torch.cat([hidden[0], hidden[1]], 1)


def _gather(x: Tensor, index: Tensor) -> Tensor:
    """Rows of each sequence by index.  x (B, L, I), index (B, M) -> (B, M, I)."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))
