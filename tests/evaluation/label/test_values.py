"""Errors of values against plain loops."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.label.told import together
from evaluation.label.values import (
    ValuePredictions,
    score_values,
    value_records,
    value_summary,
    value_table,
)
from util.errors import UserError


def told(seed: int = 0, *, rows: int = 12, noise: float = 0.2) -> ValuePredictions:
    """Videos of different length, a third of their values unknown; two videos a group."""
    rng, drawn = np.random.default_rng(0), np.random.default_rng(seed + 1)
    lengths = rng.integers(3, 9, size=rows).tolist()
    true = [np.where(rng.random(n) < 0.3, np.nan, rng.normal(2, 1, n)) for n in lengths]
    for series in true:
        series[0] = 1.0
    names = tuple(f"v{i}" for i in range(rows))
    return ValuePredictions(
        name=f"r{seed}", sources=(f"results/r{seed}",), steps=(5,), seed=seed, split="test",
        video="real", frames="real", crops=1, ids=names, videos=names,
        groups=tuple(str(i // 2) for i in range(rows)), numbers=((),) * rows,
        source=np.zeros(rows, dtype=np.int64), times=tuple(np.arange(n) / 5 for n in lengths),
        true=tuple(true),
        predicted=tuple(np.nan_to_num(t, nan=9) + drawn.normal(0, noise, len(t)) for t in true),
        constant=np.full(rows, 2.0),
    )  # fmt: skip


def loop(said: ValuePredictions, constant: float | None = None) -> tuple[float, float, int]:
    absolute, squared, count = 0.0, 0.0, 0
    for true, predicted in zip(said.true, said.predicted, strict=True):
        for t, p in zip(true.tolist(), predicted.tolist(), strict=True):
            if t == t:
                error = (p if constant is None else constant) - t
                absolute, squared, count = absolute + abs(error), squared + error**2, count + 1
    return absolute / count, (squared / count) ** 0.5, count


def test_errors_are_those_of_a_loop_over_known_steps() -> None:
    said = told()
    score = score_values(together([said]))
    mae, rmse, count = loop(said)
    assert (score.errors.mae, score.errors.rmse) == pytest.approx((mae, rmse))
    assert score.known == count and score.units == 6
    constant = loop(said, 2.0)
    assert (score.constant.mae, score.constant.rmse) == pytest.approx(constant[:2])
    assert score.gain == pytest.approx(constant[0] - mae)
    low, high = score.errors.mae_interval
    assert low < mae < high
    low, high = score.gain_interval
    assert 0 < low < score.gain < high


def test_seeds_have_a_mean_and_a_deviation() -> None:
    each = [told(s) for s in range(3)]
    score = score_values(together(each))
    mae = [loop(one)[0] for one in each]
    assert score.errors.mae == pytest.approx(np.mean(mae))
    assert value_summary(score)["test/mae_seeds"] == pytest.approx(mae)
    assert "mean of 3 seeds" in value_table(score) and "± " in value_table(score)


def test_other_true_values_are_refused() -> None:
    other = told(1)
    moved = replace(other, true=tuple(true + 1 for true in other.true))
    with pytest.raises(UserError, match="name runs of one label file"):
        together([told(0), moved])


def test_records_are_json_and_hostile_names_are_text() -> None:
    said = replace(told(), name="a\x1b[2J|b")
    score = score_values(together([said]))
    assert "\x1b" not in value_table(score)
    rows = json.loads(json.dumps(value_records(said), allow_nan=False))
    assert [v is None for v in rows[3]["true"]] == np.isnan(said.true[3]).tolist()
