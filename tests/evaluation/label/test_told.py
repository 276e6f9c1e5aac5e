"""Runs of folds are one model, runs of seeds are several; what does not belong together is said."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.label.predictions import hits_of
from evaluation.label.told import name_of, together
from tests.evaluation.label.made import predictions
from util.errors import UserError


def folds(seed: int = 0, count: int = 4):
    """The rows of one drawing, as so many runs that test a part each, under other names."""
    whole = predictions(seed=0, rows=40)
    for f in range(count):
        part = whole.take(np.arange(f, 40, count))
        name = f"run_f{f}_s{seed}"
        yield replace(part, name=name, sources=(f"results/{name}",), seed=seed)


def test_folds_of_a_seed_are_one_and_seeds_are_apart() -> None:
    model = together([*folds(1), *folds(2)])
    assert model.name == "run" and len(model.each) == 2
    whole = predictions(seed=0, rows=40)
    for one in model.each:
        assert len(one) == 40 and len(one.sources) == 4
        assert one.videos == model.first.videos
        by_video = dict(zip(whole.videos, whole.hits.tolist(), strict=True))
        assert one.hits.tolist() == [by_video[video] for video in one.videos]
        assert one.source.tolist() == [i for i in range(4) for _ in range(10)]
    assert hits_of(model).mean() == pytest.approx(whole.hits.mean())


def test_a_row_may_be_tested_once_a_seed() -> None:
    runs = list(folds())
    with pytest.raises(UserError, match=r"run_f0_s0: tests video 'v0' with seed 0, as results/run"):
        together([*runs, runs[0]])


def test_seeds_must_test_the_same_rows() -> None:
    with pytest.raises(UserError, match=r"tests 30 rows, results/run_f0_s1 40 \(10 of them"):
        together([*folds(1), *list(folds(2))[:3]])


@pytest.mark.parametrize(
    "changes",
    [{"split": "val"}, {"video": "none"}, {"frames": "middle"}, {"crops": 3},
     {"classes": ("a", "b", "c", "d")}],
)  # fmt: skip
def test_what_was_shown_otherwise_is_not_one_model(changes) -> None:
    a, b = predictions(seed=1), replace(predictions(seed=2), **changes)
    with pytest.raises(UserError, match=f"--run results/run2: {next(iter(changes))} "):
        together([a, b])


def test_other_true_classes_are_refused() -> None:
    a = predictions(seed=1)
    b = replace(predictions(seed=2), target=(a.target + 1) % 4)
    with pytest.raises(UserError, match="other true ones, than results/run1"):
        together([a, b])


def test_names() -> None:
    assert name_of(["a_f0_s1", "a_f1_s1"]) == "a"
    assert name_of(["lite2_s1", "lite2_s2"]) == "lite2"
    assert name_of(["one"]) == "one"
    assert name_of(["x", "y"]) == "x+y"
