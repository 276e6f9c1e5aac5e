"""Properties of the whole model that no golden number shows."""

from dataclasses import replace

import pytest
import torch

from model.dualvgr.config import DualVGRConfig
from model.dualvgr.dualvgr import DualVGR
from model.dualvgr.fusion import FUSIONS

WORDS, ANSWERS, DA, DM, WORD, D = 30, 9, 7, 5, 6, 16


CONFIG = DualVGRConfig(
    vocabulary=WORDS,
    answers=ANSWERS,
    appearance_width=DA,
    motion_width=DM,
    feature_norm="none",
    word_width=WORD,
    width=D,
    units=2,
    heads=4,
    graph_layers=1,
    topology="complete",
    fusion="mfb",
    bilinear_width=8,
    bilinear_factor=2,
    punish="values",
    word_mask="before",
    question_summary="bilstm",
    head="concat",
    semantic_head=False,
    answer_width=0,
    readout_of="fused",
    head_dropout=None,
    clip_dropout=0.5,
    feature_dropout=0.5,
    dropout=0.15,
    state_dropout=0.18,
)


def model(**changes) -> DualVGR:
    torch.manual_seed(0)
    return DualVGR(replace(CONFIG, **changes)).double().eval()


def inputs(videos: int = 3, clips: int = 5, frames: int = 4, words: int = 6, batch: int = 4):
    torch.manual_seed(1)
    return {
        "appearance": torch.randn(videos, clips, frames, DA, dtype=torch.float64),
        "motion": torch.randn(videos, clips, DM, dtype=torch.float64),
        "clip_mask": torch.ones(videos, clips, dtype=torch.bool),
        "video": torch.randint(videos, (batch,)),
        "words": torch.randint(1, WORDS, (batch, words)),
        "length": torch.full((batch,), words),
    }


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("punish", ["values", "nodes"])
def test_padded_clips_and_words_change_nothing(fusion: str, punish: str) -> None:
    net, given = model(fusion=fusion, punish=punish, graph_layers=2), inputs()
    before = net(**given).logits
    noise = torch.randn(3, 2, 4, DA, dtype=torch.float64)
    padded = {
        **given,
        "appearance": torch.cat([given["appearance"], noise], 1),
        "motion": torch.cat([given["motion"], noise[:, :, 0, :DM]], 1),
        "clip_mask": torch.cat([given["clip_mask"], torch.zeros(3, 2, dtype=torch.bool)], 1),
        "words": torch.cat([given["words"], torch.zeros(4, 3, dtype=torch.int64)], 1),
    }
    after = net(**padded)
    torch.testing.assert_close(after.logits, before, atol=1e-10, rtol=0)
    assert (after.readout[:, -2:] == 0).all()


def test_released_word_mask_does_depend_on_padding() -> None:
    net, given = model(word_mask="released"), inputs()
    padded = {**given, "words": torch.nn.functional.pad(given["words"], (0, 3))}
    assert (net(**given).logits - net(**padded).logits).abs().max() > 1e-9


@pytest.mark.parametrize("what", ["appearance", "motion", "words"])
def test_every_input_reaches_the_answer(what: str) -> None:
    net, given = model(), inputs()
    changed = {**given, what: (given[what] + 1) % WORDS if what == "words" else given[what] + 1}
    assert (net(**given).logits - net(**changed).logits).abs().max() > 1e-6


def test_videos_encoded_once_equal_videos_encoded_per_question() -> None:
    net, given = model(), inputs()
    each = {
        **given,
        **{k: given[k][given["video"]] for k in ("appearance", "motion", "clip_mask")},
        "video": torch.arange(len(given["video"])),
    }
    torch.testing.assert_close(net(**given).logits, net(**each).logits, atol=1e-12, rtol=0)


def test_initial_weights_are_those_of_the_spec() -> None:
    net = model(vocabulary=2000, width=64)
    for name, parameter in net.named_parameters():
        if "embedding" in name:
            assert parameter.min() < -0.99 and parameter.max() > 0.99
        elif "bias" in name:
            assert (parameter == 0).all(), name
        else:
            assert parameter.any(), name
    graph = net.units[0].appearance_common.layers[0]
    head = graph.project.weight[:16]  # fan-out of one head, not of all four
    bound = (6 / (64 + 16)) ** 0.5
    assert 0.95 * bound < head.abs().max() <= bound


def test_clip_dropout_leaves_clips_out_but_never_all() -> None:
    net = model(clip_dropout=0.9).train()
    given = inputs(batch=200)
    given["clip_mask"][:, -1] = False
    mask = net(**given).mask
    assert not mask[:, -1].any() and mask.any(1).all()
    shown = mask[:, :-1].double().mean().item()
    assert 0.1 < shown < 0.8  # one in ten, or all four where none was left
    assert net.eval()(**given).mask[:, :-1].all()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_clips_of_zeros_are_as_good_as_one(fusion: str) -> None:
    """Why a question-only run needs a single clip."""
    net, given = model(fusion=fusion), inputs(videos=1)
    many = {**given, "appearance": given["appearance"] * 0, "motion": given["motion"] * 0}
    one = {**many, **{k: many[k][:, :1] for k in ("appearance", "motion", "clip_mask")}}
    torch.testing.assert_close(net(**many).logits, net(**one).logits, atol=1e-10, rtol=0)
