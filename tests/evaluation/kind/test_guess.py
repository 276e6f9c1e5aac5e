"""What is told without video and question, against numbers worked out by hand."""

import numpy as np
import pytest

from evaluation.kind.guess import Prior, constant_numbers, first_choices, longest_choices


def test_the_longest_choice_is_that_of_most_characters_and_of_equal_ones_the_first() -> None:
    choices = [("ab", "abc", "a"), ("abc", "xyz"), ("a b", "abcd")]
    assert longest_choices(choices).tolist() == [1, 0, 1]
    assert first_choices(choices).tolist() == [0, 0, 0]


def test_a_text_that_training_offered_counts_by_how_often_it_was_right_there() -> None:
    train = [(("wave", "jump"), 0), (("Jump", "wave"), 1), (("sit  down", "jump"), 0)]
    prior = Prior.of(train)
    assert prior.choices == 2
    assert prior.share("wave") == 3 / 4  # offered twice and right twice: (2 + 1) / (2 + 2)
    assert prior.share("JUMP") == 1 / 5  # offered three times, never right
    assert prior.share("sit down") == 2 / 3
    # never offered: the mean over its words, of which "down" was offered once and right
    assert prior.share("down jump") == pytest.approx((2 / 3 + 1 / 5) / 2)
    assert prior.share("down the") == 2 / 3  # a word that training did not have says nothing
    assert prior.share("nothing known") == 1 / 2
    assert prior.choose([("jump", "wave"), ("nothing", "jump"), ("x", "y")]).tolist() == [1, 0, 0]


def test_with_more_candidates_each_is_less_likely_before_training_says_anything() -> None:
    prior = Prior.of([(tuple("abcde"), 2), (tuple("abc"), 0)])
    assert prior.choices == 4
    assert prior.share("zz") == 1 / 4
    assert prior.share("d") == 1 / 5 and prior.share("c") == 2 / 6


def test_the_rounded_mean_has_the_least_squared_error_and_the_commonest_is_most_often_exact() -> (
    None
):
    rng = np.random.default_rng(0)
    train = (1 + rng.geometric(0.3, 500).clip(max=9)).tolist()
    found = constant_numbers(["jump"], ["jump"] * len(train), train)
    numbers, array = range(11), np.array(train)
    squared = [((array - n) ** 2).mean() for n in numbers]
    exact = [(array == n).mean() for n in numbers]
    assert found["constant_mean"].tolist() == [int(np.argmin(squared))]
    assert found["commonest"].tolist() == [int(np.argmax(exact))]
    assert found["constant_mean"] != found["commonest"]


def test_each_type_has_its_own_constants_and_one_that_training_lacks_those_of_all() -> None:
    types, train = ["a", "a", "b", "b", "b"], [1, 1, 7, 8, 8]
    found = constant_numbers(["a", "b", "c"], types, train)
    assert found["constant_mean"].tolist() == [1, 8, 5]
    assert found["commonest"].tolist() == [1, 8, 1]  # of 1 and 8, equally common, the least
