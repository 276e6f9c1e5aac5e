"""Videos cut into folds or splits that share no group (a subject, a source video)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_loader.label.labels import WHOLE, shared
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from util.errors import UserError
from util.text import clipped

TENTHS = 10  # splits are made of tenths of the groups, or of as many parts as there are groups
VAL, TEST = 0.1, 0.2


@dataclass(frozen=True)
class Cut:
    """Annotations whose rows are in train, val and test, or in folds."""

    found: LabelAnnotations
    notes: tuple[str, ...]  # what was drawn, and which groups are in two splits


def cut(found: LabelAnnotations, options: LabelOptions) -> Cut:
    """Draw what is to be drawn: folds, all splits, or validation videos.

    Raises UserError for groups in two splits or folds, too few groups, and a --seed or --folds that
    would do nothing.
    """
    notes: list[str] = []
    seed = options.seed or 0
    if options.folds:
        if found.folds is not None:
            raise UserError(
                f"--folds {options.folds}: {options.annotations} has folds of its own; leave it out"
            )
        rows = [row for split in found.splits.values() for row in split]
        parts = parts_of(rows, options.folds, seed, f"--folds {options.folds}")
        found = replace(
            found, splits={WHOLE: rows}, folds=tuple(parts.tolist()), version="", may_leak=""
        )
        notes.append(f"{options.folds} folds were drawn (seed {seed}); they share no group")
    elif found.folds is None and WHOLE in found.splits:
        found = replace(found, splits=_draw_splits(found.splits[WHOLE], seed, options.annotations))
        notes.append(f"train, val and test were drawn (seed {seed}); they share no group")
    elif found.folds is None and not found.splits.get("val") and found.splits.get("train"):
        found = replace(found, splits=_draw_val(found, seed, options.annotations))
        notes.append(
            f"there is no val: {len(found.splits['val']):,} training videos were drawn for it "
            f"(seed {seed}), by group"
        )
    elif options.seed is not None and options.protocol != "seed_random_split":
        raise UserError(
            f"--seed {options.seed}: nothing is drawn, {options.annotations} says it all; leave it "
            "out"
        )
    for one, other, groups in leaks(found):
        told = f"group {clipped(repr(groups[0]), 60)} is in {one} and in {other}"
        if not found.may_leak:
            raise UserError(
                f"{options.annotations}: {told} ({len(groups):,} such): what is learned of a group "
                "would help to test on it; keep each in one, or make the file with --folds"
            )
        notes.append(f"{told} ({len(groups):,} such): {found.may_leak}")
    return Cut(found, tuple(notes))


def leaks(found: LabelAnnotations) -> list[tuple[str, str, list[str]]]:
    """Pairs of splits, or of folds, that have groups in common, and which."""
    if found.folds is None:
        return shared({name: [r.group for r in rows] for name, rows in found.splits.items()})
    by_fold: dict[str, list[str]] = {}
    for row, fold in zip(found.splits[WHOLE], found.folds, strict=True):
        by_fold.setdefault(f"fold {fold}", []).append(row.group)
    return shared(by_fold)


def parts_of(rows: Sequence[LabelRow], parts: int, seed: int, asked: str) -> np.ndarray:
    """Which of some parts each row is in (R,) int64: no group is in two, classes are spread.

    Groups come one by one, large ones first and in an order drawn by `seed` among equals; each goes
    to the part that has the least of its classes, then the fewest rows.  The order of the rows does
    not matter.  Raises UserError, which says what `asked`, for fewer groups than parts.
    """
    groups = sorted({row.group for row in rows})
    if len(groups) < parts:
        raise UserError(
            f"{asked}: {len(rows):,} videos are in {len(groups)} groups, too few to be cut into "
            f"{parts} parts; add videos, or give fewer"
        )
    number = {group: i for i, group in enumerate(groups)}
    classes = {label: i for i, label in enumerate(sorted({row.label for row in rows}))}
    of_group: list[list[int]] = [[] for _ in groups]  # the classes of its rows
    for row in rows:
        of_group[number[row.group]].append(classes[row.label])
    total = np.bincount([c for some in of_group for c in some], minlength=len(classes))
    drawn = np.random.default_rng([seed, len(groups)]).permutation(len(groups))
    order = sorted(drawn.tolist(), key=lambda group: -len(of_group[group]))
    held = np.zeros((parts, len(classes)))
    part = np.empty(len(groups), np.int64)
    for group in order:
        label, count = np.unique(of_group[group], return_counts=True)
        share = (held[:, label] / total[label] * count).sum(1)
        chosen = int(np.lexsort((held.sum(1), share.round(9)))[0])
        part[group] = chosen
        held[chosen, label] += count
    return part[[number[row.group] for row in rows]]


def _draw_splits(rows: Sequence[LabelRow], seed: int, annotations: str) -> dict:
    """About 70 % train, 10 % val, 20 % test, by group, at least one group each."""
    groups = len({row.group for row in rows})
    parts = max(3, min(TENTHS, groups))
    part = parts_of(rows, parts, seed, f"{annotations}: train, val and test")
    test = 1 + max(1, round(TEST * parts))
    names = np.where(part == 0, "val", np.where(part < test, "test", "train")).tolist()
    return _by_name(rows, names, ("train", "val", "test"))


def _draw_val(found: LabelAnnotations, seed: int, annotations: str) -> dict:
    """The splits with about a tenth of the training videos, by group, taken out for val."""
    rows = found.splits["train"]
    parts = max(2, min(round(1 / VAL), len({row.group for row in rows})))
    part = parts_of(rows, parts, seed, f"{annotations}: val, from train")
    drawn = _by_name(rows, np.where(part == 0, "val", "train").tolist(), ("train", "val"))
    others = {name: rows for name, rows in found.splits.items() if name not in drawn and rows}
    return {**drawn, **others}


def _by_name(rows: Sequence[LabelRow], names: Sequence[str], splits: Sequence[str]) -> dict:
    return {
        split: [row for row, name in zip(rows, names, strict=True) if name == split]
        for split in splits
    }
