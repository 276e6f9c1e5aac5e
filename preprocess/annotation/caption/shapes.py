"""The generated data set `shapes`: `{train,val,test}_captions.json`, each a list of objects.

An object has `video_id` (a number; its file is `videos/<number>.mp4`) and `captions`, the list of
all true captions of the video, of which `preprocess/shapes/captions.py` makes two or three.
"""

from pathlib import Path

from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Caption, CaptionAnnotations, whole_videos
from preprocess.annotation.dataset import SPLITS
from preprocess.annotation.items import Fields, read_items

FIELDS: Fields = {"video_id": (int, str), "captions": (list,)}
HINT = "--annotations is the folder with train_captions.json, ...; python -m preprocess.shapes"


def read(options: CaptionOptions) -> CaptionAnnotations:
    """The videos of each split, in the order of the files.

    Raises UserError, naming file, line, item and cure, for files that are missing or malformed,
    and captions that are no texts.
    """
    splits = {}
    for split in SPLITS:
        path = Path(options.annotations) / f"{split}_captions.json"
        file = read_items(path, FIELDS, id_field="video_id", hint=f"{HINT} makes it", of="captions")
        file.refuse(
            [
                i
                for i, item in enumerate(file.items)
                if not item["captions"] or not all(isinstance(c, str) for c in item["captions"])
            ],
            "whose field `captions` is not a list of texts; correct these",
        )
        splits[split] = whole_videos(
            {
                str(item["video_id"]): [
                    Caption(text, f"{path.name}, video {item['video_id']}")
                    for text in item["captions"]
                ]
                for item in file.items
            }
        )
    return CaptionAnnotations(splits=splits)
