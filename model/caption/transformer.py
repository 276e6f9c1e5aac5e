"""A small modern caption decoder: pre-norm transformer blocks with cross-attention to positions.

Attention is all you need (Vaswani et al. 2017), normalised before each part as in GPT-2.
"""

import math

import torch
from torch import Tensor, nn

from model.caption.config import CaptionConfig
from model.caption.decoder import (
    PAD,
    CaptionDecoder,
    Rows,
    Step,
    TeacherForced,
    masked_softmax,
)
from model.layer.dropout import Dropout


class Block(nn.Module):
    """Self-attention to the words before, cross-attention to positions, a hidden layer."""

    def __init__(self, config: CaptionConfig) -> None:
        """Heads share the width D; the hidden layer is 4 D wide."""
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.self_norm = nn.LayerNorm(width)
        self.self_input = nn.Linear(width, 3 * width)
        self.self_out = nn.Linear(width, width)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_query = nn.Linear(width, width)
        self.cross_out = nn.Linear(width, width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width)
        self.hidden_out = nn.Linear(4 * width, width)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, before: Tensor, positions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """L words, given T before them and M positions.

        x (B, L, D), before (B, 2, heads, T, d) keys and values, positions (B, 2, heads, M, d), mask
        (B, M) -> x, keys and values of all T + L words, weights of the positions (B, L, M).
        """
        query, own = self._split(self.self_input(self.self_norm(x)), 3).tensor_split([1], 1)
        words = torch.cat([before.to(own), own], 3)
        count, length = words.shape[3], x.shape[1]
        past = torch.ones(length, count, dtype=torch.bool, device=x.device).tril(count - length)
        mixed, _ = self._attend(query[:, 0], words, past)
        x = x + self.dropout(self.self_out(mixed))
        query = self._split(self.cross_query(self.cross_norm(x)), 1)[:, 0]
        mixed, weight = self._attend(query, positions, mask[:, None, None])
        x = x + self.dropout(self.cross_out(mixed))
        hidden = nn.functional.gelu(self.hidden(self.hidden_norm(x)))
        return x + self.dropout(self.hidden_out(hidden)), words, weight.mean(1)

    def _attend(self, query: Tensor, of: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """query (B, heads, L, d), keys and values -> (B, L, D), weights (B, heads, L, M)."""
        key, value = of.unbind(1)
        logits = query @ key.mT * query.shape[-1] ** -0.5
        weight = masked_softmax(logits, mask)
        return (weight.to(value) @ value).transpose(1, 2).flatten(2), weight

    def _split(self, x: Tensor, parts: int) -> Tensor:
        """(B, L, parts D) -> (B, parts, heads, L, d)."""
        return x.unflatten(2, (parts, self.heads, -1)).permute(0, 2, 3, 1, 4)


class TransformerDecoder(CaptionDecoder):
    """`layers` blocks over words and positions, both with sinusoidal places.

    Words that are as wide as the model share their vectors with the last layer.
    """

    embedding: nn.Embedding

    def __init__(self, config: CaptionConfig, width: int) -> None:
        """`width` is that of the positions, C.

        Raises ValueError where the heads do not share the width evenly, or it is odd.
        """
        super().__init__()
        if config.width % config.heads or config.width % 2:
            raise ValueError(
                f"width {config.width} must be even and a multiple of {config.heads} heads"
            )
        self.width, self.heads, self.layers = config.width, config.heads, config.layers
        self.project = nn.Linear(width, config.width)
        self.position_norm = nn.LayerNorm(config.width)
        self.cross_input = nn.Linear(config.width, config.layers * 2 * config.width)
        self.embedding = nn.Embedding(config.vocabulary, config.word_width, padding_idx=PAD)
        tied = config.word_width == config.width
        self.widen = None if tied else nn.Linear(config.word_width, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)
        self.out = nn.Linear(config.width, config.vocabulary)
        nn.init.normal_(self.embedding.weight, std=config.word_width**-0.5)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0
        if tied:
            self.out.weight = self.embedding.weight

    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        """Keys and values of the positions in each block (V, layers, 2, heads, M, d)."""
        x = self.project(positions)
        x = self.dropout(self.position_norm(x + self._places(0, x.shape[1], x)))
        of_blocks = self.cross_input(x).unflatten(2, (self.layers, 2, self.heads, -1))
        return {"mask": mask, "positions": of_blocks.permute(0, 2, 3, 4, 1, 5)}

    def start(self, memory: Rows) -> Rows:
        """No keys and values of words yet (R, layers, 2, heads, 0, d)."""
        return {"words": memory["positions"][..., :0, :]}

    def step(self, word: Tensor, state: Rows, memory: Rows) -> Step:
        """One word, beside the keys and values of those before."""
        logits, state, attention = self._read(word[:, None], state, memory)
        return Step(logits[:, 0], state, attention[:, 0])

    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        """All words at once."""
        logits, _, attention = self._read(words, self.start(memory), memory)
        return TeacherForced(logits, attention)

    def _read(self, words: Tensor, state: Rows, memory: Rows) -> tuple[Tensor, Rows, Tensor]:
        """words (B, L) after T others -> logits (B, L, W), state of T + L, weights (B, L, M)."""
        before = state["words"]
        x = self.embedding(words) * self.embedding.embedding_dim**0.5
        x = x if self.widen is None else self.widen(x)
        x = self.dropout(x + self._places(before.shape[4], words.shape[1], x))
        after, weights = [], []
        for i, block in enumerate(self.blocks):
            x, kept, weight = block(x, before[:, i], memory["positions"][:, i], memory["mask"])
            after.append(kept)
            weights.append(weight)
        return self.out(self.norm(x)), {"words": torch.stack(after, 1)}, weights[-1]

    def _places(self, first: int, count: int, like: Tensor) -> Tensor:
        """Sines and cosines of places first, first + 1, ... (count, D)."""
        place = torch.arange(first, first + count, device=like.device)[:, None]
        rate = torch.arange(0, self.width, 2, device=like.device) * (-math.log(1e4) / self.width)
        angle = place * rate.exp()
        return torch.cat([angle.sin(), angle.cos()], 1).to(like)
