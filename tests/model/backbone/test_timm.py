"""Image encoders of timm, from files made here: nothing is downloaded."""

import sys

import numpy as np
import pytest
import torch

from data_loader.store.provenance import Crop
from model.backbone.spec import NORMALISATIONS
from preprocess.feature.load import backbone_from_provenance, load_backbone
from preprocess.video.clips import Clips
from util.errors import UserError

timm = pytest.importorskip("timm", reason="needs timm, an optional package")

CLIPS = Clips(
    np.random.default_rng(0).integers(0, 255, (3, 40, 60, 3), dtype=np.uint8),
    np.array([[0, 1], [1, 2]]),
    3,
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def normalised(backbone) -> torch.Tensor:
    """The clips' distinct frames as the network sees them."""
    mean, std = NORMALISATIONS[backbone.provenance().normalisation.name]
    x = backbone.prepare(CLIPS.frames).float()
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


@pytest.mark.parametrize("name", ["test_vit.r160_in1k", "test_convnext", "test_resnet"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_timm_encoders(tmp_path, name: str, suffix: str) -> None:
    torch.manual_seed(1)  # not the seed of random weights
    model = timm.create_model(name).eval()
    file = tmp_path / f"w.{suffix}"
    if suffix == "pth":
        torch.save({"state_dict": model.state_dict()}, file)
    else:
        pytest.importorskip("safetensors.torch").save_file(model.state_dict(), file)
    backbone = load_backbone(f"timm:{name}", weights=str(file), resize="crop")
    made = backbone.provenance()
    assert made.size == (160, 160) and made.crop == Crop(160, 168)
    config = timm.data.resolve_model_data_config(model)
    assert np.allclose(np.array(made.normalisation.mean) / 255, config["mean"])
    rows = backbone.extract(CLIPS)
    model.reset_classifier(0)
    with torch.inference_mode():
        expected = model(normalised(backbone)).numpy()
    assert rows.shape == (2, 2, backbone.width) == (2, 2, expected.shape[1])
    assert np.abs(rows - expected[CLIPS.index]).max() < 1e-4 * np.abs(expected).max()
    again = backbone_from_provenance(made)
    assert again.provenance() == made and np.array_equal(again.extract(CLIPS), rows)


def test_what_cannot_be_had(tmp_path) -> None:
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "other.pth")
    for name, weights, message in (
        ("timm:vit_bse_patch16_224", "random", "none of this name; close are vit_base_patch16_"),
        ("timm:test_vit.nope", "random", r"cannot be built \(Invalid pretrained tag"),
        ("timm:test_vit", None, r"needs --weights: pretrained \(downloads\), a file, or"),
        ("timm:test_vit", "no.pth", "no.pth: no such file; for timm:test_vit give pretrained"),
        ("timm:test_vit", str(tmp_path / "other.pth"), "other.pth: not the weights of timm:test_v"),
        ("timm:test_vit", "pretrained", "cannot be loaded .* without the network, fetch its file "),
        ("hf:openai/clip", "pretrained", "hf:openai/clip: networks .* --backbone timm:vit_base_p"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            load_backbone(name, weights=weights)
        assert "\n" not in str(caught.value)


def test_timm_is_not_installed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match="timm is not installed; pip install timm"):
        load_backbone("timm:resnet18", weights="random")
