r"""ActivityNet-QA (Yu et al. 2019): `{train,val,test}_q.json` and `{train,val,test}_a.json`.

Questions are objects with `video_name`, `question` and `question_id`, answers are objects with
`answer`, `type` and `question_id`; the two are joined by `question_id`.  The type of a question is
the file's number in words, `TYPES`.

`video_name` is a YouTube id, okC18bPTils, where ActivityNet's file is called `v_okC18bPTils.mp4`.
The questions keep the former; `preprocess.videos --id_map` gives the files the same ids, from a
file of lines `v_okC18bPTils vidokC18bPTils`, which this writes for a folder of videos:

    ls videos/ | sed 's/\.[^.]*$//; s/^v_\(.*\)/& vid\1/' > activitynet_mapping.txt
"""

from pathlib import Path

from preprocess.annotation.items import Fields, ItemFile, read_items
from preprocess.annotation.sample import Sample

TYPES = (
    "motion", "spatial", "temporal", "yes/no", "colour", "object", "location", "number", "other",
)  # fmt: skip
QUESTION: Fields = {"question_id": (int, str), "video_name": (str,), "question": (str,)}
ANSWER: Fields = {"question_id": (int, str), "answer": (str,), "type": (int,)}
HINT = "--annotations is the folder with train_q.json, train_a.json, val_q.json, ..., test_a.json"


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of the question file.

    Raises UserError, naming file, line, item and cure, for files that are missing or malformed,
    questions without answers, answers without questions, and types other than 0 to 8.
    """
    asked = read_items(annotations / f"{split}_q.json", QUESTION, id_field="question_id", hint=HINT)
    given = read_items(annotations / f"{split}_a.json", ANSWER, id_field="question_id", hint=HINT)
    given.refuse(
        [i for i, item in enumerate(given.items) if not 0 <= item["type"] < len(TYPES)],
        f"of a type other than 0 to {len(TYPES) - 1}; give each one of these",
    )
    _join(asked, given, "questions without an answer")
    _join(given, asked, "answers without a question")
    answers = {str(item["question_id"]): item for item in given.items}
    return [
        Sample(
            id=item["question_id"],
            video=item["video_name"],
            question=item["question"],
            answer=answers[str(item["question_id"])]["answer"],
            type=TYPES[answers[str(item["question_id"])]["type"]],
        )
        for item in asked.items
    ]


def _join(file: ItemFile, other: ItemFile, what: str) -> None:
    """Raises UserError if items of `file` have a question_id that `other` lacks."""
    known = {str(item["question_id"]) for item in other.items}
    lone = [i for i, item in enumerate(file.items) if str(item["question_id"]) not in known]
    file.refuse(lone, f"that are {what} in {other.path.name}; add them there, or take these out")
