"""Candidates that are read by themselves: each as if it were the only one."""

import torch

from model.answer.candidate import CandidateEncoder
from model.dualvgr.text import UNKNOWN_WORD

WORDS, WORD_WIDTH, WIDTH = 12, 5, 8


def encoder() -> CandidateEncoder:
    """With random numbers in place of the zeros of the start."""
    torch.manual_seed(0)
    made = CandidateEncoder(vocabulary=WORDS, word_width=WORD_WIDTH, width=WIDTH).double()
    with torch.no_grad():
        made.table.normal_()
        made.mean.bias.normal_()
    return made


def score(
    made: CandidateEncoder, texts: list[tuple[list[int], list[int]]], vectors: torch.Tensor
) -> torch.Tensor:
    """Of candidates, each a question's words and its own; the same is asked of all: (C,)."""
    longest = max(len(q) + len(c) for q, c in texts)
    words = torch.tensor([[*q, *c, *[0] * (longest - len(q) - len(c))] for q, c in texts])
    begin = torch.tensor([len(q) for q, _ in texts])
    end = torch.tensor([len(q) + len(c) for q, c in texts])
    asked = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3)).double()
    question = torch.arange(len(texts))
    return made(asked.expand(len(texts), -1), words, vectors[words], begin, end, question).squeeze(
        1
    )


def vectors(number: int = WORDS) -> torch.Tensor:
    """Of the padding and of the unknown word too: nothing may read them."""
    return torch.randn(number, WORD_WIDTH, generator=torch.Generator().manual_seed(1)).double()


def test_a_score_is_the_product_of_words_and_pairs_with_what_is_asked() -> None:
    made, of = encoder(), vectors()
    asked = torch.randn(2, WIDTH).double()
    words = torch.tensor([[7, 3, 4, 0], [2, 9, 9, 5], [2, 9, 6, 0]])
    begin, end, question = torch.tensor([1, 2, 2]), torch.tensor([3, 4, 3]), torch.tensor([0, 1, 1])
    found = made(asked, words, of[words], begin, end, question)
    assert found.shape == (3, 1)
    for i, own in enumerate(([3, 4], [9, 5], [6])):
        said = sum(made.table[w] for w in own) + made.mean(
            torch.stack([of[w] for w in own]).mean(0)
        )
        if len(own) == 2:
            said = said + made.paired(made.pair(torch.cat([of[own[0]], of[own[1]]])).relu())
        expected = (asked[question[i]] * said).sum() / WIDTH**0.5
        torch.testing.assert_close(found[i, 0], expected)


def test_neither_question_nor_padding_nor_unknown_words_are_part_of_a_candidate() -> None:
    texts = [([2], [5, 6]), ([7, 8, 9], [5, 6]), ([], [5, 6]), ([2], [5, 6, UNKNOWN_WORD])]
    found = score(encoder(), texts, vectors())
    torch.testing.assert_close(found, found[:1].expand(4))
    assert score(encoder(), [([2], [5, 6]), ([2], [5, 3])], vectors()).unique().numel() == 2


def test_the_same_words_in_other_pairs_have_another_score() -> None:
    red, square, blue, circle = 4, 5, 6, 7
    texts = [([], [red, square, blue, circle]), ([], [red, circle, blue, square])]
    assert score(encoder(), texts, vectors()).unique().numel() == 2


def test_a_candidate_of_unknown_words_has_the_score_of_nothing() -> None:
    made = encoder()
    with torch.no_grad():
        made.mean.bias.zero_()
    assert score(made, [([2, 3], [UNKNOWN_WORD])], vectors()).tolist() == [0.0]


def test_added_words_leave_the_others_and_are_read_by_their_vectors() -> None:
    made, of = encoder(), vectors(WORDS + 2)
    before = score(made, [([2], [5, 6])], of)
    made.add_words(2)
    after = score(made, [([2], [5, 6]), ([2], [WORDS]), ([2], [WORDS + 1])], of)
    torch.testing.assert_close(after[:1], before)
    assert after.unique().numel() == 3
    assert not made.table[WORDS:].any()
