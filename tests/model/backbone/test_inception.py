"""Inception v3, whose second classifier and own normalisation are handled; VGG-16's weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import feature_extraction

from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES, open_network
from model.backbone.trainable import TrainableBackbone
from util.errors import UserError


def spec_of(name: str) -> BackboneSpec:
    spec = BACKBONES[name]
    assert isinstance(spec, BackboneSpec)
    return spec


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """torchvision's network as it is with its weights, with statistics that are not 0, 1."""
    torch.manual_seed(0)
    network = models.inception_v3(init_weights=True, transform_input=True)
    for name, value in network.named_buffers():
        if name.endswith("running_mean"):
            nn.init.normal_(value, std=0.1)
    return network.eval()


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1)) * 255


@pytest.mark.parametrize("auxiliary", [True, False])
def test_pooled_features_of_a_file(
    auxiliary: bool, reference: nn.Module, image, tmp_path: Path
) -> None:
    """Against torchvision's own graph, of a picture as its weights' transforms normalise it."""
    state = reference.state_dict()
    if not auxiliary:
        state = {key: value for key, value in state.items() if not key.startswith("AuxLogits.")}
    torch.save(state, tmp_path / "w.pth")
    spec, network, _ = open_network("inception_v3", str(tmp_path / "w.pth"))
    tapped = feature_extraction.create_feature_extractor(reference, {"avgpool": "pooled"})
    entry: Any = spec.named[0]
    scaled = (image / 255 - torch.tensor(entry.transforms().mean).view(3, 1, 1)) / torch.tensor(
        entry.transforms().std
    ).view(3, 1, 1)
    trained = TrainableBackbone(spec=spec, policy="full", batch_norm="eval", checkpointing=False)
    trained.network.load_state_dict(network.state_dict())
    with torch.no_grad():
        expected = tapped(scaled)["pooled"].flatten(1)
        largest = expected.abs().max()  # random weights make it 10^8; processors differ in rounding
        frozen = spec.features(network.eval(), scaled)
        for found in (frozen, trained.eval()(image), trained.train()(image)):
            assert found.shape == (2, 2048) and found.std() > 0.01
            torch.testing.assert_close(found / largest, expected / largest, atol=1e-4, rtol=0)
    named = {name for name, _ in trained.named_parameters()}
    assert not [name for name in named if "AuxLogits" in name or ".fc." in name]
    _, whole, _ = open_network("inception_v3", str(tmp_path / "w.pth"), classifier=True)
    with torch.no_grad():
        torch.testing.assert_close(whole.eval()(scaled), reference(scaled))


def test_every_weight_that_trains_has_a_gradient(image) -> None:
    for policy in ("partial", "full"):
        network = TrainableBackbone(
            spec=spec_of("inception_v3"), policy=policy, batch_norm="train", checkpointing=True
        )
        network.train()(image).square().sum().backward()
        trained = [name for name, p in network.named_parameters() if p.requires_grad]
        reached = [name for name, p in network.named_parameters() if p.grad is not None]
        assert reached == trained
        assert len(trained) == {"partial": 72, "full": 282}[policy]  # 24 and 94 convolutions
    assert sum(p.numel() for p in network.parameters()) == 21_785_568  # as Keras has it, no top


def test_vggs_features_without_linear_layers_are_not_offered() -> None:
    assert [entry.name for entry in spec_of("vgg16").named] == ["IMAGENET1K_V1"]
    with pytest.raises(UserError, match=r"IMAGENET1K_FEATURES: no such file; .*IMAGENET1K_V1"):
        open_network("vgg16", "IMAGENET1K_FEATURES")
