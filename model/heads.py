"""Heads: from a video and a question to scores (spec, section 6)."""

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as across
from torch import Tensor, nn

from model.dropout import Dropout


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

    def forward(self, video: Tensor, question: Tensor) -> Tensor:
        """Score answers.  video, question (B, D) -> logits (B, A)."""
        both = torch.cat([video, self.question(question)], 1)
        hidden = nn.functional.elu(self.hidden(self.first_dropout(both)))
        return self.out(self.second_dropout(self.norm(hidden)))


class GlobalBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics are those of all processes' batches together.

    As nn.SyncBatchNorm, which only works on GPUs.  With one process it is nn.BatchNorm1d.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise.  (B, D) -> same."""
        if not self.training or not dist.is_initialized() or dist.get_world_size() == 1:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        count = len(input) * dist.get_world_size()
        mean = across.all_reduce(input.sum(0)) / count
        centred = input - mean
        variance = across.all_reduce(centred.square().sum(0)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        return centred * torch.rsqrt(variance + self.eps) * self.weight + self.bias
