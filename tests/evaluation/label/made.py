"""Predictions of classes that a test makes by hand, or draws."""

from dataclasses import replace

import numpy as np

from evaluation.label.predictions import ClassPredictions


def predictions(rows: int = 40, classes: int = 4, *, seed: int = 0, **changes) -> ClassPredictions:
    """Drawn: the true class tends to have the highest score.  Two videos a group."""
    rng = np.random.default_rng(seed)
    target = rng.integers(classes, size=rows) if "target" not in changes else changes["target"]
    logits = rng.normal(size=(rows, classes)).astype(np.float32)
    logits[np.arange(rows), target] += 1.5
    videos = tuple(f"v{i}" for i in range(rows))
    made = ClassPredictions(
        name=f"run{seed}", sources=(f"results/run{seed}",), steps=(10,), seed=seed,
        split="test", video="real", frames="real", crops=1, order_only=(), alike=(),
        classes=tuple(f"class {k}" for k in range(classes)),
        ids=videos, videos=videos, groups=tuple(f"g{i // 2}" for i in range(rows)),
        numbers=tuple((i, i + 3) for i in range(rows)), target=target,
        constant=np.zeros(rows, dtype=np.int64), logits=logits, temperature=np.ones(rows),
        source=np.zeros(rows, dtype=np.int64),
    )  # fmt: skip
    return replace(made, **changes)
