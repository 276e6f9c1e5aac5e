"""MSR DailyActivity3D (Wang et al. 2012): 16 activities, 10 subjects, each twice.

There are no lists: `--annotations` is the folder of the videos `aXX_sYY_eZZ_rgb.avi` (activity,
subject, repetition; folders in it are looked into, depth and skeleton files passed over).  A group
is a subject.  By `--protocol`:

* `cross_subject`: subjects 1, 3, 5, 7, 9 to learn from, the others to test on;
* `half`: subjects 1 to 5 to learn from, the others to test on;
* `seed_random_split`: 64 of 320 videos, drawn, to test on (a fifth of what is there), whoever is
  seen.  What is learned of a subject then helps to test on it.

Validation videos are those of one subject of training, drawn; of `seed_random_split` videos.
"""

import re
from pathlib import Path

import torch

from data_loader.video_names import no_video, video_id
from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from util.errors import UserError

ACTIVITIES = (
    "drink", "eat", "read book", "call cellphone", "write on paper", "use laptop",
    "use vacuum cleaner", "cheer up", "sit still", "toss paper", "play game", "lay down on sofa",
    "walk", "play guitar", "stand up", "sit down",
)  # fmt: skip
NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)(_rgb)?")
TEST, VAL = 0.2, 0.1  # of the videos that are drawn at random
SEED = 42  # the write-up's


def read(options: LabelOptions) -> LabelAnnotations:
    """The videos of each split, by name.  Raises UserError for a folder without such videos."""
    folder = Path(options.annotations)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; --annotations is that of the videos")
    rows: list[tuple[int, LabelRow]] = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.name):
        match = NAME.fullmatch(video_id(path.name))
        if match is None or no_video(path.name) or path.suffix == ".bin" or not path.is_file():
            continue
        activity, subject = int(match[1]), int(match[2])
        if not 1 <= activity <= len(ACTIVITIES):
            raise UserError(
                f"{path}: there is no activity {activity}; they are a01 to a{len(ACTIVITIES)}"
            )
        video = video_id(path.name)
        rows.append(
            (
                subject,
                LabelRow(
                    id=video,
                    video=video,
                    group=f"s{subject:02d}",
                    label=ACTIVITIES[activity - 1],
                    where=path.name,
                ),
            )
        )
    if not rows:
        raise UserError(f"{folder}: no videos aXX_sYY_eZZ_rgb.avi in it; name their folder")
    protocol = options.protocol or "cross_subject"
    if protocol == "seed_random_split" and not options.folds:
        return _random([row for _, row in rows], SEED if options.seed is None else options.seed)
    learned = {1, 3, 5, 7, 9} if protocol == "cross_subject" else {1, 2, 3, 4, 5}
    return LabelAnnotations(
        splits={
            "train": [row for subject, row in rows if subject in learned],
            "test": [row for subject, row in rows if subject not in learned],
        },
        classes=ACTIVITIES,
        version=protocol,
    )


def _random(rows: list[LabelRow], seed: int) -> LabelAnnotations:
    """As `torch.utils.data.random_split` has it: the last of a permutation to test on.

    The write-up drew from the order of its disk, which is not known: here it is that of the names.
    """
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    test = max(1, round(TEST * len(rows)))
    val = max(1, round(VAL * len(rows)))
    begin = len(rows) - test
    return LabelAnnotations(
        splits={
            "train": [rows[i] for i in order[: begin - val]],
            "val": [rows[i] for i in order[begin - val : begin]],
            "test": [rows[i] for i in order[begin:]],
        },
        classes=ACTIVITIES,
        version=f"seed_random_split, seed {seed}",
        may_leak="drawn by video, so accuracy says little of subjects that were never seen",
    )
