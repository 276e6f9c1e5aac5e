"""What the model is."""

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The model: DualVGR and its variants (defaults: the paper's, on MSVD-QA).

    Args:
        model: dualvgr; or low_rank, a small model to be measured against: bag of words times the
            video's mean features (question_summary bag, head product, without LSTMs and graphs)
        width: width D of clips, words' states and graphs
        units: reasoning units T, each with its own weights (paper: 1 MSVD, 6 MSRVTT, 4 SVQA); 0
            takes the relation graphs off
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
            deviation, for features whose values would saturate the tanh at the input; whiten:K
            takes their K first principal components, each divided by its deviation
        question_summary: what the answer head knows of a question: the last states of a bilstm, or
            bag: which words there are, and their mean vector
        head: how question and video meet: concat (as published), or product (low-rank bilinear:
            element by element), beside a part that sees the question alone
        semantic_head: the answers' GloVe vectors beside the classes, so that rare answers share
            (with --head product)
        readout_of: what the weights of the read-out sum: the clips as the graphs and the fusion
            leave them (fused), or a linear map of the clips' features, so that the graphs say where
            to look, and learn less by heart
        candidate_encoder: of multiple choice, cross reads each candidate after its question as one
            text, with the video; bi reads the question once, each candidate by itself as words
            and pairs of neighbours, and multiplies (fewer steps to learn, and to compute)
        freeze_words: word vectors stay as they come
        clip_dropout: chance that a training question does not see a clip (against learning videos
            by heart)
        feature_dropout: dropout of the stored features of both channels (likewise)
        dropout: dropout of words, frames, graphs, read-out and head
        head_dropout: dropout of the head, if another than --dropout
        state_dropout: dropout of the last states of the LSTMs
    """

    model: Literal["dualvgr", "low_rank"] = "dualvgr"
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
    feature_norm: str = "none"
    question_summary: Literal["bilstm", "bag"] = "bilstm"
    head: Literal["concat", "product"] = "concat"
    semantic_head: bool = False
    readout_of: Literal["fused", "features"] = "fused"
    candidate_encoder: Literal["cross", "bi"] = "cross"
    freeze_words: bool = False
    clip_dropout: float = 0.0
    feature_dropout: float = 0.0
    dropout: float = 0.15
    head_dropout: float | None = None
    state_dropout: float = 0.18

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be built."""
        for name in ("width", "heads", "graph_layers", "bilinear_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.units < 0:
            raise ValueError(f"--units {self.units}: must not be negative")
        if self.bilinear_factor < 1:
            raise ValueError(f"--bilinear_factor {self.bilinear_factor}: must be at least 1")
        if self.width % self.heads or self.width % 2:
            raise ValueError(
                f"--width {self.width}: must be even and a multiple of --heads {self.heads}"
            )
        check_topology(self.topology)
        check_feature_norm(self.feature_norm)
        for name in ("clip_dropout", "feature_dropout", "dropout", "head_dropout", "state_dropout"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be in [0, 1)")


def check_topology(value: str) -> None:
    """Raise ValueError unless `--topology` says which clips a graph joins."""
    if not re.fullmatch(r"complete|(window|knn):[1-9][0-9]*", value):
        raise ValueError(
            f"--topology {value}: give complete, window:K or knn:K with a whole number K of at "
            "least 1, such as window:8"
        )


def check_feature_norm(value: str) -> None:
    """Raise ValueError unless `--feature_norm` says how features are normalised."""
    if not re.fullmatch(r"none|standardize|whiten:[1-9][0-9]*", value):
        raise ValueError(
            f"--feature_norm {value}: give none, standardize, or whiten:K with a whole number K of "
            "components, such as whiten:64"
        )
