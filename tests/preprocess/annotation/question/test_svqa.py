import json
from pathlib import Path

import pytest

from preprocess.annotation.question.svqa import TYPES, read
from preprocess.annotation.sample import Sample
from util.errors import UserError

LISTS = {"train": "1\n30\n", "val": "2\n", "test": "3\n4\n"}


def item(video: object, function: str = "count", **changes) -> dict:
    program = [{"function": "scene", "inputs": []}, {"function": function, "inputs": [0]}]
    return {"id": video, "question": "How many?", "ans": "2", "program": program} | changes


def write(folder: Path, items: object, lists_in: str = ".", lists=LISTS) -> Path:
    (folder / "questions.json").write_text(json.dumps(items, indent=1))
    (folder / lists_in).mkdir(exist_ok=True)
    for split, text in lists.items():
        (folder / lists_in / f"{split}_svqa_ids.txt").write_text(text)
    return folder


@pytest.mark.parametrize("lists_in", [".", "SVQA_splits"])
def test_the_lists_of_videos_cut_the_questions(lists_in, tmp_path):
    items = [item(3), item(1), item("2", "exist"), item(4, "query_actiontype", ans="rotate")]
    write(tmp_path, [*items, item(30)], lists_in)
    assert [s.id for s in read(tmp_path, "train")] == [1, 4]
    assert read(tmp_path, "val") == [
        Sample(id=2, video="2", question="How many?", answer="2", type="exist")
    ]
    test = read(tmp_path, "test")
    assert [(s.video, s.answer, s.type) for s in test] == [
        ("3", "2", "count"),
        ("4", "rotate", "query action type"),
    ]


def test_there_are_the_fifteen_categories_of_the_paper():
    assert len(TYPES) == 15 == len(set(TYPES.values()))
    assert TYPES["compare_less"] == "integer comparison less"
    assert TYPES["attribute_compare_shape"] == "attribute comparison shape"


def test_answers_that_are_no_strings_become_some(tmp_path):
    write(tmp_path, [item(1, ans=3), item(30, "exist", ans=True)])
    assert [s.answer for s in read(tmp_path, "train")] == ["3", "True"]


@pytest.mark.parametrize("program", [[], ["count"], [{"op": "count"}], [{"function": "scene"}]])
def test_a_program_that_ends_in_no_category(program, tmp_path):
    write(tmp_path, [item(2), item(1, program=program), item(1, program=program)])
    message = r"questions\.json, line \d+: item 1, .*: the first of 2 of 3 items whose program does"
    with pytest.raises(UserError, match=message):
        read(tmp_path, "val")


def test_a_video_in_no_list_is_not_passed_over(tmp_path):
    write(tmp_path, [item(1), item(99)])
    with pytest.raises(UserError, match=r"item 1, .* 1 of 2 items whose video \(field"):
        read(tmp_path, "train")


def test_a_missing_field_and_missing_files(tmp_path):
    write(tmp_path, [{"id": 1, "question": "How many?", "answer": "2"}])
    with pytest.raises(UserError, match=r"questions\.json, line 2: item 0, .* `ans` is missing"):
        read(tmp_path, "train")
    (tmp_path / "val_svqa_ids.txt").unlink()
    with pytest.raises(UserError, match=r"val_svqa_ids\.txt: not there; .* DualVGR repository"):
        read(tmp_path, "train")
    write(tmp_path, []).joinpath("questions.json").unlink()
    with pytest.raises(UserError, match=r"questions\.json: not there; --annotations is the folder"):
        read(tmp_path, "train")
