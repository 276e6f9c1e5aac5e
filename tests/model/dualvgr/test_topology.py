"""Windows and nearest clips: on the complete graph they must be the dense form, else its part."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from torch_geometric.nn import GATConv

from benchmark.training.sizes import SIZES, make_data
from data_loader.batch import Batch
from data_loader.vocabulary import Vocabulary
from model.dualvgr.dualvgr import DualVGR, DualVGROutput, RelationEncoder
from model.dualvgr.losses import consistency, disparity
from model.dualvgr.reasoning import RelationGraphs
from model.dualvgr.relation_graph import GraphAttention, RelationGraph
from model.dualvgr.topology import (
    Edges,
    Nearest,
    Topology,
    Window,
    connector,
    nearest,
    weighted_sum,
)
from model.task.qa import QuestionAnswering
from options.flat import build
from options.loss import LossOptions
from options.model import ModelOptions
from tests.model.dualvgr.test_dualvgr import inputs, model
from tests.model.dualvgr.test_relation_graph import CONFIG, oracle_weights
from util.errors import UserError

D, HEADS = 12, 3
CLIPS = (7, 1, 4, 7)  # of each video


def ragged() -> Tensor:
    mask = torch.arange(max(CLIPS)) < torch.tensor(CLIPS)[:, None]
    mask[3, 2] = False  # a clip that clip_dropout left out
    return mask


def pairs(edges: Edges) -> set[tuple[int, int]]:
    """(target, source) of every edge, each once."""
    listed = list(zip(edges.target.tolist(), edges.source.tolist(), strict=True))
    assert len(set(listed)) == len(listed)
    assert edges.target.tolist() == sorted(edges.target.tolist())
    return set(listed)


def places(mask: Tensor) -> list[tuple[int, int]]:
    """(video, place) of every clip that takes part, in the order of the rows."""
    return [(v, i) for v, row in enumerate(mask.tolist()) for i, real in enumerate(row) if real]


@pytest.mark.parametrize("k", [1, 2, 3, 6, 100])
def test_window_joins_clips_at_most_k_places_apart(k: int) -> None:
    mask = ragged()
    rows = list(enumerate(places(mask)))
    expected = {(t, s) for t, (v, i) in rows for s, (w, j) in rows if v == w and abs(i - j) <= k}
    assert pairs(Window(mask, k=k).links(torch.empty(0))) == expected


@pytest.mark.parametrize("at_once", [1, 13, 60, 2**24])  # similarities: by rows, by videos, all
@pytest.mark.parametrize("k", [1, 3, 6, 100])
def test_nearest_joins_the_k_most_alike(k: int, at_once: int, monkeypatch) -> None:
    monkeypatch.setattr("model.dualvgr.topology.SIMILARITIES", at_once)
    torch.manual_seed(0)
    mask, clips = ragged(), torch.randn(*ragged().shape, D, dtype=torch.float64)
    clips[~mask] = clips[0, 0].clone()  # padding must not be found, however alike
    expected, rows = set(), list(enumerate(places(mask)))
    for t, (v, i) in rows:
        others = [(s, clips[v, j]) for s, (w, j) in rows if v == w]
        alike = [(float(torch.cosine_similarity(clips[v, i], x, dim=0)), s) for s, x in others]
        expected |= {(t, s) for _, s in sorted(alike, reverse=True)[:k]}
    assert pairs(Nearest(mask, k=k).links(clips)) == expected


def test_a_clip_is_among_its_own_nearest_even_of_equals() -> None:
    near, real = nearest(torch.ones(2, 6, D), torch.ones(2, 6, dtype=torch.bool), k=2)
    assert real.all() and (near == torch.arange(6)[:, None]).any(2).all()
    assert near.shape == (2, 6, 2)


def test_nearest_ranks_in_float32_under_autocast() -> None:
    torch.manual_seed(0)
    clips, mask = torch.randn(1, 40, D) * 0.02 + 1, torch.ones(1, 40, dtype=torch.bool)
    expected = pairs(Nearest(mask, k=4).links(clips))
    with torch.autocast("cpu", torch.bfloat16):
        assert pairs(Nearest(mask, k=4).links(clips)) == expected


def test_padding_has_neither_row_nor_edge() -> None:
    mask = ragged()
    wide = torch.nn.functional.pad(mask, (0, 50))
    for topology in (Window, Nearest):
        clips = torch.randn(*wide.shape, D)
        short, long = topology(mask, k=3), topology(wide, k=3)
        assert pairs(short.links(clips[:, : mask.shape[1]])) == pairs(long.links(clips))
        assert len(long.pack(clips)) == mask.sum()
        padded = long.unpack(long.pack(clips))
        assert torch.equal(padded, clips * wide[..., None])


def test_padding_costs_no_similarities() -> None:
    clips, mask = torch.randn(1, 60, D), torch.arange(60)[None] < 7
    products = []
    for end in (60, 7):
        with FlopCounterMode(display=False) as counter:
            nearest(clips[:, :end], mask[:, :end], k=3)
        products.append(counter.get_total_flops())
    assert products[0] == products[1] == 2 * 7 * 7 * D


@pytest.mark.parametrize("topology", ["complete", "window:3", "knn:3"])
def test_what_a_step_keeps_grows_with_the_clips_not_their_square(topology: str) -> None:
    """Everything that is kept for the way back, of the whole model and its losses."""

    def kept(clips: int) -> int:
        sizes = []
        net, given = model(topology=topology), inputs(clips=clips)
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda x: (sizes.append(x.numel()), x)[1], lambda x: x
        )
        with hooks:
            losses(net(**given))
        return sum(sizes)

    few, more, most = kept(64), kept(128), kept(256)
    growth = (most - more) / (more - few)  # 2: linear
    assert growth > 2.5 if topology == "complete" else growth == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize("k", [1, 2])
def test_attention_over_edges_equals_torch_geometric(k: int) -> None:
    torch.manual_seed(0)
    ours, d = GraphAttention(width=D, heads=HEADS, dropout=0.15).double().eval(), D // HEADS
    for parameter in ours.parameters():
        parameter.data.normal_()
    oracle = GATConv(
        D + 1, d + 1, heads=HEADS, negative_slope=0.01, bias=False, add_self_loops=False
    ).double()
    oracle_weights(ours, oracle)
    edges = Window(ragged(), k=k).links(torch.empty(0))
    nodes = torch.randn(int(ragged().sum()), D, dtype=torch.float64)
    with_one = torch.cat([nodes, torch.ones(len(nodes), 1, dtype=torch.float64)], 1)
    expected = oracle(with_one, torch.stack([edges.source, edges.target]))
    expected = torch.nn.functional.elu(expected.unflatten(1, (HEADS, d + 1))[..., :d].flatten(1))
    out = ours(nodes, torch.ones(len(nodes), dtype=torch.float64), edges)
    torch.testing.assert_close(out, expected, atol=1e-12, rtol=0)


def losses(out: DualVGROutput) -> Tensor:
    """Everything that is trained for, so that every gradient is asked for."""
    total = out.logits.square().sum()
    for u in out.units:
        total = total + consistency(u.appearance_common, u.motion_common, out.mask)
        total = total + disparity(
            u.appearance_specific, u.appearance_common, out.mask, hsic="paper"
        )
        total = total + disparity(u.motion_specific, u.motion_common, out.mask, hsic="released")
    return total


@pytest.mark.parametrize("topology", ["window:7", "knn:7"])
@pytest.mark.parametrize("punish", ["values", "nodes"])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_clip_within_reach_is_the_dense_form(topology, punish, layers) -> None:
    given = inputs(videos=len(CLIPS), clips=max(CLIPS), batch=6)
    given["clip_mask"] = ragged()
    found = []
    for name in ("complete", topology):
        net = model(topology=name, punish=punish, graph_layers=layers)  # two units, four heads
        for key, parameter in net.named_parameters():
            if key.endswith(("left", "right")):
                parameter.data.normal_(std=2)  # attention far from a plain mean
        seen = given["appearance"].clone().requires_grad_()
        out = net(**{**given, "appearance": seen})
        parts = [x[out.mask] for unit in out.units for x in unit]
        # not the losses: they normalise differences of clips that are alike, and so their rounding
        total = out.logits.square().sum() + sum((x * x.detach().cos()).sum() for x in parts)
        total.backward()
        gradients = [p.grad for p in net.parameters()]
        found.append([out.logits, *parts, seen.grad, *gradients])
    for dense, sparse in zip(*found, strict=True):
        assert dense is not None and dense.isfinite().all()
        torch.testing.assert_close(sparse, dense, atol=1e-11, rtol=1e-10)


@pytest.mark.parametrize("topology", ["window:1", "window:7", "knn:2", "knn:7"])
@pytest.mark.parametrize("layers", [1, 2])
def test_padding_that_keeps_its_rows_changes_nothing(topology, layers, monkeypatch) -> None:
    """The form of a GPU, which is never asked how many clips are real, against the packed one."""
    given = inputs(videos=len(CLIPS), clips=max(CLIPS), batch=6)
    given["clip_mask"] = ragged()
    found = []
    for padded in (False, True):
        monkeypatch.setattr(
            "model.dualvgr.topology.keeps_padding", lambda mask, padded=padded: padded
        )
        net = model(topology=topology, graph_layers=layers)
        for key, parameter in net.named_parameters():
            if key.endswith(("left", "right")):
                parameter.data.normal_(std=2, generator=torch.Generator().manual_seed(len(key)))
        seen = given["appearance"].clone().requires_grad_()
        out = net(**{**given, "appearance": seen})
        losses(out).backward()
        parts = [x for unit in out.units for x in unit]
        found.append([out.logits, *parts, seen.grad, *(p.grad for p in net.parameters())])
    for packed, kept in zip(*found, strict=True):
        assert kept is not None and kept.isfinite().all()
        torch.testing.assert_close(kept, packed, atol=1e-9, rtol=1e-8)


@pytest.mark.parametrize("topology", ["window:7", "knn:7"])
def test_the_autoencoder_relates_alike(topology: str) -> None:
    given, found = inputs(videos=len(CLIPS), clips=max(CLIPS)), []
    for name in ("complete", topology):
        torch.manual_seed(0)
        net = RelationEncoder(replace(CONFIG, units=2, topology=name)).double()
        last = net(given["appearance"], given["motion"], ragged())[-1]
        found.append(torch.stack([last.appearance, last.motion])[:, ragged()])
    torch.testing.assert_close(found[1], found[0], atol=1e-12, rtol=0)


def test_each_channel_has_its_own_nearest_clips() -> None:
    torch.manual_seed(0)
    unit = RelationGraphs(CONFIG).double()
    a, m = torch.randn(2, *ragged().shape, D, dtype=torch.float64)
    ones, topology = torch.ones(ragged().shape, dtype=torch.float64), Nearest(ragged(), k=2)
    seen = unit(a, m, ones, ones, topology)
    for clips, graph, found in (
        (a, unit.appearance_common, seen.appearance_common),
        (m, unit.motion_specific, seen.motion_specific),
    ):
        alone = graph(topology.pack(clips), topology.pack(ones), topology.links(clips))
        assert torch.equal(found, topology.unpack(alone))


def graph(layers: int = 1) -> RelationGraph:
    torch.manual_seed(0)
    return RelationGraph(replace(CONFIG, graph_layers=layers)).double()


@pytest.mark.parametrize("layers", [1, 2])
def test_a_window_limits_how_far_a_clip_is_felt(layers: int) -> None:
    count, k, moved = 20, 3, 8
    edges = Window(torch.ones(1, count, dtype=torch.bool), k=k).links(torch.empty(0))
    clips, ones = torch.randn(count, D, dtype=torch.float64), torch.ones(count, dtype=torch.float64)
    other = clips.clone()
    other[moved] += 1
    net = graph(layers)
    changed = (net(clips, ones, edges) != net(other, ones, edges)).any(1)
    distance = (torch.arange(count) - moved).abs()
    assert torch.equal(changed, distance <= k * layers)


def test_dropout_of_attention_over_edges() -> None:
    """Edges that the dropout cuts bring nothing; the others count by what it makes of them."""
    edges = Window(torch.ones(1, 9, dtype=torch.bool), k=2).links(torch.empty(0))
    layer = graph().layers[0]
    assert isinstance(layer, GraphAttention)
    kept = (torch.rand(len(edges.source), HEADS) < 0.6).double() * 2

    class Cut(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            self.seen = x * kept if x.shape == kept.shape else x
            return self.seen

    clips, scale = torch.randn(9, D, dtype=torch.float64), torch.rand(9, dtype=torch.float64)
    layer.dropout = Cut()
    out = layer(clips, scale, edges)
    h = layer.project(clips).unflatten(1, (HEADS, -1))
    left, right = (h * layer.left).sum(2), (h * layer.right).sum(2)
    expected = torch.zeros_like(h)
    for t in range(9):
        own = (edges.target == t).nonzero().squeeze(1)
        logits = left[t] + right[edges.source[own]] + layer.bias
        alpha = torch.nn.functional.leaky_relu(logits, 0.01).softmax(0) * kept[own]
        for e, a in zip(own.tolist(), alpha, strict=True):
            source = edges.source[e]
            expected[t] += a[:, None] * h[source] * scale[source]
    torch.testing.assert_close(out, torch.nn.functional.elu(expected).flatten(1))


def test_dropout_is_drawn_in_training_only() -> None:
    net, given = model(topology="window:1"), inputs()
    assert torch.equal(net(**given).logits, net(**given).logits)
    net.train()
    first, second = net(**given), net(**given)
    assert not torch.equal(first.logits, second.logits)
    losses(second).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("at_once", [1, 40, 2**19])
def test_gradients_of_the_weighted_sum(at_once: int, monkeypatch) -> None:
    monkeypatch.setattr("model.dualvgr.topology.MESSAGES", {"cpu": at_once})
    edges = Window(ragged(), k=2).links(torch.empty(0))
    torch.manual_seed(0)
    weight = torch.randn(len(edges.source), 2, dtype=torch.float64, requires_grad=True)
    values = torch.randn(int(ragged().sum()), 2, 3, dtype=torch.float64, requires_grad=True)
    dense = torch.zeros(len(values), len(values), 2, dtype=torch.float64)
    dense = dense.index_put((edges.target, edges.source), weight)
    expected = torch.einsum("tsk,skd->tkd", dense, values)
    torch.testing.assert_close(weighted_sum(weight, values, edges), expected)
    assert torch.autograd.gradcheck(lambda w, v: weighted_sum(w, v, edges), (weight, values))


def test_autocast() -> None:
    net, given = model(topology="window:2").float(), inputs()
    given = {k: v.float() if v.is_floating_point() else v for k, v in given.items()}
    exact = net(**given).logits
    with torch.autocast("cpu", torch.bfloat16):
        out = net(**given)
        losses(out).backward()
    assert (out.logits - exact).abs().max() < 0.05 * exact.abs().max()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_sums_over_edges_are_float32_under_autocast() -> None:
    """300 addends of 1 in bfloat16 would stop at 256."""
    edges = Window(torch.ones(1, 300, dtype=torch.bool), k=300).edges
    weight = torch.ones(len(edges.source), 1, dtype=torch.bfloat16, requires_grad=True)
    values = torch.ones(300, 1, 2, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        out = weighted_sum(weight, values, edges)
    out.sum().backward()
    assert out.dtype == torch.float32 and (out == 300).all()
    assert values.grad is not None and (values.grad == 300).all()


@pytest.mark.parametrize(
    "topology", ["window", "window:0", "knn:-1", "knn:x", "ring:2", "complete:3"]
)
def test_other_topologies_are_refused(topology: str) -> None:
    with pytest.raises(ValueError, match=topology):
        connector(topology)
    with pytest.raises(UserError, match=f"--topology {topology}: give complete, window:K"):
        build(ModelOptions, {"topology": topology})


def test_a_checkpoint_from_before_topologies_is_complete() -> None:
    options = {"width": 16, "units": 2}
    assert build(ModelOptions, options) == ModelOptions(width=16, units=2, topology="complete")
    assert type(connector("complete")(ragged())) is Topology


@pytest.mark.parametrize("topology", ["window:1", "knn:2"])
def test_the_option_reaches_the_model(topology: str) -> None:
    def answer(name: str) -> Tensor:
        torch.manual_seed(0)
        task = QuestionAnswering(
            ModelOptions(width=16, units=1, topology=name),
            LossOptions(),
            vocabulary=Vocabulary(words=("w",) * 30, answers=("a",) * 12),
            word_width=8,
            appearance_width=24,
            motion_width=24,
        ).eval()
        assert isinstance(task.model, DualVGR)
        batch = make_data(SIZES["tiny"], videos=2, questions_per_video=2).batch(np.arange(4))
        assert isinstance(batch, Batch)
        return task.answer(batch).logits

    assert torch.equal(answer("complete"), answer("complete"))
    assert (answer("complete") - answer(topology)).abs().max() > 1e-6
