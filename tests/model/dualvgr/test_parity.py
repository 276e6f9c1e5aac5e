"""The whole model against the released code's numbers: logits, losses, every gradient."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.dualvgr.config import DualVGRConfig
from model.dualvgr.dualvgr import DualVGR
from model.dualvgr.losses import consistency, disparity
from model.dualvgr.released import from_released, is_released


def load(path: Path) -> tuple[dict[str, torch.Tensor], DualVGR]:
    arrays = {k: torch.from_numpy(v) for k, v in np.load(path).items()}
    vision, width, word, _, _, units, layers, words, answers = arrays["config"].tolist()
    config = DualVGRConfig(
        vocabulary=words,
        answers=answers,
        appearance_width=vision,
        motion_width=vision,
        feature_norm="none",
        word_width=word,
        width=width,
        units=units,
        heads=4,
        graph_layers=layers,
        topology="complete",
        fusion="mfb",
        bilinear_width=256,
        bilinear_factor=2,
        punish="values",
        word_mask="released",
        question_summary="bilstm",
        head="concat",
        semantic_head=False,
        answer_width=0,
        readout_of="fused",
        head_dropout=None,
        clip_dropout=0.5,  # none of the dropouts may act in evaluation
        feature_dropout=0.5,
        dropout=0.15,
        state_dropout=0.18,
    )
    model = DualVGR(config).eval()
    state = {k[6:]: v for k, v in arrays.items() if k.startswith("state/")}
    assert is_released(state)
    missing, unexpected = model.load_state_dict(from_released(state), strict=False)
    assert not unexpected
    assert all("norm.mean" in name or "norm.deviation" in name for name in missing)
    return arrays, model


@pytest.mark.parametrize("units", [1, 2])
def test_logits_losses_gradients(golden: Path, units: int) -> None:
    arrays, model = load(golden / f"dualvgr_units{units}.npz")
    videos, clips = arrays["motion"].shape[:2]
    mask = torch.ones(videos, clips, dtype=torch.bool)
    out = model(
        arrays["appearance"],
        arrays["motion"],
        mask,
        torch.arange(videos),
        arrays["question"],
        arrays["question_len"],
    )
    assert len(out.units) == units
    ce = torch.nn.functional.cross_entropy(out.logits, arrays["answer"])
    cons = sum(consistency(u.appearance_common, u.motion_common, mask) for u in out.units) / units
    disp = (
        sum(
            disparity(u.appearance_specific, u.appearance_common, mask, hsic="released")
            + disparity(u.motion_specific, u.motion_common, mask, hsic="released")
            for u in out.units
        )
        / units
    )
    total = ce + cons + 1e-2 * disp
    assert (out.logits - arrays["logits"]).abs().max() < 1e-5
    assert abs(ce - arrays["loss_ce"]) < 1e-5
    assert abs(cons - arrays["loss_consistency"]) < 1e-5
    assert abs(disp / arrays["loss_disparity"] - 1) < 1e-5
    assert abs(total - arrays["loss_total"]) < 1e-5

    total.backward()
    released = {k[5:]: v for k, v in arrays.items() if k.startswith("grad/")}
    parameters = dict(model.named_parameters())
    gradients = from_released(released)
    assert gradients.keys() == parameters.keys()
    worst = 0.0
    for name, g in gradients.items():
        h = parameters[name].grad
        assert h is not None, name
        bound = 1e-4 * g.abs().max() + 1e-6
        worst = max(worst, ((g - h).abs().max() / bound).item())
        assert (g - h).abs().max() <= bound, name
    gaps = {
        "logits": out.logits - arrays["logits"],
        "ce": ce - arrays["loss_ce"],
        "consistency": cons - arrays["loss_consistency"],
        "disparity (relative)": disp / arrays["loss_disparity"] - 1,
        "total": total - arrays["loss_total"],
    }
    told = ", ".join(f"{name} {gap.detach().abs().max():.1e}" for name, gap in gaps.items())
    print(f"\n{units} units: {told}, gradients at most {worst:.2f} of their bound")  # pytest -s
