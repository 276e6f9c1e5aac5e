"""The data sets with labels: each reader turns its annotation files into rows.

A new data set is one file here with a `read` and one line in `LABEL_DATASETS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from options.preprocess.labels import LabelOptions
from preprocess.annotation.label import (
    folder,
    hmdb51,
    kinetics,
    msr_daily,
    own,
    shapes,
    ucf101,
)
from preprocess.annotation.label.row import LabelAnnotations
from preprocess.video.files import read_id_map
from util.errors import UserError
from util.text import clipped

Reader = Callable[[LabelOptions], LabelAnnotations]

LABEL_DATASETS: Mapping[str, Reader] = {
    "kinetics": kinetics.read,
    "ucf101": ucf101.read,
    "hmdb51": hmdb51.read,
    "msr_daily": msr_daily.read,
    "folder": folder.read,
    "own": own.read,
    "shapes": shapes.read,
}


def read_labels(options: LabelOptions) -> LabelAnnotations:
    """The rows of each split, under the ids of --id_map; splits without rows are left out.

    Raises UserError for an unknown data set, malformed annotations, a name that the map lacks, no
    rows at all, and a video that comes twice.
    """
    if options.dataset not in LABEL_DATASETS:
        raise UserError(
            f"--dataset {options.dataset}: not known; choose from {', '.join(LABEL_DATASETS)}"
        )
    found = LABEL_DATASETS[options.dataset](options)
    if not any(found.splits.values()):
        raise UserError(f"{options.annotations}: no labels; give each video one")
    if options.id_map is not None:
        found = _renamed(found, options.id_map)
    seen: dict[str, str] = {}
    for rows in found.splits.values():
        for row in rows:
            if (first := seen.setdefault(row.video, row.where)) != row.where:
                raise UserError(
                    f"{options.annotations}: {row.where}: video {clipped(repr(row.video), 60)} has "
                    f"a label in {first} too; give each video one"
                )
    return replace(found, splits={name: rows for name, rows in found.splits.items() if rows})


def _renamed(found: LabelAnnotations, id_map: str) -> LabelAnnotations:
    """The same with the ids of the map; a group that is the video's name stays what it is."""
    known = read_id_map(id_map)
    splits = {}
    for name, rows in found.splits.items():
        missing = [row for row in rows if row.video not in known]
        if missing:
            raise UserError(
                f"{missing[0].where}: the video {clipped(repr(missing[0].video), 60)} is not in "
                f"{id_map} ({len(missing):,} of {len(rows):,} such); a line there is `<clip name> "
                "vid<id>`; add them, or delete their labels"
            )
        splits[name] = [replace(row, video=known[row.video]) for row in rows]
    return replace(found, splits=splits)
