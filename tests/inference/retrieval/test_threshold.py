"""The threshold keeps its promise on queries it has not seen; the curve is the errors it says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.retrieval.threshold import curve_of, error_place, errors_at, threshold_of


def test_false_alarms_of_new_foreign_queries_are_at_most_the_rate() -> None:
    """Split conformal: over many draws the mean is k/(n+1) exactly, for any distribution."""
    draws = np.random.default_rng(0)
    alarms = []
    for _ in range(2000):
        scores = draws.gumbel(size=120) ** 3
        alarms.append(errors_at(threshold_of(scores[:99]), scores[99:], scores)[0])
    # Of 99, the 95th is passed by 5 of 100; the standard error of the mean is 0.0011.
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.004)


def test_too_few_queries_believe_nothing() -> None:
    assert threshold_of(np.arange(18.0)) == math.inf
    assert threshold_of(np.arange(19.0)) == 18.0
    assert threshold_of(np.array([])) == math.inf


scores = st.lists(st.sampled_from(np.linspace(0, 1, 9).tolist()), min_size=1, max_size=12)


@given(scores, scores)
def test_the_curve_is_the_errors_at_each_threshold(one: list[float], two: list[float]) -> None:
    foreign, present = np.array(one), np.array(two)
    curve = curve_of(foreign, present)
    for at, alarms, misses in zip(curve.threshold, curve.false_alarms, curve.misses, strict=True):
        assert errors_at(at, foreign, present) == pytest.approx((alarms, misses))
    assert (curve.false_alarms[0], curve.misses[0]) == (1, 0)
    assert (curve.false_alarms[-1], curve.misses[-1]) == (0, 1)
    higher = np.mean(present[:, None] > foreign) + 0.5 * np.mean(present[:, None] == foreign)
    assert curve.area == pytest.approx(higher)


@given(scores, scores, st.floats(-0.5, 1.5))
def test_a_threshold_has_the_errors_of_its_place(one: list[float], two: list[float], at) -> None:
    foreign, present = np.array(one), np.array(two)
    curve = curve_of(foreign, present)
    place = error_place(curve, at)
    found = (curve.false_alarms[place], curve.misses[place])
    assert found == pytest.approx(errors_at(at, foreign, present))
