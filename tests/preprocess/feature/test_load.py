"""Frozen backbones: the input they see, the features they give, and weights that do not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from data_loader.store.provenance import Provenance
from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from model.backbone.weights import load_weights
from preprocess.feature.load import backbone_from_provenance, load_backbone
from preprocess.video.clips import Clips, clip_frames
from tests.video_files import moving_images
from util.errors import UserError
from util.files import sha256


def make_clips(total: int = 9, clips: int = 3, frames: int = 4, size=(40, 60)) -> Clips:
    index = clip_frames(total, clips=clips, frames=frames)
    needed = np.unique(index)
    images = moving_images(total, size)[needed]
    return Clips(images, np.searchsorted(needed, index), total)


@pytest.fixture(scope="module")
def squeezenet():
    return load_backbone("squeezenet1_1", weights="random", batch=2)


def test_pixels_are_area_averages() -> None:
    clips = make_clips(size=(40, 64))
    rows = load_backbone("pixels", weights=None).extract(clips)
    assert rows.shape == (3, 4, 192) and rows.dtype == np.float32
    blocks = clips.frames.reshape(-1, 8, 5, 8, 8, 3).mean(axis=(2, 4))  # 40 = 8 x 5, 64 = 8 x 8
    expected = (blocks / 127.5 - 1).reshape(-1, 192)[clips.index]
    assert np.abs(rows - expected).max() < 1e-5
    assert np.abs(rows).max() <= 1


def test_pixels_of_black_and_white() -> None:
    frames = np.zeros((2, 9, 5, 3), np.uint8)  # smaller than the grid on one side
    frames[1] = 255
    rows = load_backbone("pixels", weights=None).extract(Clips(frames, np.array([[0, 1]]), 2))
    assert (rows[0, 0] == -1).all() and (rows[0, 1] == 1).all()


def test_pixel_motion_is_the_difference_of_moments() -> None:
    clips = make_clips(total=40, clips=2, frames=16)
    grids = load_backbone("pixels", weights=None).extract(clips)  # (2, 16, 192)
    rows = load_backbone("pixel_motion", weights=None).extract(clips)
    moments = grids.reshape(2, 4, 4, 192).mean(axis=2)
    assert rows.shape == (2, 1, 576)
    assert np.abs(rows - np.diff(moments, axis=1).reshape(2, 1, 576)).max() < 1e-5
    still = Clips(clips.frames[:1], np.zeros((2, 16), np.int64), 1)
    assert np.abs(load_backbone("pixel_motion", weights=None).extract(still)).max() < 1e-6


def test_squash_is_as_pillow_resizes(squeezenet) -> None:
    clips = make_clips(size=(120, 300))
    prepared = squeezenet.prepare(clips.frames).permute(0, 2, 3, 1).numpy().astype(int)
    for mine, frame in zip(prepared, clips.frames, strict=True):
        theirs = Image.fromarray(frame).resize((224, 224), Image.Resampling.BICUBIC)
        difference = np.abs(mine - np.asarray(theirs))
        assert difference.max() <= 2 and difference.mean() < 0.1


def test_crop_takes_the_centre() -> None:
    backbone = load_backbone("squeezenet1_1", weights="random", resize="crop")
    frames = np.zeros((1, 256, 512, 3), np.uint8)
    frames[:, 16:240, 144:368] = 200  # the central 224 x 224
    assert (backbone.prepare(frames) == 200).all()
    assert backbone.prepare(np.zeros((1, 300, 90, 3), np.uint8)).shape == (1, 3, 224, 224)
    motion = load_backbone("r2plus1d_18", weights="random", resize="crop")
    assert motion.prepare(np.zeros((2, 90, 200, 3), np.uint8)).shape == (2, 3, 112, 112)


def test_each_distinct_frame_passes_once_and_equals_the_naive_way(squeezenet, monkeypatch) -> None:
    clips = make_clips(total=6, clips=2, frames=4)
    assert len(clips.frames) < clips.index.size, "clips share frames here"
    seen = []
    real = squeezenet._run
    monkeypatch.setattr(
        squeezenet, "_run", lambda images: (seen.append(len(images)), real(images))[1]
    )
    rows = squeezenet.extract(clips)
    assert sum(seen) == len(clips.frames)
    assert rows.shape == (2, 4, 512)

    network, _ = load_weights(BACKBONES["squeezenet1_1"], "random", name="")
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for clip, row in zip(clips.index, rows, strict=True):  # every frame of every clip by itself
        for frame, feature in zip(clips.frames[clip], row, strict=True):
            small = Image.fromarray(frame).resize((224, 224), Image.Resampling.BICUBIC)
            x = (torch.from_numpy(np.asarray(small).copy()) / 255 - mean) / std
            with torch.inference_mode():
                naive = network.eval().features(x.permute(2, 0, 1)[None]).mean((2, 3))[0].numpy()
            assert np.abs(feature - naive).max() < 0.01 * np.abs(naive).max()


@pytest.mark.parametrize("norm", ["kinetics", "raw255"])
def test_motion_input_of_resnext101(monkeypatch, norm: str) -> None:
    seen = []

    class Probe(torch.nn.Module):
        fc = torch.nn.Identity()

        def forward(self, x):
            seen.append(x)
            return x.mean((3, 4)).flatten(1)[:, :1]

    line = BACKBONES["resnext101"]
    assert isinstance(line, BackboneSpec)
    probe = replace(line, build=Probe, width=1)
    monkeypatch.setitem(BACKBONES, "resnext101", probe)
    backbone = load_backbone("resnext101", weights="random", motion_norm=norm, batch=8)
    frames = np.stack([np.full((30, 50, 3), (10 * i, 100, 200), np.uint8) for i in range(5)])
    rows = backbone.extract(Clips(frames, np.array([[0, 1, 2, 2], [1, 2, 3, 4]]), 5))
    x = torch.cat(seen)
    mean = np.array([114.7748, 107.7354, 99.4750]) if norm == "kinetics" else np.zeros(3)
    assert rows.shape == (2, 1, 1) and x.shape == (2, 3, 4, 112, 112)
    expected = np.array([[0, 10, 20, 20], [10, 20, 30, 40]]) - mean[0]
    assert np.allclose(x[:, 0].mean((2, 3)).numpy(), expected, atol=1e-3)
    assert np.allclose(x[:, 2].mean((1, 2, 3)).numpy(), 200 - mean[2], atol=1e-3)


@pytest.mark.parametrize(("name", "width"), [("resnet101", 2048), ("r2plus1d_18", 512)])
def test_torchvision_networks(name: str, width: int) -> None:
    backbone = load_backbone(name, weights="random")
    clips = make_clips(total=2, clips=1, frames=2)
    rows = backbone.extract(clips)
    assert rows.shape == ((1, 2, width) if backbone.kind == "frame" else (1, 1, width))
    assert backbone.width == width and np.isfinite(rows).all() and rows.std() > 0


def test_random_weights_are_seeded_and_leave_the_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one = load_backbone("squeezenet1_1", weights="random").provenance().weights
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(8)
    assert load_backbone("squeezenet1_1", weights="random").provenance().weights == one


def test_checkpoint_forms_that_load(tmp_path) -> None:
    """`state_dict` key, `module.` prefix, no batch counters, another head or none."""
    network = models.resnet18()
    state = network.state_dict()
    old = {f"module.{k}": v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    old["module.fc.weight"] = torch.zeros(7, 512)
    torch.save({"state_dict": old, "epoch": 3, "arch": "resnet"}, tmp_path / "old.pth")
    torch.save({k: v for k, v in state.items() if not k.startswith("fc.")}, tmp_path / "bare.pth")
    for name in ("old.pth", "bare.pth"):
        path = tmp_path / name
        loaded, source = load_weights(BACKBONES["resnet18"], str(path), name="resnet18")
        assert source == {"source": str(path), "sha256": sha256(path)}
        for key, value in state.items():
            if not key.startswith("fc."):
                assert torch.equal(loaded.state_dict()[key], value)


def test_weights_that_do_not_fit(tmp_path) -> None:
    state = models.squeezenet1_1().state_dict()
    wide = dict(state, **{"features.0.weight": torch.zeros(64, 3, 7, 7)})
    torch.save(wide, tmp_path / "wide.pth")
    torch.save(dict(state, extra=torch.zeros(1)), tmp_path / "extra.pth")
    torch.save(models.resnet18().state_dict(), tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save(state, tmp_path / "whole.pth")
    (tmp_path / "damaged.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:50000])
    (tmp_path / "text.pth").write_text("hello")
    for name, message in {
        "wide.pth": r"features.0.weight is 64x3x7x7, not 64x3x3x3; give",
        "extra.pth": "has extra",
        "other.pth": r"lacks features.0.weight",
        "list.pth": "holds no state dict",
        "damaged.pth": "damaged",
        "text.pth": "not a file of PyTorch weights",
        "none.pth": "no such file.*IMAGENET1K_V1, pretrained, a file, or the word random",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            load_backbone("squeezenet1_1", weights=str(tmp_path / name))
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_choices_a_backbone_does_not_have() -> None:
    for arguments, message in [
        (
            {"name": "vgg", "weights": None},
            "there is none; there are .* and others: python -m .* --list",
        ),
        (
            {"name": "resnet101", "weights": None},
            "needs --weights: IMAGENET1K_V1, IMAGENET1K_V2, pretrained, a f",
        ),
        ({"name": "resnext101", "weights": None}, "needs --weights: a file, or the word random"),
        ({"name": "pixels", "weights": "random"}, "pixels has no weights"),
        ({"name": "pixels", "weights": None, "resize": "crop"}, "averages whole frames"),
        ({"name": "pixels", "weights": None, "motion_norm": "raw255"}, "resnext101 only"),
        (
            {"name": "squeezenet1_1", "weights": "random", "device": "cuda:99"},
            "not on this machine",
        ),
    ]:
        with pytest.raises(UserError, match=message):
            load_backbone(**arguments)


@pytest.mark.parametrize("name", ["squeezenet1_1", "pixels", "pixel_motion"])
def test_the_backbone_of_a_store_comes_back(tmp_path, name: str) -> None:
    weights = None
    if not name.startswith("pixel"):
        weights = str(tmp_path / "w.pth")
        torch.save(models.squeezenet1_1().state_dict(), weights)
    first = load_backbone(name, weights=weights, **({"resize": "crop"} if weights else {}))
    again = backbone_from_provenance(first.provenance())
    assert again.provenance() == first.provenance()
    clips = make_clips()
    assert np.array_equal(again.extract(clips), first.extract(clips))


def test_a_store_asks_for_its_own_weights(tmp_path) -> None:
    paths = [tmp_path / "a.pth", tmp_path / "b.pth"]
    for path in paths:
        torch.save(models.squeezenet1_1().state_dict(), path)
    provenance = load_backbone("squeezenet1_1", weights=str(paths[0])).provenance()
    with pytest.raises(
        UserError, match=r"b\.pth: SHA-256 .* store was made with .*a\.pth.*give that"
    ):
        backbone_from_provenance(provenance, weights=str(paths[1]))
    moved = paths[0].rename(tmp_path / "moved.pth")
    with pytest.raises(UserError, match=r"a\.pth: no such file"):
        backbone_from_provenance(provenance)
    assert backbone_from_provenance(provenance, weights=str(moved)).width == 512


def test_imported_features_cannot_be_asked() -> None:
    with pytest.raises(UserError, match=r"no backbone to run.*preprocess\.videos"):
        backbone_from_provenance(Provenance(backbone="imported"))


def test_real_weights_load(shared) -> None:
    path = shared / "data" / "weights" / "squeezenet1_1_imagenet.pth"
    rows = load_backbone("squeezenet1_1", weights=str(path)).extract(make_clips())
    assert rows.shape == (3, 4, 512) and rows.min() >= 0 and rows.std() > 0.1
