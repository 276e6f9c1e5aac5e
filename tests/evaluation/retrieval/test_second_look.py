"""The weight of a second look, and its controls."""

import numpy as np

from evaluation.retrieval.second_look import WEIGHTS, _other_words, best_weight, ranks_of
from inference.retrieval.asked import Asked


def test_the_best_weight_is_found_and_none_where_nothing_helps() -> None:
    draws = np.random.default_rng(0)
    segment = np.arange(30)
    truth = np.eye(30)
    coarse = [(truth + 2 * draws.normal(size=(30, 30))).astype(np.float32) for _ in range(2)]
    helps = (4 * truth + draws.normal(size=(30, 30))).astype(np.float32)
    weight, tried = best_weight(coarse, helps, segment)
    assert weight > 0.1 and tried[weight] == max(tried.values()) > tried[0.0]
    assert set(tried) == set(WEIGHTS)
    assert best_weight(coarse, -helps, segment)[0] == 0
    assert best_weight(coarse, np.zeros_like(helps), segment)[0] == 0
    assert ranks_of(truth, segment).tolist() == [1.0] * 30


def test_a_random_word_is_another_of_its_kind() -> None:
    asked = [Asked("object", "q?", w) for w in ("horse", "guitar", "horse")]
    asked += [Asked("action", "q?", w) for w in ("ride", "play", "cut")]
    found = _other_words(asked, 3)
    assert found == _other_words(asked, 3)
    assert all(word != one.word for one, word in zip(asked, found, strict=True))
    assert set(found[:3]) <= {"horse", "guitar"} and set(found[3:]) <= {"ride", "play", "cut"}
    assert _other_words(asked[:1], 3) == ["horse"]  # there is no other
