"""Caption decoders on a GPU: the CPU's numbers, and a training step that waits for nothing."""

import copy

import pytest
import torch
from torch import nn

from model.caption.captioner import DecoderName
from model.caption.search import search
from tests.gpu.steps import DEVICE, host_syncs, needs_cuda
from tests.model.caption.tiny import NAMES, WORDS, captioner, videos

pytestmark = pytest.mark.gpu
FORMS: list[tuple[DecoderName, dict]] = [
    *((name, {}) for name in NAMES),
    ("lstm", {"legacy_frame_aligned": True}),
]


@pytest.mark.parametrize(("name", "changes"), FORMS, ids=str)
def test_captions_are_the_cpus(name: DecoderName, changes: dict) -> None:
    model = captioner(name, sharp=8.0 if name == "ets_yao2015" else 1.8, **changes)
    how = {"max_words": 8, "length_penalty": 0.5, "no_repeat": 2, "n_best": 3, "trace": True}
    batch = videos(12, clips=(4, 2, 3, 4, 1, 4, 4, 2, 3, 4, 1, 4))
    found = []
    for device in ("cpu", DEVICE):
        placed = copy.deepcopy(model).to(device)
        memory = placed.encode(*(x.to(device) for x in batch))
        found.append(search(placed.decoder, memory, beam=4, **how))
    for ours, others in zip(*found, strict=True):
        assert [c.words for c in ours] == [c.words for c in others]
        for one, other in zip(ours, others, strict=True):
            assert one.log_prob == pytest.approx(other.log_prob, abs=1e-3)
            if one.attention is not None and other.attention is not None:
                torch.testing.assert_close(one.attention, other.attention, rtol=1e-3, atol=1e-3)


@needs_cuda
@pytest.mark.parametrize(("name", "changes"), FORMS, ids=str)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_training_waits_for_nothing(
    name: DecoderName, changes: dict, precision: torch.dtype
) -> None:
    model = captioner(name, **changes).to(DEVICE).train()
    batch = [x.to(DEVICE) for x in videos(3, clips=(4, 2, 3))]
    words = torch.randint(4, WORDS, (3, 6), device=DEVICE)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = model.decoder(model.encode(*batch), words).logits
        nn.functional.cross_entropy(logits.float().flatten(0, 1), words.flatten()).backward()

    assert host_syncs(step) == []
