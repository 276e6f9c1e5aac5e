"""Search finds what it should, whatever else is in the batch."""

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn

from model.caption.captioner import Captioner, DecoderName, RelationCaptioner
from model.caption.decoder import (
    BOS,
    EOS,
    PAD,
    UNK,
    CaptionDecoder,
    Rows,
    take_rows,
)
from model.caption.search import Caption, caption_log_prob, search, word_log_probs
from tests.model.caption.searches import PLAIN, same
from tests.model.caption.tiny import NAMES, WORDS, captioner, videos

each_decoder = pytest.mark.parametrize("name", NAMES)


def find(model: Captioner | RelationCaptioner, memory: Rows, **changes: Any) -> list[list[Caption]]:
    return search(model.decoder, memory, **{**PLAIN, **changes})


def sharp_captioner(name: DecoderName, seed: int = 0, **changes: Any) -> Any:
    """One that says different captions of different videos."""
    sharp = {"ets_yao2015": 20.0, "transformer": 1.8}.get(name, 3.0)
    model = captioner(name, seed, sharp=sharp, **changes)
    assert isinstance(model.decoder.out, nn.Linear)
    model.decoder.out.bias.data[EOS] += 1.0
    return model


@torch.no_grad()
def plainly(decoder: CaptionDecoder, memory: Rows, max_words: int) -> tuple[list[int], float]:
    """Greedy search of one video."""
    state, word = decoder.start(memory), torch.tensor([BOS])
    said: list[int] = []
    total = 0.0
    while True:
        step = decoder.step(word, state, memory)
        log_probs = step.logits[0].log_softmax(0)
        allowed = log_probs.clone()
        allowed[[PAD, BOS, UNK]] = -torch.inf
        best = int(allowed.argmax()) if len(said) < max_words else EOS
        total += float(log_probs[best])
        if best == EOS:
            return said, total
        said.append(best)
        state, word = step.state, torch.tensor([best])


@each_decoder
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_beam_of_one_is_greedy(name: DecoderName, length_penalty: float) -> None:
    model = sharp_captioner(name)
    memory = model.encode(*videos(12))
    found = find(model, memory, length_penalty=length_penalty)
    lengths = set()
    for i, (caption,) in enumerate(found):
        words, total = plainly(model.decoder, take_rows(memory, torch.tensor([i])), 6)
        assert caption.words == words
        assert caption.log_prob == pytest.approx(total, abs=1e-5)
        assert caption.score == pytest.approx(total / (len(words) + 1) ** length_penalty, abs=1e-5)
        lengths.add(len(words))
    assert len(lengths) > 1 or name == "ets_yao2015"


@each_decoder
@pytest.mark.parametrize(
    "changes",
    [{"beam": 1}, {"beam": 5, "n_best": 5}, {"beam": 4, "n_best": 2, "length_penalty": 0.7},
     {"beam": 3, "no_repeat": 2}],
    ids=str,
)  # fmt: skip
def test_order_size_and_padding_of_the_batch_change_nothing(
    name: DecoderName, changes: dict
) -> None:
    model = sharp_captioner(name)
    clips = (4, 2, 3, 4, 1, 4, 2, 3)
    batch = videos(8, clips=clips)
    whole = find(model, model.encode(*batch), **changes)
    alone = [find(model, model.encode(*(x[i : i + 1, : clips[i]] for x in batch)), **changes)[0]
             for i in range(8)]  # fmt: skip
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    padded = (nn.functional.pad(x, [0, 0] * (x.dim() - 2) + [0, 2]) for x in batch)
    turned = find(model, model.encode(*(x[order] for x in padded)), **changes)
    for i, captions in enumerate(whole):
        same(captions, alone[i])
        same(captions, turned[order.tolist().index(i)])


@each_decoder
def test_log_probabilities_are_the_models(name: DecoderName) -> None:
    model = sharp_captioner(name)
    memory = model.encode(*videos(5, clips=(4, 2, 3, 4, 1)))
    found = find(model, memory, beam=4, n_best=4, trace=True)
    for i, captions in enumerate(found):
        assert len(captions) == 4
        assert len({tuple(c.words) for c in captions}) == 4
        assert [c.score for c in captions] == sorted((c.score for c in captions), reverse=True)
        rows = take_rows(memory, torch.tensor([i] * 4))
        length = torch.tensor([len(c.words) for c in captions])
        words = torch.full((4, 7), PAD)
        for row, caption in enumerate(captions):
            words[row, : len(caption.words)] = torch.tensor(caption.words)
        with torch.no_grad():
            totals = caption_log_prob(model.decoder, rows, words, length)
            each = word_log_probs(model.decoder, rows, words, length)
            read = torch.cat([torch.full((4, 1), BOS), words], 1)
            attention = model.decoder(rows, read).attention
        for row, caption in enumerate(captions):
            end = len(caption.words) + 1
            assert caption.log_prob == pytest.approx(float(totals[row]), abs=1e-4)
            assert caption.word_log_probs == pytest.approx(each[row, :end].tolist(), abs=1e-4)
            assert (each[row, end:] == 0).all()
            if attention is None:
                assert caption.attention is None
            else:
                assert caption.attention is not None
                torch.testing.assert_close(caption.attention, attention[row, :end])


@each_decoder
def test_a_wide_beam_finds_a_decoders_likeliest_caption(name: DecoderName) -> None:
    """Among all captions of up to 2 of 3 words, each read by the decoder itself."""
    captions = [c for length in range(3) for c in product((4, 5, 6), repeat=length)]
    length = torch.tensor([len(c) for c in captions])
    words = torch.tensor([[*c, *[PAD] * (2 - len(c))] for c in captions])
    for seed in range(4):
        model = sharp_captioner(name, seed, vocabulary=7)
        memory = model.encode(*videos(4, seed=seed))
        found = find(model, memory, beam=16, n_best=13, max_words=2)
        for i in range(4):
            rows = take_rows(memory, torch.tensor([i] * len(captions)))
            with torch.no_grad():
                totals = caption_log_prob(model.decoder, rows, words, length)
            best = [float(x) for x in totals.sort(descending=True).values]
            assert [c.log_prob for c in found[i]] == pytest.approx(best, abs=1e-4)
            assert tuple(found[i][0].words) == captions[int(totals.argmax())]
            assert len({tuple(c.words) for c in found[i]}) == 13


def test_no_videos() -> None:
    model = captioner("lstm")
    empty = take_rows(model.encode(*videos(1)), torch.empty(0, dtype=torch.int64))
    assert find(model, empty, beam=2) == []


def test_a_model_that_has_diverged_still_returns() -> None:
    model = sharp_captioner("lstm")
    memory = model.encode(*videos(3))
    memory["hidden"][1] = torch.nan
    found = find(model, memory, beam=3)
    assert [len(c) for c in found] == [1, 1, 1]
    assert found[1][0].words == [] and math.isnan(found[1][0].log_prob)
    assert math.isfinite(found[0][0].log_prob) and math.isfinite(found[2][0].log_prob)


@each_decoder
def test_special_tokens_are_never_said(name: DecoderName) -> None:
    model = sharp_captioner(name)
    model.decoder.out.bias.data[[PAD, BOS, UNK]] = 20.0
    for captions in find(model, model.encode(*videos(6)), beam=3, n_best=3):
        for caption in captions:
            assert not {PAD, BOS, EOS, UNK} & set(caption.words)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_words_twice(n: int) -> None:
    model = sharp_captioner("lstm")
    model.decoder.out.bias.data[EOS] = -50.0
    memory = model.encode(*videos(10))

    def repeats(captions: list[list[Caption]]) -> int:
        count = 0
        for c in [c for of_video in captions for c in of_video]:
            ngrams = [tuple(c.words[i : i + n]) for i in range(len(c.words) - n + 1)]
            count += len(ngrams) != len(set(ngrams))
        return count

    changes = {"beam": 3, "n_best": 3, "max_words": 12}
    assert repeats(find(model, memory, **changes)) > 0
    found = find(model, memory, **changes, no_repeat=n)
    assert repeats(found) == 0
    longest = max(len(c.words) for captions in found for c in captions)
    assert longest == (min(12, WORDS - 4) if n == 1 else 12)


def test_length_penalty_and_maximum() -> None:
    model = sharp_captioner("transformer")
    memory = model.encode(*videos(30))
    lengths = {
        alpha: sum(len(c[0].words) for c in find(model, memory, beam=4, length_penalty=alpha))
        for alpha in (0.0, 2.0)
    }
    assert lengths[2.0] > lengths[0.0]
    for captions in find(model, memory, beam=4, n_best=4, max_words=2):
        assert max(len(c.words) for c in captions) <= 2


@pytest.mark.parametrize(
    "changes",
    [{"beam": 0}, {"n_best": 2}, {"max_words": 0}, {"length_penalty": -1.0}, {"no_repeat": -1}],
    ids=str,
)
def test_numbers_that_make_no_search(changes: dict) -> None:
    model = captioner("lstm")
    with pytest.raises(ValueError, match="n_best is 1 to beam"):
        find(model, model.encode(*videos(1)), **changes)
