"""What the model is."""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The model: DualVGR and its variants (defaults: the paper's, on MSVD-QA).

    Args:
        width: width D of clips, words' states and graphs
        units: reasoning units T, each with its own weights (paper: 1 MSVD, 6 MSRVTT, 4 SVQA)
        heads: heads of each relation graph
        graph_layers: rounds of attention in each relation graph
        topology: which clips of a video each relation graph relates: complete (all of them), or for
            long videos window:K (those at most K places away) or knn:K (the K most alike, itself
            among them)
        fusion: how the channels meet: mfb (DualVGR) or linear (MSVQA)
        bilinear_width: products of the mfb fusion
        bilinear_factor: factors summed to one product of the mfb fusion
        punish: what the query punishment scales: values (released code) or nodes (paper)
        word_mask: padding out before the word softmax, or after it as released
        feature_norm: standardize subtracts the training videos' mean and divides by their
            deviation, for features whose values would saturate the tanh at the input
        clip_dropout: chance that a training question does not see a clip (against learning videos
            by heart)
        feature_dropout: dropout of the stored features of both channels (likewise)
        dropout: dropout of words, frames, graphs, read-out and head
        state_dropout: dropout of the last states of the LSTMs
    """

    width: int = 768
    units: int = 1
    heads: int = 4
    graph_layers: int = 1
    topology: str = "complete"
    fusion: Literal["mfb", "linear"] = "mfb"
    bilinear_width: int = 256
    bilinear_factor: int = 2
    punish: Literal["values", "nodes"] = "values"
    word_mask: Literal["before", "released"] = "before"
    feature_norm: Literal["none", "standardize"] = "none"
    clip_dropout: float = 0.0
    feature_dropout: float = 0.0
    dropout: float = 0.15
    state_dropout: float = 0.18

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        for name in ("width", "units", "heads", "graph_layers", "bilinear_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.bilinear_factor < 1:
            raise ValueError(f"--bilinear_factor {self.bilinear_factor}: must be at least 1")
        if self.width % self.heads or self.width % 2:
            raise ValueError(
                f"--width {self.width}: must be even and a multiple of --heads {self.heads}"
            )
        if not re.fullmatch(r"complete|(window|knn):[1-9][0-9]*", self.topology):
            raise ValueError(
                f"--topology {self.topology}: give complete, window:K or knn:K with a whole number "
                "K of at least 1, such as window:8"
            )
        for name in ("clip_dropout", "feature_dropout", "dropout", "state_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1)")
