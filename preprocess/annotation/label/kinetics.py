"""Kinetics-400 (Kay et al. 2017): the official lists, or lists of `path label` as MMAction2 has.

Official: `train.csv`, `val.csv` (or `validate.csv`) and `test.csv`, a first line with the names of
the columns `label,youtube_id,time_start,time_end,split`; a test list without labels is left out.  A
clip's id is the name that crawlers give its file, `<YouTube id>_<start>_<end>` with six digits each
(`_4YTwq0-73Y_000044_000054`).

MMAction2's: `kinetics400_train_list_videos.txt`, ..., lines of `<folder>/<file> <number of the
class>`.  The classes' names are those of the folders, if each has its own, or the lines of a file
`label_map_k400.txt`.

Which split a file is of, its name says.  A group is a YouTube video.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from data_loader.video_names import video_id
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

SPLIT_OF = {
    "train": "train", "val": "val", "validate": "val", "validation": "val", "test": "test",
}  # fmt: skip
COLUMNS = ("youtube_id", "time_start", "time_end")
HINT = "--annotations is the folder with train.csv and val.csv, or with lists of `path label`"
DIGITS = 5  # of a class's number, at most
SECONDS = re.compile(r"[0-9]{1,6}([.][0-9]*)?")
TIMES = re.compile(r"_\d{6}_\d{6}$")


def read(options: LabelOptions) -> LabelAnnotations:
    """The clips of each split, in the order of the files.

    Raises UserError, naming file, line and cure, for a folder without lists, two lists of one
    split, and lines that are otherwise.
    """
    splits: dict[str, list[LabelRow]] = {"train": [], "val": [], "test": []}
    notes: list[str] = []
    numbered: list[str] = []
    for split, path in _files(Path(options.annotations)):
        if path.suffix == ".csv":
            rows, unlabelled = _official(path)
            if unlabelled:
                notes.append(f"{path.name}: {unlabelled:,} clips without a label are left out")
        else:
            rows = list(_listed(path))
            numbered.append(split)
        splits[split] = rows
    classes: tuple[str, ...] = ()
    if numbered:
        if len(numbered) < len([rows for rows in splits.values() if rows]):
            raise UserError(f"{options.annotations}: .csv and .txt lists; keep those of one kind")
        splits, classes = _named(splits, Path(options.annotations))
    return LabelAnnotations(
        splits=splits, classes=classes, may_leak="the lists have it so", notes=tuple(notes)
    )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The list of each split."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; {HINT}")
    of: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        words = re.split("[^a-z]+", path.stem.lower())
        split = next((SPLIT_OF[word] for word in words if word in SPLIT_OF), None)
        if split is None or path.suffix not in (".csv", ".txt"):
            continue
        if split in of:
            raise UserError(
                f"{folder}: {of[split].name} and {path.name} are both of {split}; keep one"
            )
        of[split] = path
    if "train" not in of:
        raise UserError(f"{folder}: has no list of train; {HINT}")
    yield from of.items()


def _official(path: Path) -> tuple[list[LabelRow], int]:
    """The clips of a CSV list, and how many of it have no label."""
    reader = csv.DictReader(io.StringIO(read_text(path, HINT)), skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or []]
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise UserError(
            f"{path}, line 1: no column {', '.join(lacking)}; the first line is "
            "label,youtube_id,time_start,time_end,split"
        )
    rows, unlabelled = [], 0
    for cells in _lines(reader, path):
        where = f"{path}, line {reader.line_num}"
        name, start, end = (str(cells.get(column) or "").strip() for column in COLUMNS)
        if not SECONDS.fullmatch(start) or not SECONDS.fullmatch(end):
            raise UserError(
                f"{where}: time_start {clipped(repr(start), 30)} and time_end "
                f"{clipped(repr(end), 30)}; give seconds"
            )
        clip = f"{name}_{int(float(start)):06d}_{int(float(end)):06d}"
        if not name or "/" in name:
            raise UserError(f"{where}: youtube_id is {clipped(repr(name), 60)}; correct it")
        label = str(cells.get("label") or "").strip()
        if not label:
            unlabelled += 1
            continue
        at = f"{path.name}, line {reader.line_num}"
        rows.append(LabelRow(id=clip, video=clip, group=name, label=label, where=at))
    return rows, unlabelled


def _lines(reader: csv.DictReader, path: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV ({error}); correct it") from error


def _listed(path: Path) -> Iterator[LabelRow]:
    """The clips of a list of `path label`; `label` is the number, `id` the path."""
    for line, content in enumerate(read_text(path, HINT).split("\n"), start=1):
        if not content.strip():
            continue
        name, _, number = content.strip().rpartition(" ")
        if not name.strip() or not number.isdecimal() or len(number) > DIGITS:
            raise UserError(
                f"{path}, line {line}: {clipped(repr(content), 60)} is not `<folder>/<file> "
                "<number of the class>`"
            )
        video = video_id(PurePosixPath(name.strip()).name)
        yield LabelRow(
            id=name.strip(),
            video=video,
            group=TIMES.sub("", video),
            label=str(int(number)),
            where=f"{path.name}, line {line}",
        )


def _named(
    splits: dict[str, list[LabelRow]], folder: Path
) -> tuple[dict[str, list[LabelRow]], tuple[str, ...]]:
    """The same with names for numbers: of a label map, or of the folders, else the numbers."""
    rows = [row for some in splits.values() for row in some]
    count = max((int(row.label) for row in rows), default=-1) + 1
    names = [str(i) for i in range(count)]
    maps = sorted(folder.glob("label_map*.txt"))
    if maps:
        names = [n.strip() for n in read_text(maps[0], HINT).split("\n") if n.strip()]
        if len(names) < count or len(set(names)) < len(names):
            raise UserError(
                f"{maps[0]}: {len(set(names))} names for classes 0 to {count - 1}; it has a line "
                "for each class"
            )
    else:
        folder_of: dict[str, set[str]] = {}
        for row in rows:
            folder_of.setdefault(row.label, set()).add(PurePosixPath(row.id).parent.name)
        found = [folder_of.get(name, {name}) for name in names]
        only = [next(iter(some)) for some in found]
        if all(len(some) == 1 for some in found) and len(set(only)) == count and all(only):
            names = only
    named = {
        split: [
            LabelRow(
                id=r.id, video=r.video, group=r.group, label=names[int(r.label)], where=r.where
            )
            for r in some
        ]
        for split, some in splits.items()
    }
    return named, tuple(names)
