"""The table of networks: names, and what each is for."""

import pytest

from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES, find_spec, find_trainable
from util.errors import UserError


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        (
            "resnet51",
            "frame",
            r"^--x_encoder resnet51: there is none; there are resnet50, .* --list$",
        ),
        ("r3d_18", "frame", r"^--x_encoder r3d_18: is a network over clips; .* kind frame: python"),
        ("vit_b_16", "clip", r"^--x_encoder vit_b_16: is a network over frames; .* kind clip"),
        ("pixels", "frame", r"^--x_encoder pixels: has no weights to train"),
        ("hf:a/b", "frame", r"^hf:a/b: .* transformers .*: --x_encoder timm:vit_base_patch32_clip"),
    ],
)
def test_names_that_cannot_be_trained(name: str, kind, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        find_trainable(name, kind=kind, option="x_encoder")
    assert "\n" not in str(caught.value)


def test_every_network_can_be_trained() -> None:
    for name, spec in BACKBONES.items():
        if isinstance(spec, BackboneSpec):
            assert find_trainable(name, kind=spec.kind, option="x_encoder") is spec
            paths = [path for stage in spec.stages for path in stage]
            assert len(paths) == len(set(paths)) and len(spec.stages) >= 4, name
    assert find_spec("timm:resnet18") is None
