"""A classifier's rows, gains and tables against plain loops."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from evaluation.label.calibration import softmax
from evaluation.label.intervals import RowBootstrap
from evaluation.label.score import score_classes
from evaluation.label.shown import class_table, per_class_records, summary, table
from evaluation.label.told import Seeds, together
from tests.evaluation.label.made import predictions


def alike(first, hits: list[bool]) -> Seeds:
    """A model that is right about these rows of another's."""
    wrong = (first.target + 1) % len(first.classes)
    told = np.where(hits, first.target, wrong)
    logits = np.eye(len(first.classes), dtype=np.float32)[told]
    return together([replace(first, name="other", logits=logits)])


def test_rows_and_gains_are_differences_of_shares() -> None:
    hidden_classes = ("class 1", "class 2")
    first = predictions(rows=60, order_only=hidden_classes, alike=(hidden_classes,))
    rng = np.random.default_rng(5)
    hits = {name: rng.random(60) < share
            for name, share in (("middle", 0.4), ("shuffled", 0.6), ("linear", 0.5))}  # fmt: skip
    beside = {name: (alike(first, h.tolist()), name) for name, h in hits.items()}
    score = score_classes(together([first]), beside)
    own = first.hits
    assert score.rows["accuracy"].accuracy == own.mean()
    assert score.rows["constant"].accuracy == sum(t == 0 for t in first.target.tolist()) / 60
    for name, right in hits.items():
        assert score.rows[name].accuracy == right.mean()
    better = max(("middle", "shuffled"), key=lambda name: hits[name].mean())
    assert score.gain is not None and score.gain.above == better
    assert score.gain.value == pytest.approx(own.mean() - hits[better].mean())
    linear = next(one for one in score.above if one.above == "linear")
    only_own = sum(a and not b for a, b in zip(own, hits["linear"], strict=True))
    only_its = sum(b and not a for a, b in zip(own, hits["linear"], strict=True))
    assert linear.p == pytest.approx(binomtest(only_own, only_own + only_its).pvalue)
    low, high = linear.interval
    assert low < linear.value < high
    hidden = score.order_only
    rows = np.isin(first.target, [1, 2])
    assert hidden is not None and hidden.count == rows.sum() and hidden.chance == 0.5
    for name, right in {"accuracy": own, **hits}.items():
        assert hidden.rows[name].accuracy == pytest.approx(right[rows].mean())
    assert hidden.gain is not None


def test_the_gain_is_above_the_better_row_of_each_resample() -> None:
    first = predictions(rows=60)
    rng = np.random.default_rng(5)
    hits = {name: rng.random(60) < 0.5 for name in ("middle", "shuffled")}
    score = score_classes(
        together([first]), {n: (alike(first, h.tolist()), n) for n, h in hits.items()}
    )
    drawn = RowBootstrap(first.groups)
    worse = np.maximum(drawn.means(hits["middle"]), drawn.means(hits["shuffled"]))
    expected = np.percentile(drawn.means(first.hits) - worse, [2.5, 97.5])
    assert score.gain is not None
    assert score.gain.interval == pytest.approx(tuple(expected))


def test_a_model_of_several_seeds_has_their_mean() -> None:
    target = predictions().target
    each = [predictions(seed=s, target=target) for s in range(3)]
    score = score_classes(together(each), {"linear": (together([each[0]]), "run0")})
    shares = [one.hits.mean() for one in each]
    assert score.rows["accuracy"].accuracy == pytest.approx(np.mean(shares))
    assert score.rows["accuracy"].seeds == pytest.approx(shares)
    found = summary(score)
    assert found["test/accuracy_deviation"] == pytest.approx(np.std(shares, ddof=1))
    assert next(one for one in score.above if one.above == "linear").p is None
    assert [row["videos"] for row in per_class_records(score)] == np.bincount(target).tolist()
    assert "mean of 3 seeds" in table(score)


def test_groups_are_drawn_where_rows_share_them() -> None:
    model = together([predictions()])
    by_group, by_video = (score_classes(model, {}, resample=r) for r in ("groups", "videos"))
    assert (by_group.units, by_video.units) == (20, 40)
    assert by_group.intervals["accuracy"] != by_video.intervals["accuracy"]


def test_a_temperature_changes_probabilities_alone() -> None:
    plain = predictions()
    hot = replace(plain, temperature=np.full(40, 2.0))
    assert plain.predicted.tolist() == hot.predicted.tolist()
    assert hot.probability == pytest.approx(softmax(plain.logits, 2.0))
    before, after = (score_classes(together([one]), {}).calibration for one in (plain, hot))
    assert after.error_before == before.error and after.error != before.error
    assert "at the temperature fitted on validation (2.00)" in table(
        score_classes(together([hot]), {})
    )


def test_hostile_names_are_shown_as_text() -> None:
    names = ("\x1b[31mred", "$a_{", "<script>", "a|b")
    first = predictions(classes=4)
    score = score_classes(together([replace(first, classes=names, name="a\x1b[2Jb|c")]), {})
    shown = table(score) + class_table(score)
    assert "\x1b" not in shown and "\\x1b[31mred" in shown
