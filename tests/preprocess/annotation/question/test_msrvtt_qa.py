import json

import pytest

from preprocess.annotation.dataset import DATASETS
from preprocess.annotation.sample import Sample
from preprocess.video.files import name_videos
from util.errors import UserError

ITEM = {
    "answer": "couch",
    "category_id": 14,
    "id": 158581,
    "question": "what are three people sitting on?",
    "video_id": 6513,
}


def test_items_become_samples(tmp_path):
    (tmp_path / "val_qa.json").write_text(json.dumps([ITEM]))
    assert DATASETS["msrvtt_qa"](tmp_path, "val") == [
        Sample(id=158581, video="6513", question=ITEM["question"], answer="couch", type="what")
    ]


def test_a_malformed_item_is_named(tmp_path):
    (tmp_path / "val_qa.json").write_text(json.dumps([ITEM | {"answer": ""}]))
    with pytest.raises(UserError, match=r"val_qa\.json, line 1: item 0 \(id 158581\).*`answer`"):
        DATASETS["msrvtt_qa"](tmp_path, "val")


def test_an_id_map_gives_the_files_the_ids_of_the_questions(tmp_path):
    file = tmp_path / "video6513.mp4"
    id_map = tmp_path / "msrvtt_mapping.txt"
    id_map.write_text("video6512 vid6512\nvideo6513 vid6513\n")
    (tmp_path / "val_qa.json").write_text(json.dumps([ITEM]))
    (sample,) = DATASETS["msrvtt_qa"](tmp_path, "val")
    assert name_videos([file], id_map) == {sample.video: file}
