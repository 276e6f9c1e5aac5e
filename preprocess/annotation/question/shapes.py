"""The generated data set `shapes` asked with choices, or for numbers.

`{train,val,test}_choice.json` and `{train,val,test}_count.json` are lists of objects, beside the
open questions (which are in MSVD-QA's format): `id`, `question`, `video_id` and `choices`, a list
of texts, with `answer`, the place of the right one from 0; or `answer`, the number.  `type` is the
group under which accuracy is reported; without it, the first word of the question.
"""

from pathlib import Path
from typing import Any

from data_loader.candidates import LEAST
from data_loader.tokens import first_word
from preprocess.annotation.items import Fields, read_items
from preprocess.annotation.sample import Sample

COUNT: Fields = {"id": (int, str), "video_id": (int, str), "question": (str,), "answer": (int,)}
CHOICE: Fields = COUNT | {"choices": (list,)}


def read_choice(annotations: Path, split: str) -> list[Sample]:
    """The multiple-choice questions of one split ("train", "val" or "test").

    Raises UserError, naming file, line, item and cure, for a missing or malformed file, choices
    that are not two texts at least, and an `answer` that is none of their places.
    """
    file = read_items(
        annotations / f"{split}_choice.json", CHOICE, id_field="id", hint=_hint("choice")
    )
    file.refuse(
        [i for i, item in enumerate(file.items) if not _are_texts(item["choices"])],
        "whose `choices` are not two or more texts; correct these",
    )
    file.refuse(
        [i for i, item in enumerate(file.items) if not 0 <= item["answer"] < len(item["choices"])],
        "whose `answer` is no place of a choice, counted from 0; correct these",
    )
    return [
        _sample(item, item["choices"][item["answer"]], tuple(item["choices"]))
        for item in file.items
    ]


def read_count(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split whose answers are numbers; raises UserError as `read_items`."""
    file = read_items(
        annotations / f"{split}_count.json", COUNT, id_field="id", hint=_hint("count")
    )
    return [_sample(item, str(item["answer"]), None) for item in file.items]


def _are_texts(choices: list[Any]) -> bool:
    return len(choices) >= LEAST and all(isinstance(c, str) and c.strip() for c in choices)


def _sample(item: dict[str, Any], answer: str, choices: tuple[str, ...] | None) -> Sample:
    return Sample(
        id=item["id"],
        video=str(item["video_id"]),
        question=item["question"],
        answer=answer,
        type=str(item.get("type") or first_word(item["question"])),
        choices=choices,
    )


def _hint(task: str) -> str:
    return f"--annotations is the folder with train_{task}.json, val_{task}.json, test_{task}.json"
