"""MSRVTT-QA (Xu et al. 2017): `{train,val,test}_qa.json`, in the layout of MSVD-QA.

An object has `answer`, `category_id`, `id`, `question` and `video_id`; `category_id` (of MSR-VTT's
20 categories of video) is ignored.  The type of a question is its first word: what, who, how, when
or where.

`video_id` is a number, 7010, where MSR-VTT's file is called `video7010.mp4`.  The questions keep
the number; `preprocess.videos --id_map` gives the files the same ids, from a file of lines
`video7010 vid7010`, which this writes for all 10,000:

    seq 0 9999 | sed 's/.*/video& vid&/' > msrvtt_mapping.txt
"""

from pathlib import Path

from preprocess.annotation.question import msvd_qa
from preprocess.annotation.sample import Sample


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the file's order.

    Raises UserError as MSVD-QA's reader does: it is the same format.
    """
    return msvd_qa.read(annotations, split)
