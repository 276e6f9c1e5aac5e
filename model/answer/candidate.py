"""Candidates of multiple choice that are read by themselves."""

import torch
from torch import Tensor, nn

from model.dualvgr.text import UNKNOWN_WORD
from model.layer.gather import gather_rows


class CandidateEncoder(nn.Module):
    """Scores of candidates as inner products with what a question asks of a video.

    A candidate is its words and pairs of neighbouring words: a learned vector a word, a linear map
    of their mean word vector, and the mean over pairs, which tell a red square and a blue circle
    from a red circle and a blue square.  So a word is what a class is to open answers, and what is
    learned of it serves every candidate that has it.  Of a word that no training question had there
    is its word vector alone, of the unknown word nothing.
    """

    def __init__(self, *, vocabulary: int, word_width: int, width: int) -> None:
        """Learned vectors start at zero; width D."""
        super().__init__()
        self.table = nn.Parameter(torch.zeros(vocabulary, width))
        self.mean = nn.Linear(word_width, width)
        self.pair = nn.Linear(2 * word_width, width)
        self.paired = nn.Linear(width, width, bias=False)
        self.scale = width**-0.5
        for layer in (self.mean, self.pair, self.paired):
            nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(self.mean.bias)
        nn.init.zeros_(self.pair.bias)

    def forward(
        self,
        asked: Tensor,
        words: Tensor,
        vectors: Tensor,
        begin: Tensor,
        end: Tensor,
        question: Tensor,
    ) -> Tensor:
        """Score C candidates of B questions.

        asked (B, D); words (C, L) and their vectors (C, L, W), of which a candidate's are those
        from `begin` (C,) up to `end` (C,); question (C,) each one's -> (C, 1).
        """
        step = torch.arange(words.shape[1], device=words.device)
        own = (step >= begin[:, None]) & (step < end[:, None]) & (words > UNKNOWN_WORD)
        own = own[..., None]
        mean = (vectors * own).sum(1) / own.sum(1).clamp(min=1)
        both = own[:, 1:] & own[:, :-1]
        pair = self.pair(torch.cat([vectors[:, :-1], vectors[:, 1:]], dim=2)).relu() * both
        pairs = self.paired(pair.sum(1) / both.sum(1).clamp(min=1))
        learned = (nn.functional.embedding(words, self.table) * own).sum(1)
        candidate = learned + self.mean(mean) + pairs
        return (gather_rows(asked, question) * candidate).sum(1, keepdim=True) * self.scale

    def add_words(self, number: int) -> None:
        """Append words that no training question had: nothing is learned of them."""
        table = torch.cat([self.table, self.table.new_zeros(number, self.table.shape[1])])
        self.table = nn.Parameter(table, requires_grad=False)
