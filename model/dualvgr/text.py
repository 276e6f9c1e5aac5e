"""The question encoder: word vectors and two BiLSTMs (spec, section 3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.dualvgr.config import DualVGRConfig
from model.layer.dropout import Dropout
from model.layer.recurrent import BidirectionalLSTM


class EncodedQuestion(NamedTuple):
    """What the rest of the model knows of a question."""

    words: Tensor  # (B, L, W) tanh of the word vectors
    sequence: Tensor  # (B, L, D) one state a word, zero on padding
    summary: Tensor  # (B, D) last states
    mask: Tensor  # (B, L) True on words, False on padding


class QuestionEncoder(nn.Module):
    """Words -> word vectors, a word sequence and a summary, by two separate one-layer BiLSTMs."""

    def __init__(self, config: DualVGRConfig) -> None:
        """Word vectors start at random; a task fills in its own."""
        super().__init__()
        word_width, width = config.word_width, config.width
        self.embedding = nn.Embedding(config.vocabulary, word_width)
        self.word_dropout = Dropout(config.dropout)
        self.sequence = BidirectionalLSTM(input_width=word_width, width=width)
        self.summary = BidirectionalLSTM(input_width=word_width, width=width)
        self.state_dropout = Dropout(config.state_dropout)

    def forward(self, words: Tensor, length: Tensor) -> EncodedQuestion:
        """Encode questions.  words (B, L) int64, zero padded; length (B,) -> EncodedQuestion."""
        x = self.word_dropout(self.embedding(words)).tanh()
        mask = torch.arange(words.shape[1], device=words.device) < length[:, None]
        sequence, _ = self.sequence(x, length)
        _, last = self.summary(x, length)
        return EncodedQuestion(x, sequence, self.state_dropout(last), mask)
