"""The reasoning unit: word attention, query punishment, four relation graphs (spec, section 5)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.dualvgr.config import DualVGRConfig, RelationConfig, WordMask
from model.dualvgr.relation_graph import RelationGraph
from model.dualvgr.text import EncodedQuestion
from model.dualvgr.topology import Topology


class UnitOutput(NamedTuple):
    """One unit's outcome.  All (B, N, D) but the punishments, which are (B, N)."""

    appearance: Tensor
    motion: Tensor
    appearance_specific: Tensor
    appearance_common: Tensor
    motion_specific: Tensor
    motion_common: Tensor
    appearance_punishment: Tensor
    motion_punishment: Tensor


class WordAttention(nn.Module):
    """Weigh the words of a question and sum them to a query (DualVGR, section 3.2)."""

    def __init__(self, *, width: int, word_mask: WordMask) -> None:
        """`word_mask`: "before" masks padding before the softmax; "released" after it."""
        super().__init__()
        self.enhance = nn.Linear(width, width)
        self.score = nn.Linear(width, 1)
        self.word_mask = word_mask

    def forward(self, question: EncodedQuestion) -> Tensor:
        """Make the query.  -> (B, W), a weighted sum of the word vectors."""
        u = nn.functional.normalize(self.enhance(question.sequence), dim=2)
        logits = self.score(u).squeeze(2)  # (B, L)
        if self.word_mask == "before":
            weight = logits.masked_fill(~question.mask, -torch.inf).softmax(1)
        else:  # released code: padding takes part in the softmax and is cut out afterwards
            weight = logits.softmax(1) * question.mask
            weight = weight / (weight.sum(1, keepdim=True) + 1e-5)
        return (weight[:, None] @ question.words).squeeze(1)


class ChannelAttention(nn.Module):
    """Weigh a channel's common and specific view of each clip and sum them."""

    def __init__(self, *, width: int) -> None:
        """Width of both views."""
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, common: Tensor, specific: Tensor) -> Tensor:
        """Fuse.  common, specific (..., D) -> (..., D)."""
        views = torch.stack([common, specific], -2)  # (..., 2, D)
        weight = self.score(self.hidden(views).tanh()).softmax(-2)
        return (weight * views).sum(-2)


class RelationGraphs(nn.Module):
    """The part of a reasoning unit that knows of no question: four graphs, a fusion a channel.

    The autoencoder of two-stage training is made of these alone (spec, section 8).
    """

    def __init__(self, config: RelationConfig) -> None:
        """Each graph has its own weights."""
        super().__init__()
        self.appearance_specific = RelationGraph(config)
        self.appearance_common = RelationGraph(config)
        self.motion_specific = RelationGraph(config)
        self.motion_common = RelationGraph(config)
        self.appearance_fusion = ChannelAttention(width=config.width)
        self.motion_fusion = ChannelAttention(width=config.width)

    def forward(
        self, appearance: Tensor, motion: Tensor, sa: Tensor, sm: Tensor, topology: Topology
    ) -> UnitOutput:
        """Relate clips; see relate."""
        return relate(self, appearance, motion, sa, sm, topology)


class ReasoningUnit(nn.Module):
    """One of T units, each with its own weights: punish by the question, then relate."""

    # The same names as in RelationGraphs, whose weights this starts from after a first stage.  Not
    # a subclass: a seed's weights, and an optimizer's state, go by the order of the parameters, and
    # here those of the question come first.
    def __init__(self, config: DualVGRConfig) -> None:
        """Each graph has its own weights."""
        super().__init__()
        self.words = WordAttention(width=config.width, word_mask=config.word_mask)
        self.appearance_query = nn.Linear(config.word_width, config.width)
        self.motion_query = nn.Linear(config.word_width, config.width)
        self.appearance_specific = RelationGraph(config)
        self.appearance_common = RelationGraph(config)
        self.motion_specific = RelationGraph(config)
        self.motion_common = RelationGraph(config)
        self.appearance_fusion = ChannelAttention(width=config.width)
        self.motion_fusion = ChannelAttention(width=config.width)

    def forward(
        self, appearance: Tensor, motion: Tensor, question: EncodedQuestion, topology: Topology
    ) -> UnitOutput:
        """Reason once.  appearance, motion (B, N, D) -> UnitOutput; see relate."""
        query = self.words(question)
        sa = _punishment(appearance, self.appearance_query(query))
        sm = _punishment(motion, self.motion_query(query))
        return relate(self, appearance, motion, sa, sm, topology)


def relate(
    graphs: RelationGraphs | ReasoningUnit,
    appearance: Tensor,
    motion: Tensor,
    sa: Tensor,
    sm: Tensor,
    topology: Topology,
) -> UnitOutput:
    """Relate clips.  appearance, motion (B, N, D), punishments sa, sm (B, N) -> UnitOutput.

    `topology`: who takes part and attends to whom in this batch (model/dualvgr/topology.py).
    """
    near_a, near_m = topology.links(appearance), topology.links(motion)
    a, m, pa, pm = (topology.pack(x) for x in (appearance, motion, sa, sm))
    za = graphs.appearance_specific(a, pa, near_a)
    zca = graphs.appearance_common(a, pa, near_a)
    zm = graphs.motion_specific(m, pm, near_m)
    zcm = graphs.motion_common(m, pm, near_m)
    a = a + graphs.appearance_fusion(zca, za)
    m = m + graphs.motion_fusion(zcm, zm)
    a, m, za, zca, zm, zcm = (topology.unpack(x) for x in (a, m, za, zca, zm, zcm))
    return UnitOutput(a, m, za, zca, zm, zcm, sa, sm)


def _punishment(clips: Tensor, query: Tensor) -> Tensor:
    """How much each clip has to do with the query, 0 to 1.  (B, N, D), (B, D) -> (B, N)."""
    return (clips @ query[..., None]).squeeze(2).sigmoid()
