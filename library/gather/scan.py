"""Which files of a folder are new, renamed, copies, changed or gone since they were indexed.

A file of the same path, size and time of change is the one of before; only of others is the SHA-256
computed, which tells what they are.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from data_loader.video_names import no_video
from library.catalogue import KnownFile
from util.errors import UserError
from util.files import sha256
from util.text import is_utf8, printable


@dataclass(frozen=True)
class Seen:
    """A file in the folder, as the system lists it."""

    path: str  # absolute
    size: int  # bytes
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What lies in a folder and its sub-folders."""

    files: list[Seen] = field(default_factory=list)  # to be tried as videos, by path
    left_out: dict[str, int] = field(default_factory=dict)  # {kind: no videos by their name}
    faults: dict[str, str] = field(default_factory=dict)  # {path: why it cannot be tried}
    waiting: list[str] = field(default_factory=list)  # paths of files that may still grow


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is to be done."""

    new: dict[str, list[Seen]] = field(default_factory=dict)  # {sha256: files of these bytes}
    copies: list[tuple[Seen, KnownFile]] = field(default_factory=list)  # of files that are known
    renamed: list[tuple[Seen, KnownFile]] = field(default_factory=list)
    touched: list[tuple[Seen, KnownFile]] = field(default_factory=list)  # the same bytes as before
    replaced: list[KnownFile] = field(default_factory=list)  # other bytes now lie at their paths
    gone: list[KnownFile] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    same: list[tuple[Seen, KnownFile]] = field(default_factory=list)  # as they were


def list_folder(folder: str | Path, *, own: str | Path | None = None) -> Listed:
    """Look through a folder; `own`: the library's file, passed over with what is beside it.

    Hidden folders are passed over, links to folders too: they may lead in circles.  Raises
    UserError where the folder itself cannot be read.
    """
    top = os.path.realpath(folder)
    mine = None if own is None else os.path.realpath(own)

    def ours(path: str) -> bool:
        return (
            mine is not None and path.startswith(mine) and path[len(mine) :][:1] in ("", ".", "-")
        )

    listed = Listed()

    def failed(error: OSError) -> None:
        if error.filename == top:
            raise UserError(
                f"{printable(top)}: cannot be listed ({error.strerror}); name a folder of videos"
            ) from error
        listed.faults[str(error.filename)] = f"cannot be listed ({error.strerror})"

    for at, folders, names in os.walk(top, onerror=failed):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and not ours(str(Path(at, f)))
        )
        for name in sorted(names):
            path = str(Path(at, name))
            if ours(path):
                continue
            if kind := no_video(name):
                listed.left_out[kind] = listed.left_out.get(kind, 0) + 1
            elif fault := _fault(path):
                listed.faults[path] = fault
            else:
                status = Path(path).stat()
                listed.files.append(Seen(path, status.st_size, status.st_mtime_ns))
    return listed


def look_at(paths: Iterable[str]) -> dict[str, Seen]:
    """Files that are named, wherever they lie: {path as it is named: file}.

    Its path is as `list_folder` would say it.  What cannot be tried as a video is left out.
    """
    seen = {}
    for path in paths:
        with suppress(OSError):  # as of a name that is too long
            if _fault(path) is None:
                own = Path(os.path.realpath(Path(path).parent), Path(path).name)
                status = own.stat()
                seen[path] = Seen(str(own), status.st_size, status.st_mtime_ns)
    return seen


def find_changes(
    listed: Listed,
    known: Sequence[KnownFile],
    folder: str | Path | None,
    *,
    failed: Mapping[str, tuple[int, int]],
    stored: Callable[[KnownFile], bool],
    named: Collection[str] = (),
) -> Changes:
    """Compare what lies in a folder with what the library knows.

    folder: None where files were named one by one: no other is gone for not being among them.
    failed: {path: (size, mtime_ns)} of files that could not be read before: as they are now, they
    are passed over.  stored: whether a file's features are there to be taken for a copy.  named:
    paths of files that were named one by one before, and are looked for with those of the folder.
    """
    changes = Changes(faults=dict(listed.faults))
    by_path = {file.path: file for file in known}
    there = {seen.path for seen in listed.files}.union(listed.waiting)
    inside = "/" if folder is None else f"{os.path.realpath(folder).rstrip('/')}/"
    lost = {
        f.id: f
        for f in known
        if (f.path.startswith(inside) or f.path in named) and f.path not in there
    }
    by_hash: dict[str, list[KnownFile]] = {}
    for file in known:
        by_hash.setdefault(file.sha256, []).append(file)
    for seen in listed.files:
        before = by_path.get(seen.path)
        stamp = (seen.size, seen.mtime_ns)
        if before and (before.size, before.mtime_ns) == stamp:
            (changes.touched if before.missing else changes.same).append((seen, before))
            continue
        if failed.get(seen.path) == stamp:
            continue
        try:
            found = sha256(seen.path)
        except OSError as error:
            changes.faults[seen.path] = f"cannot be read ({error.strerror})"
            continue
        if before and before.sha256 == found:
            changes.touched.append((seen, before))
            continue
        if before:
            changes.replaced.append(before)
        twins = by_hash.get(found, [])
        moved = next((t for t in twins if t.id in lost and not os.path.lexists(t.path)), None)
        usable = next((t for t in twins if stored(t)), None)
        if moved and not before:
            changes.renamed.append((seen, lost.pop(moved.id)))
        elif usable:
            changes.copies.append((seen, usable))
        else:
            changes.new.setdefault(found, []).append(seen)
    if folder is not None:
        changes.gone.extend(file for file in lost.values() if not file.missing)
    return changes


def _fault(path: str) -> str | None:
    """Why a file cannot be tried, told without opening it; None: it can."""
    if not is_utf8(path):
        return "its name is not UTF-8; rename it"
    if not Path(path).is_file():
        return "a link to nothing, a pipe, socket or device"
    return None if os.access(path, os.R_OK) else "may not be read; change its rights"
