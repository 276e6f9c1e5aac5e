"""The plain form: the same model written the obvious way, as research code writes it.

Every question encodes its own video; the attention concatenates each pair of clips, one head after
another; LSTMs are packed; masks, consistency and HSIC loop over the batch; features are read from
HDF5 sample by sample.  The benchmarks measure the product against it, after checking that both give
the same numbers.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from model.dualvgr.reasoning import ReasoningUnit
from model.dualvgr.relation_graph import GraphAttention, RelationGraph
from model.layer.recurrent import BidirectionalLSTM
from model.task.qa import QuestionAnswering


class PlainAnswering(nn.Module):
    """The task in the plain form, with a copy of the product's weights."""

    def __init__(self, task: QuestionAnswering) -> None:
        """Copy the weights of `task`; its dropout is nn.Dropout here."""
        super().__init__()
        self.loss = task.loss
        self.model = copy.deepcopy(task.model)
        self.frames = packed_twin(task.model.video.frames)
        self.sequence = packed_twin(task.model.question.sequence)
        self.summary = packed_twin(task.model.question.summary)
        self.dropout = nn.Dropout(task.model.video.dropout.chance)
        self.state_dropout = nn.Dropout(task.model.video.state_dropout.chance)
        # their weights are in the twins
        for owner, name in (
            (self.model.video, "frames"),
            (self.model.question, "sequence"),
            (self.model.question, "summary"),
        ):
            delattr(owner, name)

    def forward(
        self, appearance: Tensor, motion: Tensor, words: Tensor, length: Tensor, answer: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Named losses and logits.

        appearance (B, N, F, Da), motion (B, N, Dm), words (B, L), length (B,), answer (B,).
        """
        x = self.dropout(self.model.question.embedding(words)).tanh()
        sequence, _ = self._read(self.sequence, x, length)
        summary = self.state_dropout(self._read(self.summary, x, length)[1])
        a, m = self._videos(appearance, motion)
        agree, differ = [], []
        for unit in self.model.units:
            assert isinstance(unit, ReasoningUnit)
            query = self._query(unit, x, sequence, length)
            sa = (a @ unit.appearance_query(query)[..., None]).squeeze(2).sigmoid()
            sm = (m @ unit.motion_query(query)[..., None]).squeeze(2).sigmoid()
            za, zca = (
                self._graph(g, a, sa) for g in (unit.appearance_specific, unit.appearance_common)
            )
            zm, zcm = (self._graph(g, m, sm) for g in (unit.motion_specific, unit.motion_common))
            a = a + unit.appearance_fusion(zca, za)
            m = m + unit.motion_fusion(zcm, zm)
            agree.append(plain_consistency(zca, zcm))
            differ.append(plain_disparity(za, zca) + plain_disparity(zm, zcm))
        clips = self.dropout(self.model.fusion(a, m))
        hidden = nn.functional.elu(self.model.readout.hidden(clips))
        weight = self.model.readout.score(hidden).softmax(1)
        logits = self.model.head((weight * clips).sum(1), summary)
        losses = {
            "ce": nn.functional.cross_entropy(logits, answer),
            "consistency": torch.stack(agree).mean(),
            "disparity": torch.stack(differ).mean(),
        }
        losses["loss"] = (
            losses["ce"]
            + self.loss.gamma * losses["consistency"]
            + self.loss.beta * losses["disparity"]
        )
        return losses, logits

    def _videos(self, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Each question's own video: (B, N, F, Da), (B, N, Dm) -> two of (B, N, D)."""
        clips = []
        for i in range(appearance.shape[1]):
            x = self.dropout(appearance[:, i]).tanh()
            _, (hidden, _) = self.frames(x)
            clips.append(torch.cat([hidden[0], hidden[1]], 1))
        return self.state_dropout(torch.stack(clips, 1)), self.model.video.motion(motion)

    @staticmethod
    def _read(lstm: nn.LSTM, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """A packed LSTM: states (B, L, D), zero on padding, and last states (B, D)."""
        packed = pack_padded_sequence(x, length.cpu(), batch_first=True, enforce_sorted=False)
        out, (hidden, _) = lstm(packed)
        states, _ = pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
        return states, torch.cat([hidden[0], hidden[1]], 1)

    @staticmethod
    def _query(unit: ReasoningUnit, x: Tensor, sequence: Tensor, length: Tensor) -> Tensor:
        """Word attention with a mask made one question at a time."""
        mask = torch.zeros(x.shape[:2], dtype=torch.bool)
        for i, words in enumerate(length.tolist()):
            mask[i, :words] = True
        u = nn.functional.normalize(unit.words.enhance(sequence), dim=2)
        logits = unit.words.score(u).squeeze(2).masked_fill(~mask.to(x.device), -torch.inf)
        return (logits.softmax(1)[..., None] * x).sum(1)

    def _graph(self, graph: RelationGraph, nodes: Tensor, scale: Tensor) -> Tensor:
        """One head after another, every pair of clips side by side: (B, N, N, 2 d)."""
        count = nodes.shape[1]
        for layer in graph.layers:
            assert isinstance(layer, GraphAttention)
            out = []
            width = layer.project.out_features // layer.heads
            for k in range(layer.heads):
                own = slice(k * width, (k + 1) * width)
                h = nn.functional.linear(
                    self.dropout(nodes), layer.project.weight[own], layer.project.bias[own]
                )
                left = h[:, :, None].expand(-1, -1, count, -1)
                right = h[:, None].expand(-1, count, -1, -1)
                weight = torch.cat([layer.left[k], layer.right[k]])
                logits = torch.cat([left, right], 3) @ weight + layer.bias[k]
                attention = self.dropout(nn.functional.leaky_relu(logits, 0.01).softmax(2))
                out.append(nn.functional.elu(attention @ (h * scale[..., None])))
            nodes = self.dropout(torch.cat(out, 2))
        return nodes


def plain_consistency(a: Tensor, m: Tensor) -> Tensor:
    """Question by question; see model.dualvgr.losses.consistency.  a, m (B, N, D)."""
    total = torch.zeros(())
    for x, y in zip(a, m, strict=True):
        x, y = (nn.functional.normalize(z - z.mean(0), dim=1) for z in (x, y))
        total = total + (x @ x.T - y @ y.T).square().mean()
    return total / len(a)


def plain_disparity(specific: Tensor, common: Tensor) -> Tensor:
    """Question by question; see model.dualvgr.losses.disparity, hsic "paper".  Both (B, N, D)."""
    n = specific.shape[1]
    centre = torch.eye(n) - 1 / n
    total = torch.zeros(())
    for s, c in zip(specific, common, strict=True):
        total = total + torch.trace(centre @ (s @ s.T) @ centre @ (c @ c.T)) / (n - 1) ** 2
    return total / len(specific)


def packed_twin(ours: BidirectionalLSTM) -> nn.LSTM:
    """torch's own bidirectional LSTM with the same weights."""
    width, hidden = ours.ahead.input_size, ours.ahead.hidden_size
    twin = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for half, ending in ((ours.ahead, ""), (ours.back, "_reverse")):
            for name, parameter in half.named_parameters():
                getattr(twin, name + ending).copy_(parameter)
    return twin


class PlainFeatures:
    """Features read as the released loader does: both files opened anew for every question."""

    def __init__(self, appearance: Path, motion: Path, video: Sequence[int]) -> None:
        """HDF5 files with `features` (V, N, F, Da) and (V, N, Dm), and each question's row."""
        self.files, self.video = (appearance, motion), video

    def sample(self, row: int) -> tuple[Tensor, Tensor]:
        """One question's features: (N, F, Da), (N, Dm)."""
        out = []
        for path in self.files:
            with h5py.File(path, "r") as file:
                stored: Any = file["features"]
                out.append(torch.from_numpy(stored[self.video[row]].astype(np.float32)))
        return out[0], out[1]

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The features of a batch, stacked."""
        appearance, motion = zip(*(self.sample(row) for row in rows), strict=True)
        return torch.stack(appearance), torch.stack(motion)
