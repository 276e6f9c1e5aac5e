"""A classifier that follows streams frame by frame.

model = StreamingClassifier(classifier, mode="stateful", frame_encoder=cnn).eval()
state = model.init_state(batch=1)
for frame in camera:  # (1, H, W, 3) uint8
    output, state = model.step(frame, state)

Two semantics, which are not the same function of the past:

stateful: the recurrent state is carried on.  A frame costs one CNN and one recurrent step; scores
are those of the network after all frames since the stream began.  It cannot forget a frame that
leaves some window.  Trained on short clips it may drift: see `carry` of RecurrentClassifier.

window: the features of the last W frames are kept.  A frame costs one CNN and a pass of the
classifier over W steps from zero; scores are those of a clip of the last W frames.
"""

import hashlib
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from model.backbone.weights import fingerprint
from model.classifier.recurrent import RecurrentClassifier
from model.layer.one_way import RecurrentState
from model.streaming import pack as packing
from model.streaming import state as states
from model.streaming.state import (
    Mode,
    StatefulState,
    StreamOutput,
    StreamState,
    WindowState,
)

FRAMES = 16  # that the CNN takes at once, of a chunk
NUMBERS = 2**24  # of windows' features that the classifier takes at once, of a chunk


class StreamingClassifier(nn.Module):
    """Frames, or their features, of B streams in; scores and the streams' states out.

    Nothing of a stream is kept inside.  States are detached: a gradient goes back as far as the
    chunk that was given (truncated backpropagation through time).
    """

    def __init__(
        self, classifier: nn.Module, *, mode: Mode, width: int, motion_width: int = 0,
        window: int = 0, warm_up: int = 1, frame_encoder: Callable[[Tensor], Tensor] | None = None,
        origin: str = "",
    ) -> None:  # fmt: skip
        """Follow streams by a trained classifier.

        `classifier` takes appearance (V, N, F, Da), motion (V, N, Dm) and clip_mask (V, N);
        stateful only a RecurrentClassifier.  `width`: Da; `motion_width`: Dm, which are zeros here.
        `window`: W, of window.  `warm_up`: frames that a stateful stream has seen before its output
        is called warm; of window it is W.  `frame_encoder`: frames (M, H, W, 3) uint8 -> features
        (M, Da), where frames are given; `origin`: tells it from others in a state's bytes, where it
        is no module.  Raises ValueError for what does not go together.
        """
        super().__init__()
        if mode == "stateful":
            if not isinstance(classifier, RecurrentClassifier):
                raise ValueError("stateful needs a recurrent classifier; window takes any")
            if window:
                raise ValueError(f"window {window}: stateful has none, it knows the whole past")
        elif window < 1:
            raise ValueError(f"window {window}: give the number of frames, at least 1")
        self.classifier, self.mode = classifier, mode
        self.width, self.motion_width, self.window = width, motion_width, window
        self.warm_up = window or warm_up
        self.frame_encoder, self.origin = frame_encoder, origin
        self._fingerprint = ""

    @property
    def receptive_field(self) -> int | None:
        """How many of a stream's last frames its scores depend on; None: on all of them."""
        return self.window or None

    def train(self, mode: bool = True) -> Self:
        """As nn.Module; weights may change in training, and the fingerprint with them."""
        self._fingerprint = ""
        return super().train(mode)

    def init_state(self, batch: int) -> StreamState:
        """The state of streams that have not begun: zeros, on the classifier's device."""
        device = next(self.classifier.parameters()).device
        seen = torch.zeros(batch, dtype=torch.int64, device=device)
        if isinstance(self.classifier, RecurrentClassifier) and self.mode == "stateful":
            return StatefulState(*self.classifier.layers.start(batch, device=device), seen)
        return WindowState(torch.zeros(batch, self.window, self.width, device=device), seen)

    def step(self, frame: Tensor, state: StreamState) -> tuple[StreamOutput, StreamState]:
        """The next frame of each stream.

        frame: (B, H, W, 3) uint8, or its features (B, Da).  Raises ValueError in training mode, as
        dropout and batch statistics have no place here.
        """
        if self.training:
            raise ValueError("a stream is followed in evaluation mode: call .eval()")
        features = self._features(frame[:, None])
        if isinstance(state, StatefulState):
            steps = self._steps(features)[:, 0]
            hidden, after = self._recurrent.layers.step(steps, _recurrent_state(state))
            scores = self._recurrent.head(hidden)
            return self._stateful(scores, after, state.seen + 1)
        output, after = self._windowed(features, state)
        return StreamOutput(*(part[:, 0] for part in output)), after

    def forward_chunk(self, frames: Tensor, state: StreamState) -> tuple[StreamOutput, StreamState]:
        """The next T frames of each stream, T at least 1: what as many steps give.

        frames: (B, T, H, W, 3) uint8, or features (B, T, Da); the output has T in second place.
        """
        features = self._features(frames)
        if isinstance(state, WindowState):
            return self._windowed(features, state)
        outputs, after = self._recurrent.layers(self._steps(features), _recurrent_state(state))
        seen = _counts(state.seen, features.shape[1])
        return self._stateful(self._recurrent.head(outputs), after, seen)

    def forward(self, frames: Tensor) -> StreamOutput:
        """Whole streams from their beginning, in one pass; as `forward_chunk`."""
        return self.forward_chunk(frames, self.init_state(len(frames)))[0]

    reset = staticmethod(states.reset)
    stack = staticmethod(states.stack)
    unstack = staticmethod(states.unstack)

    def pack(self, state: StreamState) -> bytes:
        """A state as bytes: numbers to the bit, and what model they are of."""
        return packing.pack(state, model=self.fingerprint())

    def unpack(self, data: bytes, *, what: str = "state") -> StreamState:
        """The state again; UserError, which names `what`, for bytes that are no state of this."""
        return packing.unpack(data, self.init_state(1), model=self.fingerprint(), what=what)

    def fingerprint(self) -> str:
        """Tells models apart whose states are not each other's; computed once."""
        if not self._fingerprint:
            said = f"{self.mode} {self.window} {self.width} {self.origin} {fingerprint(self)}"
            self._fingerprint = hashlib.sha256(said.encode()).hexdigest()
        return self._fingerprint

    @property
    def _recurrent(self) -> RecurrentClassifier:
        assert isinstance(self.classifier, RecurrentClassifier)
        return self.classifier

    def _features(self, frames: Tensor) -> Tensor:
        """Frames (B, T, H, W, 3) uint8, or their features (B, T, Da) -> (B, T, Da) float32."""
        if frames.dim() == 3 and frames.is_floating_point():
            if frames.shape[2] != self.width:
                raise ValueError(f"features of width {frames.shape[2]}, not {self.width}")
            return frames.float()
        if frames.dim() != 5 or frames.dtype != torch.uint8 or frames.shape[-1] != 3:
            raise ValueError(
                f"{frames.dtype} {tuple(frames.shape)}: give frames (B, H, W, 3) uint8, or "
                f"features (B, {self.width})"
            )
        if self.frame_encoder is None:
            raise ValueError("frames: this model has no frame encoder; give features")
        rows = [self.frame_encoder(part) for part in frames.flatten(0, 1).split(FRAMES)]
        return torch.cat(rows).float().unflatten(0, frames.shape[:2])

    def _steps(self, features: Tensor) -> Tensor:
        """What the recurrent layers read of features (B, T, Da): (B, T, I)."""
        return self._recurrent.steps(*self._as_clips(features))[0]

    def _as_clips(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (V, T, Da) as T clips of a frame each: what a classifier takes."""
        motion = features.new_zeros(*features.shape[:2], self.motion_width)
        mask = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        return features[:, :, None], motion, mask

    def _stateful(
        self, scores: Tensor, after: RecurrentState, seen: Tensor
    ) -> tuple[StreamOutput, StatefulState]:
        """Output and state; seen (B,), or (B, T) of a chunk."""
        last = seen[:, -1].clone() if seen.dim() == 2 else seen
        state = StatefulState(after.hidden.detach(), after.cell.detach(), last)
        return StreamOutput(scores, seen >= self.warm_up, seen), state

    def _windowed(self, features: Tensor, state: WindowState) -> tuple[StreamOutput, WindowState]:
        """T frames, each with the W - 1 before it as a clip.  features (B, T, Da)."""
        held = torch.cat([state.features, features], 1)  # (B, W + T, Da)
        seen = _counts(state.seen, features.shape[1])
        at_once = max(1, NUMBERS // max(1, self.window * self.width * len(held)))
        scores = []
        for begin in range(0, features.shape[1], at_once):
            some = seen[:, begin : begin + at_once]
            windows = held[:, begin + 1 : begin + some.shape[1] + self.window]
            windows = windows.unfold(1, self.window, 1).transpose(2, 3)  # (B, T', W, Da)
            scores.append(self._of_windows(windows.flatten(0, 1), some.flatten()))
        after = held[:, -self.window :].detach().clone()
        output = torch.cat([part.unflatten(0, (len(held), -1)) for part in scores], 1)
        return StreamOutput(output, seen >= self.window, seen), WindowState(
            after, seen[:, -1].clone()
        )

    def _of_windows(self, windows: Tensor, seen: Tensor) -> Tensor:
        """Scores (M, K) of clips (M, W, Da), of which the last `seen` (M,) frames there were."""
        # As clips that are shorter than others: the real frames first, from their own beginning.
        place = torch.arange(self.window, device=windows.device)
        there = seen.clamp(max=self.window)[:, None]
        index = (place - there) % self.window
        clips = windows.gather(1, index[..., None].expand(-1, -1, self.width))
        appearance, motion, _ = self._as_clips(clips)
        scores = self.classifier(appearance, motion, place < there)
        if scores.dim() == 3:  # values at each step
            return scores.gather(1, (there - 1)[..., None].expand(-1, -1, scores.shape[2]))[:, 0]
        return scores


def _recurrent_state(state: StatefulState) -> RecurrentState:
    return RecurrentState(state.hidden, state.cell)


def _counts(seen: Tensor, frames: int) -> Tensor:
    """Frames seen after each of T more.  seen (B,) int64 -> (B, T)."""
    return seen[:, None] + torch.arange(1, frames + 1, device=seen.device)
