"""A classifier's run as it follows a stream: which frames it looks at, and how.

from inference.stream.open import open_stream

stream = open_stream("results/mine")
state = stream.model.init_state(batch=1)
for frame in camera:  # (1, H, W, 3) uint8, so many a second as stream.fps says
    output, state = stream.model.step(frame, state)
    print(stream.classes[output.scores.argmax(1)])
"""

from dataclasses import dataclass
from pathlib import Path

from inference.classification.temperature import temperature_of
from inference.run import Run, open_run
from inference.stream.frame_encoder import FrozenFrameEncoder, OwnFrameEncoder, RunFrameEncoder
from inference.video import FeatureExtraction
from model.classifier.recurrent import RecurrentClassifier
from model.classifier.relation import RelationClassifier
from model.streaming.classifier import StreamingClassifier
from model.streaming.state import Mode
from model.task.classification import Classification
from model.task.frame_network import FrameNetwork
from util.errors import UserError

CURE = "a stream is frames: train with --channels appearance"


@dataclass(frozen=True, kw_only=True)
class RunStream:
    """A run, ready to follow streams."""

    run: Run[Classification]
    model: StreamingClassifier
    encoder: RunFrameEncoder  # also the model's
    fps: float | None  # frames a second that are to be looked at; None: each `stride`-th
    stride: int = 1  # without fps, frames from one that is looked at to the next
    temperature: float = 1.0  # scores are divided by it before their softmax
    how: str = ""  # where that is from, in words

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none: a value is told at each frame."""
        return self.run.task.classes

    @property
    def told(self) -> str:
        """How the stream is followed, in words."""
        how = "stateful, the whole past counts"
        if self.model.window:
            how = f"window, the last {self.model.window} frames count"
        rate = "every frame" if self.stride == 1 else f"one frame in {self.stride}"
        if self.fps is not None:
            rate = f"{self.fps:g} frames a second"
        how = f"{how}; {rate} looked at"
        return f"{how}; {self.how}" if self.classes else how


def open_stream(
    run: str | Path,
    *,
    mode: Mode | None = None,
    window: int | None = None,
    fps: float | None = None,
    appearance_weights: str | None = None,
    device: str = "auto",
) -> RunStream:
    """Load a run: its folder, or a packed file.

    `mode`: by default stateful where the run was trained for it (an rnn with --carry), else window;
    `window`: by default the frames of its training videos; `fps`: by default the rate of its store,
    if that has one, else frames as far apart as those of its clips.  Raises UserError if the run
    classifies nothing, looks at more than frames, or cannot be followed so.
    """
    opened = open_run(run, Classification, device=device)
    task = opened.task
    network = task.classification.network
    if isinstance(task.model, FrameNetwork | RelationClassifier):
        raise UserError(
            f"{run}: a {network} network looks at whole clips; a stream is followed by rnn, "
            "temporal_transformer or linear (python train.py classification --network rnn)"
        )
    encoder = _frame_encoder(opened, appearance_weights, device)
    made = next(iter(opened.stores.values())).provenance.sampling
    carried = isinstance(task.model, RecurrentClassifier) and task.classification.carry > 0
    mode = mode or ("stateful" if carried and window is None else "window")
    if mode == "stateful" and not isinstance(task.model, RecurrentClassifier):
        raise UserError(f"--stream_mode stateful: {run} is no rnn but {network}; give window")
    trained = task.steps
    if task.classification.clips_as == "views" and made is not None:
        trained = made.frames
    placed = network == "temporal_transformer" and task.classification.positions == "temporal"
    if placed and window is not None and window > task.steps:
        raise UserError(
            f"--window {window}: {run} has positions for {task.steps} frames; give that or less"
        )
    model = StreamingClassifier(
        task.model,
        mode=mode,
        width=task.widths["appearance"],
        motion_width=task.widths["motion"],
        window=(window or trained) if mode == "window" else 0,
        warm_up=trained,
        frame_encoder=encoder,
        origin=encoder.origin,
    ).eval()
    rate = fps or (made.fps if made is not None else None)
    stride = made.stride if made is not None and rate is None else 1
    temperature, how = temperature_of(opened, crops=1)
    return RunStream(
        run=opened,
        model=model,
        encoder=encoder,
        fps=rate,
        stride=stride,
        temperature=temperature,
        how=how,
    )


def _frame_encoder(
    run: Run[Classification], appearance_weights: str | None, device: str
) -> RunFrameEncoder:
    """What turns a frame into what the run's classifier takes.  UserError where nothing does."""
    options = run.options
    if options["video"] == "none":
        raise UserError(
            f"{run.path} was trained without video (--video none): name a run that saw videos"
        )
    if not run.task.widths["appearance"] or options["channels"] == "motion":
        raise UserError(f"{run.path} looks at motion alone; {CURE}")
    if run.task.widths["motion"] and options["channels"] != "appearance":
        raise UserError(f"{run.path} has a motion channel, whose features are of clips; {CURE}")
    if "clips" in run.stores:
        if appearance_weights:
            raise UserError(
                f"{run.path} has encoders of its own in its checkpoint: leave out "
                "--appearance_weights"
            )
        assert run.task.encoder is not None
        return OwnFrameEncoder(run.task.encoder, run.stores["clips"].provenance)
    stores = {"appearance": run.stores["appearance"]}
    reader = FeatureExtraction(
        run.path, stores, weights={"appearance": appearance_weights}, device=device
    )
    return FrozenFrameEncoder(reader.backbones["appearance"], reader.made["appearance"], run.device)
