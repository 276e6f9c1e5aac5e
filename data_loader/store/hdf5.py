"""HDF5 files, whoever wrote them: every fault is one line that names file, data set and cure."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from util.errors import UserError
from util.text import printable

# What h5py raises for damage: which kind it is depends on where in the file the damage lies.
FAULTS = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, RecursionError)
SHOWN = 8  # names in a message


class Hdf5File:
    """One HDF5 file opened for reading, `with Hdf5File(...) as file`."""

    def __init__(self, path: str | Path, *, what: str, missing: str, cure: str) -> None:
        """Open the file.

        what: what it should be, as "feature store"; missing, cure: what to do where it is not
        there, and where it is something else or damaged.  Raises UserError if it cannot be opened.
        """
        self.path, self.what, self.cure = Path(path), what, cure
        if not self.path.exists():
            raise UserError(f"{path}: no such {what}; {missing}")
        if not self.path.is_file():  # h5py would wait for ever for a named pipe
            found = "a folder" if self.path.is_dir() else "no regular file"
            raise UserError(f"{path}: is {found}, not a {what}; name a file")
        try:
            self.file = h5py.File(path, "r")
        except FAULTS as error:
            raise UserError(
                f"{path}: not readable as a {what} ({_reason(error)}); {cure}"
            ) from error

    def __enter__(self) -> "Hdf5File":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def fault(self, problem: str) -> UserError:
        """The error that says what is wrong with the file, for raising."""
        return UserError(f"{self.path}: damaged {self.what}, {problem}; {self.cure}")

    @contextmanager
    def _fault_of(self, problem: str) -> Iterator[None]:
        """What h5py raises inside becomes the error that the file has this problem."""
        try:
            yield
        except FAULTS as error:
            raise self.fault(f"{problem} ({_reason(error)})") from error

    def names(self) -> str:
        """What the file holds, for a message."""
        with self._fault_of("its list of data sets cannot be read"):
            names = list(self.file)
        more = ", ..." if len(names) > SHOWN else ""
        return printable(", ".join(names[:SHOWN])) + more if names else "nothing"

    def __contains__(self, name: str) -> bool:
        with self._fault_of(f"{name} cannot be looked up"):
            return name in self.file

    def attribute(self, name: str) -> Any:
        """One of the file's attributes: text, a number, or None where it has none of the name."""
        with self._fault_of(f"attribute {name} cannot be read"):
            value: Any = self.file.attrs.get(name)
        if value is None or isinstance(value, str | bytes):
            return value
        if isinstance(value, np.integer):
            return int(value)
        raise self.fault(f"attribute {name} is {type(value).__name__}, not text or a whole number")

    def json(self, name: str) -> dict[str, Any]:
        """An attribute that is a JSON object."""
        with self._fault_of(f"attribute {name} is no JSON"):
            value = json.loads(self.attribute(name))
        if not isinstance(value, dict):
            raise self.fault(f"attribute {name} is a JSON {type(value).__name__}, not an object")
        return value

    def data(self, name: str) -> Any:
        """A data set, whatever is in it; UserError if it is not there, or is a group or empty."""
        with self._fault_of(f"{name} cannot be opened"):
            found = self.file[name]
        if not isinstance(found, h5py.Dataset):
            raise self.fault(f"{name} is a group, not a data set")
        with self._fault_of(f"{name} has a type that is not known"):
            kind, shape = found.dtype, found.shape
        if shape is None:
            raise self.fault(f"{name} is empty ({kind})")
        return found

    def numbers(self, name: str, *, kinds: str, ndim: Sequence[int]) -> Any:
        """A data set of numbers: NumPy's `kinds` ("f" floats, "iu" integers), of `ndim` axes."""
        found = self.data(name)
        if found.dtype.kind not in kinds or found.ndim not in ndim:
            wanted = "floats" if kinds == "f" else "integers"
            axes = " or ".join(map(str, ndim))
            raise self.fault(f"{name} is {found.dtype} {found.shape}, not {wanted} of {axes} axes")
        return found

    def read(self, data: Any, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Rows of a data set; UserError if they cannot be read, as of a damaged compressed one."""
        with self._fault_of(f"{data.name.removeprefix('/')} cannot be read"):
            return data[begin:end]

    def integers(self, name: str, *, ndim: int = 1) -> np.ndarray:
        """A whole data set of integers, as int64."""
        return self.read(self.numbers(name, kinds="iu", ndim=[ndim])).astype(np.int64)

    def texts(self, name: str, *, ndim: Sequence[int] = (1,)) -> tuple[str, ...]:
        """A whole data set of texts, (V,); of `ndim` axes in the file."""
        found = self.data(name)
        if h5py.check_string_dtype(found.dtype) is None or found.ndim not in ndim:
            raise self.fault(f"{name} is {found.dtype} {found.shape}, not texts of 1 axis")
        raw = self.read(found).reshape(-1).tolist()
        try:
            return tuple(text.decode() for text in raw)
        except UnicodeDecodeError as error:
            raise self.fault(f"{name} has {printable(str(error.object))}, no UTF-8") from error


def _reason(error: BaseException) -> str:
    """What h5py says, in one line, without its numbers of time and memory."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if text.startswith(("Unable to", "Can't")) and "(" in text:  # open object (the reason)
        text = text.partition("(")[2].rpartition(")")[0]
    return " ".join(text.split())
