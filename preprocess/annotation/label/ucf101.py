"""UCF101 (Soomro et al. 2012): the lists of its action recognition task, three ways to cut it.

`classInd.txt` has lines of `<number> <class>`, `trainlist01.txt` of `<class>/<file> <number>`,
`testlist01.txt` of `<class>/<file>`; 02 and 03 are `--list 2` and `3`.  A group is a source, by
which the lists are cut: of `v_ApplyEyeMakeup_g08_c01.avi` it is `ApplyEyeMakeup_g08`.  Validation
videos are drawn from training by group.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from data_loader.video_names import video_id
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

HINT = "--annotations is the folder ucfTrainTestlist, with classInd.txt, trainlist01.txt, ..."
NAME = re.compile(r"v_(.+_g\d+)_c\d+")


def read(options: LabelOptions) -> LabelAnnotations:
    """The videos of each split, in the order of the lists.

    Raises UserError, naming file, line and cure, for lists that are missing or malformed, and
    classes and numbers that `classInd.txt` does not have.
    """
    folder, number = Path(options.annotations), options.list or "1"
    classes = _classes(folder / "classInd.txt")
    return LabelAnnotations(
        splits={
            split: list(_rows(folder / f"{split}list0{number}.txt", classes))
            for split in ("train", "test")
        },
        classes=tuple(classes),
        version=f"list {number}",
        may_leak="the lists have it so",
    )


def _classes(path: Path) -> dict[str, str]:
    """Class -> its number, in the order of the file."""
    found: dict[str, str] = {}
    for line, content in _lines(path):
        number, _, name = content.partition(" ")
        if not number.isdecimal() or not name.strip() or name.strip() in found:
            raise UserError(
                f"{path}, line {line}: {clipped(repr(content), 60)} is not `<number> <class>`, "
                "each class once"
            )
        found[name.strip()] = number
    if not found:
        raise UserError(f"{path}: no classes; a line is `<number> <class>`")
    return found


def _rows(path: Path, classes: dict[str, str]) -> Iterator[LabelRow]:
    for line, content in _lines(path):
        where = f"{path}, line {line}"
        name, _, number = content.partition(" ")
        label = PurePosixPath(name).parent.name
        if label not in classes:
            raise UserError(
                f"{where}: {clipped(repr(content), 60)} begins with no class of classInd.txt; a "
                "line is `<class>/<file>`, in training lists with the class's number"
            )
        if number.strip() not in ("", classes[label]):
            raise UserError(
                f"{where}: number {clipped(number.strip(), 20)} for {label}, which is "
                f"{classes[label]} in classInd.txt; correct one"
            )
        video = video_id(PurePosixPath(name).name)
        match = NAME.fullmatch(video)
        group = match[1] if match else video
        at = f"{path.name}, line {line}"
        yield LabelRow(id=video, video=video, group=group, label=label, where=at)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for line, content in enumerate(read_text(path, HINT).split("\n"), start=1):
        if content.strip():
            yield line, content.strip()
