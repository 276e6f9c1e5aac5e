"""Word vectors that somebody else trained, as `--glove` names them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from preprocess.glove_package import glove_package_source, read_glove_package
from util.errors import UserError

PACKAGE, GENSIM = "package", "gensim:"  # what `--glove` names where it is no file


def glove_file(glove: str | None) -> str | None:
    """The file that `--glove` names, if it names one."""
    return None if not glove or glove == PACKAGE or glove.startswith(GENSIM) else glove


def ready_vectors(
    glove: str, words: Sequence[str], *, width: int | None, count: int, texts: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors (len(words), D) float32, known (len(words),) bool, and where they come from.

    `width`: what D must be, None for whatever it is.  `count` and `texts`: how many words are asked
    for, and of what, in messages.  Raises UserError as `read_glove` does, and where the width is
    another, or none of the words has a vector.
    """
    if glove == PACKAGE:
        vectors, known = read_glove_package(words)
        source = glove_package_source()
    else:
        # Here and not above: gensim takes a second and a half to import.
        from preprocess.word_vectors import download_vectors, read_glove

        if not glove.startswith(GENSIM):
            vectors, known, digest = read_glove(glove, words, width=width, texts=texts)
            return vectors, known, f"GloVe text {Path(glove).name}, sha256 {digest}"
        vectors, known, source = download_vectors(glove.removeprefix(GENSIM), words)
    if width not in (None, vectors.shape[1]):
        raise UserError(
            f"--word_width {width}: the vectors of --glove {glove} have width {vectors.shape[1]}; "
            "leave it out"
        )
    if not known.any():
        raise UserError(
            f"--glove {glove}: has none of the {count} words of {texts}; give vectors of their "
            "language"
        )
    return vectors, known, source
