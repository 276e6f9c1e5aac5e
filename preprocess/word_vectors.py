"""Vectors for the words of questions: GloVe's, or trained on the questions."""

import codecs
import hashlib
import math
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors, Word2Vec
from tqdm import tqdm

from data_loader.vocabulary import NULL, UNK
from util.errors import UserError
from util.files import sha256
from util.text_file import MARKS, other_encoding

MAX_LINE = 1 << 20  # bytes of a first line, of which the width is told


def read_glove(
    path: str | Path,
    words: Sequence[str],
    *,
    width: int | None,
    texts: str = "the training questions and answers",
) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors for `words` from a GloVe text file, and a zero vector for each word that it lacks.

    `width`: of its vectors, None for whatever its first line has.  `texts`: what the words are of,
    in messages.
    Returns vectors (W, width) float32, known (W,) bool, and the file's SHA-256.  The file is read
    as a stream, one line at a time: the rows are filtered to `words` before gensim sees them,
    because the 840B file (5.6 GB) has tokens with spaces in them, on which gensim's reader stops.
    A byte-order mark is skipped, and so is, with a printed line, the first line of word2vec's and
    fastText's text files, which has the number of words and the width.
    Raises UserError, naming file and line, if the file is not GloVe text of this width or has none
    of the words.
    """
    path = Path(path)
    width = width or _width_of(path)
    wanted = set(words) - {NULL, UNK}
    with tempfile.TemporaryDirectory() as folder:
        filtered = Path(folder) / "filtered.txt"
        digest = _filter_glove(path, filtered, wanted, width)
        if filtered.stat().st_size == 0:
            raise _no_overlap(path, len(wanted), width, texts)
        table = KeyedVectors.load_word2vec_format(str(filtered), binary=False, no_header=True)
    return *_rows(words, table), digest


def download_vectors(name: str, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors for `words` from one of gensim's downloads, such as glove-wiki-gigaword-300.

    Returns vectors (W, D) float32, known (W,) bool, and their source with the file's SHA-256.
    Raises UserError if there is none of this name, it holds no vectors, or the network is missing.
    """
    # Here and not above: only this needs it.
    from gensim import downloader

    try:
        file = downloader.load(name, return_path=True)  # fetched once
        table = downloader.load(name)
    except Exception as error:  # of many classes: the network's, the list's, the file's
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:150]
        raise UserError(
            f"--glove gensim:{name}: cannot be loaded ({reason}); python -m gensim.downloader "
            "--info lists the names; without a network give --glove package, or a file"
        ) from error
    if not isinstance(table, KeyedVectors):
        raise UserError(f"--glove gensim:{name}: is a text corpus; name word vectors")
    return *_rows(words, table), f"gensim {name}, sha256 {sha256(Path(file))}"


def train_vectors(
    sentences: Sequence[Sequence[str]], words: Sequence[str], *, width: int, epochs: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors for `words`, trained by gensim (skip-gram) on tokenised questions.

    Returns vectors (W, width) float32 and known (W,) bool.  The same input gives the same numbers
    in every process: one worker, and a hash that does not depend on PYTHONHASHSEED.
    """
    model = Word2Vec(
        sentences=[list(sentence) for sentence in sentences],
        vector_size=width,
        sg=1,
        min_count=1,
        workers=1,
        seed=seed,
        hashfxn=_stable_hash,
        epochs=epochs,
    )
    return _rows(words, model.wv)


def _rows(words: Sequence[str], table: KeyedVectors) -> tuple[np.ndarray, np.ndarray]:
    """The table's vectors in the order of `words`, zero where it has none: (W, D), known (W,)."""
    vectors = np.zeros((len(words), table.vector_size), np.float32)
    known = np.zeros(len(words), bool)
    for row, word in enumerate(words):
        if word not in (NULL, UNK) and word in table:
            vectors[row], known[row] = table[word], True
    return vectors, known


def _filter_glove(path: Path, filtered: Path, wanted: set[str], width: int) -> str:
    """Copy the rows of `wanted` words from `path` to `filtered`; returns the SHA-256 of `path`."""
    digest, left = hashlib.sha256(), set(wanted)
    longest = 64 * width + 4096  # bytes of a line: a file without line breaks must not fill memory
    try:
        with (
            path.open("rb") as file,
            filtered.open("wb") as out,
            tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc=path.name) as bar,
        ):
            number = 0
            while line := file.readline(longest):
                number += 1
                digest.update(line)
                bar.update(len(line))
                if number == 1:
                    other = other_encoding(line)
                    if other is not None and line.startswith(tuple(MARKS)):
                        raise UserError(f"{path}: not UTF-8 text ({other})")
                    line = line.removeprefix(codecs.BOM_UTF8)
                    if _is_header(path, line, width):
                        continue
                # split from the right: some tokens contain spaces (". . .", "at name@domain.com")
                token, *values = line.rstrip().rsplit(b" ", width)
                if len(values) != width or not token or len(line) == longest:
                    raise _not_glove(path, number, line, len(values), width)
                word = token.decode("utf-8", "replace")
                if word in left:
                    left.discard(word)
                    _check_numbers(path, number, word, values)
                    out.write(b" ".join((token, *values)) + b"\n")
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _width_of(path: Path) -> int:
    """Numbers after the word in the first line, or what a header says."""
    try:
        with path.open("rb") as file:
            line = file.readline(MAX_LINE).removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise _unreadable(path, error) from error
    if line.startswith(tuple(MARKS)):
        return 1  # reading it says which encoding this is
    first, *others = line.split() or [b""]
    if len(others) == 1 and first.isdigit() and others[0].isdigit():
        return int(others[0]) or 1
    found = 0
    while found < len(others) and _is_number(others[-1 - found]):
        found += 1
    if not found:
        raise _not_glove(path, 1, line, 0, None)
    return found


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be read ({error.strerror}); --glove is a GloVe text file")


def _is_header(path: Path, line: bytes, width: int) -> bool:
    """Whether the first line is `<words> <width>`.  Raises UserError if it says another width."""
    words, *others = line.split()[:3] or [b""]
    if width == 1 or len(others) != 1 or len(line) > 40:
        return False
    if not (words.isdigit() and others[0].isdigit()):
        return False
    if int(others[0]) != width:
        raise UserError(
            f"{path}, line 1: says {int(words):,} words with vectors of width {int(others[0])}, "
            f"not {width}; give --word_width {int(others[0])}"
        )
    print(f"{path}, line 1: a header of word2vec or fastText ({int(words):,} words), skipped")
    return True


def _no_overlap(path: Path, wanted: int, width: int, texts: str) -> UserError:
    """None of the words was found: a wider file than said, or one of other words."""
    with path.open("rb") as file:
        begin = file.read(1024 * 1024)
    first, _, whole = begin.partition(b"\n")
    other = other_encoding(whole[: whole.rfind(b"\n") + 1])
    if other is not None:
        return UserError(f"{path}: has none of the {wanted} words; not UTF-8 text ({other})")
    values = first.split()[1:]
    if len(values) > width and all(_is_number(value) for value in values):
        return UserError(
            f"{path}, line 1: {len(values)} numbers after the word, not {width}; give "
            f"--word_width {len(values)}, or a file with {width} numbers a line"
        )
    return UserError(
        f"{path}: has none of the {wanted} words of {texts}; give the GloVe text file of their "
        "language"
    )


def _not_glove(path: Path, number: int, line: bytes, found: int, width: int | None) -> UserError:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return UserError(
            f"{path}, line {number}: not text; --glove is an unpacked GloVe text file "
            "(`<word> <number> <number> ...`)"
        )
    if width is None:
        return UserError(
            f"{path}, line 1: no number after the word; --glove is a GloVe text file (`<word> "
            "<number> <number> ...`), package or gensim:NAME"
        )
    if number == 1 and found > 1:
        cure = f"give --word_width {found}, or a file with {width} numbers a line"
    else:
        cure = f"give a GloVe text file of width {width}; if this is one, it is cut off or damaged"
    return UserError(f"{path}, line {number}: {found} numbers after the word, not {width}; {cure}")


def _check_numbers(path: Path, number: int, word: str, values: list[bytes]) -> None:
    for value in values:
        if not _is_number(value):
            raise UserError(
                f"{path}, line {number}: the vector of {word!r} holds "
                f"{value.decode('utf-8', 'replace')[:20]!r}, which is not a number; fetch the file "
                "again"
            )


def _is_number(text: bytes) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _stable_hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))
