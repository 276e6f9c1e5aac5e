"""The low-rank model sees no order, no padding, and no word that it was not trained on."""

from dataclasses import replace

import torch

from model.low_rank.low_rank import LowRank
from tests.model.dualvgr.test_dualvgr import CONFIG, inputs


def model() -> LowRank:
    torch.manual_seed(0)
    net = LowRank(replace(CONFIG, semantic_head=True, answer_width=4)).double().eval()
    torch.nn.init.normal_(net.question.summary.table)
    net.head.fit(torch.randn(9, 4))
    return net


def test_order_and_padding_change_nothing() -> None:
    net, given = model(), inputs()
    before = net(**given)
    order = torch.randperm(5)
    other = {
        **given,
        "appearance": given["appearance"][:, order],
        "motion": given["motion"][:, order],
    }
    other["words"] = torch.nn.functional.pad(given["words"].flip(1), (0, 2))
    torch.testing.assert_close(net(**other).logits, before.logits)
    padded = {
        **given,
        "appearance": torch.cat([given["appearance"], torch.ones_like(given["appearance"])], 1),
        "motion": torch.cat([given["motion"], torch.ones_like(given["motion"])], 1),
        "clip_mask": torch.cat([given["clip_mask"], ~given["clip_mask"]], 1),
    }
    after = net(**padded)
    torch.testing.assert_close(after.logits, before.logits)
    assert after.units == () and (after.readout[:, 5:] == 0).all()
    torch.testing.assert_close(after.readout.sum(1), torch.ones(4))


def test_it_depends_on_video_question_and_both_channels() -> None:
    net, given = model(), inputs()
    before = net(**given).logits
    for name in ("appearance", "motion"):
        assert not torch.allclose(net(**{**given, name: given[name] + 1}).logits, before)
    other = {**given, "words": given["words"].roll(1, 0)}
    assert not torch.allclose(net(**other).logits, before)


def test_the_unknown_word_says_nothing() -> None:
    net, given = model(), inputs()
    some = {**given, "words": torch.cat([given["words"], torch.ones(4, 2, dtype=torch.int64)], 1)}
    torch.testing.assert_close(net(**some).logits, net(**given).logits)
