"""What a stream is followed with."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PredictStreamOptions:
    """What happens in a video that is still coming: its class, or a value, frame by frame.

    Args:
        run: folder of the run (results/RUN) of the task classification, or a packed run
        stream: anything PyAV opens: a file, a named pipe, an address (rtsp://...), or - for the
            standard input
        stream_mode: stateful carries the recurrent network's state on, so that the whole past
            counts (one step a frame); window classifies the last --window frames anew; default
            stateful for a run that was trained for it (--carry), else window
        window: frames that count, of window; default as many as a training video had
        fps: frames a second of the source that are looked at; default the rate of the run's store
            (preprocess.videos --fps), or every frame (of a store made with --stride, each so many)
        every: seconds of the source between two lines; default a line when the class changes, and
            for each value
        state: file that the stream's state is saved in, at the end and each --save_every; if it is
            there, the stream goes on from it
        save_every: seconds of the source between two savings
        appearance_weights: file of the backbone's weights; default where the store was extracted
            from
        device: where to compute; auto takes a GPU when there is one
    """

    run: str
    stream: str
    stream_mode: Literal["stateful", "window"] | None = None
    window: int | None = None
    fps: float | None = None
    every: float | None = None
    state: str | None = None
    save_every: float | None = None
    appearance_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be followed."""
        if not self.stream:
            raise ValueError("--stream is empty: name a file, an address, or - for standard input")
        if self.window is not None and self.window < 1:
            raise ValueError(f"--window {self.window}: must be at least 1")
        if self.window is not None and self.stream_mode == "stateful":
            raise ValueError("--window: is for --stream_mode window; stateful knows the whole past")
        for name in ("fps", "every", "save_every"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"--{name} {value}: give a number above 0")
        if self.save_every is not None and self.state is None:
            raise ValueError("--save_every: says when --state is saved; name a file with --state")
