"""MSVD (Chen and Dolan 2011) as captioning code has it: one text file for all of its 1,970 clips.

`AllVideoDescriptions.txt` has a sentence a line, `<clip name> <sentence>`; empty lines and those
that begin with `#` are skipped.  A clip's number, by which it is in a split, is that of `--id_map`:
`youtube_mapping.txt`, lines of `<clip name> vid<number>`.  The number is also its id, as it is with
`preprocess.videos --id_map` and in MSVD-QA.

There are two ways to cut MSVD: `SPLIT_IDS`.  A clip can be validation in one and test in the other.
"""

from collections import defaultdict
from pathlib import Path

from data_loader.video_names import video_id
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Caption, CaptionAnnotations, whole_videos
from preprocess.video.files import read_id_map
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

FILE = "AllVideoDescriptions.txt"
SPLIT_IDS = {  # name -> split -> its clips' numbers
    # Venugopalan et al. 2015, and captioning since
    "caption": {"train": range(1, 1201), "val": range(1201, 1301), "test": range(1301, 1971)},
    # Xu et al. 2017, MSVD-QA
    "qa": {"train": range(1, 1201), "val": range(1201, 1451), "test": range(1451, 1971)},
}


def read(options: CaptionOptions) -> CaptionAnnotations:
    """The clips of each split, in the order of the file, with all their sentences.

    Raises UserError, naming file, line and cure, for a file that is missing or no UTF-8, a clip
    that the map lacks, and one whose number is none of 1 to 1970.
    """
    path = Path(options.annotations)
    path = path / FILE if path.is_dir() else path
    if options.id_map is None:
        raise UserError(
            "--id_map: not given; msvd needs youtube_mapping.txt (of MSVD-QA), lines of `<clip "
            "name> vid<number>`: the number says which split a clip is in"
        )
    number_of = read_id_map(options.id_map)
    name = options.split_ids or "caption"
    split_of = {str(i): split for split, ids in SPLIT_IDS[name].items() for i in ids}
    splits = {split: defaultdict[str, list[Caption]](list) for split in SPLIT_IDS[name]}
    clip_of: dict[str, str] = {}
    text = read_text(path, f"--annotations is {FILE}, or its folder")
    for line, content in enumerate(text.split("\n"), start=1):
        clip, sentence = (*content.split(None, 1), "", "")[:2]
        if not clip or clip.startswith("#"):
            continue
        where, shown = f"{path}, line {line}", clipped(repr(clip), 60)
        number = number_of.get(video_id(clip))
        if number is None:
            raise UserError(
                f"{where}: the clip {shown} is not in {options.id_map}; a line is `<clip name> "
                "<sentence>`; add the clip there, or delete its lines"
            )
        if number not in split_of:
            raise UserError(
                f"{where}: the clip {shown} has number {clipped(number, 20)} in {options.id_map}; "
                f"MSVD's are 1 to {len(split_of):,}; correct it there"
            )
        if clip_of.setdefault(number, clip) != clip:
            raise UserError(
                f"{where}: {options.id_map} gives the clips {clipped(repr(clip_of[number]), 60)} "
                f"and {shown} the same number {number}; correct it there"
            )
        splits[split_of[number]][number].append(
            Caption(sentence.strip(), f"{path.name}, line {line}")
        )
    return CaptionAnnotations(
        splits={split: whole_videos(rows) for split, rows in splits.items()}, split_ids=name
    )
