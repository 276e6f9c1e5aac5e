"""Words -> the embedding of a text."""

import torch
from torch import Tensor, nn

from model.layer.precision import at_least_float32
from model.layer.recurrent import BidirectionalLSTM
from model.retrieval.config import RetrievalConfig
from model.retrieval.projection import Projection


class TextEmbedding(nn.Module):
    """Word vectors, summed up and projected.

    `mean` of the words; `attention`, their weighted mean, by weights that each word earns on its
    own (self-attentive sentence embedding with one hop, Lin et al. 2017, section 2.1); `lstm`, the
    last states of both directions.
    """

    def __init__(self, config: RetrievalConfig) -> None:
        """Word vectors start at random; a task fills in its own."""
        super().__init__()
        self.embedding = nn.Embedding(config.vocabulary, config.word_width)
        self.word_dropout = config.word_dropout
        width, self.lstm, self.weigh = config.word_width, None, None
        if config.text_summary == "lstm":
            width = config.embedding
            self.lstm = BidirectionalLSTM(input_width=config.word_width, width=width)
        if config.text_summary == "attention":
            inner = nn.Linear(config.word_width, config.word_width)
            self.weigh = nn.Sequential(inner, nn.Tanh(), nn.Linear(config.word_width, 1))
        self.projection = Projection(config, width)

    def forward(self, words: Tensor, length: Tensor) -> Tensor:
        """Embed.  words (B, L) int64, length (B,) of 1 or more -> (B, D) of length 1."""
        vectors = self.embedding(words)
        inside = torch.arange(words.shape[1], device=words.device) < length[:, None]
        if self.training and self.word_dropout:
            kept = torch.rand(words.shape, device=words.device) >= self.word_dropout
            kept[:, 0] |= ~(kept & inside).any(1)  # one is left
            inside = inside & kept
        if self.lstm is not None:
            return self.projection(self.lstm(vectors * inside[..., None], length)[1])
        if self.weigh is None:
            share = inside / inside.sum(1, keepdim=True)
        else:
            score = at_least_float32(self.weigh(vectors)[..., 0])
            share = score.masked_fill(~inside, -torch.inf).softmax(1)
        return self.projection((vectors * share[..., None]).sum(1))
