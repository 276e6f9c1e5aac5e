"""Annotations -> one file: classes, or values over time, of the videos of each split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from data_loader.label.labels import WHOLE, LabelSplit, save_labels
from data_loader.store.open import open_any_store
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.dataset import read_labels
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from preprocess.annotation.label.splits import cut
from preprocess.annotation.question_file import annotation_files
from util.errors import UserError
from util.files import check_output
from util.text import clipped, printable

Splits = Mapping[str, Sequence[LabelRow]]
SHOWN = 5  # names in a note


def make_label_file(options: LabelOptions) -> None:
    """Read the annotations, write the label file, print a summary.

    Raises UserError for annotations, stores or options that do not fit.
    """
    assert options.output is not None, "only --check does without"
    check_output(options.output, inputs=_inputs(options))
    made = cut(read_labels(options), options)
    found, notes = made.found, [*made.found.notes, *made.notes]
    version = f", {found.version}" if found.version else ""
    print(f"{options.dataset}: annotations in {printable(options.annotations)}{version}")
    if options.videos_in:
        found = restrict(found, options.videos_in)
    if "train" not in found.splits and found.folds is None:
        raise UserError(f"{options.annotations}: no split train; there is nothing to learn from")
    classes, more = classes_of(found)
    splits = {name: encode(name, rows, classes) for name, rows in found.splits.items()}
    present = set(classes)
    save_labels(
        options.output,
        dataset=options.dataset,
        version=found.version,
        kind=found.kind,
        classes=classes,
        order_only=[name for name in found.order_only if name in present],
        alike=[group for group in found.alike if present.issuperset(group)],
        splits=splits,
        folds=found.folds,
    )
    print(summary(found))
    for note in [*notes, *more]:
        print(f"NOTE: {printable(note)}")
    print(f"wrote {options.output}")


def _inputs(options: LabelOptions) -> dict[str, object]:
    """What is read, by option: no output may be one of these."""
    return {
        "--id_map": options.id_map,
        **{f"--videos_in ({path})": path for path in options.videos_in},
        **annotation_files(Path(options.annotations)),
    }


def restrict(found: LabelAnnotations, stores: Sequence[str]) -> LabelAnnotations:
    """Only the rows whose video is in every one of the stores.

    Prints how many that leaves.  Raises UserError for a file that is no store, and when a split
    becomes empty.
    """
    stored = set.intersection(*(set(open_any_store(path).ids) for path in stores))
    names = ", ".join(stores)
    print(f"labels of the {len(stored):,} videos in {names}:")
    splits: dict[str, Sequence[LabelRow]] = {}
    folds = None if found.folds is None else list(found.folds)
    for split, rows in found.splits.items():
        held = [i for i, row in enumerate(rows) if row.video in stored]
        splits[split] = [rows[i] for i in held]
        if folds is not None:  # `WHOLE` is then the only split
            folds = [folds[i] for i in held]
        if not held:
            example = next(iter(sorted(stored)), "none")
            raise UserError(
                f"--videos_in {names}: hold no video of {_called(split)} (annotations have "
                f"{clipped(repr(rows[0].video), 60)}, the stores {example!r}); extract its videos, "
                "or give the --id_map that the stores were made with"
            )
        print(f"  {_called(split)}: {len(held):,} of {len(rows):,}")
    return replace(found, splits=splits, folds=None if folds is None else tuple(folds))


def _called(split: str) -> str:
    return "the annotations" if split == WHOLE else f"split {split}"


def classes_of(found: LabelAnnotations) -> tuple[tuple[str, ...], list[str]]:
    """The classes that have a video, in order; notes on those that have none, here or in train.

    Raises UserError if there is a single one.
    """
    if found.kind == "value":
        return (), []
    counts = {name: Counter(row.label for row in rows) for name, rows in found.splits.items()}
    all_of = sum(counts.values(), Counter())
    order = found.classes or tuple(sorted(all_of))
    classes = tuple(name for name in order if all_of[name])
    assert len(classes) == len(all_of), "a reader's classes are all of its labels"
    if len(classes) < 2:
        only = clipped(repr("".join(classes)), 60)
        raise UserError(f"all videos are {only}: there is nothing to tell apart")
    notes = []
    absent = [name for name in order if not all_of[name]]
    if absent:
        notes.append(f"{_some(absent)} without a video are left out, {len(classes)} classes stay")
    untrained = [name for name in classes if not counts.get("train", all_of)[name]]
    if untrained:
        notes.append(f"{_some(untrained)} have no training video and always count as wrong")
    return classes, notes


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(clipped(name, 40) for name in names[:SHOWN])
    return f"{len(names)} classes ({shown}{', ...' if len(names) > SHOWN else ''})"


def encode(name: str, rows: Sequence[LabelRow], classes: Sequence[str]) -> LabelSplit:
    """One split as tensors."""
    number = {label: i for i, label in enumerate(classes)}
    series = [row for row in rows if row.times]
    assert len(series) in (0, len(rows)), "all rows have values, or none"
    return LabelSplit(
        name=name,
        ids=tuple(row.id for row in rows),
        videos=tuple(row.video for row in rows),
        groups=tuple(row.group for row in rows),
        target=torch.tensor([number.get(row.label, 0) for row in rows]),
        times=tuple(torch.tensor(row.times, dtype=torch.float64) for row in series),
        values=tuple(torch.tensor(row.values, dtype=torch.float64) for row in series),
    )


def summary(found: LabelAnnotations) -> str:
    """A table of the splits or folds: how many rows and groups, and what they are."""
    rows_of = found.splits
    if found.folds is not None:
        rows_of = {f"fold {i}": [] for i in sorted(set(found.folds))}
        for row, fold in zip(found.splits[WHOLE], found.folds, strict=True):
            rows_of[f"fold {fold}"].append(row)
    if found.kind == "class":
        lines = [
            f"{'':7} {'videos':>7} {'groups':>6} {'classes':>7} {'commonest':>9} {'rarest':>6}"
        ]
    else:
        lines = [f"{'':7} {'videos':>7} {'groups':>6} {'values':>8} {'mean':>10} {'deviation':>10}"]
    for name, rows in rows_of.items():
        groups = len({row.group for row in rows})
        if found.kind == "class":
            counts = Counter(row.label for row in rows).values() or [0]
            last = f"{len(counts):7,} {max(counts):9,} {min(counts):6,}"
        else:
            values = np.array([value for row in rows for value in row.values] or [np.nan])
            last = f"{len(values):8,} {values.mean():10.4g} {values.std():10.4g}"
        lines.append(f"{name:7} {len(rows):7,} {groups:6,} {last}")
    return "\n".join(lines)
