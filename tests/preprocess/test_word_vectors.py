import hashlib
import os
import subprocess
import sys
from pathlib import Path

import gensim
import numpy as np
import pytest
from gensim.models import KeyedVectors

from data_loader.tokens import tokenize
from preprocess.word_vectors import download_vectors, read_glove, train_vectors
from util.errors import UserError

ROOT = Path(__file__).parent.parent.parent
WORDS = ("<NULL>", "<UNK>", "what", "is", "zebra", "'s")


def glove(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_glove_with_tokens_that_contain_spaces(tmp_path):
    path = glove(
        tmp_path / "glove.txt",
        "the 9 9 9",
        ". . . 1 2 3",
        "at name@domain.com 4 5 6",
        "what is 3 3 3",  # split from the left, this would be a row of "what"
        "is 0.5 -1 2e-3",
        "what 7 8 9",
        "<UNK> 1 1 1",
        "what 0 0 0",  # a second row of a word: the first counts
        "'s 1 2 3",
    )
    vectors, known, digest = read_glove(path, WORDS, width=3)
    assert vectors.dtype == np.float32
    expected = [[0, 0, 0], [0, 0, 0], [7, 8, 9], [0.5, -1, 0.002], [0, 0, 0], [1, 2, 3]]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)
    assert known.tolist() == [False, False, True, True, False, True]
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_gensim_alone_stops_at_such_a_file(tmp_path):
    """Why the rows are filtered first."""
    from gensim.models import KeyedVectors

    path = glove(tmp_path / "glove.txt", "the 9 9 9", ". . . 1 2 3")
    with pytest.raises(ValueError):
        KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=True)


def test_a_line_end_inside_a_word_is_no_line_end(tmp_path):
    path = glove(tmp_path / "glove.txt", "a\x85b 1 2 3", "a\u2028 1 2 3", "what 4 5 6")
    assert read_glove(path, WORDS, width=3)[0][2].tolist() == [4, 5, 6]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("header", [b"", b"2 3\n", b"2 3 \r\n"])
def test_a_byte_order_mark_and_a_header_are_no_words(mark, header, tmp_path, capsys):
    path = tmp_path / "vectors.txt"
    path.write_bytes(mark + header + b"what 1 2 3\r\nis 4 5 6 \r\n")  # fastText ends in a blank
    vectors, known, _ = read_glove(path, WORDS, width=3)
    assert vectors[2:4].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert known.tolist() == [False, False, True, True, False, False]
    assert ("line 1: a header of word2vec or fastText (2 words)" in capsys.readouterr().out) == (
        header != b""
    )


def test_in_vectors_of_width_1_a_number_is_a_word(tmp_path):
    path = glove(tmp_path / "vectors.txt", "7 1", "what 2")
    assert read_glove(path, ("<NULL>", "<UNK>", "7", "what"), width=1)[0].tolist() == [
        [0], [0], [1], [2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "width"),
    [(b"the 1 2 3\nwhat 4 5 6\n", 3), (b"2 3\nthe 1 2 3\nwhat 4 5 6\n", 3), (b"what 4\n", 1),
     (b"\xef\xbb\xbf. . . 1 2 3\r\nwhat 4 5 6\r\n", 3), (b"7 1 2 3\nwhat 4 5 6\n", 3)],
)  # fmt: skip
def test_the_width_is_the_files(lines: bytes, width: int, tmp_path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(lines)
    vectors, known, _ = read_glove(path, WORDS, width=None)
    assert vectors.shape == (6, width) and known[2]
    assert vectors[2].tolist() == [4, 5, 6][:width]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"what\nthe 1 2\n", r"line 1: no number after the word; --glove is a GloVe text file"),
        (b"PK\x03\x04\x00\x00\xff\xfe\n", r"line 1: not text; .* unpacked"),
        ("what 1 2\n".encode("utf-16"), r"not UTF-8 text \(it begins as UTF-16"),
        (b"", r"line 1: no number"),
    ],
)
def test_a_wrong_file_of_unknown_width(content: bytes, message: str, tmp_path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_glove(path, WORDS, width=None)
    assert str(caught.value).startswith(str(path))


class Downloads:
    """Stands in for gensim.downloader: a table of vectors in a file, counted."""

    def __init__(self, path: Path, table: object) -> None:
        self.path, self.table = path, table

    def load(self, name: str, return_path: bool = False) -> object:
        if name != "glove-tiny":
            raise ValueError("Incorrect model/corpus name")
        return str(self.path) if return_path else self.table


def test_vectors_that_gensim_downloads(tmp_path, monkeypatch) -> None:
    path = glove(tmp_path / "tiny.txt", "what 1 2", "'s 3 4")
    table = KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=True)
    monkeypatch.setattr(gensim, "downloader", Downloads(path, table), raising=False)
    vectors, known, source = download_vectors("glove-tiny", WORDS)
    assert vectors.tolist() == [[0, 0], [0, 0], [1, 2], [0, 0], [0, 0], [3, 4]]
    assert known.tolist() == [False, False, True, False, False, True]
    assert source == f"gensim glove-tiny, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    with pytest.raises(UserError, match=r"gensim:none: cannot be loaded \(Incorrect model/corpus"):
        download_vectors("none", WORDS)
    monkeypatch.setattr(gensim, "downloader", Downloads(path, iter(["text8"])), raising=False)
    with pytest.raises(UserError, match="gensim:glove-tiny: is a text corpus; name word vectors"):
        download_vectors("glove-tiny", WORDS)


def test_without_a_network_gensims_vectors_are_one_line(monkeypatch) -> None:
    from gensim import downloader

    def no_network(*_: object, **__: object) -> None:
        raise OSError("<urlopen error no network>")

    monkeypatch.setattr(downloader, "load", no_network)
    message = r"^--glove gensim:x: cannot be loaded \(<urlopen .*\); .* give --glove package, or a"
    with pytest.raises(UserError, match=message) as caught:
        download_vectors("x", WORDS)
    assert "\n" not in str(caught.value)


def test_real_glove_rows(shared):
    path = shared / "data/glove/glove.840B.300d.subset.txt"
    vectors, known, _ = read_glove(path, ("<NULL>", "<UNK>", "do", "qqqqq"), width=300)
    assert known.tolist() == [False, False, True, False]
    row = path.read_text(encoding="utf-8").splitlines()[0].split(" ")
    assert row[0] == "do"
    np.testing.assert_allclose(vectors[2], [float(x) for x in row[1:]], rtol=1e-6)
    assert not vectors[[0, 1, 3]].any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the 1 2 3\nwhat 1 2\n", r"line 2: 2 numbers after the word, not 3; .* cut off"),
        (b"what 1 2 3 4 5\n", r"line 1: 5 numbers after the word, not 3; give --word_width 5"),
        (b"what 1 2\n", r"line 1: 2 numbers after the word, not 3; give --word_width 2"),
        (b"400000 4\nwhat 1 2 3\n", r"line 1: says 400,000 words .* 4, not 3; give --word_width 4"),
        ("what 1 2 3\n".encode("utf-16"), r"not UTF-8 text \(it begins as UTF-16"),
        ("the 1 2 3\nmädchen 1 2 3\n".encode("latin-1"), r"not UTF-8 text .* looks like Latin-1"),
        (b"the 1 2 3\nwhat 1 x 3\n", r"line 2: the vector of 'what' holds 'x'"),
        (b"the 1 2 3\nwhat 1 nan 3\n", r"line 2: the vector of 'what' holds 'nan'"),
        (b"PK\x03\x04\x00\x00\xff\xfe\n", r"line 1: not text; .* unpacked"),
        (b"\0" * 100_000, r"line 1: not text"),
        (b"x" * 100_000, r"line 1: 0 numbers"),
        (b"", r"none of the 4 words"),
        (
            b"chat 1 2 3\nchien 1 2 3\n",
            r"none of the 4 words .*; give the GloVe text file of their language",
        ),
    ],
)
def test_a_wrong_glove_file_is_named_with_line_and_cure(content, message, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_glove(path, WORDS, width=3)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_a_glove_file_that_cannot_be_opened(name, tmp_path):
    with pytest.raises(UserError, match=r"cannot be read .* --glove"):
        read_glove(tmp_path / name, WORDS, width=3)


SENTENCES = [tokenize(f"what is the {w} doing?") for w in ("man", "woman", "dog", "cat") * 5]


def test_trained_vectors_cover_the_words_and_leave_padding_zero():
    words = ("<NULL>", "<UNK>", "what", "dog", "zebra")
    vectors, known = train_vectors(SENTENCES, words, width=8, epochs=2, seed=0)
    assert vectors.shape == (5, 8) and vectors.dtype == np.float32
    assert known.tolist() == [False, False, True, True, False]
    assert not vectors[[0, 1, 4]].any()
    assert np.abs(vectors[[2, 3]]).sum(1).min() > 0
    other, _ = train_vectors(SENTENCES, words, width=8, epochs=2, seed=1)
    assert not np.array_equal(vectors, other)


def test_trained_vectors_are_the_same_in_every_process():
    code = (
        "import hashlib\n"
        "from preprocess.word_vectors import train_vectors\n"
        f"vectors, _ = train_vectors({SENTENCES!r}, ('<NULL>', '<UNK>', 'what', 'dog', 'cat'), "
        "width=16, epochs=3, seed=0)\n"
        "print(hashlib.sha256(vectors.tobytes()).hexdigest())\n"
    )
    first, second = (run_python(code, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first == second and len(first.strip()) == 64


def run_python(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
