"""The label file: a class, or a series of values over time, for each video of a data set.

Written by `python -m preprocess.labels`, read by everything after it.  It holds only tensors and
plain types, so that it is read back with `weights_only=True`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from util.checkpoint import save_plain
from util.errors import UserError
from util.text import clipped

FORMAT = 1
CURE = "make it with `python -m preprocess.labels`"
WHOLE = "all"  # the one split of a file with folds
FEWEST = 3  # folds: one to test on, one to validate on, and some to train on

Kind = Literal["class", "value"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelSplit:
    """The R rows of one split, each a video."""

    name: str
    ids: tuple[str, ...]  # R, as the annotations name them
    videos: tuple[str, ...]  # R, as feature stores name them; each once
    groups: tuple[str, ...]  # R, what must not be split up (subject, source); else the video
    target: Tensor  # (R,) int64, class; zeros where there are values
    times: tuple[Tensor, ...] = ()  # of values: R of (K,) float64, seconds, ascending
    values: tuple[Tensor, ...] = ()  # of values: R of (K,) float64

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.videos)

    def take(self, rows: np.ndarray, name: str | None = None) -> "LabelSplit":
        """Some of the rows, in this order, under the same name or another.  rows (R',) int64."""
        columns = ("ids", "videos", "groups", "times", "values")
        some: dict[str, Any] = {
            column: tuple(getattr(self, column)[i] for i in rows) if getattr(self, column) else ()
            for column in columns
        }
        target = self.target[torch.from_numpy(rows)]
        return replace(self, name=name or self.name, target=target, **some)


@dataclass(frozen=True, eq=False, kw_only=True)
class Labels:
    """One label file."""

    path: Path
    dataset: str
    version: str  # which of the data set's own splits (list 1, cross-subject), or ""
    kind: Kind
    classes: tuple[str, ...]  # K names; () where there are values
    order_only: tuple[str, ...]  # the classes that no single frame tells, as far as known
    alike: tuple[tuple[str, ...], ...]  # those of them that have the same frames in other orders
    splits: dict[str, LabelSplit]  # train, val, ...; of a file with folds one, `WHOLE`
    folds: tuple[int, ...] | None  # of each row of `WHOLE`, from 0; None: it has splits

    @property
    def fold_count(self) -> int:
        """Number of folds; 0: it has splits."""
        return 0 if self.folds is None else max(self.folds) + 1

    def split(self, name: str, option: str = "") -> LabelSplit:
        """A split by name; UserError, which names the `option` that asked, if there is none."""
        asked = f"{option} {name}: " if option else ""
        if self.folds is not None:
            raise UserError(
                f"{asked}{self.path} has {self.fold_count} folds, not splits; say which of them is "
                f"tested on, --fold 0 to {self.fold_count - 1}"
            )
        if name not in self.splits:
            raise UserError(
                f"{asked}{self.path} has no split {name}; it has {', '.join(self.splits)}"
            )
        return self.splits[name]

    def fold(self, number: int, count: int | None = None) -> dict[str, LabelSplit]:
        """Splits by fold: tested on is `number`, validated on the next, trained on all others.

        `count`: how many folds the caller expects.  Raises UserError if the file has splits, has no
        such fold, not so many or fewer than three, or if a group is in two of the splits.
        """
        if self.folds is None:
            raise UserError(
                f"--fold {number}: {self.path} has splits ({', '.join(self.splits)}), not folds; "
                "leave it out, or make the file with --folds"
            )
        there = self.fold_count
        if not 0 <= number < there or count not in (None, there):
            of = "" if count is None else f" of {count}"
            raise UserError(
                f"--fold {number}{of}: {self.path} has {there} folds, 0 to {there - 1}; give one "
                "of these"
            )
        if there < FEWEST:
            raise UserError(
                f"{self.path}: {there} folds; one to test on, one to validate on and some to train "
                f"on are {FEWEST} at least: make the file with more"
            )
        folds = np.array(self.folds)
        validated = (number + 1) % there
        rows = {
            "train": (folds != number) & (folds != validated),
            "val": folds == validated,
            "test": folds == number,
        }
        splits = {
            name: self.splits[WHOLE].take(np.flatnonzero(held), name) for name, held in rows.items()
        }
        for name, split in splits.items():
            if not len(split):
                raise UserError(f"--fold {number}: {self.path}: no video is left for {name}")
        for one, other, groups in shared({n: split.groups for n, split in splits.items()}):
            raise UserError(
                f"{self.path}: group {clipped(repr(groups[0]), 60)} is in two folds ({one} and "
                f"{other} of --fold {number}; {len(groups):,} such); {CURE}, which keeps groups "
                "together"
            )
        return splits


def shared(groups: Mapping[str, Iterable[str]]) -> list[tuple[str, str, list[str]]]:
    """Pairs of splits that have groups in common, and which; groups: those of each split."""
    once = {name: dict.fromkeys(of) for name, of in groups.items()}
    found = []
    for one, other in combinations(once, 2):
        if both := [group for group in once[one] if group in once[other]]:
            found.append((one, other, both))
    return found


def save_labels(
    path: str | Path,
    *,
    dataset: str,
    version: str,
    kind: Kind,
    classes: Sequence[str],
    order_only: Sequence[str],
    alike: Sequence[Sequence[str]],
    splits: Mapping[str, LabelSplit],
    folds: Sequence[int] | None,
) -> None:
    """Write a label file, whole or not at all.  Raises UserError if the path cannot be written."""
    save_plain(
        path,
        {
            "format": FORMAT,
            "kind": "labels",
            "dataset": dataset,
            "version": version,
            "labels": kind,
            "classes": list(classes),
            "order_only": list(order_only),
            "alike": [list(group) for group in alike],
            "folds": None if folds is None else list(folds),
            "splits": {
                name: {
                    "id": list(split.ids),
                    "video": list(split.videos),
                    "group": list(split.groups),
                    "target": split.target,
                    "points": torch.tensor([len(times) for times in split.times]).long(),
                    "time": _joined(split.times),
                    "value": _joined(split.values),
                }
                for name, split in splits.items()
            },
        },
    )


def load_labels(path: str | Path) -> Labels:
    """Read a label file.

    Raises UserError if it is not there, is no label file, has another format, or contradicts itself
    (columns of different length, numbers outside the classes, a video that comes twice).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such label file; {CURE}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different kind for each sort of wrong file
        reason = str(error).partition("\n")[0][:120]
        raise UserError(
            f"{path}: not a label file ({type(error).__name__}: {reason}); {CURE}"
        ) from error
    if not isinstance(state, dict) or state.get("kind") != "labels":
        raise UserError(f"{path}: a torch file, but not a label file; {CURE}")
    if state.get("format") != FORMAT:
        raise UserError(
            f"{path}: label file of format {state.get('format')}, this code reads format {FORMAT}; "
            f"{CURE} of this version"
        )
    try:
        return _from_state(path, state)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path}: damaged label file: {reason}; {CURE} again") from error


def _from_state(path: Path, state: dict[str, Any]) -> Labels:
    kind, classes, folds = state["labels"], tuple(state["classes"]), state["folds"]
    if kind not in ("class", "value"):
        raise ValueError(f"labels of kind {kind!r}")
    highest = len(classes) - 1 if kind == "class" else 0
    splits = {name: _split(name, of, kind, highest) for name, of in state["splits"].items()}
    if not splits or (folds is not None and len(folds) != len(splits[WHOLE])):
        raise ValueError(f"{len(splits)} splits, folds of {0 if folds is None else len(folds)}")
    alike = tuple(tuple(group) for group in state["alike"])
    if strange := set(state["order_only"]).union(*alike) - set(classes):
        raise ValueError(f"order_only has {min(strange)!r}, which is no class")
    return Labels(
        path=path,
        dataset=state["dataset"],
        version=state["version"],
        kind=kind,
        classes=classes,
        order_only=tuple(state["order_only"]),
        alike=alike,
        splits=splits,
        folds=None if folds is None else tuple(int(fold) for fold in folds),
    )


def _split(name: str, state: dict[str, Any], kind: Kind, highest: int) -> LabelSplit:
    target, points = state["target"], state["points"]
    videos = tuple(state["video"])
    total = int(points.sum())
    fits = (
        ("id", len(state["id"]), len(videos)),
        ("group", len(state["group"]), len(videos)),
        ("target", len(target), len(videos)),
        ("points", len(points), len(videos) if kind == "value" else 0),
        ("time", len(state["time"]), total),
        ("value", len(state["value"]), total),
        ("video", len(set(videos)), len(videos)),
    )
    for field, number, expected in fits:
        if number != expected:
            raise ValueError(f"split {name}: {field} has {number} rows, not {expected}")
    if target.dtype != torch.int64 or target.ndim != 1:
        raise ValueError(f"split {name}: target is {target.dtype} {tuple(target.shape)}")
    if target.numel() and (int(target.min()) < 0 or int(target.max()) > highest):
        raise ValueError(f"split {name}: target has a value outside [0, {highest}]")
    series = [state[column].double().split(points.tolist()) for column in ("time", "value")]
    if any(len(times) < 1 or bool((times.diff() <= 0).any()) for times in series[0] if total):
        raise ValueError(f"split {name}: times that do not ascend")
    return LabelSplit(
        name=name,
        ids=tuple(state["id"]),
        videos=videos,
        groups=tuple(state["group"]),
        target=target,
        times=series[0] if kind == "value" else (),
        values=series[1] if kind == "value" else (),
    )


def _joined(series: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(series)).double() if series else torch.empty(0, dtype=torch.float64)
