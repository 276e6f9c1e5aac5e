"""The same numbers as transformers' ViViT, which is Model 1; its layers make Model 2, too."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.vivit.vivit import build_vivit
from tests.model.vivit.tiny import CONFIG, clips

transformers: Any = pytest.importorskip("transformers")
OURS = replace(CONFIG, size=(8, 8))


def theirs(frames: int) -> Any:
    """A VivitModel of random weights, none of them zero."""
    config = transformers.VivitConfig(
        image_size=8, num_frames=frames, tubelet_size=[2, 4, 4], hidden_size=16,
        num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        hidden_act="gelu_fast", layer_norm_eps=1e-6, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = transformers.VivitModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def take(stack: Any, model: Any, *, positions: Tensor) -> None:
    """Their weights into a stack of ours, layer by layer in the order that both are built in."""
    linears = [m for m in model.modules() if isinstance(m, nn.Linear)]
    norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    embeddings = model.embeddings
    with torch.no_grad():
        stack.class_embedding.copy_(embeddings.cls_token)
        stack.position_embedding.copy_(positions)
        for i, block in enumerate(stack.blocks):
            q, k, v, out, first, second = linears[6 * i : 6 * i + 6]
            for kind in ("weight", "bias"):
                joined = torch.cat([getattr(part, kind) for part in (q, k, v)])
                getattr(block.attention.qkv, kind).copy_(joined)
            block.attention.proj.load_state_dict(out.state_dict())
            block.mlp[0].load_state_dict(first.state_dict())
            block.mlp[3].load_state_dict(second.state_dict())
            block.norm1[0].load_state_dict(norms[2 * i].state_dict())
            block.norm2[0].load_state_dict(norms[2 * i + 1].state_dict())
        stack.norm.load_state_dict(norms[-1].state_dict())


def pixels(frames: Tensor) -> Tensor:
    return (frames - 127.5) / 127.5


@torch.no_grad()
def test_model_1() -> None:
    torch.manual_seed(0)
    other, ours = theirs(6), build_vivit(OURS, "vivit_model1").eval()
    take(ours.spatial, other, positions=other.embeddings.position_embeddings)
    projection = other.embeddings.patch_embeddings.projection
    ours.tubelets.load_state_dict(projection.state_dict())
    frames = clips(config=OURS)
    wanted = other(pixel_values=pixels(frames)).last_hidden_state[:, 0]
    assert wanted.std() > 0.1
    torch.testing.assert_close(ours.encode(frames), wanted, atol=1e-5, rtol=0)


@torch.no_grad()
def test_factorised_encoder() -> None:
    """Theirs over each tubelet's frames, then the layers of another over times."""
    torch.manual_seed(0)
    space, time = theirs(2), theirs(4)
    ours: Any = build_vivit(OURS, "vivit").eval()
    take(ours.spatial, space, positions=space.embeddings.position_embeddings)
    places = torch.randn(1, 4, 16)
    take(ours.temporal, time, positions=places)
    ours.tubelets.load_state_dict(space.embeddings.patch_embeddings.projection.state_dict())
    frames = clips(config=OURS)
    each = space(pixel_values=pixels(frames).flatten(0, 1).unflatten(0, (-1, 2)))
    x = each.last_hidden_state[:, 0].unflatten(0, (3, 3))
    x = torch.cat([time.embeddings.cls_token.expand(3, -1, -1), x], 1) + places
    for layer in getattr(time, "layers", None) or time.encoder.layer:
        out = layer(x)
        x = out if isinstance(out, Tensor) else out[0]
    wanted = time.layernorm(x)[:, 0]
    assert wanted.std() > 0.1
    torch.testing.assert_close(ours.encode(frames), wanted, atol=1e-5, rtol=0)
