"""SVQA (Song et al. 2018): synthetic videos; one question file and three lists of videos.

Read are, in the folder of annotations:

* `questions.json`, the questions of all splits in one list of objects: `id` (of the video; its file
  is `<id>.mp4`), `question`, `ans`, and `program` (a list of steps), whose last step's `function`
  is the category of the question.  Further fields are ignored.
* `train_svqa_ids.txt`, `val_svqa_ids.txt` and `test_svqa_ids.txt`, there or in `SVQA_splits/`: one
  video id a line.

SVQA itself has no validation split; the lists are DualVGR's (repository NJUPT-MCC/DualVGR-VideoQA,
folder SVQA_splits), and the fields are those that its `preprocess/datautils/svqa.py` reads.  That
code starts from three files which its authors cut along the lists; here the lists do it.  SVQA's
own repository (SVQA-founder/SVQA) reads `id`, `question` and `ans` too.

Questions have no id of their own: it is their place in `questions.json`, counted from 0.
"""

from pathlib import Path
from typing import Any

from preprocess.annotation.items import Fields, read_items
from preprocess.annotation.sample import Sample
from util.text_file import read_text

_ATTRIBUTES = {
    "color": "color",
    "size": "size",
    "actiontype": "action type",
    "direction": "direction",
    "shape": "shape",
}
TYPES = {  # function of the program's last step -> category and sub-category of the paper's table
    "exist": "exist",
    "count": "count",
    **{f"compare_{how}": f"integer comparison {how}" for how in ("more", "equal", "less")},
    **{f"attribute_compare_{a}": f"attribute comparison {n}" for a, n in _ATTRIBUTES.items()},
    **{f"query_{a}": f"query {n}" for a, n in _ATTRIBUTES.items()},
}
FIELDS: Fields = {
    "id": (int, str),
    "question": (str,),
    "ans": (str, int, bool),
    "program": (list,),
}
LISTS = ("train", "val", "test")


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of `questions.json`.

    Raises UserError, naming file, line, item and cure, for files that are missing or malformed, a
    question whose program ends in no known category, and one whose video is in no list.
    """
    lists = {name: _video_ids(annotations, name) for name in LISTS}
    file = read_items(
        annotations / "questions.json",
        FIELDS,
        id_field=None,
        hint="--annotations is the folder with questions.json and train_svqa_ids.txt, ...",
    )
    listed = set.union(*lists.values())
    file.refuse(
        [i for i, item in enumerate(file.items) if _function(item) not in TYPES],
        f"whose program does not end in a known function ({', '.join(TYPES)}); correct these",
    )
    file.refuse(
        [i for i, item in enumerate(file.items) if str(item["id"]) not in listed],
        "whose video (field `id`) is in none of the three lists; add it to one, or take these out",
    )
    return [
        Sample(
            id=index,
            video=str(item["id"]),
            question=item["question"],
            answer=str(item["ans"]),
            type=TYPES[_function(item)],
        )
        for index, item in enumerate(file.items)
        if str(item["id"]) in lists[split]
    ]


def _video_ids(annotations: Path, split: str) -> set[str]:
    """The ids of one list."""
    name = f"{split}_svqa_ids.txt"
    inside = annotations / "SVQA_splits" / name
    text = read_text(
        inside if inside.is_file() else annotations / name,
        "SVQA's split lists are in the folder SVQA_splits of the DualVGR repository",
    )
    return set(text.split())


def _function(item: dict[str, Any]) -> str:
    """The function of the program's last step; "" if there is none."""
    last = item["program"][-1] if item["program"] else None
    return str(last.get("function", "")) if isinstance(last, dict) else ""
