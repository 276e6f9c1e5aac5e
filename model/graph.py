"""The relation graph: multi-head graph attention over a video's clips (spec, section 5, step 3)."""

from typing import Literal

import torch
from torch import Tensor, nn

from model.dropout import Dropout

Punish = Literal["values", "nodes"]


class RelationGraph(nn.Module):
    """Multi-head graph attention over the complete graph of N clips, self loops included.

    One head: h = U x + b; e_ij = LeakyReLU(w . [h_i || h_j] + c); alpha = softmax over j;
    out_i = ELU(sum_j alpha_ij s_j h_j), where s is the query punishment.  Because
    w . [h_i || h_j] = w_left . h_i + w_right . h_j, no tensor of N x N x 2d is ever made, and all
    heads share one matrix product.

    Sources: Velickovic et al. 2018 (GAT), equations 1 to 6; DualVGR (Wang et al. 2021), section
    3.3.  `punish`: "values" multiplies what is summed (released code), "nodes" the node features
    before both attention and sum (paper).
    """

    def __init__(
        self, *, width: int, heads: int, layers: int, dropout: float, punish: Punish
    ) -> None:
        """`layers` rounds of attention with their own weights, `heads` heads of width / heads."""
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.punish = punish
        self.layers = nn.ModuleList(
            GraphAttention(width=width, heads=heads, dropout=dropout) for _ in range(layers)
        )

    def forward(self, nodes: Tensor, punishment: Tensor, mask: Tensor) -> Tensor:
        """Relate clips.  nodes (B, N, D), punishment (B, N), mask (B, N) -> (B, N, D)."""
        for layer in self.layers:
            if self.punish == "nodes":
                nodes = layer(nodes * punishment[..., None], torch.ones_like(punishment), mask)
            else:
                nodes = layer(nodes, punishment, mask)
        return nodes


class GraphAttention(nn.Module):
    """One layer of multi-head graph attention; see RelationGraph."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        """Width of input and output; each head has width / heads."""
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, width)  # U and b of all heads, one below the other
        self.left = nn.Parameter(torch.empty(heads, width // heads))  # w_left of each head
        self.right = nn.Parameter(torch.empty(heads, width // heads))  # w_right of each head
        self.bias = nn.Parameter(torch.empty(heads))  # c of each head
        self.dropout = Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-uniform for each head's own matrices, biases zero (spec, section 5, weights)."""
        for head in self.project.weight.data.chunk(self.heads):
            nn.init.xavier_uniform_(head)
        for left, right in zip(self.left.data, self.right.data, strict=True):
            both = nn.init.xavier_uniform_(torch.empty(1, 2 * len(left)))
            left.copy_(both[0, : len(left)])
            right.copy_(both[0, len(left) :])
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.bias)

    def forward(self, nodes: Tensor, scale: Tensor, mask: Tensor) -> Tensor:
        """Attend.  nodes (B, N, D), scale (B, N) of the values, mask (B, N) -> (B, N, D)."""
        h = self.project(self.dropout(nodes)).unflatten(2, (self.heads, -1))  # (B, N, K, d)
        left = (h * self.left).sum(3).transpose(1, 2)  # (B, K, N)
        right = (h * self.right).sum(3).transpose(1, 2)
        logits = left[..., None] + right[:, :, None] + self.bias[:, None, None]  # (B, K, N, N)
        logits = nn.functional.leaky_relu(logits, 0.01)
        logits = logits.masked_fill(~mask[:, None, None], -torch.inf)
        attention = self.dropout(logits.softmax(3))
        values = (h * scale[..., None, None]).transpose(1, 2)  # (B, K, N, d)
        out = nn.functional.elu(attention @ values)
        return self.dropout(out.transpose(1, 2).flatten(2))
