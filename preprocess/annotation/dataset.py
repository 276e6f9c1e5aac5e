"""The data sets: each reader turns one split's annotation files into Samples.

A new data set is one file here with a `read` and one line in `DATASETS`, and one in `TASKS` if it
has several.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from preprocess.annotation.question import (
    activitynet_qa,
    causal_vidqa,
    msvd_qa,
    next_qa,
    own,
    shapes,
    star,
    svqa,
    tgif_qa,
)
from preprocess.annotation.sample import Sample
from util.errors import MissingFile, UserError

SPLITS = ("train", "val", "test")

Reader = Callable[[Path, str], list[Sample]]

DATASETS: dict[str, Reader] = {
    "msvd_qa": msvd_qa.read,
    "msrvtt_qa": msvd_qa.read,
    "activitynet_qa": activitynet_qa.read,
    "svqa": svqa.read,
    "next_qa": next_qa.read,
    "star": star.read,
    "causal_vidqa": causal_vidqa.read,
    "own": own.read,
    "shapes": msvd_qa.read,  # the generated data set is written in MSVD-QA's format
}


# What `--task` chooses from; a data set that is not in `DATASETS` needs it.
TASKS: dict[str, dict[str, Reader]] = {
    "tgif_qa": {task: partial(tgif_qa.read, task=task) for task in tgif_qa.NAMES},
    "own": {"open": own.read_text, "choice": own.read_choice, "count": own.read_text},
    "shapes": {"open": msvd_qa.read, "choice": shapes.read_choice, "count": shapes.read_count},
}


def reader(dataset: str, task: str | None = None) -> Reader:
    """The reader of a data set, or of one of its tasks.  Raises UserError for one not known."""
    tasks = TASKS.get(dataset, {})
    if dataset not in DATASETS and not tasks:
        known = ", ".join([*DATASETS, *(name for name in TASKS if name not in DATASETS)])
        raise UserError(f"--dataset {dataset}: not known; choose from {known}")
    if task is None and dataset in DATASETS:
        return DATASETS[dataset]
    if task is None or (tasks and task not in tasks):
        said = "not given" if task is None else "not known"
        raise UserError(
            f"--task{'' if task is None else f' {task}'}: {said}; {dataset} has {', '.join(tasks)}"
        )
    if not tasks:
        raise UserError(f"--task {task}: {dataset} has one task only; leave it out")
    return tasks[task]


def read_splits(
    dataset: str, annotations: Path, task: str | None = None, *, partly: bool = False
) -> dict[str, list[Sample]]:
    """The Samples of each split; `partly`: of those that have a file, one at least.

    Raises UserError for an unknown data set, malformed annotations, an empty split, or a video
    that occurs in two splits (its answers would leak from one to the other).
    """
    read = reader(dataset, task)
    samples: dict[str, list[Sample]] = {}
    absent: MissingFile | None = None
    for split in SPLITS:
        try:
            samples[split] = read(annotations, split)
        except MissingFile as error:
            absent = absent or error
            if not partly:
                raise
    if absent is not None and not samples:
        raise absent
    if partly:
        samples = {split: rows for split, rows in samples.items() if rows}
    _refuse_leaks(samples, annotations)
    return samples


def _refuse_leaks(samples: dict[str, list[Sample]], annotations: Path) -> None:
    """Raise UserError for an empty split, or a video in two splits."""
    split_of: dict[str, str] = {}
    for split, rows in samples.items():
        if not rows:
            raise UserError(
                f"{annotations}: split {split} has no questions; every split needs some"
            )
        videos = sorted({sample.video for sample in rows})
        twice = [video for video in videos if video in split_of]
        if twice:
            other = split_of[twice[0]]
            raise UserError(
                f"{annotations}: video {twice[0]!r} is in both the {other} and the {split} split "
                f"({len(twice)} such in {split}); keep all questions of a video in one split"
            )
        split_of.update(dict.fromkeys(videos, split))
