"""Files that appear whole or not at all, where they may be written, and their fingerprints."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from util.errors import UserError

CURE = "name another place, or mend that one"


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a `.partial` path to write; on success fsync it and rename it to `path`.

    An exception or a kill leaves an earlier `path` as it was.  Raises UserError, naming `path`,
    where the system refuses to write it.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        # Only errors of the file itself (or of a library that names no file, as h5py): what the
        # caller reads meanwhile is another matter.
        if error.filename in (None, str(partial), str(path), str(path.parent), partial, path):
            raise UserError(f"{path}: cannot be written ({_reason(error)}); {CURE}") from error
        raise
    finally:
        with suppress(OSError):  # the folder itself cannot be reached: said above
            partial.unlink(missing_ok=True)


def check_output(
    path: str | Path, flag: str = "--output", *, inputs: Mapping[str, object] | None = None
) -> Path:
    """Whether a file can be written at `path`, before the work that it is for.

    `inputs`: what the command reads, or writes beside it, by name of the option; None and "" are
    left out.  Raises UserError for a folder, a parent that is a file or may not be written, a name
    that the system does not take, and a path that is one of the inputs (also through a link).
    """
    path = Path(path)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise UserError(f"{flag} {path}: cannot be written ({_reason(error)}); {CURE}") from error
    if path.is_dir():
        raise UserError(f"{flag} {path}: is a folder; name a file in it")
    parent = next(p for p in path.absolute().parents if p.exists() or p.is_symlink())
    if not parent.is_dir():
        raise UserError(f"{flag} {path}: {parent} is not a folder; {CURE}")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"{flag} {path}: {parent} may not be written; {CURE}")
    for name, given in (inputs or {}).items():
        if given and _same(path, Path(str(given))):
            raise UserError(f"{flag} {path}: is what {name} names; name another file")
    return path


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, or would be."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


def _reason(error: Exception) -> str:
    """What the system says, without the number and the file's name."""
    return getattr(error, "strerror", None) or str(error)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
