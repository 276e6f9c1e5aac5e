"""BLEU, ROUGE-L and CIDEr-D: published numbers, and pycocoevalcap on anything that has words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from util.text_metrics.bleu import Bleu, bleu
from util.text_metrics.cider import CiderD, DocumentFrequency
from util.text_metrics.references import References
from util.text_metrics.rouge import RougeL, longest_common

Tokens = list[str]
PAIR = ("this is a good test", ["this is a test", "this is also a test"])


def scores(hypotheses: list[Tokens], references: list[list[Tokens]]) -> dict[str, np.ndarray]:
    """Each metric's segments, the corpus last."""
    prepared = References(references)
    statistics = Bleu(prepared).statistics(hypotheses)
    out = {"bleu": bleu(np.vstack([statistics, statistics.sum(0)]))}
    for name, metric in (("rouge", RougeL(prepared)), ("cider", CiderD(prepared))):
        found = metric.score(hypotheses)
        out[name] = np.append(found, found.mean())
    return out


def oracle(hypotheses: list[Tokens], references: list[list[Tokens]]) -> dict[str, np.ndarray]:
    """The same from pycocoevalcap."""
    reason = "pycocoevalcap, what the scores are tested against, is an optional package"
    module = {n: pytest.importorskip(f"pycocoevalcap.{n}.{n}", reason=reason)
              for n in ("bleu", "rouge", "cider")}  # fmt: skip
    truth = {i: [" ".join(r) for r in refs] for i, refs in enumerate(references)}
    given = {i: [" ".join(h)] for i, h in enumerate(hypotheses)}
    corpus, segments = module["bleu"].Bleu(4).compute_score(truth, given, verbose=0)
    out = {"bleu": np.vstack([np.transpose(segments), corpus])}
    for name, scorer in (("rouge", "Rouge"), ("cider", "Cider")):
        whole, each = getattr(module[name], scorer)().compute_score(truth, given)
        out[name] = np.append(each, whole)
    return out


def check(hypotheses: list[Tokens], references: list[list[Tokens]]) -> None:
    wanted, found = oracle(hypotheses, references), scores(hypotheses, references)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-9, err_msg=name)


def test_the_pair_of_which_numbers_are_published() -> None:
    found = scores([PAIR[0].split()], [[text.split() for text in PAIR[1]]])
    wanted = [0.799999, 0.632455, 0.5108729, 9.03602e-5]
    assert found["bleu"][-1] == pytest.approx(wanted, rel=2e-6)
    assert found["rouge"][-1] == pytest.approx(0.9070631, abs=1e-7)
    assert found["cider"][-1] == 0  # in a corpus of one segment every n-gram is everywhere


def test_the_example_of_nlg_eval(shared: Path) -> None:
    lines = [
        [line.split() for line in (shared / "golden/nlg_eval_example" / name).open()]
        for name in ("hyp.txt", "ref1.txt", "ref2.txt")
    ]
    found = scores(lines[0], list(map(list, zip(*lines[1:], strict=True))))
    assert found["bleu"][-1] == pytest.approx([0.55, 0.428174, 0.284043, 0.201143], abs=5e-7)
    assert found["rouge"][-1] == pytest.approx(0.522104, abs=5e-7)
    assert found["cider"][-1] == pytest.approx(1.242192, abs=5e-7)


words = st.sampled_from(["a", "man", "is", "playing", "guitar"])
sentences = st.lists(words, max_size=9)
corpora = st.lists(st.tuples(sentences, st.lists(sentences, min_size=1, max_size=4)), min_size=1)


@settings(deadline=None, max_examples=200)
@given(corpora)
def test_any_corpus_scores_as_pycocoevalcap_does(corpus) -> None:
    """Few words, so that n-grams repeat, match and are everywhere; empty sentences too."""
    hypotheses, references = zip(*corpus, strict=True)
    if not any(sentence for refs in references for sentence in refs):
        references[0][0].append("a")  # without a single word pycocoevalcap's CIDEr stops
    check(list(hypotheses), list(references))


def test_words_that_no_reference_has_and_long_sentences() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(40)]

    def sentence(low: int, high: int) -> Tokens:
        return rng.choice(vocabulary, rng.integers(low, high)).tolist()

    references = [[sentence(1, 30) for _ in range(rng.integers(1, 6))] for _ in range(60)]
    hypotheses = [sentence(60, 130) if i % 9 == 0 else [*sentence(1, 25), "new", "new"]
                  for i in range(60)]  # fmt: skip
    check(hypotheses, references)


@settings(deadline=None)
@given(sentences, sentences)
def test_the_longest_common_subsequence_is_that_of_the_table(a: Tokens, b: Tokens) -> None:
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i, mine in enumerate(a):
        for j, theirs in enumerate(b):
            longer = table[i, j] + 1 if mine == theirs else max(table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = longer
    assert longest_common(a, [b, a]) == [table[-1, -1], len(a)]


REFERENCES = [
    [["a", "man", "is", "playing", "a", "guitar"], ["a", "man", "plays"]],
    [["a", "cat", "is", "eating"], ["a", "cat", "is", "eating"], ["cats", "eat"]],
    [["a", "dog", "runs"]],
]


def test_prepared_references_are_as_good_the_second_time() -> None:
    prepared = References(REFERENCES)
    metrics: Sequence = (RougeL(prepared), CiderD(prepared))
    right = [refs[0] for refs in REFERENCES]
    other = [["something", "new"], ["a", "cat"], []]
    for metric in metrics:
        first = metric.score(right)
        assert not np.array_equal(metric.score(other), first)
        assert np.array_equal(metric.score(right), first)
    counter = Bleu(prepared)
    first = counter.statistics(right)
    counter.statistics(other)
    assert np.array_equal(counter.statistics(right), first)


def test_a_document_frequency_of_another_corpus_is_used() -> None:
    """Against cosines computed by hand: one reference each, of one word."""
    others = References([[["cat", "x"]], [["cat"]], [["dog"]], [["x"]]])
    frequency = DocumentFrequency(others)
    assert frequency.segments == 4
    grams = frequency.index.encode([["cat", "dog", "cow", "cow"], ["cat", "x"]])
    # cat, dog, cow, cow, cat, x; then cat dog, dog cow, cow cow, cat x; of three and four: none
    assert frequency.count[grams.first].tolist() == [2, 1, 0, 0, 2, 2, 0, 0, 0, 1, 0, 0, 0]
    prepared = References([[["cat", "dog"]]])
    assert CiderD(prepared).score([["cat", "dog"]]) == [0]  # all are everywhere
    found = CiderD(prepared, frequency).score([["cat", "cow"]])
    cat, rare = np.log(4 / 2), np.log(4)  # dog in one segment; cow in none counts as in one
    assert found == pytest.approx([10 / 4 * cat**2 / (cat**2 + rare**2)])


def test_scores_over_their_own_references_are_those_with_their_frequency_given() -> None:
    prepared = References(REFERENCES)
    hypotheses = [["a", "man", "is"], ["a", "cow", "is", "eating"], ["a", "dog", "runs"]]
    given_frequency = CiderD(prepared, DocumentFrequency(References(REFERENCES)))
    assert np.array_equal(given_frequency.score(hypotheses), CiderD(prepared).score(hypotheses))


def test_sums_of_segments_are_the_corpus() -> None:
    """What resampling rests on."""
    prepared = References(REFERENCES + REFERENCES[:1])
    hypotheses = [["a", "man"], ["a", "cat"], ["a", "dog", "runs"], ["a", "man"]]
    counted = Bleu(prepared).statistics(hypotheses)
    twice = Bleu(References(REFERENCES)).statistics(hypotheses[:3])
    assert np.array_equal(counted.sum(0), twice.sum(0) + twice[0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(sentences, min_size=1, max_size=3), min_size=1, max_size=4), sentences)
def test_one_sentence_for_all_is_scored_as_in_each_place(references, other: Tokens) -> None:
    candidates = [other, ["a", "man", "is", "new"], *(refs[0] for refs in references)]
    metric = CiderD(References(references))
    wanted = [metric.score([one] * len(references)).mean() for one in candidates]
    np.testing.assert_allclose(metric.everywhere(candidates), wanted, rtol=0, atol=1e-12)
