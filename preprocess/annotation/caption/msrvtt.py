"""MSR-VTT (Xu et al. 2016): objects of a list `videos` and a list `sentences`.

A video has `video_id` and `split` (train, validate or test), a sentence `video_id` and `caption`;
further fields are ignored.  One file holds all (`videodatainfo_2016.json`), or a folder two
(`train_val_videodatainfo.json` and `test_videodatainfo.json`): all its JSON files are read.

A video's id is `video7010`, as its file is called, or with `--id_map` what that says: MSRVTT-QA's
is 7010, by the map that `preprocess/annotation/question/msvd_qa.py` shows how to write.
"""

from pathlib import Path
from typing import Any

from data_loader.video_names import video_id
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Caption, CaptionAnnotations, whole_videos
from preprocess.annotation.items import Fields, item_fault, load_json
from preprocess.video.files import read_id_map
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

SPLIT_OF = {"train": "train", "validate": "val", "val": "val", "test": "test"}
VIDEO: Fields = {"video_id": (str,), "split": (str,)}
SENTENCE: Fields = {"video_id": (str,), "caption": (str,)}
HINT = "--annotations is MSR-VTT's JSON file, or a folder with one or several"


def read(options: CaptionOptions) -> CaptionAnnotations:
    """The videos of each split, in the order of the files, with all their sentences.

    Raises UserError, naming file, item and cure, for files that are missing or malformed, a split
    that is none of the three, sentences without their video, and a video that the map lacks.
    """
    split_of: dict[str, str] = {}
    captions: dict[str, list[Caption]] = {}
    sentences: list[tuple[str, Caption]] = []
    for path in _files(Path(options.annotations)):
        content = load_json(path, read_text(path, HINT))
        for index, item in enumerate(_list(path, content, "videos", VIDEO)):
            video, split = item["video_id"], SPLIT_OF.get(item["split"])
            where = f"{path}: item {index} of `videos`, counted from 0"
            if split is None:
                raise UserError(
                    f"{where}: field `split` is {clipped(repr(item['split']), 60)}; give one of "
                    f"{', '.join(SPLIT_OF)}"
                )
            if split_of.setdefault(video, split) != split:
                raise UserError(
                    f"{where}: {clipped(repr(video), 60)} is in the {split_of[video]} split too; "
                    "keep it in one"
                )
            captions[video] = []
        for index, item in enumerate(_list(path, content, "sentences", SENTENCE)):
            where = f"{path.name}, item {index} of `sentences`, counted from 0"
            sentences.append((item["video_id"], Caption(item["caption"], where)))
    for video, caption in sentences:
        if video not in captions:
            raise UserError(
                f"{options.annotations}: {caption.where}: its video {clipped(repr(video), 60)} is "
                "in no list `videos`; add it there, or take the sentence out"
            )
        captions[video].append(caption)
    bare = [video for video, rows in captions.items() if not rows]
    name_of = _names(options, [video for video in captions if captions[video]])
    splits = {
        split: whole_videos(
            {name: captions[v] for v, name in name_of.items() if split_of[v] == split}
        )
        for split in ("train", "val", "test")
    }
    notes = (f"videos without a sentence, left out: {len(bare):,}",) if bare else ()
    return CaptionAnnotations(splits=splits, notes=notes)


def _files(annotations: Path) -> list[Path]:
    if not annotations.is_dir():
        return [annotations]
    found = sorted(p for p in annotations.iterdir() if p.suffix.lower() == ".json")
    if not found:
        raise UserError(f"{annotations}: has no .json file; {HINT}")
    return found


def _list(path: Path, content: Any, field: str, fields: Fields) -> list[dict[str, Any]]:
    """One of the two lists, with each item's fields checked."""
    if not isinstance(content, dict) or not isinstance(content.get(field), list):
        raise UserError(f"{path}: has no list `{field}`; MSR-VTT's has `videos` and `sentences`")
    for index, item in enumerate(content[field]):
        fault = item_fault(item, fields)
        if fault is not None:
            raise UserError(f"{path}: item {index} of `{field}`, counted from 0: {fault}")
    return content[field]


def _names(options: CaptionOptions, videos: list[str]) -> dict[str, str]:
    """Each video's id, as the stores have it."""
    if options.id_map is None:
        return {video: video for video in videos}
    known = read_id_map(options.id_map)
    missing = [video for video in videos if video_id(video) not in known]
    if missing:
        raise UserError(
            f"{options.id_map}: lacks {len(missing):,} of {len(videos):,} videos of the "
            f"annotations ({clipped(missing[0], 60)}); add lines `<file stem> vid<id>`"
        )
    names = {video: known[video_id(video)] for video in videos}
    if len(set(names.values())) < len(names):
        taken = list(names.values())
        twice = next(name for name in taken if taken.count(name) > 1)
        raise UserError(
            f"{options.id_map}: gives the id {clipped(twice, 60)} to two videos of the "
            "annotations; give each its own"
        )
    return names
