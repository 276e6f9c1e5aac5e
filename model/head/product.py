"""A head in which question and video are multiplied, beside a part that sees no video."""

import torch
from torch import Tensor, nn

from model.layer.dropout import Dropout

SEMANTIC_SCALE = 1.5  # length of an answer's vector: its scores are then as large as the classes'


class ProductHead(nn.Module):
    """Low-rank bilinear scores (Kim et al. 2017) of A answers, and scores of the question alone.

    With `answer_width` each answer is a fixed vector too (DeViSE, Frome et al. 2013), so that what
    is learned of one answer serves its neighbours.
    """

    answer_vectors: Tensor

    def __init__(self, *, width: int, answers: int, dropout: float, answer_width: int) -> None:
        """Width D, A classes, width of the answers' vectors, 0 for none."""
        super().__init__()
        self.dropout = Dropout(dropout)
        self.question_scores = nn.Linear(width, answers)
        self.product_scores = nn.Linear(width, answers, bias=False)
        self.semantic = bool(answer_width)
        if self.semantic:
            self.question_vector = nn.Linear(width, answer_width, bias=False)
            self.product_vector = nn.Linear(width, answer_width, bias=False)
            self.register_buffer("answer_vectors", torch.zeros(answers, answer_width))

    @property
    def bias(self) -> Tensor:
        """What is added to the scores (A,)."""
        return self.question_scores.bias

    def fit(self, answer_vectors: Tensor) -> None:
        """Take over the answers' vectors (A, W); those of zeros are of unknown words."""
        self.answer_vectors.copy_(SEMANTIC_SCALE * nn.functional.normalize(answer_vectors, dim=1))

    def forward(self, video: Tensor, question: Tensor) -> Tensor:
        """Score answers.  video, question (B, D) -> logits (B, A).

        `video` comes straight from a linear layer.  (One more of them here, in a row, would be no
        richer, and learns by heart faster: 1.7 points of accuracy less on 318 videos.)
        """
        product = self.dropout(question * video.tanh())
        question = self.dropout(question)
        scores = self.question_scores(question) + self.product_scores(product)
        if self.semantic:
            vector = self.question_vector(question) + self.product_vector(product)
            scores = scores + vector @ self.answer_vectors.T
        return scores
