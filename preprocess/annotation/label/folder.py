"""Videos in a folder a class: `walk/1.mp4`, `run/2.mp4`; or in split folders, `train/walk/1.mp4`.

Split folders are train, val (valid, validation) and test.  Without them splits are drawn, or folds
(`--folds`).  A class's name is that of its folder; what lies deeper in it is of it, too.  A group
is a video, or what `--group_pattern` finds in its name.
"""

from collections.abc import Iterator
from pathlib import Path

from data_loader.label.labels import WHOLE
from data_loader.video_names import no_video, video_id
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.own import group_of
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from util.errors import UserError
from util.text import clipped, printable

SPLIT_OF = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
HINT = "--annotations is a folder with a folder for each class, or train/, val/ and test/ of these"


def read(options: LabelOptions) -> LabelAnnotations:
    """The videos of each split, class by class in the order of their names.

    Raises UserError, naming folder or file and cure, for a folder without folders, split folders
    beside others, and two files that would have one id.
    """
    folder = Path(options.annotations)
    tops = _folders(folder)
    splits = [path for path in tops if path.name.lower() in SPLIT_OF]
    if splits and len(splits) < len(tops):
        other = next(path for path in tops if path not in splits)
        raise UserError(
            f"{folder}: has {splits[0].name}/ and {printable(other.name)}/ side by side; put all "
            "classes into split folders, or none"
        )
    found: dict[str, list[LabelRow]] = {}
    file_of: dict[str, Path] = {}
    notes: list[str] = []
    for top in splits or [folder]:
        split = SPLIT_OF[top.name.lower()] if splits else WHOLE
        for path in _folders(top):
            files = list(_videos(path))
            if not files:
                notes.append(f"{path} has no videos")
            for file in files:
                video = video_id(file.name)
                if (first := file_of.setdefault(video, file)) != file:
                    raise UserError(
                        f"{printable(str(first))} and {printable(str(file))}: both would be the "
                        f"video {clipped(repr(video), 60)}; rename one"
                    )
                found.setdefault(split, []).append(
                    LabelRow(
                        id=str(file.relative_to(folder)),
                        video=video,
                        group=group_of(video, options),
                        label=path.name,
                        where=str(file.relative_to(folder)),
                    )
                )
    if not found:
        raise UserError(f"{folder}: no videos in its folders; {HINT}")
    order = [WHOLE, "train", "val", "test"]
    return LabelAnnotations(
        splits={name: found[name] for name in order if name in found}, notes=tuple(notes)
    )


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; {HINT}")
    found = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not found:
        raise UserError(f"{folder}: has no folders in it; {HINT}")
    return found


def _videos(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not no_video(path.name):
            yield path
