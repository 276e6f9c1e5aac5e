"""The question encoder: word vectors and two BiLSTMs (spec, section 3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.dualvgr.config import DualVGRConfig
from model.layer.dropout import Dropout
from model.layer.recurrent import BidirectionalLSTM

UNKNOWN_WORD = 1  # 0 is padding


class EncodedQuestion(NamedTuple):
    """What the rest of the model knows of a question."""

    words: Tensor  # (B, L, W) tanh of the word vectors
    sequence: Tensor  # (B, L, D) one state a word, zero on padding
    summary: Tensor  # (B, D) last states
    mask: Tensor  # (B, L) True on words, False on padding


class BagOfWords(nn.Module):
    """A question as the set of its words: a learned vector a word, and their mean word vector.

    A word that no training question had adds its word vector alone, the unknown word nothing.
    """

    def __init__(self, config: DualVGRConfig) -> None:
        """The learned vectors start at zero."""
        super().__init__()
        self.table = nn.Parameter(torch.zeros(config.vocabulary, config.width))
        self.mean = nn.Linear(config.word_width, config.width)

    def forward(self, words: Tensor, vectors: Tensor) -> Tensor:
        """Encode.  words (B, L) int64, their vectors (B, L, W) -> (B, D)."""
        known = (words > UNKNOWN_WORD)[..., None]
        bag = (nn.functional.embedding(words, self.table) * known).sum(1)
        mean = (vectors * known).sum(1) / known.sum(1).clamp(min=1)
        return nn.functional.relu(bag + self.mean(mean))

    def add_words(self, number: int) -> None:
        """Append words that no training question had: nothing is learned of them."""
        table = torch.cat([self.table, self.table.new_zeros(number, self.table.shape[1])])
        self.table = nn.Parameter(table, requires_grad=False)


class QuestionEncoder(nn.Module):
    """Words -> word vectors, a word sequence and a summary, by two separate one-layer BiLSTMs.

    The summary may be a bag of words instead.
    """

    def __init__(self, config: DualVGRConfig) -> None:
        """Word vectors start at random; a task fills in its own."""
        super().__init__()
        word_width, width = config.word_width, config.width
        self.embedding = nn.Embedding(config.vocabulary, word_width)
        self.word_dropout = Dropout(config.dropout)
        self.sequence = BidirectionalLSTM(input_width=word_width, width=width)
        bag = config.question_summary == "bag"
        self.summary = (
            BagOfWords(config) if bag else BidirectionalLSTM(input_width=word_width, width=width)
        )
        self.state_dropout = Dropout(config.state_dropout)

    def forward(self, words: Tensor, length: Tensor) -> EncodedQuestion:
        """Encode questions.  words (B, L) int64, zero padded; length (B,) -> EncodedQuestion."""
        vectors = self.embedding(words)
        x = self.word_dropout(vectors).tanh()
        mask = torch.arange(words.shape[1], device=words.device) < length[:, None]
        sequence, _ = self.sequence(x, length)
        if isinstance(self.summary, BagOfWords):
            return EncodedQuestion(x, sequence, self.summary(words, vectors), mask)
        _, last = self.summary(x, length)
        return EncodedQuestion(x, sequence, self.state_dropout(last), mask)
