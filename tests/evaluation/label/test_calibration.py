"""The temperature is the likeliest; the error is what a loop over bins finds."""

import math

import numpy as np
import pytest

from evaluation.label.calibration import (
    BINS,
    calibration_error,
    fit_temperature,
    negative_log_likelihood,
    softmax,
)

RNG = np.random.default_rng(3)


def drawn(temperature: float, rows: int = 4000, classes: int = 6):
    """Logits, and classes drawn as they say at a temperature."""
    logits = RNG.normal(size=(rows, classes)) * 3
    share = softmax(logits, temperature)
    target = np.array([RNG.choice(classes, p=row) for row in share])
    return logits.astype(np.float32), target


def test_probabilities_are_those_of_a_loop() -> None:
    logits = RNG.normal(size=(5, 4)) * 50
    for row, found in zip(logits.tolist(), softmax(logits, 2.5), strict=True):
        top = max(row)
        weights = [math.exp((x - top) / 2.5) for x in row]
        assert found == pytest.approx([w / sum(weights) for w in weights])


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_no_other_temperature_is_likelier(true: float) -> None:
    logits, target = drawn(true)
    found = fit_temperature(logits, target)
    assert found is not None and found == pytest.approx(true, rel=0.1)
    best = negative_log_likelihood(logits, target, found)
    for other in (*np.geomspace(0.1, 10, 60), found * 1.001, found / 1.001):
        assert best <= negative_log_likelihood(logits, target, other) + 1e-12


def test_rows_that_are_all_right_have_none_and_neither_have_rows_by_chance() -> None:
    right = np.eye(4, dtype=np.float32)[[0, 1, 2, 3]]
    assert fit_temperature(right, np.arange(4)) is None
    assert fit_temperature(-right, np.arange(4)) is None  # worse than chance: the hotter the better


def test_calibration_error_is_that_of_a_loop_over_bins() -> None:
    logits, target = drawn(2.0, rows=700)
    probability = softmax(logits)
    total = 0.0
    for b in range(BINS):
        inside = [
            (max(row), row.index(max(row)) == t)
            for row, t in zip(probability.tolist(), target.tolist(), strict=True)
            if b / BINS <= max(row) < (b + 1) / BINS or (b == BINS - 1 and max(row) == 1)
        ]
        if inside:
            sure = sum(p for p, _ in inside) / len(inside)
            total += abs(sure - sum(r for _, r in inside) / len(inside)) * len(inside)
    assert calibration_error(probability, target) == pytest.approx(total / 700)
    fitted = fit_temperature(logits, target)
    assert fitted is not None
    after = calibration_error(softmax(logits, fitted), target)
    assert after < calibration_error(probability, target) / 2
