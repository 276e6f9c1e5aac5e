"""Image encoders of timm and of Hugging Face, from files made here: nothing is downloaded."""

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
transformers = pytest.importorskip("transformers", reason="needs transformers, an optional package")

CLIPS = Clips(
    np.random.default_rng(0).integers(0, 255, (3, 40, 60, 3), dtype=np.uint8),
    np.array([[0, 1], [1, 2]]),
    3,
)
TINY = {
    "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 1, "num_attention_heads": 4,
}  # fmt: skip
SEEN = {**TINY, "image_size": 30, "patch_size": 6}


@pytest.fixture(autouse=True)
def no_network(monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def save(folder, model, processor) -> str:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def clip_whole():
    """A model of pictures and texts whose vision part says another width than the whole."""
    vision = transformers.CLIPVisionConfig(**SEEN).to_dict()
    text = {**TINY, "vocab_size": 9, "bos_token_id": 1, "eos_token_id": 2}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 33}, crop_size=30)
    return transformers.CLIPModel(config), processor


def clip_vision():
    config = transformers.CLIPVisionConfig(**SEEN, projection_dim=16)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 30}, crop_size=30)
    return transformers.CLIPVisionModelWithProjection(config), processor


def siglip():
    config = transformers.SiglipVisionConfig(**SEEN)
    processor = transformers.SiglipImageProcessor(size={"height": 30, "width": 30})
    return transformers.SiglipVisionModel(config), processor


def dinov2():
    config = transformers.Dinov2Config(**SEEN)
    processor = transformers.BitImageProcessor(size={"shortest_edge": 34}, crop_size=30)
    return transformers.Dinov2Model(config), processor


def vit():
    """A classifier: its file has no pooler."""
    config = transformers.ViTConfig(**SEEN)
    processor = transformers.ViTImageProcessor(size={"height": 30, "width": 30})
    return transformers.ViTForImageClassification(config), processor


def convnext():
    config = transformers.ConvNextConfig(hidden_sizes=[8, 8, 8, 32], depths=[1, 1, 1, 1])
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.8)
    return transformers.ConvNextModel(config), processor


EXPECTED = {  # what each gives of (B, 3, H, W), by its own interface
    clip_whole: lambda m, x: m.visual_projection(m.vision_model(pixel_values=x).pooler_output),
    clip_vision: lambda m, x: m(pixel_values=x).image_embeds,
    siglip: lambda m, x: m(pixel_values=x).pooler_output,
    dinov2: lambda m, x: m(pixel_values=x).last_hidden_state[:, 0],
    vit: lambda m, x: m.vit(pixel_values=x).last_hidden_state[:, 0],
    convnext: lambda m, x: m(pixel_values=x).pooler_output,
}
PICTURES = {  # (size, crop), name of the normalisation
    clip_whole: (30, Crop(30, 33), "clip"),
    clip_vision: (30, Crop(30, 30), "clip"),
    siglip: (30, Crop(30, (30, 30)), "half"),
    dinov2: (30, Crop(30, 34), "clip"),
    vit: (30, Crop(30, (30, 30)), "half"),
    convnext: (64, Crop(64, 80), "imagenet"),
}


def normalised(backbone) -> torch.Tensor:
    """The clips' distinct frames as the network sees them."""
    mean, std = NORMALISATIONS[backbone.provenance().normalisation.name]
    x = backbone.prepare(CLIPS.frames).float()
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


@pytest.mark.parametrize("make", EXPECTED, ids=lambda make: make.__name__)
def test_hugging_face_encoders(tmp_path, make, monkeypatch) -> None:
    torch.manual_seed(1)  # not the seed of random weights
    model, processor = make()
    if make is convnext:
        processor.image_mean, processor.image_std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    folder = save(tmp_path / "model", model.eval(), processor)
    backbone = load_backbone(f"hf:{folder}", weights="pretrained", resize="crop")
    made = backbone.provenance()
    size, crop, norm = PICTURES[make]
    assert made.size == (size, size) and made.crop == crop
    assert made.normalisation.name == norm
    rows = backbone.extract(CLIPS)
    with torch.inference_mode():
        expected = EXPECTED[make](model, normalised(backbone)).flatten(1).numpy()
    assert rows.shape == (2, 2, backbone.width) == (2, 2, expected.shape[1])
    assert np.abs(rows - expected[CLIPS.index]).max() < 1e-5 * np.abs(expected).max()

    again = backbone_from_provenance(made)
    assert again.provenance() == made and np.array_equal(again.extract(CLIPS), rows)
    # The hub's name, with the folder given where there is no network.
    named = load_backbone(f"hf:{folder}", weights=folder, resize="crop")
    assert named.provenance().weights.sha256 == made.weights.sha256
    other = load_backbone(f"hf:{folder}", weights="random").provenance().weights
    assert other.sha256 != made.weights.sha256
    assert load_backbone(f"hf:{folder}", weights="random").provenance().weights == other


def test_other_weights_than_the_stores_are_refused(tmp_path) -> None:
    folders = [save(tmp_path / name, *dinov2()) for name in "ab"]
    made = load_backbone(f"hf:{folders[0]}", weights=folders[0]).provenance()
    with pytest.raises(UserError, match=r"b: SHA-256 .* store was made with .*give that file"):
        backbone_from_provenance(made, weights=folders[1])


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
    folder = save(tmp_path / "dino", *dinov2())
    lacking = tmp_path / "lacking"
    model, processor = dinov2()
    save(lacking, model, processor)
    state = model.state_dict()
    state.pop("layernorm.weight")
    model.save_pretrained(lacking, state_dict=state)
    (tmp_path / "plain").mkdir()
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "other.pth")
    for name, weights, message in (
        ("timm:vit_bse_patch16_224", "random", "none of this name; close are vit_base_patch16_"),
        ("timm:test_vit.nope", "random", r"cannot be built \(Invalid pretrained tag"),
        ("timm:test_vit", None, r"needs --weights: pretrained \(downloads\), a file, or"),
        ("timm:test_vit", "no.pth", "no.pth: no such file; for timm:test_vit give pretrained"),
        ("timm:test_vit", str(tmp_path / "other.pth"), "other.pth: not the weights of timm:test_v"),
        ("timm:test_vit", "pretrained", "cannot be loaded .* without the network, fetch its files"),
        ("hf:no/such", "pretrained", "cannot be loaded .* without the network, fetch its files"),
        ("hf:no/such", None, r"needs --weights: pretrained \(downloads\), a folder, or"),
        ("hf:no/such", "nowhere", "nowhere: no such folder; for hf:no/such give pretrained"),
        ("hf:no/such", str(tmp_path / "plain"), "cannot be loaded"),
        (f"hf:{folder}", str(lacking), "not the weights of hf:.*lacks layernorm.weight"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            load_backbone(name, weights=weights)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("package", ["timm", "transformers"])
def test_a_package_that_is_not_installed(monkeypatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    name = {"timm": "timm:resnet18", "transformers": "hf:openai/clip-vit-base-patch32"}[package]
    with pytest.raises(UserError, match=f"{package} is not installed; pip install {package}"):
        load_backbone(name, weights="random")
