"""Whether two stores were made alike: one comparison for all who ask."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from data_loader.store.provenance import (
    DECIDES,
    DOES_NOT_DECIDE,
    check_provenance,
    check_same,
    essence,
    first_difference,
)
from options.preprocess.extract import VideoOptions
from preprocess.extraction.output import Target, choose_products, choose_targets
from preprocess.extraction.shards import stores_so_far
from util.errors import UserError

MADE: dict[str, Any] = {
    "backbone": "resnet101", "kind": "frame", "width": 2048, "askable": True,
    "weights": {"source": "a.pth", "sha256": "1f"}, "resize": "squash", "crop": "none",
    "size": [224, 224], "scaler": "torch", "normalisation": {"name": "imagenet"},
    "sampling": {"clips": 8, "frames": 16, "rule": "linspace"}, "decoder": "pyav",
    "network_precision": "float32", "precision": "float16",
    "versions": {"torch": "2.14.1+cpu", "numpy": "2"},
}  # fmt: skip
OTHER: dict[str, Any] = {
    "backbone": "resnet50", "kind": "clip", "width": 512,
    "weights": {"source": "a.pth", "sha256": "2e"}, "resize": "crop",
    "crop": {"centre": 224, "of": 232}, "size": [112, 112], "scaler": "decoder",
    "normalisation": {"name": "kinetics"}, "decoder": "scikit-video",
    "sampling": {"clips": 8, "frames": 8, "rule": "linspace"},
    "network_precision": "bf16", "precision": "float32",
}  # fmt: skip


def grow(made: dict[str, Any], asked: dict[str, Any], path: Path) -> None:
    """A store that was made so is asked to grow."""
    path.touch()
    store = SimpleNamespace(path=path, provenance=made, ids=("v",))
    target = Target(
        name="x", output=path, asked=essence(asked), write=lambda *_: None,
        open=lambda _: store,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    stores_so_far(target)


def evaluate(made: dict[str, Any], asked: dict[str, Any], path: Path) -> None:
    """A run that was trained on such a store is given another."""
    store = SimpleNamespace(path=path, provenance=asked)
    check_provenance(made, store, "results/r")  # pyright: ignore[reportArgumentType]


def join_cluster(made: dict[str, Any], asked: dict[str, Any], path: Path) -> None:
    """A machine would make it otherwise than the command."""
    check_same(made, asked, path, "node")


ASKING = [grow, evaluate, join_cluster]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("key", DECIDES)
def test_each_difference_is_named_by_all(ask, key: str, tmp_path) -> None:
    ask(MADE, MADE, tmp_path / "s.h5")
    other = MADE | {key: OTHER[key]}
    assert first_difference(MADE, other) == (key, essence(MADE)[key], essence(other)[key])
    if (ask, key) == (evaluate, "decoder"):  # decoders give the same frames
        ask(MADE, other, tmp_path / "s.h5")
        return
    with pytest.raises(UserError, match=rf"s\.h5.* {key} "):
        ask(MADE, other, tmp_path / "s.h5")
    with pytest.raises(UserError, match=rf"s\.h5.* {key} "):
        ask(
            {k: v for k, v in other.items() if k != key or DECIDES[k]} | {"x": 1},
            MADE,
            tmp_path / "s.h5",
        )


@pytest.mark.parametrize("ask", ASKING)
def test_what_does_not_decide_is_let_pass(ask, tmp_path) -> None:
    for change in (
        {"weights": {"source": "elsewhere/b.pth", "sha256": "1f"}},
        {"versions": {"torch": "2.14.1+cu130", "numpy": "2"}},
        {"askable": False},
    ):
        ask(MADE, MADE | change, tmp_path / "s.h5")
    runtime = MADE | {"versions": {**MADE["versions"], "openvino": "2026.1"}}
    if ask is not join_cluster:
        ask(MADE, runtime, tmp_path / "s.h5")
        return
    with pytest.raises(UserError, match=r"s\.h5: node has openvino None, the machine .* 2026\.1"):
        ask(MADE, runtime, tmp_path / "s.h5")


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("key", [key for key, default in DECIDES.items() if default])
def test_stores_of_before_a_choice_have_its_default(ask, key: str, tmp_path) -> None:
    before = {k: v for k, v in MADE.items() if k != key}
    ask(before, MADE, tmp_path / "s.h5")
    ask(MADE, before, tmp_path / "s.h5")
    with pytest.raises(UserError, match=rf"s\.h5.* {key} "):
        ask(before, MADE | {key: OTHER[key]}, tmp_path / "s.h5")


@pytest.mark.parametrize("backbone", ["pixels", "squeezenet1_1", "none"])
def test_all_that_a_store_says_of_itself_is_in_the_table(backbone: str, tmp_path) -> None:
    options = VideoOptions(
        videos=["x"], backbone=[backbone], output=[str(tmp_path / "s.h5")],
        weights=["random"] if backbone == "squeezenet1_1" else [],
    )  # fmt: skip
    (product,) = choose_products(options)
    assert set(product.provenance) <= {*DECIDES, *DOES_NOT_DECIDE}
    (target,) = choose_targets(options)  # before a network is loaded
    assert {k: product.asked[k] for k in target.asked} == target.asked
