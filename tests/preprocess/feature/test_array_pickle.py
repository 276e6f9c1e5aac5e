"""Arrays come out of pickles; nothing in them is run."""

import os
import pickle
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.feature.array_pickle import NoArrays, load_arrays

ARRAY = np.arange(12, dtype=np.float32).reshape(4, 3) / 7


def of_python_2(array: np.ndarray) -> bytes:
    """What cPickle.dumps(array, 2) of Python 2.7 writes, without its memo."""
    rows, columns = array.shape
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    kind = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNN"
    kind += 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    shape = b"K" + bytes([rows]) + b"K" + bytes([columns]) + b"\x86"
    content = array.tobytes()
    text = b"T" + struct.pack("<i", len(content)) + content
    return head + b"(K\x01" + shape + kind + b"\x89" + text + b"tb."


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_protocol(protocol: int, dtype: str, order) -> None:
    array = np.array(ARRAY, dtype=dtype, order=order)
    found = load_arrays(pickle.dumps(array, protocol))
    assert isinstance(found, np.ndarray) and np.array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")
    both = load_arrays(pickle.dumps({"v_a": array, 7: array[:1]}, protocol))
    assert list(both) == ["v_a", "7"] and np.array_equal(both["7"], array[:1])


def test_python_2() -> None:
    assert np.array_equal(load_arrays(of_python_2(ARRAY)), ARRAY)
    assert np.array_equal(pickle.loads(of_python_2(ARRAY), encoding="latin1"), ARRAY)


class Runs:
    """Does something when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = function, arguments

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (Runs(os.system, "touch ran"), r"something else than arrays \((posix|nt)\.system\)"),
        ({"a": Runs(os.system, "touch ran")}, "something else than arrays"),
        (Runs(eval, "open('ran', 'w')"), r"something else than arrays \(\w+\.eval\)"),
        (Runs(np.load, "x"), "something else than arrays"),
        (np.array([Runs(os.system, "touch ran")], dtype=object), "an array of O8"),
        (np.zeros(3, [("a", "f4")]), "an array of V4"),
        (np.zeros((2, 2), np.int64), "an array of i8, not of floats"),
        ([ARRAY], "list, not an array"),
        ({"a": [1.0]}, "list, not an array"),
        ({("a", 1): ARRAY}, "a dict with a key that is tuple"),
        (1.5, "float, not an array"),
    ],
)
def test_what_is_no_array_is_refused(value, line: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in (0, 2, 5):
        with pytest.raises(NoArrays, match=line):
            load_arrays(pickle.dumps(value, protocol))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_cannot_change_what_reads_it() -> None:
    """BUILD sets attributes of whatever a pickle names."""
    named = b"cnumpy.core.multiarray\n_reconstruct\n"
    state = b"N}U\x0c__defaults__K\x01\x85s\x86b0"
    for content in (named + state, named + b"}U\x01aK\x01sb0"):
        value = load_arrays(b"\x80\x02" + content + of_python_2(ARRAY)[2:])
        assert np.array_equal(value, ARRAY)
    assert np.array_equal(load_arrays(pickle.dumps(ARRAY, 2)), ARRAY)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255), cut=st.booleans())
def test_damage_is_one_kind_of_error(place: int, byte: int, cut: bool) -> None:
    whole = pickle.dumps({"a": ARRAY, "b": ARRAY[:2]}, 4)
    place %= len(whole)
    damaged = whole[:place] if cut else whole[:place] + bytes([byte]) + whole[place + 1 :]
    try:
        load_arrays(damaged)
    except NoArrays as error:
        assert str(error) and "\n" not in str(error)
