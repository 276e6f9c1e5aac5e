"""The table of networks: what each gives and takes, against torchvision itself."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from data_loader.store.provenance import Crop
from model.backbone.spec import NORMALISATIONS, BackboneSpec, name_normalisation
from model.backbone.table import BACKBONES
from model.backbone.torchvision import input_of
from model.backbone.weights import choices, entry_of
from preprocess.feature.load import backbone_from_provenance, load_backbone
from tests.conftest import ROOT, skip_without_library
from util.errors import UserError

NETWORKS = {name: line for name, line in BACKBONES.items() if isinstance(line, BackboneSpec)}
CHEAP = {
    "resnet18", "resnext50_32x4d", "convnext_tiny", "vit_b_32", "swin_t", "swin_v2_t",
    "squeezenet1_1", "inception_v3", "efficientnet_lite0", "resnext101", "r3d_18", "mc3_18",
    "r2plus1d_18", "s3d", "swin3d_t",
}  # fmt: skip
# Small pictures, where the network is not bound to the size of its own.
OWN_SIZE = {"s3d", "mvit_v1_b", "mvit_v2_s"}


@pytest.mark.parametrize(
    "name",
    [
        n if n in CHEAP else pytest.param(n, marks=pytest.mark.long)
        for n, line in NETWORKS.items()
        if line.head
    ],
)
def test_features_are_what_the_classifier_gets(name: str) -> None:
    """Against torchvision's own forward, with its last linear layer (or convolution) tapped."""
    skip_without_library(name)
    line = NETWORKS[name]
    size = line.size if name in OWN_SIZE else max(64, line.least_side)
    small: dict[str, Any] = {"image_size": size} if name.startswith("vit_") else {}
    network = line.build(**small).eval()
    shape = (1, 3, 16, size, size) if line.kind == "clip" else (1, 3, size, size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    last = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Conv3d)][-1]
    got = []
    last.register_forward_pre_hook(lambda _, given: got.append(given[0]))
    with torch.inference_mode():
        network(x)
        network.set_submodule(line.head, line.replacement())
        features = line.features(network, x)
    (expected,) = got  # the second pass does not come here
    if expected.dim() > 2:
        expected = expected.mean(tuple(range(2, expected.dim())))
    assert features.shape == (1, line.width)
    assert features.std() > 0 and (features - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("name", [n for n, line in NETWORKS.items() if line.named])
def test_pictures_are_those_of_torchvision(name: str) -> None:
    line = NETWORKS[name]
    made = line.named[0].transforms()
    mean, std = NORMALISATIONS[line.normalisations[0]]
    assert np.allclose(np.array(mean) / 255, made.mean)
    assert np.allclose(np.array(std) / 255, made.std)
    assert made.crop_size in ([line.size], [line.size] * 2)
    assert made.resize_size in ([line.scaled], list(np.atleast_1d(line.scaled)))


def test_weights_bring_their_own_crop(tmp_path, monkeypatch) -> None:
    """By torchvision's name, or downloaded by hand: the name of the file holds its hash."""
    first, second = NETWORKS["resnet101"].named
    assert input_of(first)[1] == 256 and input_of(second)[1] == 232
    file = tmp_path / "w.pth"
    torch.save(models.resnet18().state_dict(), file)
    digits = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    entry = models.ResNet18_Weights.IMAGENET1K_V1
    wide = models.ResNet50_Weights.IMAGENET1K_V2.value
    renamed = type(wide)(url=f"https://x/y-{digits}.pth", transforms=wide.transforms, meta={})
    monkeypatch.setattr(entry, "_value_", renamed)
    found = load_backbone("resnet18", weights=str(file), resize="crop").provenance()
    assert found.crop == Crop(224, 232)
    assert entry_of((entry,), {"source": "w.pth", "sha256": "0" * 64}) is None
    # A store that was made otherwise is asked as it was made.
    old = backbone_from_provenance(replace(found, crop=Crop(224, 256)))
    assert old.provenance().crop == Crop(224, 256)


def test_pretrained_are_those_torchvision_deems_best(monkeypatch) -> None:
    fetched = []

    def no_network(self, **_):
        fetched.append(self.name)
        raise OSError("no network")

    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", no_network)
    for name in ("resnet50", "vit_b_16", "swin3d_b"):
        with pytest.raises(UserError, match=r"cannot be downloaded \(no network\); fetch https"):
            load_backbone(name, weights="pretrained")
    assert fetched == ["IMAGENET1K_V2", "IMAGENET1K_V1", "KINETICS400_V1"]
    assert "SWAG_LINEAR" in choices(NETWORKS["vit_b_16"])
    assert "E2E" not in choices(NETWORKS["vit_b_16"]), "its input is 384 pixels"


def test_video_networks_say_how_many_frames_they_take() -> None:
    for name, frames, cure in (
        ("mvit_v2_s", 8, "16 frames and no others; give --frames 16"),
        ("mvit_v1_b", 17, "16 frames and no others; give --frames 16"),
        ("s3d", 13, "14 frames or more; give --frames 16"),
    ):
        with pytest.raises(UserError, match=f"--frames {frames}: {name} takes clips of {cure}"):
            load_backbone(name, weights="random", frames=frames)
    assert load_backbone("r3d_18", weights="random", frames=3).width == 512


def test_a_normalisation_without_a_name_has_one_made_of_its_numbers() -> None:
    assert name_normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)) == "imagenet"
    name = name_normalisation((1, 2.5, 3), (4, 5, 6))
    assert name == "1.0 2.5 3.0 / 4.0 5.0 6.0" and NORMALISATIONS[name] == ((1, 2.5, 3), (4, 5, 6))
    assert name_normalisation((1, 2.5, 3), (4, 5, 6)) == name


def test_other_libraries_are_not_imported_before_they_are_asked_for() -> None:
    code = "import sys, preprocess.feature.load; print({'timm', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
