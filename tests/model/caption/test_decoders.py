"""What every caption decoder holds to, and each one's own."""

import pytest
import torch
from torch import nn

from data_loader import vocabulary
from model.caption import decoder as special
from model.caption.captioner import DECODERS, DecoderName
from model.caption.decoder import BOS, EOS, PAD, Rows, take_rows
from tests.model.caption.tiny import NAMES, WORDS, captioner, videos, words

FORMS: list[tuple[DecoderName, dict]] = [
    *((name, {}) for name in NAMES),
    ("lstm", {"legacy_frame_aligned": True}),
    ("ets_paddle", {"attn_act": "none"}),
    ("transformer", {"word_width": 16}),
    ("transformer", {"positions": "frames"}),
]
each_form = pytest.mark.parametrize(("name", "changes"), FORMS, ids=str)


def test_every_name_has_a_decoder_and_numbers_are_the_files() -> None:
    assert set(DECODERS) == set(NAMES)
    numbers = [getattr(special, n) for n in ("PAD", "BOS", "EOS", "UNK")]
    assert numbers == [getattr(vocabulary, n) for n in ("PAD", "BOS", "EOS", "UNK_WORD")]


@each_form
@torch.no_grad()
def test_word_by_word_is_all_at_once(name: DecoderName, changes: dict) -> None:
    model = captioner(name, **changes)
    memory, read = model.encode(*videos(3, clips=(4, 2, 3))), words(3, 6)
    whole = model.decoder(memory, read)
    state = model.decoder.start(memory)
    for i, word in enumerate(read.unbind(1)):
        step = model.decoder.step(word, state, memory)
        state = step.state
        torch.testing.assert_close(step.logits, whole.logits[:, i], rtol=0, atol=1e-5)
        if whole.attention is None:
            assert step.attention is None
        else:
            assert step.attention is not None
            torch.testing.assert_close(step.attention, whole.attention[:, i], rtol=0, atol=1e-6)
    assert whole.logits.std() > 1e-4


@each_form
@torch.no_grad()
def test_later_words_and_other_rows_change_nothing(name: DecoderName, changes: dict) -> None:
    model = captioner(name, **changes)
    memory, read = model.encode(*videos(3)), words(3, 5)
    before = model.decoder(memory, read).logits
    other = read.clone()
    other[:, 3:] = 4 + (other[:, 3:] - 3) % (WORDS - 4)
    after = model.decoder(memory, other).logits
    torch.testing.assert_close(before[:, :3], after[:, :3])
    if not changes.get("legacy_frame_aligned"):
        assert not torch.allclose(before[:, 3:], after[:, 3:])
    alone = model.decoder(take_rows(memory, torch.tensor([1])), read[1:2]).logits
    torch.testing.assert_close(alone[0], before[1], rtol=0, atol=1e-5)


@each_form
@torch.no_grad()
def test_padded_clips_change_nothing(name: DecoderName, changes: dict) -> None:
    """Nor does a clip that is left out in the middle, whatever it holds."""
    model = captioner(name, **changes)
    appearance, motion, mask = videos(2, clips=(4, 4))
    mask[0, 3] = mask[1, 1] = False
    read = words(2, 5)
    expected = model.decoder(model.encode(appearance, motion, mask), read)
    a, m = (
        nn.functional.pad(
            x.masked_fill(~mask.view(2, 4, *[1] * (x.dim() - 2)), 9.0),
            [0, 0] * (x.dim() - 2) + [0, 3],
            value=5.0,
        )
        for x in (appearance, motion)
    )
    found = model.decoder(model.encode(a, m, nn.functional.pad(mask, (0, 3))), read)
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-5)
    if found.attention is not None and expected.attention is not None:
        kept = found.attention[..., : expected.attention.shape[2]]
        torch.testing.assert_close(kept, expected.attention, rtol=0, atol=1e-6)
        assert found.attention[..., expected.attention.shape[2] :].abs().max() == 0
        torch.testing.assert_close(kept.sum(2), torch.ones(2, 5))
        frames = kept.shape[2] // 4
        assert (kept[1, :, frames : 2 * frames] == 0).all()
        assert (kept[0, :, frames : 2 * frames] > 0).all()
    if name != "transformer":  # whose positions know their places
        a, m, real = (torch.cat([x[1:, :1], x[1:, 2:]], 1) for x in (appearance, motion, mask))
        without = model.decoder(model.encode(a, m, real), read[1:])
        torch.testing.assert_close(without.logits[0], expected.logits[1], rtol=0, atol=1e-5)


@each_form
def test_every_trainable_tensor_gets_gradient(name: DecoderName, changes: dict) -> None:
    changes = {"units": 2, "dropout": 0.2, "feature_dropout": 0.1, **changes}
    model = captioner(name, sharp=8.0 if name == "ets_yao2015" else 1.0, **changes).train()
    dead = {"decoder.score.bias"}  # c of Yao's attention: the same for all positions
    if changes.get("attn_act") == "none":
        dead.add("decoder.of_state.weight")  # the bug
    read = words(3, 6)
    logits = model.decoder(model.encode(*videos(3, clips=(4, 2, 3))), read[:, :-1]).logits
    nn.functional.cross_entropy(logits.flatten(0, 1), read[:, 1:].flatten()).backward()
    for tensor, parameter in model.named_parameters():
        assert parameter.grad is not None, tensor
        largest = float(parameter.grad.abs().max())
        assert largest < 1e-6 if tensor in dead else largest > 1e-8, (tensor, largest)


def greedy(model: nn.Module, memory: Rows, count: int) -> list[list[int]]:
    """Captions of the likeliest next words, read in a plain loop."""
    assert isinstance(model.decoder, special.CaptionDecoder)
    found: list[list[int]] = []
    for video in range(count):
        own = take_rows(memory, torch.tensor([video]))
        state, word, said = model.decoder.start(own), torch.tensor([BOS]), []
        while len(said) < 12:
            step = model.decoder.step(word, state, own)
            state, word = step.state, step.logits.argmax(1)
            if word == EOS:
                break
            said.append(int(word))
        found.append(said)
    return found


@each_form
def test_one_batch_is_learned_by_heart(name: DecoderName, changes: dict) -> None:
    """Captions of several lengths, exactly, by greedy search."""
    words_width = 32 if "word_width" in changes else 16  # 6 are too few for Yao's last layer
    model = captioner(name, **{**changes, "width": 32, "word_width": words_width}).train()
    batch = videos(4, clips=(4, 4, 3, 4))
    truth = [[4, 5, 6], [7, 4, 5], [5], [8, 9]]
    read = torch.full((4, 4), PAD)
    target = torch.full((4, 4), PAD)
    for i, caption in enumerate(truth):
        read[i, : len(caption) + 1] = torch.tensor([BOS, *caption])
        target[i, : len(caption) + 1] = torch.tensor([*caption, EOS])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        logits = model.decoder(model.encode(*batch), read).logits
        nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=PAD
        ).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        assert greedy(model, model.encode(*batch), 4) == truth


@each_form
def test_bfloat16(name: DecoderName, changes: dict) -> None:
    """Under autocast it trains, near what float32 gives."""
    model = captioner(name, **changes)
    batch, read = videos(2, clips=(4, 2)), words(2, 4)
    expected = model.decoder(model.encode(*batch), read).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        memory = model.encode(*batch)
        found = model.decoder(memory, read).logits
        state = model.decoder.start(memory)
        for word in read.unbind(1):
            step = model.decoder.step(word, state, memory)
            state = step.state
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.05)
    torch.testing.assert_close(step.logits.float(), found[:, -1].float(), rtol=0.1, atol=0.05)
    assert not any(x.dtype == torch.float16 for x in (*memory.values(), *step.state.values()))
    found.float().logsumexp(2).sum().backward()
    for tensor, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), tensor
