"""MSR-VTT's JSON, in one file or several."""

import json
from pathlib import Path

import pytest

from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.msrvtt import read
from util.errors import UserError

VIDEOS = [
    {"video_id": "video0", "split": "train", "url": "x"},
    {"video_id": "video2", "split": "test"},
    {"video_id": "video1", "split": "validate"},
    {"video_id": "video3", "split": "train"},
]
SENTENCES = [
    {"video_id": "video1", "caption": "a dog", "sen_id": 4},
    {"video_id": "video0", "caption": "A man runs"},
    {"video_id": "video2", "caption": "a car"},
    {"video_id": "video0", "caption": "he runs"},
]


def write(folder: Path, *, videos=VIDEOS, sentences=SENTENCES, name="all.json") -> Path:
    (folder / name).write_text(json.dumps({"videos": videos, "sentences": sentences, "info": {}}))
    return folder / name


def options(path: Path, id_map: Path | None = None) -> CaptionOptions:
    return CaptionOptions(
        dataset="msrvtt", annotations=str(path), check=True, id_map=str(id_map) if id_map else None
    )


def test_one_file(tmp_path):
    found = read(options(write(tmp_path)))
    texts = {
        split: [(s.id, s.video, s.time, [c.text for c in s.captions]) for s in rows]
        for split, rows in found.splits.items()
    }
    assert texts == {
        "train": [("video0", "video0", None, ["A man runs", "he runs"])],
        "val": [("video1", "video1", None, ["a dog"])],
        "test": [("video2", "video2", None, ["a car"])],
    }
    assert found.splits["train"][0].captions[1].where.startswith("all.json, item 3 of `sentences`")
    assert found.notes == ("videos without a sentence, left out: 1",)


def test_several_files_of_a_folder(tmp_path):
    whole = read(options(write(tmp_path))).splits
    (tmp_path / "two").mkdir()
    write(tmp_path / "two", videos=VIDEOS[1:2], sentences=SENTENCES[2:3], name="test.json")
    others = [SENTENCES[i] for i in (0, 1, 3)]
    write(tmp_path / "two", videos=[VIDEOS[i] for i in (0, 2, 3)], sentences=others)
    parts = read(options(tmp_path / "two")).splits
    for split, rows in parts.items():
        assert [s.id for s in rows] == [s.id for s in whole[split]]


def test_ids_of_a_map(tmp_path):
    names = tmp_path / "map.txt"
    names.write_text("".join(f"video{i} vid{7000 + i}\n" for i in range(3)))
    found = read(options(write(tmp_path), names))
    assert [s.video for rows in found.splits.values() for s in rows] == ["7000", "7001", "7002"]
    names.write_text("video0 vid0\nvideo2 vid2\n")
    with pytest.raises(UserError, match=r"map.txt: lacks 1 of 3 videos of the annotations \(vid"):
        read(options(tmp_path / "all.json", names))
    names.write_text("video0 vid0\nvideo1 vid1\nvideo2 vid0\n")
    with pytest.raises(UserError, match=r"map.txt: gives the id 0 to two videos of the annotation"):
        read(options(tmp_path / "all.json", names))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"videos": {}}, r"all.json: has no list `videos`; MSR-VTT's has `videos` and `sentences`"),
        (
            {"videos": [{"video_id": "v"}]},
            r"item 0 of `videos`, counted from 0: field `split` is",
        ),
        ({"videos": [{"video_id": "v", "split": "dev"}]}, r"`split` is 'dev'; give one of train, "),
        (
            {"videos": [*VIDEOS, {"video_id": "video0", "split": "test"}]},
            r"item 4 of `videos`, counted from 0: 'video0' is in the train split too; keep it in",
        ),
        (
            {"sentences": [*SENTENCES, {"video_id": "v9", "caption": "a"}]},
            r"item 4 of `sentences`, counted from 0: its video 'v9' is in no list `videos`; add it",
        ),
        ({"sentences": [{"video_id": "video0", "caption": 3}]}, r"`caption` is a JSON number"),
    ],
)
def test_mistakes_name_file_item_and_cure(changes, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read(options(write(tmp_path, **changes)))


def test_a_folder_without_json_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no .json file; --annotations is MSR-VTT's JSON file"):
        read(options(tmp_path))
