"""The data sets: each reader turns one split's annotation files into Samples.

A new data set is one file here with a `read` and one line in `DATASETS`.
"""

from collections.abc import Callable
from pathlib import Path

from preprocess.dataset import msvd_qa
from preprocess.dataset.sample import Sample

SPLITS = ("train", "val", "test")

DATASETS: dict[str, Callable[[Path, str], list[Sample]]] = {
    "msvd_qa": msvd_qa.read,
    "shapes": msvd_qa.read,  # the generated data set is written in MSVD-QA's format
}
