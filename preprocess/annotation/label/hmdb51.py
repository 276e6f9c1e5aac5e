"""HMDB51 (Kuehne et al. 2011): a file a class and split, three ways to cut it.

`<class>_test_split1.txt` has lines of `<file> <number>`: 1 is training, 2 test, 0 neither; split 2
and 3 are `--list 2` and `3`.  A group is a source, the first part of a file's name
(`<source>_<action>_<body>_<camera>_np<n>_<view>_<quality>_<number>.avi`).  Validation videos are
drawn from training by group.
"""

import re
from pathlib import Path

from data_loader.video_names import video_id
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

HINT = "--annotations is the folder testTrainMulti_7030_splits"
PLACES = {"1": "train", "2": "test"}
TAGS = re.compile(r"_[a-z]+_(?:cm|nm)_np\d+_[a-z]{2}_[a-z]+_\d+$")


def read(options: LabelOptions) -> LabelAnnotations:
    """The videos of each split, class by class; with --folds all of them, else not the unused.

    Raises UserError, naming file, line and cure, for files that are missing or malformed.
    """
    folder, number = Path(options.annotations), options.list or "1"
    ending = f"_test_split{number}.txt"
    files = sorted(folder.glob(f"*{ending}")) if folder.is_dir() else []
    if not files:
        raise UserError(f"{folder}: no files <class>{ending}; {HINT}")
    splits: dict[str, list[LabelRow]] = {"train": [], "test": []}
    unused = 0
    for path in files:
        label = path.name.removesuffix(ending)
        for line, content in enumerate(read_text(path, HINT).split("\n"), start=1):
            if not content.strip():
                continue
            name, _, place = content.strip().rpartition(" ")
            if not name.strip() or place not in ("0", *PLACES):
                raise UserError(
                    f"{path}, line {line}: {clipped(repr(content), 60)} is not `<file> <number>`, "
                    "with 1 for training, 2 for test and 0 for neither"
                )
            if place == "0" and not options.folds:
                unused += 1
                continue
            video = video_id(name)
            splits[PLACES.get(place, "train")].append(
                LabelRow(
                    id=video,
                    video=video,
                    group=TAGS.sub("", video).removesuffix(f"_{label}"),
                    label=label,
                    where=f"{path.name}, line {line}",
                )
            )
    notes = (f"{unused:,} videos are in neither split and left out",) if unused else ()
    return LabelAnnotations(
        splits=splits,
        classes=tuple(path.name.removesuffix(ending) for path in files),
        version=f"list {number}",
        may_leak="the lists have it so",
        notes=notes,
    )
