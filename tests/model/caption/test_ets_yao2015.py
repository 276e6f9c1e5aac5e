"""Yao et al. 2015: sizes and a step at the paper's shapes, equations, weights, dropout."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from model.caption.decoder import BOS
from model.caption.ets_yao2015 import EtsYaoDecoder
from tests.model.caption.tiny import CONFIG, captioner, videos


def yao_size(c: int) -> int:
    """Of the shapes of the released code at dim 3,518, dim_word 468, 20,000 words."""
    shapes = [
        (20000, 468), (c, 3518), (3518,), (c, 3518), (3518,),  # embedding, first states
        (468, 14072), (3518, 14072), (14072,), (c, 14072),  # LSTM
        (c, c), (3518, c), (c,), (c, 1), (1,), (3518, 1), (1,),  # attention, context gate
        (3518, 468), (468,), (c, 468), (468,), (468, 20000), (20000,),  # words
    ]  # fmt: skip
    return sum(torch.Size(shape).numel() for shape in shapes)


PAPER = replace(CONFIG, width=3518, word_width=468, vocabulary=20000, dropout=0.5)


@pytest.mark.parametrize(("context", "total"), [(1024, 103_249_860), (1376, 112_928_452)])
def test_size_of_yaos_model(context: int, total: int) -> None:
    with torch.device("meta"):
        decoder = EtsYaoDecoder(PAPER, context)
    assert sum(p.numel() for p in decoder.parameters()) == yao_size(context) == total


@pytest.mark.long
@pytest.mark.parametrize("context", [1024, 1376])
def test_one_step_of_yaos_model_at_the_papers_shapes(context: int) -> None:
    torch.manual_seed(0)
    decoder = EtsYaoDecoder(PAPER, context)
    mask = torch.arange(28) < torch.tensor([28, 20])[:, None]
    positions, read = torch.rand(2, 28, context), torch.randint(4, 20000, (2, 6))
    read[:, 0] = BOS
    optimizer = torch.optim.Adadelta(decoder.parameters())
    losses = []
    for _ in range(2):
        out = decoder(decoder.encode(positions, mask), read[:, :-1])
        assert out.attention is not None
        loss = nn.functional.cross_entropy(out.logits.flatten(0, 1), read[:, 1:].flatten())
        loss = loss + 0.70602 * (1 - out.attention.sum(1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in decoder.parameters())
        optimizer.step()
        losses.append(float(loss))
    assert losses[1] < losses[0]


@torch.no_grad()
def test_yaos_equations() -> None:
    """One step in evaluation mode, written out for one video; dropout halves what it is on."""
    model = captioner("ets_yao2015", sharp=8.0, dropout=0.5)
    d = model.decoder
    assert isinstance(d, EtsYaoDecoder)
    for module in d.modules():
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias)
    memory = model.encode(*videos(1))
    ctx = memory["positions"][0]
    h, c = (torch.tanh(f(ctx.mean(0))) for f in (d.first_hidden, d.first_cell))
    emb = torch.zeros(6)  # of the first word, whatever <BOS>'s vector is
    read = torch.tensor([[BOS, 7]])
    logits = d(memory, read).logits[0]
    for i in range(2):
        e = torch.stack([d.score(torch.tanh(d.key(x) + d.query(h)))[0] for x in ctx])
        z = torch.sigmoid(d.gate(h)) * (e.softmax(0) @ ctx)
        pre = d.of_word(emb) + d.of_hidden(h) + d.of_context(z)
        gi, gf, go, g = pre[:16] / 2, pre[16:32] / 2, pre[32:48] / 2, pre[48:]
        c = gf.sigmoid() * c + gi.sigmoid() * g.tanh()
        h = go.sigmoid() * c.tanh()
        out = d.out(torch.tanh(d.hidden_out(h / 2) + emb + d.context_out(z)) / 2)
        torch.testing.assert_close(logits[i], out, rtol=1e-4, atol=1e-4)
        emb = d.embedding.weight[7]


def test_yaos_weights_at_the_start() -> None:
    decoder = EtsYaoDecoder(replace(CONFIG, width=64), 64)
    for matrix in (*decoder.of_hidden.weight.chunk(4), decoder.first_cell.weight):
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(64))
    assert 0.008 < decoder.key.weight.std() < 0.012  # square, and yet not
    assert 0.008 < decoder.out.weight.std() < 0.012


def test_yaos_dropout_is_not_inverted() -> None:
    decoder = EtsYaoDecoder(replace(CONFIG, dropout=0.5), 8)
    x = torch.ones(4, 1000)
    assert (decoder.eval()._drop(x) == 0.5).all()
    dropped = decoder.train()._drop(x)
    assert set(dropped.flatten().tolist()) == {0.0, 1.0} and 0.4 < dropped.mean() < 0.6
