"""Search against all captions there are, of models that are tables of logits."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from model.caption.decoder import BOS, EOS, CaptionDecoder, Rows, Step, TeacherForced
from model.caption.search import search
from tests.model.caption.searches import PLAIN, same


class Table(CaptionDecoder):
    """Logits of the next word by video and the words so far: any distribution at all."""

    def __init__(self, logits: Tensor, depth: int) -> None:
        """`logits` (V, P, W), of each of the P prefixes of up to `depth` words."""
        super().__init__()
        self.logits = logits
        self.words = logits.shape[2]
        self.depth = depth

    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        raise NotImplementedError

    def memory(self) -> Rows:
        count = len(self.logits)
        return {"mask": torch.ones(count, 1, dtype=torch.bool), "video": torch.arange(count)}

    def start(self, memory: Rows) -> Rows:
        return {"prefix": torch.zeros_like(memory["video"]) - 1}

    def step(self, word: Tensor, state: Rows, memory: Rows) -> Step:
        # The prefix's number in base W, shorter ones first; of the last words nothing more is asked
        before = state["prefix"]
        prefix = torch.where(word == BOS, 0, before * self.words + word + 1)
        logits = self.logits[memory["video"], prefix.clamp(max=self.logits.shape[1] - 1)]
        return Step(logits, {"prefix": prefix}, None)

    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        raise NotImplementedError


def tables(count: int, words: int, depth: int, draw: Callable[..., Tensor]) -> Table:
    generator = torch.Generator().manual_seed(0)
    prefixes = sum(words**i for i in range(depth + 1))
    return Table(draw(count, prefixes, words, generator=generator), depth)


def enumerate_all(table: Table, length_penalty: float) -> tuple[list[tuple[int, ...]], Tensor]:
    """All captions of up to `depth` words and their scores (V, captions)."""
    log_probs = table.logits.double().log_softmax(2)
    captions, scores = [], []
    for length in range(table.depth + 1):
        for caption in product(range(4, table.words), repeat=length):
            prefix, total = 0, 0
            for word in caption:
                total = total + log_probs[:, prefix, word]
                prefix = prefix * table.words + word + 1
            total = total + log_probs[:, prefix, EOS]
            captions.append(caption)
            scores.append(total / (length + 1) ** length_penalty)
    return captions, torch.stack(scores, 1)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
def test_a_beam_as_wide_as_all_captions_finds_the_likeliest(length_penalty: float) -> None:
    """On 1,000 random models, V = 3 words and <EOS>, L = 3: beam 4^3."""
    table = tables(1000, 7, 3, lambda *s, generator: 2 * torch.randn(s, generator=generator))
    wide = {"beam": 64, "max_words": 3, "n_best": 5, "length_penalty": length_penalty}
    found = search(table, table.memory(), **{**PLAIN, **wide})
    captions, scores = enumerate_all(table, length_penalty)
    best, order = scores.topk(5, dim=1)
    for i in range(1000):
        assert [tuple(c.words) for c in found[i]] == [captions[j] for j in order[i].tolist()]
        assert [c.score for c in found[i]] == pytest.approx(best[i].tolist(), abs=1e-5)
    narrow = search(table, table.memory(), **{**PLAIN, "max_words": 3})
    missed = sum(a[0].words != b[0].words for a, b in zip(found, narrow, strict=True))
    assert missed > 50  # which greedy search does not


def test_stopping_early_loses_nothing() -> None:
    """Finished ones win only where nothing unfinished could: against a search to the last word."""
    table = tables(300, 7, 4, lambda *s, generator: 2 * torch.randn(s, generator=generator))
    steps: list[int] = []
    count_step = table.step

    def counted(word: Tensor, state: Rows, memory: Rows) -> Step:
        steps.append(len(word))
        return count_step(word, state, memory)

    table.step = counted
    for length_penalty in (0.0, 1.0, 3.0):
        changes = {"beam": 3, "max_words": 4, "length_penalty": length_penalty}
        short = search(table, table.memory(), **{**PLAIN, **changes})
        long = search(table, table.memory(), **{**PLAIN, **changes, "n_best": 3})
        for one, all_of_them in zip(short, long, strict=True):
            same(one, all_of_them[:1])
    sure = Table(table.logits.clone(), 4)
    sure.logits[:, :, EOS] = 50.0
    sure_step, steps[:] = sure.step, []
    sure.step = lambda word, state, memory: (steps.append(1), sure_step(word, state, memory))[1]
    search(sure, sure.memory(), **{**PLAIN, "beam": 3, "max_words": 4})
    assert len(steps) == 1


def test_equals_go_to_the_lower_token_number() -> None:
    table = tables(2, 9, 2, lambda *s, generator: torch.zeros(s))
    first = {"beam": 4, "max_words": 2, "n_best": 4}
    found = search(table, table.memory(), **{**PLAIN, **first})
    assert [c.words for c in found[0]] == [[], [4], [5], [6]]
    table.logits[:, :, EOS] = -3
    found = search(table, table.memory(), **{**PLAIN, **first})
    assert [c.words for c in found[0]] == [[4, 4], [5, 4], [6, 4], [7, 4]]
    assert found[0] == found[1]
    assert search(table, table.memory(), **{**PLAIN, "max_words": 2})[1][0].words == [4, 4]


def test_fewer_captions_than_asked_for() -> None:
    table = tables(1, 5, 1, lambda *s, generator: torch.zeros(s))
    found = search(table, table.memory(), **{**PLAIN, "beam": 8, "n_best": 8, "max_words": 1})
    assert [c.words for c in found[0]] == [[], [4]]
