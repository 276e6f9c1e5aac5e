"""Paddle's ETS: its size, its GRUs, where it looks."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from model.caption.captioner import DecoderName
from model.caption.ets_paddle import EtsPaddleDecoder, ResetFirstGRU
from tests.model.caption.tiny import CONFIG, captioner, videos, words


def attention(attn_act: str, name: DecoderName = "ets_paddle") -> Tensor:
    model = captioner(name, sharp=3.0, attn_act=attn_act)
    found = model.decoder(model.encode(*videos(2)), words(2, 6)).attention
    assert found is not None
    return found


@torch.no_grad()
def test_without_tanh_no_word_changes_where_paddles_ets_looks() -> None:
    static, moving = attention("none"), attention("tanh")
    torch.testing.assert_close(static, static[:, :1].expand_as(static), rtol=0, atol=1e-6)
    assert (moving - moving[:, :1]).abs().max() > 1e-2
    assert static.std() > 1e-2  # it looks somewhere, always there


@pytest.mark.parametrize("vocabulary", [100, 5000])
def test_size_of_paddles_ets(vocabulary: int) -> None:
    config = replace(CONFIG, width=512, word_width=512, vocabulary=vocabulary)
    decoder = EtsPaddleDecoder(config, 2048)
    assert sum(p.numel() for p in decoder.parameters()) == 11_279_360 + 1025 * vocabulary


def test_paddles_gru() -> None:
    """Against its equations, unit by unit; PyTorch's, with r after U, is another one."""
    torch.manual_seed(0)
    gru, width = ResetFirstGRU(4), 4
    nn.init.normal_(gru.bias)
    inputs, hidden = torch.randn(2, 12), torch.randn(2, 4)
    found = gru(inputs, hidden)
    total = inputs + gru.bias
    for row in range(2):
        h = hidden[row]
        u = torch.sigmoid(total[row, :4] + gru.gates[:, :4].T @ h)
        r = torch.sigmoid(total[row, 4:8] + gru.gates[:, 4:].T @ h)
        c = torch.tanh(total[row, 8:] + gru.candidate.T @ (r * h))
        torch.testing.assert_close(found[row], (1 - u) * h + u * c)
    torch_gru = nn.GRUCell(12, width)
    with torch.no_grad():
        torch_gru.weight_ih.copy_(torch.eye(12)[[*range(4, 8), *range(4), *range(8, 12)]])
        torch_gru.weight_hh.copy_(torch.cat([gru.gates[:, 4:].T, -gru.gates[:, :4].T,
                                             gru.candidate.T]))  # fmt: skip
    assert not torch.allclose(torch_gru(total, hidden), found, atol=1e-3)


@torch.no_grad()
def test_both_directions_of_paddles_encoder() -> None:
    """Against the two GRUs, each in a plain loop over the real positions."""
    decoder = captioner("ets_paddle").decoder
    assert isinstance(decoder, EtsPaddleDecoder)
    encoder = decoder.encoder
    for gru in (encoder.ahead, encoder.back):
        nn.init.normal_(gru.bias)
    x = torch.randn(2, 5, 32)
    mask = torch.tensor([[True, True, False, True, False], [True] * 5])
    found = encoder(x, mask)
    for video in range(2):
        real = mask[video].nonzero().flatten().tolist()
        h = torch.zeros(1, 16)
        for place in real:
            h = encoder.ahead(encoder.ahead_input(x[video, place])[None], h)
            torch.testing.assert_close(found[video, place, :16], h[0])
        h = torch.zeros(1, 16)
        for place in reversed(real):
            h = encoder.back(encoder.back_input(x[video, place])[None], h)
            torch.testing.assert_close(found[video, place, 16:], h[0])
