"""One's own annotations: a table, a CSV or a JSON Lines file, whose lines are checked one by one.

Every line has a `video`, the name of a file with or without its ending, and all lines or none a
`split`: train, val or test.
"""

import csv
import hashlib
import io
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data_loader.video_names import video_id
from preprocess.annotation.items import SHOWN, Fields, item_fault, parse_json
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

HINT = "--annotations is a .csv or .jsonl file, or a folder with one of them"
SPLITS = ("train", "val", "test")
BETWEEN = {",": "comma", ";": "semicolon", "\t": "tab"}  # columns of a table
SHARE = {"val": 0.1, "test": 0.2}
Rows = list[tuple[int, dict[str, Any]]]  # the line on which each begins, and {column: value}


def read_table(
    annotations: Path, fields: Fields, fault_of: Callable[[dict[str, Any]], str | None], *, of: str
) -> tuple[Path, Rows]:
    """The file and its rows, all with `fields`; `of`: what they are, in messages.

    `fault_of` says what else is wrong with a row, and the cure, or None.  Raises UserError, naming
    file, line and cure, for a file that is missing, empty or malformed, a line that lacks a value,
    a `split` that is none or filled in only for some, and a `video` that is a path or stands for
    two files.
    """
    path = _table(annotations)
    text = read_text(path, HINT)
    is_csv = path.suffix.lower() == ".csv"
    rows = list(csv_rows(path, text, fields) if is_csv else _json_rows(path, text))
    if not rows:
        raise UserError(f"{path}: no {of}; give each a line")
    file_of: dict[str, str] = {}
    for line, row in rows:
        if line == 1 and isinstance(row, list):
            raise _one_list(path)
        fault = item_fault(row, fields) or _fault(row, rows[0][1], file_of) or fault_of(row)
        if fault is not None:
            raise UserError(f"{path}, line {line}: {fault}")
    return path, rows


def splits_of(path: Path, rows: Rows) -> Sequence[str]:
    """The split of each row: what it says, or that of its video as `share_out` has it."""
    if "split" in rows[0][1]:
        return [row["split"] for _, row in rows]
    videos = [video_id(str(row["video"])) for _, row in rows]
    shared = share_out(path, set(videos))
    return [shared[video] for video in videos]


def share_out(path: Path, videos: set[str]) -> dict[str, str]:
    """Video -> split: about 70 % train, 10 % val, 20 % test, at least one each.

    By the hash of the id, so that neither the order of the lines nor the machine matters.  Raises
    UserError, naming `path`, for fewer than three videos.
    """
    if len(videos) < len(SPLITS):
        raise UserError(
            f"{path}: {len(videos)} videos in all; three splits need at least three, and to learn "
            "something takes many more; add videos"
        )
    ranked = by_digest(videos)
    test = max(1, round(SHARE["test"] * len(ranked)))
    val = max(1, round(SHARE["val"] * len(ranked)))
    names = ["test"] * test + ["val"] * val + ["train"] * (len(ranked) - test - val)
    return dict(zip(ranked, names, strict=True))


def by_digest(videos: set[str]) -> list[str]:
    """The videos in an order that is drawn, but the same each time: of the hash of the id."""

    def digest(video: str) -> bytes:
        return hashlib.sha256(video.encode("utf-8", "surrogatepass")).digest()

    return sorted(videos, key=digest)


def _fault(row: dict[str, Any], first: dict[str, Any], file_of: dict[str, str]) -> str | None:
    """What is wrong with video or split, and the cure, or None.  Notes which file it names."""
    name = unicodedata.normalize("NFC", str(row["video"]).strip())
    if "/" in name or "\\" in name:
        shown = clipped(repr(name), SHOWN)
        return f"field `video` is a path ({shown}); give the name of the file alone"
    if name != video_id(name) and file_of.setdefault(video_id(name), name) != name:
        name, other, own = (
            clipped(text, SHOWN) for text in (name, file_of[video_id(name)], video_id(name))
        )
        return f"field `video`: {other} and {name} would both be {own}; rename one"
    if "split" in first or "split" in row:
        if row.get("split") not in SPLITS:
            has = clipped(repr(row["split"]), SHOWN) if row.get("split") else "empty"
            return f"field `split` is {has}; give train, val or test in every line, or in none"
        if "split" not in first:
            return "has a field `split`, unlike the first line; give it in every line, or in none"
    return None


def _table(annotations: Path) -> Path:
    """The file itself, or the only table of the folder."""
    if annotations.is_dir():
        found = sorted(p for p in annotations.iterdir() if p.suffix.lower() in (".csv", ".jsonl"))
        if len(found) != 1:
            names = f" ({', '.join(p.name for p in found[:5])})" if found else ""
            raise UserError(
                f"{annotations}: has {len(found)} .csv and .jsonl files{names}, not one; name the "
                "file itself as --annotations"
            )
        return found[0]
    if annotations.exists() and annotations.suffix.lower() not in (".csv", ".jsonl"):
        raise UserError(f"{annotations}: neither .csv nor .jsonl; {HINT}")
    return annotations


def csv_rows(
    path: Path, text: str, fields: Fields, delimiter: str = ","
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line on which it begins, column -> cell) of each row; empty lines are left out.

    `delimiter`: what is between the columns, one of `BETWEEN`.  Raises UserError, naming file, line
    and cure, for a file that is no such table or has no column of one of the `fields`.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # else 131,072 characters
    reader = csv.reader(io.StringIO(text), strict=True, delimiter=delimiter)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not header and cells:
                header = [cell.strip().lower() for cell in cells]
                _check_header(path, line, header, fields, delimiter)
            elif any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    raise UserError(
                        f"{path}, line {line}: {len(cells)} cells under {len(header)} columns; put "
                        f"text that has a {BETWEEN[delimiter]} in it between double quotes "
                        f'("a{delimiter} b")'
                    )
                yield line, dict(zip(header, (cell.strip() for cell in cells), strict=True))
            line = reader.line_num + 1  # a quoted cell can run over several lines
    except csv.Error as error:
        raise UserError(
            f"{path}, line {line}: not CSV ({error}); check the quotes of this line"
        ) from error


def _check_header(path: Path, line: int, header: list[str], fields: Fields, delimiter: str) -> None:
    lacking = [field for field in fields if field not in header]
    if lacking:
        wanted = BETWEEN[delimiter]
        for mark, name in BETWEEN.items():
            if len(header) == 1 and mark in header[0]:
                raise UserError(
                    f"{path}, line {line}: {name}s between the columns, not {wanted}s; save it as "
                    f"{wanted}-separated CSV"
                )
        shown = clipped(repr(delimiter.join(header)), SHOWN)
        raise UserError(
            f"{path}, line {line}: no column {', '.join(lacking)}; the first line names the "
            f"columns, with {wanted}s between them, and is {shown}"
        )
    twice = sorted({field for field in header if header.count(field) > 1})
    if twice:
        raise UserError(f"{path}, line {line}: two columns {twice[0]!r}; rename one")


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """(line, value) of each line that is not empty."""
    for line, part in enumerate(text.split("\n"), start=1):
        if part.strip():
            try:
                yield line, parse_json(part)
            except json.JSONDecodeError as error:
                if line == 1 and part.lstrip().startswith("["):
                    raise _one_list(path) from error
                raise UserError(
                    f"{path}, line {line}, column {error.colno}: not JSON ({error.msg}); each "
                    "line is one whole object"
                ) from error
            except ValueError as error:
                raise UserError(f"{path}, line {line}: {error}") from error


def _one_list(path: Path) -> UserError:
    return UserError(
        f"{path}: one JSON list, not JSON Lines; write each of its objects on a line of its own, "
        "without brackets and commas around them"
    )
