"""The list of backbones: widths and costs are those of the networks themselves."""

import re

import pytest

from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from preprocess.backbones import main
from tests.conftest import skip_without_library
from util.errors import UserError

SMALL = ["resnet18", "resnext50_32x4d", "convnext_tiny", "vit_b_16", "swin_t", "swin_v2_t"]
SMALL += [
    "squeezenet1_1",
    "efficientnet_lite0",
    "r3d_18",
    "s3d",
    "mvit_v2_s",
    "swin3d_t",
    "resnext101",
    "pixels",
]


@pytest.mark.parametrize("names", [SMALL, pytest.param(list(BACKBONES), marks=pytest.mark.long)])
def test_every_line_holds(capsys, names: list[str]) -> None:
    for name in names:
        skip_without_library(name)
    assert main(["--list", *(names if len(names) < len(BACKBONES) else [])]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split() for line in lines}
    assert names == [line.split()[0] for line in lines[1:-3]]
    for name in names:
        line, (_, kind, width, size, cost, *_) = BACKBONES[name], rows[name]
        assert (kind, int(width)) == (line.kind, line.width)
        if not isinstance(line, BackboneSpec):
            assert cost == "-"
            continue
        assert size.endswith(f"{line.size}x{line.size}")
        if name == "squeezenet1_1":  # a quarter of torchvision's count is the classifier
            assert float(cost) == pytest.approx(8.4, abs=0.05)
        elif line.named:  # torchvision counts a multiply and an add as one
            known = 2 * line.named[0].meta["_ops"] * (16 if line.kind == "frame" else 1)
            assert float(cost) == pytest.approx(known, rel=2e-3, abs=0.1)
    small = "resnet_narrow, resnet_narrow64, resnext26, resnext_narrow, resnext_narrow64"
    assert lines[-3] == f"small, made to be trained (--encoders full): {small}"
    assert rows["mvit_v2_s"][3] == "16x224x224" and rows["s3d"][3] == "14+x224x224"
    assert "see source" in " ".join(rows["swin3d_t"])
    assert "SWAG/blob/main/LICENSE" in " ".join(rows["vit_b_16"])


def test_some_lines(capsys) -> None:
    main(["--list", "resnet18", "pixels"])
    out = capsys.readouterr().out
    assert re.search(r"^resnet18 +frame +512 +224x224 +58\.0 ", out, re.M)
    assert "resnet34" not in out and re.search(r"^pixels ", out, re.M)
    with pytest.raises(UserError, match="resnet1: there is none; there are resnet1"):
        main(["--list", "resnet1"])


def test_attention_of_timm_is_counted(capsys) -> None:
    """Fused attention kernels are not seen by PyTorch's counter."""
    pytest.importorskip("timm", reason="needs timm, an optional package")
    main(["--list", "timm:vit_base_patch32_224", "vit_b_32"])
    costs = re.findall(r"frame +768 +224x224 +([\d.]+)", capsys.readouterr().out)
    assert len(costs) == 2 and float(costs[0]) == pytest.approx(float(costs[1]), rel=1e-3)
