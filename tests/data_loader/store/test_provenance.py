"""Whether two stores were made alike: one comparison for all who ask."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_loader.store.match import check_provenance
from data_loader.store.provenance import (
    DECIDES,
    DEFAULTS,
    Crop,
    Normalisation,
    Provenance,
    Sampling,
    Weights,
    check_same,
)
from options.preprocess.extract import VideoOptions
from preprocess.extraction.output import StoreOutput, choose_outputs, load_outputs
from preprocess.extraction.shards import stores_so_far
from util.errors import UserError

MADE = Provenance(
    backbone="resnet101", layer="pooled", kind="frame", width=2048, has_backbone=True,
    weights=Weights("a.pth", "1f"), resize="squash", crop="none", size=(224, 224), scaler="torch",
    normalisation=Normalisation("imagenet", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    sampling=Sampling(8, 16, "linspace"), decoder="pyav", network_precision="float32",
    precision="float16", versions={"torch": "2.14.1+cpu", "numpy": "2"},
)  # fmt: skip
OTHER = Provenance(
    backbone="resnet50", kind="clip", width=512, weights=Weights("a.pth", "2e"), resize="crop",
    crop=Crop(224, 232), size=(112, 112), scaler="decoder", normalisation=Normalisation("kinetics"),
    layer="semantic", decoder="scikit-video", sampling=Sampling(8, 8, "linspace"),
    network_precision="bf16", precision="float32",
)  # fmt: skip


def grow(made: Provenance, asked: Provenance, path: Path) -> None:
    """A store that was made so is asked to grow."""
    path.touch()
    store = SimpleNamespace(path=path, provenance=made, ids=("v",))
    output = StoreOutput()
    output.path, output.provenance = path, asked
    output.open = lambda _: store  # pyright: ignore[reportAttributeAccessIssue]
    stores_so_far(output)


def evaluate(made: Provenance, asked: Provenance, path: Path) -> None:
    """A run that was trained on such a store is given another."""
    store = SimpleNamespace(path=path, provenance=asked)
    check_provenance(made, store, "results/r")  # pyright: ignore[reportArgumentType]


def join_cluster(made: Provenance, asked: Provenance, path: Path) -> None:
    """A machine would make it otherwise than the command."""
    check_same(made, asked, path, "node")


ASKING = [grow, evaluate, join_cluster]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("key", DECIDES)
def test_each_difference_is_named_by_all(ask, key: str, tmp_path) -> None:
    ask(MADE, MADE, tmp_path / "s.h5")
    other = replace(MADE, **{key: getattr(OTHER, key)})
    expected = key, MADE.feature_key()[key], other.feature_key()[key]
    assert MADE.first_difference(other) == expected
    if (ask, key) == (evaluate, "decoder"):  # decoders give the same frames
        ask(MADE, other, tmp_path / "s.h5")
        return
    with pytest.raises(UserError, match=rf"s\.h5.* {key} "):
        ask(MADE, other, tmp_path / "s.h5")
    silent = other if key in DEFAULTS else replace(MADE, **{key: None})
    with pytest.raises(UserError, match=rf"s\.h5.* {key} "):
        ask(silent, MADE, tmp_path / "s.h5")


@pytest.mark.parametrize("ask", ASKING)
def test_what_does_not_decide_is_let_pass(ask, tmp_path) -> None:
    for change in (
        {"weights": Weights("elsewhere/b.pth", "1f")},
        {"versions": {"torch": "2.14.1+cu130", "numpy": "2"}},
        {"has_backbone": False},
    ):
        ask(MADE, replace(MADE, **change), tmp_path / "s.h5")
    runtime = replace(MADE, versions={**MADE.versions, "openvino": "2026.1"})
    if ask is not join_cluster:
        ask(MADE, runtime, tmp_path / "s.h5")
        return
    with pytest.raises(UserError, match=r"s\.h5: node has openvino None, the machine .* 2026\.1"):
        ask(MADE, runtime, tmp_path / "s.h5")


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("key", DEFAULTS)
def test_stores_of_before_a_choice_have_its_default(ask, key: str, tmp_path) -> None:
    before = replace(MADE, **{key: None})
    ask(before, MADE, tmp_path / "s.h5")
    ask(MADE, before, tmp_path / "s.h5")
    with pytest.raises(UserError, match=rf"s\.h5.* {key} "):
        ask(before, replace(MADE, **{key: getattr(OTHER, key)}), tmp_path / "s.h5")


# What commit 544641e wrote into stores of pixels, of a network that crops, and of imported files.
JSON = [
    '{"askable": true, "backbone": "pixels", "crop": "none", "decoder": "pyav", "kind": "frame", '
    '"normalisation": {"name": "-1..1"}, "precision": "float16", "resize": "area", "sampling": '
    '{"clips": 2, "frames": 4, "rule": "linspace"}, "size": [8, 8], "versions": {"av": "18.1.0"}, '
    '"weights": {"sha256": "", "source": "none"}, "width": 192}',
    '{"askable": true, "backbone": "hf:x", "crop": {"centre": 30, "of": [30, 30]}, "kind": "frame",'
    ' "network_precision": "float32", "normalisation": {"mean": [114.75, 0.0, 1.5], "name": "m", '
    '"std": [1.0, 2.0, 3.0]}, "scaler": "decoder", "size": [30, 30], "weights": {"library": '
    '"timm 1.0", "sha256": "1f", "source": "pretrained"}, "width": 16}',
    '{"askable": false, "backbone": "imported", "imported": {"file": "a.h5", "sha256": "1f"}, '
    '"size": [], "weights": {"sha256": "", "source": "unknown"}}',
]


@pytest.mark.parametrize("text", JSON)
def test_the_json_of_a_store_comes_back(text: str) -> None:
    made = Provenance.from_dict(json.loads(text))
    assert made.to_json() == text and made.to_dict() == json.loads(text)
    assert Provenance.from_dict({**json.loads(text), "of a later version": 1}) == made


@pytest.mark.parametrize(
    ("key", "value"),
    [("sampling", 3), ("sampling", {"clips": 3}), ("weights", "a.pth"), ("crop", [1, 2]),
     ("versions", "2.14"), ("normalisation", {"name": "x", "colour": 1})],
)  # fmt: skip
def test_what_has_another_form_is_named(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"says {key} "):
        Provenance.from_dict({**MADE.to_dict(), key: value})


@pytest.mark.parametrize("backbone", ["pixels", "squeezenet1_1", "none"])
def test_what_is_asked_for_is_what_is_made(backbone: str, tmp_path) -> None:
    options = VideoOptions(
        videos=["x"], backbone=[backbone], output=[str(tmp_path / "s.h5")],
        weights=["random"] if backbone == "squeezenet1_1" else [],
    )  # fmt: skip
    (output,) = choose_outputs(options)
    asked = output.provenance  # before a network is loaded
    assert asked.sampling == Sampling(8, 16, "linspace") and asked.backbone == backbone
    load_outputs([output], options)
    assert asked.completed_by(output.provenance).first_difference(output.provenance) is None
