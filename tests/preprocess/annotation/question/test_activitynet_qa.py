import json
from collections import Counter
from pathlib import Path

import pytest

from preprocess.annotation.dataset import DATASETS, SPLITS
from preprocess.annotation.question.activitynet_qa import TYPES, read
from preprocess.annotation.sample import Sample
from util.errors import UserError


def question(number: int, **changes) -> dict:
    return {
        "video_name": "ab-c",
        "question": f"is it {number}",
        "question_id": f"v_ab-c_{number}",
    } | changes


def answer(number: int, **changes) -> dict:
    return {"answer": "yes", "type": 3, "question_id": f"v_ab-c_{number}"} | changes


def write(folder: Path, questions: list, answers: list) -> Path:
    (folder / "train_q.json").write_text(json.dumps(questions, indent=1))
    (folder / "train_a.json").write_text(json.dumps(answers, indent=1))
    return folder


def test_questions_and_answers_are_joined_by_their_id(tmp_path):
    write(tmp_path, [question(1), question(2)], [answer(2, answer="no"), answer(1, type=8)])
    assert read(tmp_path, "train") == [
        Sample(id="v_ab-c_1", video="ab-c", question="is it 1", answer="yes", type="other"),
        Sample(id="v_ab-c_2", video="ab-c", question="is it 2", answer="no", type="yes/no"),
    ]


def test_every_number_has_its_type(tmp_path):
    write(tmp_path, [question(i) for i in range(9)], [answer(i, type=i) for i in range(9)])
    assert [sample.type for sample in read(tmp_path, "train")] == [
        "motion", "spatial", "temporal", "yes/no", "colour", "object", "location", "number",
        "other",
    ]  # fmt: skip


def test_unknown_types_are_counted_and_the_first_is_named(tmp_path):
    answers = [answer(0), answer(1, type=9), answer(2, type=-1), answer(3)]
    write(tmp_path, [question(i) for i in range(4)], answers)
    message = (
        r"train_a\.json, line 7: item 1 \(question_id 'v_ab-c_1'\), counted from 0: "
        r"the first of 2 of 4 items of a type other than 0 to 8; give"
    )
    with pytest.raises(UserError, match=message):
        read(tmp_path, "train")


def test_a_type_that_is_no_number(tmp_path):
    write(tmp_path, [question(0)], [answer(0, type="3")])
    with pytest.raises(UserError, match=r"field `type` is a JSON string; it must be an integer"):
        read(tmp_path, "train")


def test_questions_without_answers_and_the_reverse(tmp_path):
    write(tmp_path, [question(i) for i in range(4)], [answer(0), answer(3)])
    message = (
        r"train_q\.json, line 7: item 1 \(question_id 'v_ab-c_1'\).* the first of 2 of 4 items "
        r"that are questions without an answer in train_a\.json"
    )
    with pytest.raises(UserError, match=message):
        read(tmp_path, "train")
    write(tmp_path, [question(0)], [answer(0), answer(7)])
    message = r"train_a\.json, .*_7'.* 1 of 2 items that are answers without a question in train_q"
    with pytest.raises(UserError, match=message):
        read(tmp_path, "train")


def test_an_id_that_comes_twice_and_a_missing_file(tmp_path):
    write(tmp_path, [question(0), question(0)], [answer(0)])
    with pytest.raises(UserError, match=r"`question_id`: item 0 has the same id"):
        read(tmp_path, "train")
    with pytest.raises(UserError, match=r"val_q\.json: not there; --annotations is the folder"):
        read(tmp_path, "val")


def test_real_annotations(shared):
    folder = shared / "data/activitynet_qa"
    samples = {split: DATASETS["activitynet_qa"](folder, split) for split in SPLITS}
    assert [len(rows) for rows in samples.values()] == [32000, 18000, 8000]
    assert [len({s.video for s in rows}) for rows in samples.values()] == [3200, 1800, 800]
    for split, rows in samples.items():
        raw = Counter(item["type"] for item in json.loads((folder / f"{split}_a.json").read_text()))
        assert Counter(s.type for s in rows) == {TYPES[i]: count for i, count in raw.items()}
    # the published table of the data set, of all three splits
    total = Counter(s.type for rows in samples.values() for s in rows)
    assert total["motion"] == total["spatial"] == total["temporal"] == 5800
    assert total["yes/no"] == 13377 and total["number"] == 4769 and total["other"] == 13122
    first = samples["train"][0]
    assert (first.id, first.answer, first.type) == ("v_okC18bPTils_3", "no", "yes/no")
