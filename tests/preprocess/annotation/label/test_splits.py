"""Folds and splits: no group in two, classes spread, the same each time, leaks refused."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from preprocess.annotation.label.splits import cut, leaks, parts_of
from util.errors import UserError


def options(**given) -> LabelOptions:
    return LabelOptions(dataset="own", annotations="mine.csv", check=True, **given)


def rows(count: int, *, per_group: int = 1, classes: int = 4) -> list[LabelRow]:
    return [
        LabelRow(
            id=f"v{i}", video=f"v{i}", group=f"g{i // per_group}", where=f"line {i}",
            label=f"c{i // per_group % classes}",
        )
        for i in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("per_group", [1, 3])
@pytest.mark.parametrize("parts", [3, 5])
def test_parts_share_no_group_and_every_class(per_group: int, parts: int) -> None:
    some = rows(120, per_group=per_group)
    part = parts_of(some, parts, 0, "--folds")
    held = {g: {p for r, p in zip(some, part, strict=True) if r.group == g} for g in
            {row.group for row in some}}  # fmt: skip
    assert all(len(places) == 1 for places in held.values())
    counts = Counter((r.label, p) for r, p in zip(some, part, strict=True))
    assert len(counts) == 4 * parts
    assert max(counts.values()) - min(counts.values()) <= per_group


def test_parts_follow_from_the_seed_and_not_from_the_order() -> None:
    some = rows(60, per_group=2)
    part = parts_of(some, 5, 1, "")
    assert (part == parts_of(some, 5, 1, "")).all() and (part != parts_of(some, 5, 2, "")).any()
    mixed = np.random.default_rng(0).permutation(60)
    assert (parts_of([some[i] for i in mixed], 5, 1, "") == part[mixed]).all()


def test_large_groups_are_spread() -> None:
    some = [*rows(40, per_group=10, classes=1), *rows(100, classes=1)[40:]]
    sizes = np.bincount(parts_of(some, 4, 0, ""))
    assert sizes.tolist() == [25, 25, 25, 25]


def test_folds(tmp_path) -> None:
    made = cut(
        LabelAnnotations(splits={"train": rows(30), "test": rows(40)[30:]}), options(folds=5)
    )
    assert [*made.found.splits] == ["all"] and len(made.found.splits["all"]) == 40
    assert np.bincount(made.found.folds or ()).tolist() == [8] * 5
    assert made.notes == ("5 folds were drawn (seed 0); they share no group",)
    with pytest.raises(UserError, match="--folds 5: 4 videos are in 4 groups, too few"):
        cut(LabelAnnotations(splits={"all": rows(4)}), options(folds=5))
    own = LabelAnnotations(splits={"all": rows(3)}, folds=(0, 1, 2))
    with pytest.raises(UserError, match=r"--folds 5: mine\.csv has folds of its own"):
        cut(own, options(folds=5))


@pytest.mark.parametrize("count", [3, 7, 100])
def test_splits_are_drawn(count: int) -> None:
    splits = cut(LabelAnnotations(splits={"all": rows(count)}), options(seed=3)).found.splits
    assert [*splits] == ["train", "val", "test"] and sum(map(len, splits.values())) == count
    if count == 100:
        assert {name: len(of) for name, of in splits.items()} == {
            "train": 70,
            "val": 10,
            "test": 20,
        }
    assert all(splits.values()) and not leaks(LabelAnnotations(splits=splits))
    with pytest.raises(UserError, match="2 videos are in 2 groups"):
        cut(LabelAnnotations(splits={"all": rows(2)}), options())


def test_validation_videos_are_drawn_from_training_by_group() -> None:
    given = LabelAnnotations(splits={"train": rows(80, per_group=4), "test": rows(90)[80:]})
    made = cut(given, options())
    splits = made.found.splits
    val = len(splits["val"])
    assert 4 <= val <= 12 and (len(splits["train"]), len(splits["test"])) == (80 - val, 10)
    assert splits["test"] == given.splits["test"] and not leaks(made.found)
    assert f"there is no val: {val} training videos were drawn for it (seed 0)" in made.notes[0]
    again = cut(given, options(seed=5)).found.splits
    assert {r.id for r in again["val"]} != {r.id for r in splits["val"]}


def test_a_seed_without_a_draw_is_refused() -> None:
    whole = LabelAnnotations(splits={"train": rows(4), "val": rows(6)[4:]})
    assert cut(whole, options()).notes == ()
    with pytest.raises(UserError, match=r"--seed 1: nothing is drawn, mine\.csv says it all"):
        cut(whole, options(seed=1))


def test_groups_in_two_splits_are_refused() -> None:
    train, val = rows(4), rows(8)[4:]
    leaky = LabelAnnotations(
        splits={"train": train, "val": [replace(val[0], group="g1"), *val[1:]]}
    )
    with pytest.raises(UserError, match=r"group 'g1' is in train and in val \(1 such\)"):
        cut(leaky, options())
    folds = LabelAnnotations(splits={"all": [*train, *rows(2)]}, folds=(0, 0, 1, 1, 2, 2))
    with pytest.raises(UserError, match="group 'g0' is in fold 0 and in fold 2"):
        cut(folds, options())
    official = replace(leaky, may_leak="the official list has it so")
    assert cut(official, options()).notes == (
        "group 'g1' is in train and in val (1 such): the official list has it so",
    )
    assert not leaks(cut(leaky, options(folds=3)).found), "folds keep groups together"
