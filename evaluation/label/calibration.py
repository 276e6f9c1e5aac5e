"""Whether probabilities are what they say: a temperature, and the error before and after it.

Guo et al. 2017, "On Calibration of Modern Neural Networks": temperature scaling (section 4.2) and
the expected calibration error (section 2, 15 bins).
"""

import numpy as np

from util.statistics import reliability

BINS = 15
# Beyond these the validation rows say nothing: they are all right, or scores are as good as chance.
COLDEST, HOTTEST = 0.05, 20.0


def log_softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Log probabilities of logits (R, K) divided by a temperature, float64."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities of logits (R, K) divided by a temperature, float64."""
    return np.exp(log_softmax(logits, temperature))


def negative_log_likelihood(
    logits: np.ndarray, target: np.ndarray, temperature: float = 1.0
) -> float:
    """Mean over rows of how unlikely the true class was held.  logits (R, K), target (R,)."""
    return float(-log_softmax(logits, temperature)[np.arange(len(target)), target].mean())


def fit_temperature(logits: np.ndarray, target: np.ndarray) -> float | None:
    """The temperature under which the true classes are likeliest.  logits (R, K), target (R,).

    None where there is none between `COLDEST` and `HOTTEST`, as of rows that are all right.  The
    likelihood is concave in 1 / temperature, so its slope is bisected.
    """
    logits = logits.astype(np.float64)
    own = logits[np.arange(len(target)), target]

    def slope(inverse: float) -> float:
        share = softmax(logits, 1 / inverse)
        return float((own - (share * logits).sum(1)).mean())

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slope(low) <= 0 or slope(high) >= 0:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return 2 / (low + high)


def calibration_error(probability: np.ndarray, target: np.ndarray) -> float:
    """Expected calibration error of the class told.  probability (R, K), target (R,)."""
    return reliability(probability.max(1), probability.argmax(1) == target, BINS)[3]
