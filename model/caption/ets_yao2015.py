"""Describing videos by exploiting temporal structure (Yao et al. 2015; spec, section 2.2).

An LSTM whose every step attends to the positions, as the authors' released code has it, but that
padded positions are masked there, too.
"""

import torch
from torch import Tensor, nn

from model.caption.config import CaptionConfig
from model.caption.decoder import BOS, PAD, Advance, RecurrentDecoder, Rows, masked_softmax
from model.layer.dropout import Dropout

DEVIATION = 0.01  # of weights at the start


class EtsYaoDecoder(RecurrentDecoder):
    """Soft attention over time with a context gate; gates of the LSTM in the order i, f, o, g.

    Parameters, with C positions' features, D width, E word_width, W words:
    W E (embedding), 2 (C + 1) D (first states), 4 D (E + D + C + 1) (LSTM),
    C (C + D + 1) + C + 1 (attention), D + 1 (gate), E (D + C + 2) (before the words),
    W (E + 1) (words): 103,249,860 at C 1,024, D 3,518, E 468, W 20,000.

    Dropout is not inverted: what is left is not scaled up in training, and all is scaled down
    afterwards, also what enters the sigmoids of i, f and o.
    """

    def __init__(self, config: CaptionConfig, width: int) -> None:
        """`width` is that of the positions, C, and of the attention.

        Weights .01 N(0, 1), orthogonal where a matrix is square (each gate's in the recurrence;
        not that of the attention), biases zero.
        """
        super().__init__()
        hidden, words = config.width, config.word_width
        self.kept = 1 - config.dropout
        self.dropout = Dropout(config.dropout)
        self.first_hidden = nn.Linear(width, hidden)
        self.first_cell = nn.Linear(width, hidden)
        self.embedding = nn.Embedding(config.vocabulary, words, padding_idx=PAD)
        self.of_word = nn.Linear(words, 4 * hidden)
        self.of_hidden = nn.Linear(hidden, 4 * hidden, bias=False)
        self.of_context = nn.Linear(width, 4 * hidden, bias=False)
        self.key = nn.Linear(width, width)  # Wc, b
        self.query = nn.Linear(hidden, width, bias=False)  # Wd
        self.score = nn.Linear(width, 1)  # u, c
        self.gate = nn.Linear(hidden, 1)  # beta
        self.hidden_out = nn.Linear(hidden, words)
        self.context_out = nn.Linear(width, words)
        self.out = nn.Linear(words, config.vocabulary)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=DEVIATION)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        square = [*self.of_hidden.weight.chunk(4)]
        square += [gate for gate in self.of_word.weight.chunk(4) if words == hidden]
        linear = (self.first_hidden, self.first_cell, self.hidden_out, self.context_out)
        square += [x.weight for x in linear if x.in_features == x.out_features]
        with torch.no_grad():
            for matrix in square:
                matrix.copy_(nn.init.orthogonal_(torch.empty_like(matrix)))
            self.embedding.weight[PAD] = 0

    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        """The positions, their part in the attention, and the mean of the real ones' two states."""
        weight = mask / mask.sum(1, keepdim=True)
        mean = (weight[:, None].to(positions) @ positions).squeeze(1)
        return {
            "mask": mask,
            "positions": positions,
            "key": self.key(positions),
            "hidden": self.first_hidden(mean).tanh(),
            "cell": self.first_cell(mean).tanh(),
        }

    def start(self, memory: Rows) -> Rows:
        """Both made of the mean position."""
        return {name: memory[name] for name in ("hidden", "cell")}

    def read(self, words: Tensor) -> Tensor:
        """Their vectors, zeros for the first, and their part in the gates' inputs."""
        vectors = self.embedding(words) * (words != BOS)[..., None]
        return torch.cat([self.of_word(vectors), vectors], -1)

    def advance(self, word: Tensor, state: Rows, memory: Rows) -> Advance:
        """Look at the positions, then read the word and what was seen."""
        hidden, cell = state["hidden"], state["cell"]
        of_word, vector = word.tensor_split([4 * hidden.shape[1]], 1)
        logits = self.score((memory["key"] + self.query(hidden)[:, None]).tanh()).squeeze(2)
        weight = masked_softmax(logits, memory["mask"])
        positions = memory["positions"]
        context = (weight[:, None].to(positions) @ positions).squeeze(1)
        context = self.gate(hidden).sigmoid() * context
        inputs = of_word + self.of_hidden(hidden) + self.of_context(context)
        gates, candidate = inputs.tensor_split([3 * hidden.shape[1]], 1)
        i, f, o = self._drop(gates).sigmoid().chunk(3, 1)
        cell = f * cell + i * candidate.tanh()
        hidden = o * cell.tanh()
        features = torch.cat([hidden, context, vector], 1)
        return Advance(features, {"hidden": hidden, "cell": cell}, weight)

    def say(self, features: Tensor) -> Tensor:
        """A hidden layer over state, context and word before, then a linear one."""
        width, words = self.context_out.in_features, self.out.in_features
        hidden, context, vector = features.tensor_split([-width - words, -words], -1)
        mixed = self.hidden_out(self._drop(hidden)) + vector + self.context_out(context)
        return self.out(self._drop(mixed.tanh()))

    def _drop(self, x: Tensor) -> Tensor:
        return self.kept * self.dropout(x)
