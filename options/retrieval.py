"""What an embedding of videos and texts learns from, and what it is."""

from dataclasses import dataclass
from typing import Literal

from options.data import FeaturesIn, MotionFrom
from options.model import check_feature_norm


@dataclass(frozen=True, kw_only=True)
class PairDataOptions:
    """The data: encoded captions and one feature store a channel; the second may be left out.

    Args:
        captions: file of python -m preprocess.captions
        appearance: feature store of the appearance channel
        motion: feature store of the motion channel; without one there is no such channel, unless
            --motion_from makes it
        motion_from: where the motion channel is from: its store; or, without one, from the
            appearance store: the mean of a clip's frames, or the difference of its two halves
        features_in: where stored features are held: memory, disk (mapped, read batch by batch),
            gpu, or auto, the fastest that they fit in
        longest: training captions of more words are left out; 0: none
    """

    captions: str
    appearance: str
    motion: str | None = None
    motion_from: MotionFrom = "store"
    features_in: FeaturesIn = "auto"
    longest: int = 0

    def __post_init__(self) -> None:
        """Refuse two sources of one channel."""
        if self.longest < 0:
            raise ValueError(f"--longest {self.longest}: must not be negative")
        if self.motion_from != "store" and self.motion is not None:
            raise ValueError(
                f"--motion_from {self.motion_from}: takes the place of --motion: leave out one"
            )


@dataclass(frozen=True, kw_only=True)
class RetrievalOptions:
    """The embedding: a vector of each clip, each video and each text.

    Args:
        embedding: numbers of a vector
        hidden: width of a layer more within both projections; 0: they are linear
        text_summary: how words become one vector: their mean, attention (a mean weighted by what
            each word is), or lstm
        word_width: width of the word vectors; default that of the caption file's, or --embedding
        freeze_words: word vectors stay as they come (with those of a caption file)
        feature_norm: standardize subtracts the training videos' mean and divides by their
            deviation; whiten:K takes their K first principal components, each divided by its
            deviation
        feature_dropout: dropout of the features
        word_dropout: share of the words of a training caption that are left out
        dropout: dropout within both projections
        temperature: by which similarities are divided at the start; it is learned
    """

    embedding: int = 256
    hidden: int = 0
    text_summary: Literal["mean", "attention", "lstm"] = "attention"
    word_width: int | None = None
    freeze_words: bool = False
    feature_norm: str = "standardize"
    feature_dropout: float = 0.0
    word_dropout: float = 0.0
    dropout: float = 0.2
    temperature: float = 0.07

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        if self.embedding < 2 or self.embedding % 2:
            raise ValueError(f"--embedding {self.embedding}: must be even, and at least 2")
        if self.hidden < 0:
            raise ValueError(f"--hidden {self.hidden}: must not be negative")
        if self.word_width is not None and self.word_width < 1:
            raise ValueError(f"--word_width {self.word_width}: must be at least 1")
        check_feature_norm(self.feature_norm)
        for name in ("feature_dropout", "word_dropout", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1)")
        if not 0.01 <= self.temperature <= 100:
            raise ValueError(
                f"--temperature {self.temperature}: give 0.01, below which it never falls, to 100, "
                "such as 0.07"
            )
