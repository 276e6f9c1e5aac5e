"""What streams leave behind: plain tensors, a row each, that anyone may hold, move and mix.

The convention is MoViNet's (Kondratyuk et al. 2021): a state goes in, another comes out, and none
is kept inside the model.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

Mode = Literal["stateful", "window"]


class StatefulState(NamedTuple):
    """Of B streams whose whole past is in a recurrent network's state."""

    hidden: Tensor  # (B, R, h) float32, of the R layers
    cell: Tensor  # (B, R, h) float32; of GRUs (B, R, 0)
    seen: Tensor  # (B,) int64, frames since the stream began


class WindowState(NamedTuple):
    """Of B streams of which the last W frames count."""

    features: Tensor  # (B, W, D) float32, the newest last; what is before the beginning, zeros
    seen: Tensor  # (B,) int64, frames since the stream began


StreamState = StatefulState | WindowState
State = TypeVar("State", bound=StreamState)


class StreamOutput(NamedTuple):
    """What is said of B streams' last frame, or, with T in second place, of each of T frames."""

    scores: Tensor  # (B, K) float32, of classes; of values (B, 1)
    warm: Tensor  # (B,) bool, whether as much has been seen as scores are made for
    seen: Tensor  # (B,) int64, frames since the stream began, this one among them


def reset(state: State, mask: Tensor) -> State:
    """Some streams begin anew.  mask (B,) bool, True where they do."""
    parts = []
    for part in state:
        begins = mask.to(part.device).view(-1, *[1] * (part.dim() - 1))
        parts.append(torch.where(begins, torch.zeros_like(part), part))
    return type(state)(*parts)


def stack(states: Sequence[State]) -> State:
    """Several states as one, the streams in this order; they may have begun at different times.

    Raises ValueError where they are of different kinds or sizes, or there is none.
    """
    sizes = {(type(state), *(part.shape[1:] for part in state)) for state in states}
    if len(sizes) != 1:
        raise ValueError(f"states of {len(sizes)} kinds or sizes: stack those of one model")
    return type(states[0])(*(torch.cat(parts) for parts in zip(*states, strict=True)))


def unstack(state: State) -> list[State]:
    """The state of each stream alone (B = 1)."""
    count = len(state.seen)
    return [type(state)(*(part[i : i + 1].clone() for part in state)) for i in range(count)]
