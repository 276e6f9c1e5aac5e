"""ETS as PaddlePaddle/models had it (spec, section 2.1): biGRU, additive attention, GRU.

Its page describes 3D convolutions and LSTMs after Yao et al. 2015 (ets_yao2015.py is that model);
its code is this.  All is kept but one line: without a tanh in the attention (`attn_act` none, as
published) the state's part of every position's logit is the same, and the softmax takes it out: no
word changes where it looks.
"""

import torch
from torch import Tensor, nn

from model.caption.config import CaptionConfig
from model.caption.decoder import PAD, Advance, RecurrentDecoder, Rows, masked_softmax
from model.caption.sequence import real_first, take


class ResetFirstGRU(nn.Module):
    """A gated recurrent unit as Cho et al. 2014 and Paddle have it.

    c = tanh(x_c + U (r * h) + b), h' = (1 - u) h + u c.  nn.GRU multiplies by r after U, has two
    biases, and its update gate says how much of the old state stays: another network, with other
    numbers of parameters.  What comes of the input, x_u, x_r and x_c, is computed outside, for all
    steps at once.
    """

    def __init__(self, width: int) -> None:
        """Xavier-uniform over U of all three gates together, bias zero."""
        super().__init__()
        bound = (6 / (4 * width)) ** 0.5
        self.gates = nn.Parameter(torch.empty(width, 2 * width).uniform_(-bound, bound))  # u, r
        self.candidate = nn.Parameter(torch.empty(width, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(3 * width))

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """One step.  inputs (B, 3 width), hidden (B, width) -> the new state (B, width)."""
        return _gru(inputs + self.bias, hidden, self.gates, self.candidate)


def _gru(inputs: Tensor, hidden: Tensor, gates: Tensor, candidate: Tensor) -> Tensor:
    """A step of one GRU, or of G of them, whose tensors have G in front."""
    width = hidden.shape[-1]
    u, r = (inputs[..., : 2 * width] + hidden @ gates).sigmoid().chunk(2, -1)
    c = (inputs[..., 2 * width :] + (r * hidden) @ candidate).tanh()
    return (1 - u) * hidden + u * c


class BidirectionalGRU(nn.Module):
    """Two ResetFirstGRUs, each with a linear layer of its own before it."""

    def __init__(self, input_width: int, width: int) -> None:
        """`width` is that of each direction."""
        super().__init__()
        self.ahead_input = nn.Linear(input_width, 3 * width, bias=False)
        self.back_input = nn.Linear(input_width, 3 * width, bias=False)
        self.ahead = ResetFirstGRU(width)
        self.back = ResetFirstGRU(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Read the real positions both ways.  x (V, M, I), mask (V, M) -> (V, M, 2 width)."""
        order = real_first(mask)
        place = torch.arange(x.shape[1], device=x.device)
        end = order.length[:, None]
        mirror = torch.where(place < end, end - 1 - place, place)  # its own inverse
        ahead = take(self.ahead_input(x), order.index) + self.ahead.bias
        back = take(self.back_input(x), order.index.gather(1, mirror)) + self.back.bias
        gates = torch.stack([self.ahead.gates, self.back.gates])
        candidate = torch.stack([self.ahead.candidate, self.back.candidate])
        both = torch.stack([ahead, back], 1)  # (V, 2, M, 3 width)
        hidden = both.new_zeros(2, len(x), self.ahead.candidate.shape[0])
        states = []
        for inputs in both.permute(2, 1, 0, 3).unbind(0):  # (2, V, 3 width)
            hidden = _gru(inputs, hidden, gates, candidate)
            states.append(hidden)
        forward, backward = torch.stack(states, 2).unbind(0)  # (V, M, width) each
        back_place = mirror.gather(1, order.place)
        return torch.cat([take(forward, order.place), take(backward, back_place)], 2)


class EtsPaddleDecoder(RecurrentDecoder):
    """tanh(Linear), biGRU, attention over its states by each word's GRU state.

    11,279,360 + 1,025 W parameters at C 2,048, width and word_width 512.  No dropout, as published.
    """

    def __init__(self, config: CaptionConfig, width: int) -> None:
        """`width` is that of the positions, C.  Xavier-uniform matrices, biases zero."""
        super().__init__()
        hidden = config.width
        self.tanh = config.attn_act == "tanh"
        self.project = nn.Linear(width, 2 * hidden)
        self.encoder = BidirectionalGRU(2 * hidden, hidden)
        self.pool = nn.Linear(2 * hidden, 1, bias=False)
        self.first = nn.Linear(2 * hidden, hidden, bias=False)
        self.of_position = nn.Linear(2 * hidden, hidden, bias=False)
        self.of_state = nn.Linear(hidden, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.embedding = nn.Embedding(config.vocabulary, config.word_width, padding_idx=PAD)
        self.of_word = nn.Linear(config.word_width, 3 * hidden, bias=False)
        self.of_context = nn.Linear(2 * hidden, 3 * hidden, bias=False)
        self.gru = ResetFirstGRU(hidden)
        self.out = nn.Linear(hidden, config.vocabulary)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.xavier_uniform_(module.weight)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        """States of the biGRU, their part in the attention, the first state of the GRU."""
        encoded = self.encoder(self.project(positions).tanh(), mask)
        weight = masked_softmax(self.pool(encoded).squeeze(2), mask)
        pooled = (weight[:, None].to(encoded) @ encoded).squeeze(1)
        return {
            "mask": mask,
            "encoded": encoded,
            "key": self.of_position(encoded),
            "hidden": self.first(pooled).tanh(),
        }

    def start(self, memory: Rows) -> Rows:
        """The state made of the pooled positions."""
        return {"hidden": memory["hidden"]}

    def read(self, words: Tensor) -> Tensor:
        """Their part in the inputs of the GRU."""
        return self.of_word(self.embedding(words))

    def advance(self, word: Tensor, state: Rows, memory: Rows) -> Advance:
        """Look at the positions, then read the word and what was seen."""
        together = memory["key"] + self.of_state(state["hidden"])[:, None]
        logits = self.score(together.tanh() if self.tanh else together).squeeze(2)
        weight = masked_softmax(logits, memory["mask"])
        encoded = memory["encoded"]
        context = (weight[:, None].to(encoded) @ encoded).squeeze(1)
        hidden = self.gru(word + self.of_context(context), state["hidden"])
        return Advance(hidden, {"hidden": hidden}, weight)

    def say(self, features: Tensor) -> Tensor:
        """A linear layer."""
        return self.out(features)
