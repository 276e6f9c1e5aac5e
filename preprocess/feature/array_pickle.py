"""Arrays out of pickles that strangers made, of Python 2 and 3, without running what is in them.

A pickle is a program: it may call whatever it names.  Here it may name only what a NumPy array of
numbers is pickled by, and gets stand-ins of this module for that, which do nothing but hold bytes.
"""

import io
import pickle
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from util.text import printable

NUMBERS = ("f2", "f4", "f8")  # types of features
BYTE_ORDERS = "<>=|"


class NoArrays(Exception):
    """A pickle that holds something else, or is damaged; its text says what."""


def load_arrays(content: bytes) -> np.ndarray | dict[str, np.ndarray]:
    """What a pickle holds: an array of floats, or a dict of them by name; raises NoArrays."""
    try:
        found = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
        if isinstance(found, Mapping):
            return {_name(key): _array(value) for key, value in found.items()}
        return _array(found)
    except NoArrays:
        raise
    except MemoryError as error:
        raise NoArrays("more than the memory that is free") from error
    except Exception as error:  # whatever bytes can make an unpickler raise
        reason = printable(str(error)[:120])
        raise NoArrays(f"not a whole pickle ({type(error).__name__}: {reason})") from error


class _Type:
    """Stands in for numpy.dtype."""

    def __init__(self, name: str, *_: bool) -> None:
        if name not in NUMBERS:
            raise NoArrays(
                f"an array of {printable(str(name)[:20])}, not of floats ({', '.join(NUMBERS)})"
            )
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple) -> None:
        """State (version, byte order, ...); of floats the rest says nothing."""
        if state[1] not in tuple(BYTE_ORDERS):
            raise NoArrays("an array of an unknown byte order")
        self.order = state[1]


class _Stored:
    """Stands in for numpy.ndarray."""

    array: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        """State (version, shape, type, whether columns come first, bytes)."""
        _, shape, kind, columns_first, content = state
        self.fill(content, kind, shape, "F" if columns_first else "C")

    def fill(self, content: Any, kind: Any, shape: Any, order: Any) -> None:
        """Take the numbers."""
        if not isinstance(kind, _Type):
            raise NoArrays("an array without a type")
        if isinstance(content, str):  # Python 2's bytes
            content = content.encode("latin1")
        numbers = np.frombuffer(content, np.dtype(kind.name).newbyteorder(cast(Any, kind.order)))
        array = numbers.reshape(shape, order="F" if order == "F" else "C")
        self.array = array.astype(array.dtype.newbyteorder("="), copy=False)


def _reconstruct(*_: Any) -> _Stored:
    """Stands in for what makes an array without numbers yet; its state follows."""
    return _Stored()


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any) -> _Stored:
    """Stands in for what makes an array of protocol 5."""
    stored = _Stored()
    stored.fill(content, kind, shape, order)
    return stored


def _encode(text: str, encoding: str) -> bytes:
    """Bytes, which Python 3 writes as text in protocols 0 to 2."""
    if encoding != "latin1":
        raise NoArrays("something else than arrays")
    return text.encode("latin1")


def _nothing() -> bytes:
    """The bytes of an array without numbers, in protocols 0 to 2 of Python 3."""
    return b""


KNOWN = {
    ("numpy", "ndarray"): _Stored,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _nothing,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Knows what arrays are made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names; raises NoArrays if that is not part of an array."""
        if (module, name) not in KNOWN:
            named = printable(f"{module[:40]}.{name[:40]}")
            raise NoArrays(f"something else than arrays ({named})")
        known = KNOWN[module, name]
        # A new one each time: a pickle may also set attributes of what it has named.
        return lambda *given: known(*given)


def _name(key: Any) -> str:
    if isinstance(key, str | int) and not isinstance(key, bool):
        return str(key)
    raise NoArrays(f"a dict with a key that is {type(key).__name__}, not a video's name")


def _array(value: Any) -> np.ndarray:
    if isinstance(value, _Stored) and value.array is not None:
        return value.array
    raise NoArrays(f"{type(value).__name__.strip('_').lower()}, not an array")
