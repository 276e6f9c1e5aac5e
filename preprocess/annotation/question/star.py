"""STAR (Wu et al. 2021): `STAR_train.json` and `STAR_val.json`, each a list of objects.

An object has `question_id` (Interaction_T1_13: its type comes first), `question`, `video_id`,
`start` and `end` in seconds, `choices`, a list of {choice_id, choice}, and `answer`, the text of
the right one.  Each question is about its own part of a video of Charades: features come from
`preprocess.videos --fps`, and a part's clips are those from its start to its end.

The answers of `STAR_test.json` are not public (a server scores them).  So papers report validation:
`STAR_val.json` is the test split here, and a tenth of the training videos, drawn by their names in
the same way each time, the validation split.
"""

from pathlib import Path
from typing import Any

from data_loader.candidates import LEAST
from preprocess.annotation.items import Fields, read_items
from preprocess.annotation.sample import Sample
from preprocess.annotation.table import by_digest

LONGEST = 10**6  # s
SHARE = 0.1  # of the training videos that are validated on
FIELDS: Fields = {
    "question_id": (str,),
    "question": (str,),
    "video_id": (str,),
    "start": (float, int),
    "end": (float, int),
    "answer": (str,),
    "choices": (list,),
}


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of the file.

    Raises UserError, naming file, line, item and cure, for files that are missing or malformed,
    choices that are not two texts at least, and parts that end before they start.
    """
    file = read_items(
        annotations / f"STAR_{'val' if split == 'test' else 'train'}.json",
        FIELDS,
        id_field="question_id",
        hint="--annotations is the folder with STAR_train.json and STAR_val.json",
    )
    file.refuse(
        [i for i, item in enumerate(file.items) if not _are_choices(item["choices"])],
        "whose `choices` are not two or more of {choice_id, choice}; correct these",
    )
    file.refuse(
        [i for i, item in enumerate(file.items) if not 0 <= item["start"] < item["end"] < LONGEST],
        "whose `end` is not after its `start`, or not in seconds; correct these",
    )
    samples = [_sample(item) for item in file.items]
    if split == "test":
        return samples
    ranked = by_digest({sample.video for sample in samples})
    held_out = set(ranked[: round(SHARE * len(ranked))])
    return [sample for sample in samples if (sample.video in held_out) == (split == "val")]


def _are_choices(choices: list[Any]) -> bool:
    return len(choices) >= LEAST and all(
        isinstance(of, dict)
        and isinstance(of.get("choice_id"), int)
        and isinstance(of.get("choice"), str)
        and of["choice"].strip()
        for of in choices
    )


def _sample(item: dict[str, Any]) -> Sample:
    choices = sorted(item["choices"], key=lambda of: of["choice_id"])
    return Sample(
        id=item["question_id"],
        video=item["video_id"],
        question=item["question"],
        answer=item["answer"],
        type=item["question_id"].partition("_")[0],
        choices=tuple(of["choice"] for of in choices),
        time=(float(item["start"]), float(item["end"])),
    )
