"""What every annotation of labels becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_loader.label.labels import Kind


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """One video with its class, or with values over time."""

    id: str  # as the annotations name it
    video: str  # the id that the stores use
    group: str  # what must not be in two splits (subject, source); else the video
    label: str  # "" where there are values
    where: str  # the file's name with line or item
    times: tuple[float, ...] = ()  # of values: seconds, ascending
    values: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelAnnotations:
    """All that a reader found.

    Splits that lack val get it drawn from train; a split `WHOLE` without folds, all three.
    """

    splits: Mapping[str, Sequence[LabelRow]]
    kind: Kind = "class"
    classes: tuple[str, ...] = ()  # in the data set's own order; (): by name
    order_only: tuple[str, ...] = ()  # classes that no single frame tells
    alike: tuple[tuple[str, ...], ...] = ()  # those that have the same frames in other orders
    folds: tuple[int, ...] | None = None  # of each row of `WHOLE`
    version: str = ""  # which of the data set's own splits
    may_leak: str = ""  # why a group may be in two splits; "": it may not
    notes: tuple[str, ...] = ()  # what was changed or left out, and how many times
