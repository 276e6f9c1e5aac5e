"""The data sets: each reader turns one split's annotation files into Samples.

A new data set is one file here with a `read` and one line in `DATASETS`.
"""

from collections.abc import Callable
from pathlib import Path

from preprocess.dataset import activitynet_qa, msrvtt_qa, msvd_qa, own, svqa
from preprocess.dataset.sample import Sample
from util.errors import UserError

SPLITS = ("train", "val", "test")

Reader = Callable[[Path, str], list[Sample]]

DATASETS: dict[str, Reader] = {
    "msvd_qa": msvd_qa.read,
    "msrvtt_qa": msrvtt_qa.read,
    "activitynet_qa": activitynet_qa.read,
    "svqa": svqa.read,
    "own": own.read,
    "shapes": msvd_qa.read,  # the generated data set is written in MSVD-QA's format
}


def reader(dataset: str) -> Reader:
    """The reader of a data set.  Raises UserError for one that is not known."""
    if dataset not in DATASETS:
        raise UserError(f"--dataset {dataset}: not known; choose from {', '.join(DATASETS)}")
    return DATASETS[dataset]
