"""Videos that cannot be read: listed beside the store with the reason, and not tried in vain.

`STORE.h5.quarantine.json` is written at the end; until then each process keeps its rows in the
folder of shards, so that a kill loses none.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from preprocess.products import parts_folder
from util.files import sha256, whole_file

Row = dict[str, Any]


def quarantine_file(output: Path) -> Path:
    """Where the videos that could not be read are listed."""
    return output.with_name(output.name + ".quarantine.json")


def make_row(video: str, file: Path, reason: str, tried: dict[str, Any]) -> Row:
    """A line of the list; `tried`: the options that decide whether a video can be read."""
    fingerprint = sha256(file) if file.is_file() else None
    return {
        "file": str(file),
        "id": video,
        "reason": reason,
        "sha256": fingerprint,
        "tried": tried,
    }


def rows_so_far(output: Path) -> dict[str, Row]:
    """{video: row} of the list, and of what an interrupted run left among its shards."""
    rows: dict[str, Row] = {}
    for path in (quarantine_file(output), *sorted(parts_folder(output).glob("*.json"))):
        with suppress(OSError, ValueError, TypeError, KeyError):  # not ours: tried again, no more
            rows |= {row["id"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
    return rows


def is_known(row: Row | None, file: Path, tried: dict[str, Any]) -> bool:
    """Whether a listed video would fail again: the same bytes, read in the same way."""
    if row is None or row.get("tried") != tried or not row.get("sha256"):
        return False
    return file.is_file() and sha256(file) == row["sha256"]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write a list whole; without any row, it goes."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as partial:
        partial.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
