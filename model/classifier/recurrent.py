"""A recurrent network over a video's frames: what happens in it, or a value at each frame.

CNN + RNN as harvitronix's "Five video classification methods" has it: pooled features of a frozen
CNN, an LSTM, a hidden layer, classes.  One way only, so that it can go on with a stream.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.layer.dropout import Dropout
from model.layer.norm import feature_norm, normed_width
from model.layer.one_way import Cell, RecurrentLayers, RecurrentState


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """Sizes of the network; of the data: both widths, `outputs` and `values`."""

    appearance_width: int  # Da; 0: the channel is left out
    motion_width: int  # Dm; 0: left out
    outputs: int  # K classes, or 1
    values: bool  # a value at each step, rather than classes after the last
    cell: Cell
    layers: int
    width: int  # h, of the layers
    head_width: int  # of the hidden layer before the outputs; 0: none
    feature_norm: str
    feature_dropout: float  # of the features
    dropout: float  # between layers, and before and in the head
    tbptt: int  # steps that a gradient goes back, at most; 0: all
    carry: float  # chance of a training video to begin in the state that another one left


class RecurrentClassifier(nn.Module):
    """Features of frames, each beside the motion of its clip, read in order of time.

    A step is a frame; where the appearance channel is left out, a clip.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        """Random weights; norms that a task fits are `appearance_norm` and `motion_norm`.

        Raises ValueError where both channels are left out, or values are asked for without frames.
        """
        super().__init__()
        widths = (config.appearance_width, config.motion_width)
        if not any(widths):
            raise ValueError("both channels are left out: there is nothing to classify")
        if config.values and not config.appearance_width:
            raise ValueError("values: without the appearance channel there are no frames")
        self.config = config
        kind = config.feature_norm
        self.appearance_norm, self.motion_norm = (feature_norm(kind, width) for width in widths)
        self.feature_dropout = Dropout(config.feature_dropout)
        self.layers = RecurrentLayers(
            cell=config.cell,
            input_width=sum(normed_width(kind, width) for width in widths if width),
            width=config.width,
            layers=config.layers,
            dropout=config.dropout,
        )
        parts: list[nn.Module] = [Dropout(config.dropout)]
        if config.head_width:
            parts += [nn.Linear(config.width, config.head_width), nn.ReLU()]
            parts += [Dropout(config.dropout)]
        parts += [nn.Linear(config.head_width or config.width, config.outputs)]
        self.head = nn.Sequential(*parts)

    def forward(self, appearance: Tensor, motion: Tensor, clip_mask: Tensor) -> Tensor:
        """Classify.

        appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips -> scores
        (V, K) after the last real step, or values (V, T, 1) with T = N F, those of steps that are
        not real without meaning.  What is in clips that are not real changes nothing.
        """
        steps, mask = self.steps(appearance, motion, clip_mask)
        # The real ones first: what comes after them does not reach back.
        order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)  # (V, T)
        steps = _take(steps, order)
        outputs = self._run(self.feature_dropout(steps), self._before(steps, mask))
        if self.config.values:
            return self.head(_take(outputs, order.argsort(1)))
        last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
        return self.head(_take(outputs, last)[:, 0])

    def steps(self, appearance: Tensor, motion: Tensor, clip_mask: Tensor) -> tuple[Tensor, Tensor]:
        """What the layers read.  As `forward` -> (V, T, I), and mask (V, T) True on real steps."""
        if not self.config.appearance_width:
            return self.motion_norm(motion), clip_mask
        frames = appearance.shape[2]
        steps = self.appearance_norm(appearance).flatten(1, 2)
        if self.config.motion_width:
            of_clips = self.motion_norm(motion)[:, :, None].expand(-1, -1, frames, -1)
            steps = torch.cat([steps, of_clips.flatten(1, 2)], 2)
        return steps, clip_mask[:, :, None].expand(-1, -1, frames).flatten(1)

    def _before(self, steps: Tensor, mask: Tensor) -> RecurrentState:
        """The states that videos begin in: zeros, or in training what other videos left.

        A stream goes on where another action ended; one that has only ever begun in zeros drifts.
        """
        state = self.layers.start(len(steps), device=steps.device)
        if not (self.training and self.config.carry):
            return state
        with torch.no_grad():
            # Real steps last: a state must not be that of padding.
            real = mask.sum(1, keepdim=True)
            place = torch.arange(steps.shape[1], device=steps.device) + real
            other = _take(steps, place % steps.shape[1]).roll(1, 0)
            carried = self.layers(other, state)[1]
            kept = torch.rand(len(steps), 1, 1, device=steps.device) < self.config.carry
            return RecurrentState(*(part * kept for part in carried))

    def _run(self, steps: Tensor, state: RecurrentState) -> Tensor:
        """All steps (V, T, I) -> (V, T, h); gradients go back `tbptt` steps at most."""
        if not (self.training and self.config.tbptt):
            return self.layers(steps, state)[0]
        outputs = []
        for part in steps.split(self.config.tbptt, 1):
            output, state = self.layers(part, state)
            state = RecurrentState(*(each.detach() for each in state))
            outputs.append(output)
        return torch.cat(outputs, 1)


def _take(x: Tensor, index: Tensor) -> Tensor:
    """Each sequence's own choice.  x (V, T, I), index (V, M) -> (V, M, I)."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))
