"""What a classifier of videos learns from, and what it is."""

from dataclasses import dataclass
from typing import Literal

from options.data import Channels, FeaturesIn, MotionFrom, Video
from options.model import check_feature_norm, check_topology

FramesShown = Literal["real", "middle", "shuffled"]
Network = Literal[
    "linear", "temporal_transformer", "rnn", "relation", "vivit", "vivit_model1", "vivit_average"
]
SEE_FRAMES = ("vivit", "vivit_model1", "vivit_average")  # have no encoders


@dataclass(frozen=True, kw_only=True)
class LabelDataOptions:
    """The data: labelled videos and one feature store a channel; the second may be left out.

    Args:
        labels: file of python -m preprocess.labels
        fold: which fold of the file is tested on; the next one is validated on, the rest trained on
            (a file with folds instead of splits)
        label_share: share of the training videos, drawn by --seed, whose labels are learned
        appearance: feature store of the appearance channel
        motion: feature store of the motion channel; without one there is no such channel, unless
            --motion_from makes it
        clips: store of decoded clips (python -m preprocess.videos --backbone none), in place of the
            feature stores: the encoders are then part of the run
        video: real features; none: zeros in their place (the commonest class alone); shuffled: each
            video's features exchanged for another's of the same split, by a fixed permutation
        frames: all frames in their order; middle: a video's middle frame alone; shuffled: all of
            them in an order drawn once for each video (what order tells is then lost)
        motion_from: where the motion channel is from: its store; or, without one, from the
            appearance store: the mean of a clip's frames, or the difference of its two halves
        channels: both, or one alone; with --clips the other one's encoder is then left out
        features_in: where stored features are held: memory, disk (mapped, read batch by batch),
            gpu, or auto, the fastest that they fit in
    """

    labels: str
    fold: int | None = None
    label_share: float = 1.0
    appearance: str | None = None
    motion: str | None = None
    clips: str | None = None
    video: Video = "real"
    frames: FramesShown = "real"
    motion_from: MotionFrom = "store"
    channels: Channels = "both"
    features_in: FeaturesIn = "auto"

    def __post_init__(self) -> None:
        """Only the commonest class can do without stores; one kind of them is enough."""
        if not 0 < self.label_share <= 1:
            raise ValueError(
                f"--label_share {self.label_share}: must be above 0 and at most 1, such as 0.1"
            )
        if self.clips is not None:
            if self.appearance is not None or self.motion is not None:
                raise ValueError(
                    "--clips takes the place of --appearance and --motion: leave out one"
                )
            if self.motion_from != "store":
                raise ValueError(f"--motion_from {self.motion_from}: --clips has both channels")
        elif self.motion_from != "store" and self.motion is not None:
            raise ValueError(
                f"--motion_from {self.motion_from}: takes the place of --motion: leave out one"
            )
        elif self.video != "none" and self.appearance is None:
            raise ValueError(
                "--appearance is missing: name a feature store (python -m preprocess.videos makes "
                "one), --clips, or --video none"
            )
        elif self.channels == "motion" and self.motion is None and self.motion_from == "store":
            raise ValueError("--channels motion: there is none; give --motion or --motion_from")
        if self.frames != "real" and self.video != "none":
            self._refuse_motion()

    def _refuse_motion(self) -> None:
        """A stored motion feature is of several frames in order: it would tell what is hidden."""
        if self.motion is not None and self.channels != "appearance":
            raise ValueError(
                f"--frames {self.frames}: features of --motion are of several frames in order; "
                "give --channels appearance, or --motion_from mean without --motion"
            )
        moves = self.clips is not None and self.channels != "appearance"
        if self.frames == "middle" and (moves or self.motion_from == "difference"):
            raise ValueError(
                "--frames middle: nothing moves in a single frame; give --channels appearance, or "
                "--motion_from mean"
            )


@dataclass(frozen=True, kw_only=True)
class ClassificationOptions:
    """The classifier.

    Args:
        network: linear (of the mean features, the row to beat), temporal_transformer (over frames),
            rnn (over frames, one way; the one that can tell a value at each frame), or relation
            (the relation graphs of DualVGR); over the frames of --clips, without encoders: vivit
            (frames, then times), vivit_model1 (all at once), vivit_average (frames, then a mean)
        clips_as: sequence: a video is one sequence, its clips one after another; views: each clip
            is a video of its own, one drawn a step in training, and their scores are averaged
        width: width of the network
        layers: layers of the transformer, or of the rnn
        heads: attention heads of a transformer, or of each relation graph
        positions: of the transformer: a learned one for each frame, or none (frames in any order)
        cell: of the rnn
        head_width: hidden layer between the rnn and the classes; 0: none
        tbptt: steps that a gradient of the rnn goes back at most; 0: all
        carry: chance that a training video begins in the state that another one left, as a stream
            does
        units: units of relation graphs
        graph_layers: rounds of attention in each relation graph
        topology: which clips each relation graph relates: complete, window:K or knn:K
        graph_dropout: dropout of relation's frames and graphs
        fusion: how the channels of relation meet: linear or mfb
        bilinear_width: products of the mfb fusion
        bilinear_factor: factors summed to one product of the mfb fusion
        feature_norm: standardize subtracts the training videos' mean and divides by their
            deviation; whiten:K takes their K first principal components, each divided by its
            deviation
        feature_dropout: dropout of the features
        dropout: dropout of the network (of relation: before the classes)
        label_smoothing: share of the probability that is spread over all classes
    """

    network: Network = "temporal_transformer"
    clips_as: Literal["sequence", "views"] = "sequence"
    width: int = 256
    layers: int = 2
    heads: int = 4
    positions: Literal["temporal", "none"] = "temporal"
    cell: Literal["lstm", "gru"] = "lstm"
    head_width: int = 0
    tbptt: int = 0
    carry: float = 0.0
    units: int = 1
    graph_layers: int = 1
    topology: str = "complete"
    graph_dropout: float = 0.15
    fusion: Literal["linear", "mfb"] = "linear"
    bilinear_width: int = 256
    bilinear_factor: int = 2
    feature_norm: str = "none"
    feature_dropout: float = 0.0
    dropout: float = 0.1
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        sizes = ("width", "layers", "heads", "units", "graph_layers", "bilinear_width")
        for name in (*sizes, "bilinear_factor"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        for name in ("head_width", "tbptt"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must not be negative")
        attends = self.network in ("temporal_transformer", "relation", *SEE_FRAMES)
        if attends and (self.width % self.heads or self.width % 2):
            raise ValueError(
                f"--width {self.width}: must be even and a multiple of --heads {self.heads}"
            )
        check_topology(self.topology)
        check_feature_norm(self.feature_norm)
        if not 0 <= self.carry <= 1:
            raise ValueError(f"--carry {self.carry}: must be in [0, 1]")
        for name in ("feature_dropout", "dropout", "graph_dropout", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1)")


@dataclass(frozen=True, kw_only=True)
class VivitOptions:
    """The networks that see the frames themselves (vivit, vivit_model1, vivit_average).

    Args:
        tubelet: frames of a token; must divide the frames that are seen
        patch: pixels a side of a token; must divide the sides of frames, or --crop
        depth: blocks over the tokens of a time (of vivit_model1, of all times)
        temporal_depth: blocks over times, of vivit
        mlp: width of the hidden layer in each block; 0: four times --width
        gelu: the activation, by the error function or its approximation by tanh, which is faster
        drop_path: chance that a row skips half of the last block; rises in a line from 0
        time_positions: whether a token knows when it is
        repeats: times in a row that each block's weights are run; depths count all of them
        head_mixing: heads of attention are mixed, by weights of each repeat's own that start as
            identity, or at random (released)
        mlp_transform: a depthwise convolution before each MLP, of each repeat's own: it starts as
            identity, or at random in place of what it sees (released)
        vit_weights: what the blocks over a time's tokens start from: a name of torchvision's
            (vit_b_16), timm:NAME, a file of either form, or random
        tubelet_init: the image's kernel becomes that of the middle frame of a token, zero on the
            others (central_frame), or an equal share of each frame's (inflation); uniform: a token
            is of its middle frame alone
        teacher: a trained run (results/OTHER) of one of these networks on the same clips, whose
            scores are to be matched too
        distill: share of the loss that is the divergence from --teacher's scores
    """

    tubelet: int = 2
    patch: int = 16
    depth: int = 4
    temporal_depth: int = 2
    mlp: int = 0
    gelu: Literal["erf", "tanh"] = "erf"
    drop_path: float = 0.0
    time_positions: bool = True
    repeats: int = 1
    head_mixing: Literal["none", "identity", "released"] = "none"
    mlp_transform: Literal["none", "identity", "released"] = "none"
    vit_weights: str = "random"
    tubelet_init: Literal["central_frame", "uniform", "inflation"] = "central_frame"
    teacher: str | None = None
    distill: float = 0.5

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        for name in ("tubelet", "patch", "depth", "temporal_depth", "repeats"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.mlp < 0:
            raise ValueError(f"--mlp {self.mlp}: must be a width, or 0 for four times --width")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"--drop_path {self.drop_path}: must be in [0, 1)")
        if not 0 < self.distill <= 1:
            raise ValueError(
                f"--distill {self.distill}: must be in (0, 1]; for none leave --teacher out"
            )
        if self.tubelet_init == "inflation" and self.vit_weights == "random":
            raise ValueError(
                "--tubelet_init inflation: says how --vit_weights begin, and there are none; leave "
                "it out"
            )
