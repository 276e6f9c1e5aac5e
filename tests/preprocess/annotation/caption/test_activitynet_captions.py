"""ActivityNet Captions: segments with times, put right and counted where they cannot be."""

import json
from pathlib import Path

import pytest

from data_loader.caption.captions import load_captions
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.activitynet_captions import FILES, read
from preprocess.captions import main
from tests.conftest import ROOT
from util.errors import UserError

VIDEOS = {
    "v_a": {
        "duration": 10.5,
        "timestamps": [[0, 4.25], [3, 10.51], [9, 2], [5, 5]],
        "sentences": ["A man runs.", " He stops.", "He sits.", "He is gone."],
    },
    "v_b": {"duration": 3, "timestamps": [[1, 2]], "sentences": ["A cat."]},
}


def write(folder: Path, content: object = VIDEOS, name: str = "train.json") -> CaptionOptions:
    """The three files, one with other content."""
    for other in FILES.values():
        (folder / other).write_text(json.dumps({"v_c" + other[:3]: VIDEOS["v_b"]}))
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)
    return CaptionOptions(dataset="activitynet_captions", annotations=str(folder), check=True)


def test_segments_have_times_and_an_id_of_their_own(tmp_path):
    found = read(write(tmp_path))
    assert [(s.id, s.video, s.time) for s in found.splits["train"]] == [
        ("v_a#0", "v_a", (0, 4.25)),
        ("v_a#1", "v_a", (3, 10.5)),
        ("v_a#2", "v_a", (2, 9)),
        ("v_b#0", "v_b", (1, 2)),
    ]
    assert [s.captions[0].text for s in found.splits["train"]][1:3] == [" He stops.", "He sits."]
    assert (
        found.splits["train"][1].captions[0].where == "train.json, video 'v_a', sentence 1 from 0"
    )
    assert found.notes == (
        "train.json: segments with times outside their video, cut to it: 1",
        "train.json: segments that end before they start, the two times exchanged: 1",
        "train.json: segments of no length, left out: 1",
    )


def test_both_validation_files_may_have_the_same_videos_but_not_training(tmp_path, capsys):
    write(tmp_path)
    for name in FILES.values():
        (tmp_path / name).write_text(
            json.dumps(VIDEOS if name != "train.json" else {"v": VIDEOS["v_b"]})
        )
    flags = ["--dataset", "activitynet_captions", "--annotations", str(tmp_path)]
    assert main([*flags, "--output", str(tmp_path / "c.pt")]) == 0
    assert "NOTE: val_1.json: segments of no length, left out: 1" in capsys.readouterr().out
    captions = load_captions(tmp_path / "c.pt")
    val, test = captions.splits["val"], captions.splits["test"]
    assert val.ids == test.ids == ("v_a#0", "v_a#1", "v_a#2", "v_b#0")
    assert val.times is not None and val.times.tolist()[:2] == [[0, 4.25], [3, 10.5]]
    (tmp_path / "train.json").write_text(json.dumps(VIDEOS))
    with pytest.raises(
        UserError, match=r"video 'v_a' is in both the train and the val split \(2 su"
    ):
        main([*flags, "--output", str(tmp_path / "c.pt")])


def changed(**changes) -> dict:
    return {"v_a": VIDEOS["v_a"], "v_x": VIDEOS["v_b"] | changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"val_1.json, line 1, column 2: not JSON"),
        ('{"v": 1, "v": 2}', r"val_1.json: the object .* has the field `v` twice; delete one"),
        ([1], r"val_1.json: not an object \{video: \{duration, timestamps, sentences\}\}; fetch"),
        ({"v_x": 3}, r"val_1.json: video 'v_x': is not an object; the file is one object"),
        ({"v_x": {"duration": 3}}, r"video 'v_x': field `timestamps` is missing; add it"),
        (changed(duration=0), r"video 'v_x': field `duration` is no number of seconds above 0"),
        (changed(duration=True), r"video 'v_x': field `duration` is no number"),
        (changed(timestamps=[[1]]), r"field `timestamps` is not a list of \[start, end\] in sec"),
        (changed(timestamps=[[1, float("nan")]]), r"field `timestamps` is not a list"),
        (changed(sentences=[3]), r"field `sentences` is not a list of texts; correct it"),
        (changed(sentences=["a", "b"]), r"has 1 timestamps for 2 sentences; give each sentence"),
    ],
)
def test_mistakes_name_file_video_and_cure(content, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read(write(tmp_path, content, "val_1.json"))


def test_a_missing_file_is_named(tmp_path):
    given = write(tmp_path)
    (tmp_path / "val_2.json").unlink()
    with pytest.raises(UserError, match=r"val_2.json: not there; --annotations is the folder with"):
        read(given)


DATA = ROOT / "../shared/data/activitynet_captions"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_the_public_files(tmp_path):
    found = read(CaptionOptions(dataset="activitynet_captions", annotations=str(DATA), check=True))
    assert [len(rows) for rows in found.splits.values()] == [37_419, 17_505, 17_031]
    assert [note.split()[-1] for note in found.notes] == ["261", "2", "2", "134", "111"]
    assert all(s.time is not None and s.time[0] < s.time[1] for s in found.splits["train"])
