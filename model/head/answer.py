"""Heads: from a video and a question to scores (spec, section 6)."""

import torch
from torch import Tensor, nn

from model.layer.dropout import Dropout
from model.layer.norm import GlobalBatchNorm


class AnswerHead(nn.Module):
    """An open-ended answer as one of A classes."""

    def __init__(self, *, width: int, answers: int, dropout: float) -> None:
        """Width D, A classes."""
        super().__init__()
        self.question = nn.Linear(width, width)
        self.first_dropout = Dropout(dropout)
        self.hidden = nn.Linear(2 * width, width)
        self.norm = GlobalBatchNorm(width)
        self.second_dropout = Dropout(dropout)
        self.out = nn.Linear(width, answers)

    @property
    def bias(self) -> Tensor:
        """What is added to the scores (A,)."""
        return self.out.bias

    def forward(self, video: Tensor, question: Tensor) -> Tensor:
        """Score answers.  video, question (B, D) -> logits (B, A)."""
        both = torch.cat([video, self.question(question)], 1)
        hidden = nn.functional.elu(self.hidden(self.first_dropout(both)))
        return self.out(self.second_dropout(self.norm(hidden)))
