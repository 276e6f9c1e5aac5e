"""DualVGR and its kin: two visual channels, T reasoning units, fusion, an answer head."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.dualvgr.config import DualVGRConfig, RelationConfig
from model.dualvgr.fusion import FUSIONS, ClipReadout
from model.dualvgr.reasoning import ReasoningUnit, RelationGraphs, UnitOutput
from model.dualvgr.relation_graph import GraphAttention
from model.dualvgr.text import QuestionEncoder
from model.dualvgr.topology import connector
from model.dualvgr.video import LinearClips, VideoEncoder
from model.head.answer import AnswerHead
from model.head.product import ProductHead
from model.layer.gather import gather_rows

# Of encoded appearance and motion clips, two of (V, N, D), makes others.
Fill = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class DualVGROutput(NamedTuple):
    """The answer's scores and how the model came to them."""

    logits: Tensor  # (B, A)
    units: tuple[UnitOutput, ...]  # T of them
    readout: Tensor  # (B, N) weight of each clip
    mask: Tensor  # (B, N) True on the clips that took part
    # Of the V videos, before any graph: appearance and motion (V, N, D); None without LSTMs.
    clips: tuple[Tensor, Tensor] | None = None


def initialise(model: nn.Module) -> None:
    """Xavier-uniform matrices, zero biases, embedding uniform(-1, 1) (spec, 5, weights)."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.LSTM):
            for name, parameter in module.named_parameters():
                if name.startswith("weight"):
                    nn.init.xavier_uniform_(parameter)
                else:
                    nn.init.zeros_(parameter)
        elif isinstance(module, nn.Embedding):
            nn.init.uniform_(module.weight, -1, 1)
    for module in model.modules():  # after the linear layers: each head has its own fan-out
        if isinstance(module, GraphAttention):
            module.reset_parameters()


def product_head(config: DualVGRConfig) -> ProductHead:
    """The head "product", with random weights."""
    return ProductHead(
        width=config.width,
        answers=config.answers,
        dropout=head_dropout(config),
        answer_width=config.answer_width if config.semantic_head else 0,
    )


def head_dropout(config: DualVGRConfig) -> float:
    """Dropout of the head: that of the rest, unless it has its own."""
    return config.dropout if config.head_dropout is None else config.head_dropout


class RelationEncoder(nn.Module):
    """The video's half of DualVGR alone: its encoder and T units of relation graphs.

    No question punishes a clip (every punishment is 1).  Its weights carry the names that they have
    in DualVGR, which starts from them after a first stage of training (spec, section 8).
    """

    def __init__(self, config: RelationConfig) -> None:
        """Random weights."""
        super().__init__()
        self.connect = connector(config.topology)
        self.video = VideoEncoder(config)
        self.units = nn.ModuleList(RelationGraphs(config) for _ in range(config.units))
        initialise(self)

    def forward(self, appearance: Tensor, motion: Tensor, mask: Tensor) -> tuple[UnitOutput, ...]:
        """Relate the clips of V videos.

        appearance (V, N, F, Da), motion (V, N, Dm), mask (V, N) True on real clips -> T outputs.
        """
        a, m = self.video(appearance, motion)
        return self.relate(a, m, mask)

    def relate(self, a: Tensor, m: Tensor, mask: Tensor) -> tuple[UnitOutput, ...]:
        """Relate encoded clips.  a, m (V, N, D), mask (V, N) -> T outputs."""
        ones = torch.ones(mask.shape, device=a.device, dtype=a.dtype)
        topology, units = self.connect(mask), []
        for unit in self.units:
            units.append(unit(a, m, ones, ones, topology))
            a, m = units[-1].appearance, units[-1].motion
        return tuple(units)


class DualVGR(nn.Module):
    """Dual-Visual Graph Reasoning (Wang et al. 2021); fusion "linear" is MSVQA's (spec, 4 to 6)."""

    def __init__(self, config: DualVGRConfig) -> None:
        """Random weights."""
        super().__init__()
        self.clip_dropout = config.clip_dropout
        self.connect = connector(config.topology)
        self.question = QuestionEncoder(config)
        self.video = VideoEncoder(config)
        self.units = nn.ModuleList(ReasoningUnit(config) for _ in range(config.units))
        self.fusion = FUSIONS[config.fusion](config)
        self.readout = ClipReadout(width=config.width, dropout=config.dropout)
        self.head = (
            product_head(config)
            if config.head == "product"
            else AnswerHead(
                width=config.width, answers=config.answers, dropout=head_dropout(config)
            )
        )
        self.values = LinearClips(config) if config.readout_of == "features" else None
        initialise(self)

    def forward(
        self,
        appearance: Tensor,
        motion: Tensor,
        clip_mask: Tensor,
        video: Tensor,
        words: Tensor,
        length: Tensor,
        fill: Fill | None = None,
    ) -> DualVGROutput:
        """Answer B questions about V videos.

        appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips,
        video (B,) each question's row of the videos, words (B, L), length (B,) -> DualVGROutput.
        `fill`: puts other clips in place of the encoded ones, two of (V, N, D) -> the same.
        """
        question = self.question(words, length)
        features = self.video.appearance_norm(appearance), self.video.motion_norm(motion)
        encoded = self.video.encode(*features)
        if fill is not None:
            encoded = fill(*encoded)
        a, m = (gather_rows(x, video) for x in encoded)
        mask = self._drop_clips(clip_mask[video])
        topology, units = self.connect(mask), []
        for unit in self.units:
            units.append(unit(a, m, question, topology))
            a, m = units[-1].appearance, units[-1].motion
        summary, weight = self.readout(self.fusion(a, m), mask)
        if self.values is not None:
            clips = gather_rows(self.values(*features), video)
            summary = (weight[:, None] @ clips).squeeze(1)
        logits = self.head(summary, question.summary)
        return DualVGROutput(logits, tuple(units), weight, mask, encoded)

    def _drop_clips(self, mask: Tensor) -> Tensor:
        """In training, leave out clips at random, never all of a question's.  (B, N) -> same."""
        if not self.training or not self.clip_dropout:
            return mask
        kept = mask & (torch.rand(mask.shape, device=mask.device) >= self.clip_dropout)
        return torch.where(kept.any(1, keepdim=True), kept, mask)
