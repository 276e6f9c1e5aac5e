import json
from pathlib import Path

import pytest

from preprocess.annotation.dataset import DATASETS, SPLITS
from preprocess.annotation.question.msvd_qa import read
from preprocess.annotation.sample import Sample
from util.errors import UserError


def item(**changes) -> dict:
    return {"answer": "dog", "id": 7, "question": "Who barks?", "video_id": 3} | changes


def write(folder: Path, content: object) -> Path:
    path = folder / "train_qa.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return path


def test_items_become_samples_in_the_order_of_the_file(tmp_path):
    write(tmp_path, [item(), item(id="x", video_id="clip", question="what is it", extra=1)])
    assert read(tmp_path, "train") == [
        Sample(id=7, video="3", question="Who barks?", answer="dog", type="who"),
        Sample(id="x", video="clip", question="what is it", answer="dog", type="what"),
    ]


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "train_qa.json").write_text(json.dumps([item()]), encoding="utf-8-sig")
    assert len(read(tmp_path, "train")) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[\n{"answer": "a",\n "id" 3}]', r", line 3, column 7: not JSON .* fetch"),
        ('[{"answer": "do', r", line 1, column 13: not JSON"),
        ("", r", line 1, column 1: not JSON"),
        ({"questions": []}, r": holds a JSON object, not a list"),
        ([], r": no questions, the split is empty"),
        ([item(), 5], r", line 8: item 1, .*: a JSON number; it must be an object"),
    ],
)
def test_a_file_of_another_form(content, message, tmp_path):
    path = write(tmp_path, content)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, "train")
    assert str(caught.value).startswith(str(path))


def without(field: str) -> dict:
    return {key: value for key, value in item().items() if key != field}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (without("id"), r"item 2, .*: field `id` is missing; add it"),
        (without("answer"), r"item 2 \(id 7\), .*: field `answer` is missing"),
        (without("video_id"), r"field `video_id` is missing"),
        (without("question"), r"field `question` is missing"),
        (item(answer=["dog"]), r"field `answer` is a JSON list; it must be a string"),
        (item(answer=3), r"field `answer` is a JSON number; it must be a string"),
        (item(question=None), r"field `question` is a JSON null; it must be a string"),
        (item(video_id=1.5), r"field `video_id` is a JSON number; it must be an integer or"),
        (item(id=True), r"field `id` is a JSON boolean"),
        (item(question=" \n"), r"field `question` is empty; fill it in"),
        (item(question=" ?"), r"field `question` has no words"),
        (item(answer=""), r"field `answer` is empty"),
        (item(video_id=""), r"field `video_id` is empty"),
        (item(id=100), r"item 2 \(id 100\), .*: field `id`: item 0 has the same id"),
    ],
)
def test_a_malformed_item_is_named_with_line_field_and_cure(bad, message, tmp_path):
    path = write(tmp_path, [item(id=100), item(id=101), bad])
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, "train")
    # the third object of json.dumps(indent=1) opens on line 1 + 2 * 6 + 1
    assert str(caught.value).startswith(f"{path}, line 14: item 2")


def test_the_line_counts_values_with_brackets_and_line_breaks(tmp_path):
    text = '\n[ {"answer": "[{,", "id": 1,\n"question": "a]", "video_id": 1}\n\n,\n {"id": 2}]'
    write(tmp_path, text)
    with pytest.raises(UserError, match=r"line 6: item 1 \(id 2\)"):
        read(tmp_path, "train")


def test_a_missing_split_file_and_a_file_that_is_not_text(tmp_path):
    with pytest.raises(UserError, match=r"val_qa\.json: not there; --annotations is the folder"):
        read(tmp_path, "val")
    (tmp_path / "val_qa.json").write_bytes(b"[\xff]")
    with pytest.raises(UserError, match=r"val_qa\.json: not UTF-8 text \(byte 1;"):
        read(tmp_path, "val")
    (tmp_path / "test_qa.json").mkdir()
    with pytest.raises(UserError, match=r"test_qa\.json: is a folder, not a file"):
        read(tmp_path, "test")


def test_real_annotations(shared):
    samples = {split: DATASETS["msvd_qa"](shared / "data/msvd_qa", split) for split in SPLITS}
    assert [len(rows) for rows in samples.values()] == [30933, 6415, 13157]
    assert [len({s.video for s in rows}) for rows in samples.values()] == [1161, 245, 504]
    of_type = [s.type for s in samples["test"]]
    counts = {t: of_type.count(t) for t in set(of_type)}
    assert counts == {"what": 8149, "who": 4552, "how": 370, "when": 58, "where": 28}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": 1}\n{"id": 2}\n', r"line 2: a second object: this is JSON Lines; put all of them"),
        ('[{"id": 1, "id": 2}]', r'the object \{"id": 2\} has the field `id` twice; delete one'),
        ("[" * 100_000, r"nested too deeply"),
        (
            '[{"id": ' + "1" * 5000 + "}]",
            r"a whole number of thousands of digits; write it as text",
        ),
        ('[{"id": NaN}]', r"field `id` is a JSON number; it must be an integer or a string"),
        ('[{"id": true}]', r"field `id` is a JSON boolean; it must be an integer or a string"),
    ],
)
def test_json_that_is_none_of_this_kind(text, message, tmp_path):
    (tmp_path / "val_qa.json").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, "val")
    assert len(str(caught.value)) < 300


def test_ids_of_two_types_are_one_id(tmp_path):
    item = {"video_id": 1, "question": "who?", "answer": "x"}
    (tmp_path / "val_qa.json").write_text(json.dumps([{"id": 1, **item}, {"id": "1", **item}]))
    with pytest.raises(UserError, match=r"item 1 \(id '1'\).* item 0 has the same id"):
        read(tmp_path, "val")
