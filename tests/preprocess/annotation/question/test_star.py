import json
from pathlib import Path

import pytest

from data_loader.questions import load_questions
from preprocess.annotation.dataset import read_splits, reader
from preprocess.annotation.question_file import restrict
from preprocess.annotation.sample import Sample
from preprocess.questions import main
from tests.data_loader.test_segment import write as write_store
from util.errors import UserError

ITEM = {
    "question_id": "Interaction_T1_4",
    "video_id": "TJZ0P",
    "start": 7.7,
    "end": 15,
    "question": "Which object was eaten by the person?",
    "answer": "The sandwich.",
    "question_program": [{"function": "Situations", "value_input": []}],
    "choices": [
        {"choice_id": 1, "choice": "The medicine.", "choice_program": []},
        {"choice_id": 0, "choice": "The sandwich.", "choice_program": []},
    ],
    "situations": {},
}


def write(folder: Path, items: list[dict], name: str = "val") -> Path:
    (folder / f"STAR_{name}.json").write_text(json.dumps(items))
    return folder


def items(count: int, **changes) -> list[dict]:
    return [
        ITEM | {"question_id": f"Sequence_T2_{i}", "video_id": f"v{i // 2}"} | changes
        for i in range(count)
    ]


def test_validation_is_the_test_split_and_choices_go_by_their_ids(tmp_path) -> None:
    write(tmp_path, [ITEM])
    assert reader("star")(tmp_path, "test") == [
        Sample(
            id="Interaction_T1_4",
            video="TJZ0P",
            question=ITEM["question"],
            answer="The sandwich.",
            type="Interaction",
            choices=("The sandwich.", "The medicine."),
            time=(7.7, 15.0),
        )
    ]


def test_a_tenth_of_the_training_videos_is_validated_on(tmp_path) -> None:
    write(write(tmp_path, items(40), "train"), [ITEM])
    rows = read_splits("star", tmp_path)
    assert [len(rows[split]) for split in ("train", "val", "test")] == [36, 4, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"end": 7.7}, "whose `end` is not after its `start`"),
        ({"end": 10**400}, "or not in seconds; correct these"),
        ({"start": float("nan")}, "whose `end` is not after its `start`"),
        ({"start": "7"}, "field `start` is a JSON string; it must be a number or an integer"),
        ({"choices": [{"choice": "x"}] * 2}, "whose `choices` are not two or more of {choice_id"),
        ({"choices": ITEM["choices"][:1]}, "whose `choices` are not two or more"),
    ],
)
def test_faults_are_named(changes, message, tmp_path) -> None:
    with pytest.raises(UserError, match=message):
        reader("star")(write(tmp_path, [ITEM | changes]), "test")


def test_questions_about_parts_without_a_clip_are_left_out(tmp_path, capsys) -> None:
    store = write_store(tmp_path / "s.h5")  # videos a, b and c of 2, 7.4 and 0.6 s
    parts = [("a", 0.5, 1.5), ("a", 2.5, 3), ("b", 2.5, 3), ("c", 1, 2), ("z", 0, 1)]
    rows = [
        ITEM | {"question_id": f"Sequence_T2_{i}", "video_id": v, "start": start, "end": end}
        for i, (v, start, end) in enumerate(parts)
    ]
    samples = {"test": reader("star")(write(tmp_path, rows), "test")}
    assert [s.time for s in restrict(samples, [str(store.path)])["test"]] == [(0.5, 1.5), (2.5, 3)]
    said = capsys.readouterr().out
    assert "test: 2 of 5; 2 more have no clip of their video in their time" in said


def test_a_file_keeps_the_parts(tmp_path) -> None:
    write(write(tmp_path, items(40), "train"), [ITEM])
    flags = ["--dataset", "star", "--annotations", str(tmp_path), "--vectors", "random"]
    assert main([*flags, "--word_width", "4", "--output", str(tmp_path / "q.pt")]) == 0
    questions = load_questions(tmp_path / "q.pt")
    assert questions.kind == "choice" and questions.split("test").answer.tolist() == [0]
    times = [questions.split(name).times for name in ("train", "val", "test")]
    assert [None if of is None else of.tolist() for of in times] == [
        [[7.7, 15.0]] * rows for rows in (36, 4, 1)
    ]
