"""The relation graph: multi-head graph attention over a video's clips (spec, section 5, step 3)."""

import torch
from torch import Tensor, nn

from model.dualvgr.config import RelationConfig
from model.dualvgr.topology import Edges, softmax, weighted_sum
from model.layer.dropout import Dropout


class RelationGraph(nn.Module):
    """Multi-head graph attention over clips: the complete graph, or edges; self loops included.

    One head: h = U x + b; e_ij = LeakyReLU(w . [h_i || h_j] + c); alpha = softmax over j;
    out_i = ELU(sum_j alpha_ij s_j h_j), where s is the query punishment.  Because
    w . [h_i || h_j] = w_left . h_i + w_right . h_j, no tensor of N x N x 2d is ever made, and all
    heads share one matrix product.

    Sources: Velickovic et al. 2018 (GAT), equations 1 to 6; DualVGR (Wang et al. 2021), section
    3.3.  `punish`: "values" multiplies what is summed (released code), "nodes" the node features
    before both attention and sum (paper).
    """

    def __init__(self, config: RelationConfig) -> None:
        """Layers have their own weights, heads D / heads channels each.

        Raises ValueError where the heads do not share D evenly.
        """
        super().__init__()
        if config.width % config.heads:
            raise ValueError(f"width {config.width} is not a multiple of {config.heads} heads")
        self.punish = config.punish
        self.layers = nn.ModuleList(
            GraphAttention(width=config.width, heads=config.heads, dropout=config.dropout)
            for _ in range(config.graph_layers)
        )

    def forward(self, nodes: Tensor, punishment: Tensor, links: Tensor | Edges) -> Tensor:
        """Relate clips; see GraphAttention.  punishment (B, N) or (S,) -> like nodes."""
        for layer in self.layers:
            if self.punish == "nodes":
                nodes = layer(nodes * punishment[..., None], torch.ones_like(punishment), links)
            else:
                nodes = layer(nodes, punishment, links)
        return nodes


class GraphAttention(nn.Module):
    """One layer of multi-head graph attention; see RelationGraph."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        """Width of input and output; each head has width / heads."""
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, width)  # U and b of all heads, stacked
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

    def forward(self, nodes: Tensor, scale: Tensor, links: Tensor | Edges) -> Tensor:
        """Attend, over the complete graph or over edges (model/dualvgr/topology.py).

        nodes (B, N, D), scale (B, N) of the values, links: mask (B, N) of real clips -> (B, N, D);
        or nodes (S, D), scale (S,), links: Edges among the S clips -> (S, D).
        """
        h = self.project(self.dropout(nodes)).unflatten(-1, (self.heads, -1))  # (..., K, d)
        left, right = (h * self.left).sum(-1), (h * self.right).sum(-1)  # (..., K)
        values = h * scale[..., None, None]
        if isinstance(links, Edges):
            out = self._over_edges(left, right, values, links)
        else:
            out = self._over_all(left, right, values, links)
        return self.dropout(nn.functional.elu(out).flatten(-2))

    def _over_all(self, left: Tensor, right: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        left, right = left.transpose(1, 2), right.transpose(1, 2)
        logits = left[..., None] + right[:, :, None] + self.bias[:, None, None]  # (B, K, N, N)
        logits = nn.functional.leaky_relu(logits, 0.01)
        logits = logits.masked_fill(~mask[:, None, None], -torch.inf)
        attention = self.dropout(logits.softmax(3))
        return (attention @ values.transpose(1, 2)).transpose(1, 2)

    def _over_edges(self, left: Tensor, right: Tensor, values: Tensor, edges: Edges) -> Tensor:
        left, right = left.index_select(0, edges.target), right.index_select(0, edges.source)
        logits = left + right + self.bias  # (E, K)
        logits = nn.functional.leaky_relu(logits, 0.01)
        attention = self.dropout(softmax(logits, edges, clips=len(values)))
        return weighted_sum(attention, values, edges)
