"""Which video files there are, and which id each has."""

from collections.abc import Sequence
from pathlib import Path

from util.errors import UserError


def list_videos(words: Sequence[str]) -> list[Path]:
    """Files and folders -> files, in the order given, those of a folder sorted by name.

    A folder stands for its own files but the hidden ones, whatever their extension.  A file that is
    not there is kept: extraction reports it.  Raises UserError if there is no file at all.
    """
    files: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            inside = (p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            files += sorted(inside)
        elif not path.name.startswith("."):
            files.append(path)
    if not files:
        raise UserError(f"--videos {' '.join(words)[:200]}: no files there; name folders or files")
    return list(dict.fromkeys(files))


def name_videos(files: Sequence[Path], id_map: str | Path | None) -> dict[str, Path]:
    """Files -> {video id: file}; the id is the file's stem, or what `id_map` says of the stem.

    Raises UserError if two files have one id, or a file is not in the map.
    """
    known = read_id_map(id_map) if id_map else None
    if known is not None:
        strange = [file.name for file in files if file.stem not in known]
        if strange:
            raise UserError(
                f"{id_map}: lacks {len(strange)} of {len(files)} files ({', '.join(strange[:5])}"
                f"{', ...' if len(strange) > 5 else ''}); add lines `<file stem> vid<id>`, or "
                "leave the files out"
            )
    videos: dict[str, Path] = {}
    for file in files:
        video = known[file.stem] if known else file.stem
        if video in videos:
            raise UserError(
                f"--videos: {videos[video]} and {file} have the same id {video}; rename one, or "
                "leave it out"
            )
        videos[video] = file
    return videos


def read_id_map(path: str | Path) -> dict[str, str]:
    """Lines `<file stem> vid<id>` (MSVD-QA's youtube_mapping.txt) -> {stem: id}.

    Raises UserError with file and line if a line is otherwise, or a stem comes twice.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--id_map {path}: not readable ({error})") from error
    known: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        stem, _, word = line.strip().rpartition(" ")
        if not stem or not word.startswith("vid") or word == "vid":
            raise UserError(f"{path}, line {number}: `{line[:80]}` is not `<file stem> vid<id>`")
        if stem.strip() in known:
            raise UserError(f"{path}, line {number}: {stem.strip()} comes twice; delete one")
        known[stem.strip()] = word.removeprefix("vid")
    return known
