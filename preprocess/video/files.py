"""Which video files there are, which id each has, and what is left out of a folder."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_loader.video_names import no_video, video_id
from util.errors import UserError
from util.text import is_utf8, printable
from util.text_file import read_text


@dataclass(frozen=True)
class Listing:
    """The files that folders and names stand for."""

    files: list[Path] = field(default_factory=list)  # to be tried as videos
    left_out: dict[str, list[Path]] = field(default_factory=dict)  # {kind: no videos by name}
    folders: dict[Path, int] = field(default_factory=dict)  # sub-folders, not entered: {it: files}

    def describe_left_out(self) -> str:
        """One line about all that is there and not taken; "" if there is nothing."""
        parts = [
            f"{_plural(len(paths), kind)} ({printable(paths[0].name)}"
            f"{', ...' if len(paths) > 1 else ''})"
            for kind, paths in self.left_out.items()
        ]
        if self.folders:
            first = printable(next(iter(self.folders)).name)
            parts.append(
                f"{_plural(len(self.folders), 'sub-folder')} with "
                f"{_plural(sum(self.folders.values()), 'file')} ({first}"
                f"{', ...' if len(self.folders) > 1 else ''}; name a folder to have its videos)"
            )
        return f"left out: {', '.join(parts)}" if parts else ""


def list_videos(words: Sequence[str]) -> list[Path]:
    """The files of `look_for_videos`."""
    return look_for_videos(words).files


def look_for_videos(words: Sequence[str], *, own: Sequence[Path] = ()) -> Listing:
    """Files and folders -> files, in the order given, those of a folder sorted by name.

    A folder stands for all that lies in it but sub-folders, and files that are no videos by their
    name (`no_video`), named or found, or that are `own`: the command's outputs.  What is not there
    or cannot be read is kept: extraction says so.  Raises UserError if there is no file at all, or
    a folder cannot be read.
    """
    found = Listing()
    outputs = {os.path.realpath(path) for path in own}
    for word in words:
        if not word.strip():
            raise UserError("--videos: an empty name; name folders or files")
        path = Path(word)
        inside = _entries(path) if _is_folder(path) else [path]
        for entry in inside:
            kind = "file of this program" if os.path.realpath(entry) in outputs else None
            kind = kind or no_video(entry.name)
            if kind:
                found.left_out.setdefault(kind, []).append(entry)
            elif entry is not path and _is_folder(entry):
                found.folders[entry] = sum(len(names) for _, _, names in os.walk(entry))
            else:
                found.files.append(entry)
    if not found.files:
        left_out = found.describe_left_out()
        raise UserError(
            f"--videos {printable(' '.join(words)[:200])}: no files there"
            f"{f' ({left_out})' if left_out else ''}; name folders or files"
        )
    return Listing(list(dict.fromkeys(found.files)), found.left_out, found.folders)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"--videos {printable(str(folder))}: cannot be listed ({error.strerror}); "
            "change its rights, or leave it out"
        ) from error


def _is_folder(path: Path) -> bool:
    """Whether it is a folder, also through a link; False where that cannot be told."""
    try:
        return path.is_dir()
    except OSError:
        return False


def find_fault(file: Path) -> str | None:
    """Why a file cannot be tried, as its name and entry tell without opening it; None: it can.

    Opening a named pipe would wait for ever, and an id that is no UTF-8 cannot be stored.
    """
    if not is_utf8(file.name):
        return "its name is not UTF-8; rename it"
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return f"a link to nothing ({file.readlink()})" if file.is_symlink() else "no such file"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"
    if not stat.S_ISREG(mode):
        return "not a file, but a folder, pipe, socket or device"
    return None if os.access(file, os.R_OK) else "may not be read; change its rights"


def name_videos(files: Sequence[Path], id_map: str | Path | None) -> dict[str, Path]:
    """Files -> {video id: file}; the id is `video_id`, or what `id_map` says of it.

    A name that is no UTF-8 is in no map, and keeps its own.  One file that is named twice, also
    through links, is taken once.  Raises UserError if two files have one id, or a file is not in
    the map.
    """
    known = read_id_map(id_map) if id_map else None
    ids = {file: video_id(file.name) for file in files}
    if known is not None:
        strange = [f.name for f, one in ids.items() if one not in known and is_utf8(one)]
        if strange:
            raise UserError(
                f"{id_map}: lacks {len(strange)} of {len(files)} files "
                f"({printable(', '.join(strange[:5]))}"
                f"{', ...' if len(strange) > 5 else ''}); add lines `<file stem> vid<id>`, or "
                "leave the files out"
            )
    videos: dict[str, Path] = {}
    for file, own in ids.items():
        video = known.get(own, own) if known else own
        other = videos.setdefault(video, file)
        if other != file and os.path.realpath(other) != os.path.realpath(file):
            raise UserError(
                f"--videos: {printable(str(other))} and {printable(str(file))} have the same id "
                f"{printable(video)}; rename one, or leave it out"
            )
    return videos


def read_id_map(path: str | Path) -> dict[str, str]:
    """Lines `<file stem> vid<id>` (MSVD-QA's youtube_mapping.txt) -> {`video_id` of stem: id}.

    Raises UserError with file and line if a line is otherwise, or a stem comes twice.
    """
    path = Path(path)
    lines = read_text(path, "--id_map is a file of lines `<file stem> vid<id>`").split("\n")
    known: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        stem, _, word = line.strip().rpartition(" ")
        if not stem or not word.startswith("vid") or word == "vid":
            raise UserError(
                f"{path}, line {number}: `{printable(line[:80])}` is not `<file stem> vid<id>`"
            )
        if (own := video_id(stem)) in known:
            raise UserError(f"{path}, line {number}: {stem.strip()} comes twice; delete one")
        known[own] = word.removeprefix("vid")
    return known


def _plural(count: int, kind: str) -> str:
    """`3 sub-folders`; of a kind of file, `3 text files`."""
    noun = kind if kind.startswith(("file", "sub-folder")) else f"{kind} file"
    head, of, rest = noun.partition(" of ")
    return f"{count} {head}{'' if count == 1 else 's'}{of}{rest}"
