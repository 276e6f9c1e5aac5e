"""MSVD-QA and MSRVTT-QA (Xu et al. 2017): `{train,val,test}_qa.json`, each a list of objects.

An object has `answer`, `id`, `question` and `video_id`; further fields (MSRVTT-QA's `category_id`)
are ignored.  The type of a question is its first word: what, who, how, when or where.

MSRVTT-QA's `video_id` is a number, 7010, where MSR-VTT's file is called `video7010.mp4`.  The
questions keep the number; `preprocess.videos --id_map` gives the files the same ids, from a file of
lines `video7010 vid7010`, which this writes for all 10,000:

    seq 0 9999 | sed 's/.*/video& vid&/' > msrvtt_mapping.txt
"""

from pathlib import Path

from data_loader.tokens import first_word
from preprocess.annotation.items import Fields, read_items
from preprocess.annotation.sample import Sample

FIELDS: Fields = {
    "id": (int, str),
    "video_id": (int, str),
    "question": (str,),
    "answer": (str,),
}


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the file's order.

    Raises UserError, naming file, line, item, field and cure, for a missing or empty file, JSON
    that does not parse, and an item that lacks a field, has one of the wrong type, an empty
    question or answer, or the id of an earlier item.
    """
    file = read_items(
        annotations / f"{split}_qa.json",
        FIELDS,
        id_field="id",
        hint="--annotations is the folder with train_qa.json, val_qa.json and test_qa.json",
    )
    return [
        Sample(
            id=item["id"],
            video=str(item["video_id"]),
            question=item["question"],
            answer=item["answer"],
            type=first_word(item["question"]),
        )
        for item in file.items
    ]
