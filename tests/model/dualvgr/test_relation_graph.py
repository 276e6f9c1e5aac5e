"""The relation graph against torch_geometric's attention with the same weights."""

from dataclasses import replace

import pytest
import torch
from torch_geometric.nn import DenseGATConv, GATConv

from model.dualvgr.config import RelationConfig
from model.dualvgr.relation_graph import GraphAttention, RelationGraph

D, K, N, B = 12, 3, 5, 4
CONFIG = RelationConfig(
    appearance_width=7,
    motion_width=5,
    feature_norm="none",
    width=D,
    units=1,
    heads=K,
    graph_layers=1,
    topology="complete",
    punish="values",
    feature_dropout=0.0,
    dropout=0.0,
    state_dropout=0.0,
)


def layer() -> GraphAttention:
    torch.manual_seed(0)
    ours = GraphAttention(width=D, heads=K, dropout=0.15).double().eval()
    for parameter in ours.parameters():
        parameter.data.normal_()  # biases too, so that a bias forgotten shows
    return ours


def oracle_weights(ours: GraphAttention, oracle: GATConv | DenseGATConv) -> None:
    """Our weights for PyG: a constant 1 joins the input; an extra channel a head carries it."""
    d = D // K
    weight = torch.zeros(K, d + 1, D + 1, dtype=torch.float64)
    weight[:, :d, :D] = ours.project.weight.view(K, d, D)
    weight[:, :d, D] = ours.project.bias.view(K, d)
    weight[:, d, D] = 1
    oracle.lin.weight.data = weight.flatten(0, 1)
    oracle.att_dst.data.view(K, d + 1).copy_(torch.cat([ours.left, ours.bias[:, None]], 1))
    zero = torch.zeros(K, 1, dtype=torch.float64)
    oracle.att_src.data.view(K, d + 1).copy_(torch.cat([ours.right, zero], 1))


@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_one_layer_equals_torch_geometric(form: str) -> None:
    ours, d = layer(), D // K
    nodes = torch.randn(B, N, D, dtype=torch.float64)
    with_one = torch.cat([nodes, torch.ones(B, N, 1, dtype=torch.float64)], 2)
    if form == "dense":
        dense = DenseGATConv(D + 1, d + 1, heads=K, negative_slope=0.01, bias=False).double()
        oracle_weights(ours, dense)
        expected = dense(with_one, torch.ones(B, N, N, dtype=torch.float64), add_loop=True)
    else:
        sparse = GATConv(D + 1, d + 1, heads=K, negative_slope=0.01, bias=False).double()
        oracle_weights(ours, sparse)
        edges = torch.cartesian_prod(torch.arange(N), torch.arange(N)).T
        expected = torch.stack([sparse(x, edges) for x in with_one])
    expected = torch.nn.functional.elu(expected.unflatten(2, (K, d + 1))[..., :d].flatten(2))
    mask = torch.ones(B, N, dtype=torch.bool)
    ones = torch.ones(B, N, dtype=torch.float64)
    torch.testing.assert_close(ours(nodes, ones, mask), expected, atol=1e-12, rtol=0)


def test_padded_clips_change_nothing() -> None:
    ours = layer()
    nodes = torch.randn(B, N, D, dtype=torch.float64)
    scale = torch.rand(B, N, dtype=torch.float64)
    short = ours(nodes[:, :3], scale[:, :3], torch.ones(B, 3, dtype=torch.bool))
    mask = torch.arange(N).expand(B, N) < 3
    torch.testing.assert_close(ours(nodes, scale, mask)[:, :3], short, atol=1e-12, rtol=0)


def test_punishment_scales_values_not_attention() -> None:
    torch.manual_seed(0)
    graph = RelationGraph(CONFIG).double()
    nodes = torch.randn(B, N, D, dtype=torch.float64)
    mask = torch.ones(B, N, dtype=torch.bool)
    s = torch.rand(B, N, dtype=torch.float64)
    attention = graph.layers[0]
    # By hand, one head at a time, with the concatenated pairs of the paper.
    h = attention.project(nodes).unflatten(2, (K, -1))
    heads = []
    for k in range(K):
        hk = h[:, :, k]
        pair = torch.cat(
            [hk[:, :, None].expand(-1, -1, N, -1), hk[:, None].expand(-1, N, -1, -1)], 3
        )
        w = torch.cat([attention.left[k], attention.right[k]])
        alpha = torch.nn.functional.leaky_relu(pair @ w + attention.bias[k], 0.01).softmax(2)
        heads.append(torch.nn.functional.elu(alpha @ (s[..., None] * hk)))
    torch.testing.assert_close(graph(nodes, s, mask), torch.cat(heads, 2), atol=1e-12, rtol=0)


def test_punishing_nodes_differs_and_layers_have_their_own_weights() -> None:
    torch.manual_seed(0)
    mask = torch.ones(B, N, dtype=torch.bool)
    nodes, s = torch.randn(B, N, D), torch.rand(B, N)
    graph = RelationGraph(replace(CONFIG, graph_layers=2, punish="nodes"))
    by_nodes = graph(nodes, s, mask)
    first, second = graph.layers
    ones = torch.ones(B, N)
    expected = second(first(nodes * s[..., None], ones, mask) * s[..., None], ones, mask)
    torch.testing.assert_close(by_nodes, expected)
    graph.punish = "values"
    assert (graph(nodes, s, mask) - by_nodes).abs().max() > 1e-3
    assert not torch.equal(first.project.weight, second.project.weight)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="not a multiple of 5 heads"):
        RelationGraph(replace(CONFIG, heads=5))
