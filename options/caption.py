"""What a captioner learns from, what it is, and how its captions are searched for."""

from dataclasses import dataclass
from typing import Literal

from options.data import Channels, FeaturesIn, MotionFrom, Video
from options.model import check_feature_norm, check_topology

Decoder = Literal["lstm", "ets_paddle", "ets_yao2015", "transformer", "dualvgr_lstm"]


@dataclass(frozen=True, kw_only=True)
class CaptionDataOptions:
    """The data: encoded captions and one feature store a channel; the second may be left out.

    Args:
        captions: file of python -m preprocess.captions
        appearance: feature store of the appearance channel
        motion: feature store of the motion channel; without one there is no such channel, unless
            --motion_from makes it
        clips: store of decoded clips (python -m preprocess.videos --backbone none), in place of the
            feature stores: the encoders are then part of the run
        video: real features; none: zeros in their place (a language model alone); shuffled: each
            video's features exchanged for another's of the same split, by a fixed permutation
        motion_from: where the motion channel is from: its store; or, without one, from the
            appearance store: the mean of a clip's frames, or the difference of its two halves
        channels: both, or one alone
        features_in: where stored features are held: memory, disk (mapped, read batch by batch),
            gpu, or auto, the fastest that they fit in
        longest: training captions of more words are left out; 0: none
    """

    captions: str
    appearance: str | None = None
    motion: str | None = None
    clips: str | None = None
    video: Video = "real"
    motion_from: MotionFrom = "store"
    channels: Channels = "both"
    features_in: FeaturesIn = "auto"
    longest: int = 0

    def __post_init__(self) -> None:
        """Only a language model alone can do without stores; one kind of them is enough."""
        if self.longest < 0:
            raise ValueError(f"--longest {self.longest}: must not be negative")
        if self.clips is not None:
            if self.appearance is not None or self.motion is not None:
                raise ValueError(
                    "--clips takes the place of --appearance and --motion: leave out one"
                )
            if self.motion_from != "store":
                raise ValueError(f"--motion_from {self.motion_from}: --clips has both channels")
            return
        if self.motion_from != "store" and self.motion is not None:
            raise ValueError(
                f"--motion_from {self.motion_from}: takes the place of --motion: leave out one"
            )
        if self.video != "none" and self.appearance is None:
            raise ValueError(
                "--appearance is missing: name a feature store (python -m preprocess.videos makes "
                "one), --clips, or --video none"
            )
        if self.channels == "motion" and self.motion is None and self.motion_from == "store":
            raise ValueError("--channels motion: there is none; give --motion or --motion_from")


@dataclass(frozen=True, kw_only=True)
class CaptionOptions:
    """The captioner.

    Args:
        decoder: lstm (the ResNet + LSTM tutorial, corrected), ets_paddle (temporal attention as
            Paddle's ETS), ets_yao2015 (as Yao et al. 2015), transformer (a small modern one, the
            yardstick), or dualvgr_lstm (the relation graphs of both channels, then lstm)
        width: width of states and of the decoder
        word_width: width of the word vectors; default that of the caption file's, or --width
        freeze_words: word vectors stay as they come (with those of a caption file)
        positions: what a decoder reads or attends to: a video's clips (the mean of their frames),
            or all their frames
        feature_norm: standardize subtracts the training videos' mean and divides by their
            deviation; whiten:K takes their K first principal components, each divided by its
            deviation
        attn_act: of ets_paddle's attention: tanh, or none as released, which never depends on what
            has been said
        legacy_frame_aligned: the tutorial's decoder as written: one word a frame, no word read
        layers: layers of the transformer
        heads: attention heads of the transformer, or of each relation graph
        units: units of relation graphs of dualvgr_lstm
        graph_layers: rounds of attention in each relation graph
        topology: which clips each relation graph relates: complete, window:K or knn:K
        graph_dropout: dropout of dualvgr_lstm's frames and graphs
        fusion: how the channels of dualvgr_lstm meet: linear or mfb
        fused_norm: of the fused clips of dualvgr_lstm: batch (over a batch's clips, without which
            it says of all videos the same), or none
        bilinear_width: products of the mfb fusion
        bilinear_factor: factors summed to one product of the mfb fusion
        feature_dropout: dropout of the features
        dropout: dropout of words and of what the words are said from
        reduction: loss per word, or of whole captions (Yao et al.)
        attention_penalty: weight of the doubly stochastic penalty: over a caption every position is
            to be attended to as often as the others (Yao et al.: 0.70602 times a sum over a batch
            of 64; here a mean, so 45.2)
        label_smoothing: share of the probability that is spread over all words
        select_by: which validation is best: by cider (CIDEr-D of greedy captions), or by the
            likelihood of the true ones
    """

    decoder: Decoder = "lstm"
    width: int = 512
    word_width: int | None = None
    freeze_words: bool = False
    positions: Literal["clips", "frames"] = "clips"
    feature_norm: str = "none"
    attn_act: Literal["tanh", "none"] = "tanh"
    legacy_frame_aligned: bool = False
    layers: int = 2
    heads: int = 4
    units: int = 1
    graph_layers: int = 1
    topology: str = "complete"
    graph_dropout: float = 0.15
    fusion: Literal["linear", "mfb"] = "linear"
    fused_norm: Literal["batch", "none"] = "batch"
    bilinear_width: int = 256
    bilinear_factor: int = 2
    feature_dropout: float = 0.0
    dropout: float = 0.5
    reduction: Literal["words", "captions"] = "words"
    attention_penalty: float = 0.0
    label_smoothing: float = 0.0
    select_by: Literal["cider", "likelihood"] = "cider"

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        sizes = ("width", "layers", "heads", "units", "graph_layers", "bilinear_width")
        for name in (*sizes, "bilinear_factor"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.word_width is not None and self.word_width < 1:
            raise ValueError(f"--word_width {self.word_width}: must be at least 1")
        attends = self.decoder in ("transformer", "dualvgr_lstm")  # by heads
        if attends and (self.width % self.heads or self.width % 2):
            raise ValueError(
                f"--width {self.width}: must be even and a multiple of --heads {self.heads}"
            )
        check_topology(self.topology)
        check_feature_norm(self.feature_norm)
        for name in ("feature_dropout", "dropout", "graph_dropout", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1)")
        if self.attention_penalty < 0:
            raise ValueError(f"--attention_penalty {self.attention_penalty}: must not be negative")


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How captions are searched for.

    Args:
        beam: hypotheses that are held at a time; 1 is greedy
        max_words: most words of a caption
        length_penalty: exponent of a caption's length, by which its log-probability is divided; 0:
            none, and short captions win
        no_repeat: no sequence of so many words comes twice in a caption; 0: any may
    """

    beam: int = 5
    max_words: int = 30
    length_penalty: float = 0.0
    no_repeat: int = 0

    def __post_init__(self) -> None:
        """Refuse a search that finds nothing."""
        for name in ("beam", "max_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        for name in ("length_penalty", "no_repeat"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must not be negative")
