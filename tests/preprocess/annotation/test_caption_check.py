"""`python -m preprocess.captions --check`: every check, found and not found."""

import json
from pathlib import Path

import pytest

from preprocess.captions import main
from tests.preprocess.annotation.test_check import files, rows
from tests.preprocess.test_questions import store
from util.errors import UserError

CLEAN = [
    ("a.mp4", "a dog runs", "train"),
    ("a.mp4", "the dog is running", "train"),
    ("b.mp4", "a cat sleeps", "train"),
    ("c.mp4", "a bird sings", "val"),
    ("d.mp4", "a man walks", "test"),
]


def annotate(folder: Path, lines=CLEAN) -> Path:
    path = folder / "mine.csv"
    path.write_text("video,caption,split\n" + "".join(f"{','.join(line)}\n" for line in lines))
    return path


def check(capsys, annotations: Path, *flags: object, dataset: str = "own"):
    """The exit code and the lines of the table, with runs of spaces made one."""
    code = main(
        ["--dataset", dataset, "--annotations", str(annotations), "--check", *map(str, flags)]
    )
    return code, [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_nothing_to_find_and_nothing_written(tmp_path, capsys):
    code, lines = check(
        capsys, annotate(tmp_path),
        "--videos", files(tmp_path / "videos", "a.mp4", "b.avi", "c.mp4", "d.mp4"),
        "--videos_in", store(tmp_path / "x.h5", *"abcd"),
    )  # fmt: skip
    assert code == 0 and lines[-1] == "0 problems, 0 warnings; nothing was written"
    assert lines[2:5] == ["train 2 2 3 10", "val 1 1 1 3", "test 1 1 1 3"]
    assert sum(line.startswith("ok ") for line in lines) == 8
    assert not any(line.startswith(("PROBLEM", "warning", "not looked")) for line in lines)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.csv", "videos", "x.h5"]


def test_what_is_wrong_with_captions(tmp_path, capsys):
    lines = [
        *CLEAN,
        ("b.mp4", "...", "train"),
        ("a.mp4", "A dog runs.", "train"),
        ("e.mp4", "a dog" + " and a dog" * 30, "train"),
        ("d.mp4", "他在做什么他在做什么", "test"),
        *((f"v{i}.mp4", "something happens", "val") for i in range(3)),
    ]
    code, out = check(capsys, annotate(tmp_path, lines))
    assert code == 2 and out[-1] == "1 problem, 4 warnings; nothing was written"
    assert rows(out, "captions without a word") == ["train 1 of 6 mine.csv, line 7"]
    assert rows(out, "captions given twice") == ["train 1 of 6 mine.csv, line 8"]
    assert rows(out, "one caption for many segments") == ["val 3 of 4 'something happens'"]
    assert rows(out, "very long captions") == [
        "train 1 of 6 median 3 words; mine.csv, line 9: 92 words"
    ]
    assert rows(out, "captions without spaces") == ["test 1 of 2 mine.csv, line 10"]
    assert {"not looked at: video files (name them with --videos)"} < set(out)


def test_videos_that_are_not_there_and_those_without_captions(tmp_path, capsys):
    code, out = check(
        capsys, annotate(tmp_path),
        "--videos", files(tmp_path / "videos", "a.mp4", "c.mp4", "d.mp4", "z.mp4"),
        "--videos_in", store(tmp_path / "x.h5", *"bdz"),
    )  # fmt: skip
    assert code == 2 and out[-1] == "3 problems, 2 warnings; nothing was written"
    assert rows(out, "segments whose video has no file") == ["train 1 of 2 on 1 video: 'b'"]
    assert rows(out, "segments whose video is not in a store") == [
        f"train, {tmp_path}/x.h5 1 of 2 on 1 video: 'a'",
        f"val, {tmp_path}/x.h5 1 of 1 none fits: it has 'b', the segments say 'c'",
    ]
    assert rows(out, "videos without segments") == [
        "--videos 1 of 4 'z'", f"{tmp_path}/x.h5 1 of 3 'z'",
    ]  # fmt: skip


def test_splits_that_are_empty_or_share_a_video(tmp_path, capsys):
    code, out = check(capsys, annotate(tmp_path, CLEAN[:3]))
    assert code == 2 and rows(out, "no captions") == ["val 1"]  # own needs no test split
    content = [{"video_id": 1, "captions": ["a b c d"]}, {"video_id": 2, "captions": ["a b c d"]}]
    for i, split in enumerate(("train", "val", "test")):
        text = json.dumps([content[0 if i < 2 else 1]])
        (tmp_path / f"{split}_captions.json").write_text(text)
    code, out = check(capsys, tmp_path, dataset="shapes")
    assert code == 2
    assert rows(out, "captions of one video in two splits") == ["train and val 1 '1'"]


def test_what_cannot_be_read_is_a_line_of_the_table(tmp_path, capsys):
    annotate(tmp_path).write_bytes("video,caption,split\na,ein Hündchen,train\n".encode("latin-1"))
    code, out = check(capsys, tmp_path / "mine.csv", "--videos_in", tmp_path / "no.h5")
    assert code == 2 and out[-1] == "2 problems, 0 warnings; nothing was written"
    one, other = rows(out, "cannot be read")
    assert one.startswith(f"all splits {tmp_path}/mine.csv: not UTF-8 text (byte 27; it looks like")
    assert other.startswith(f"--videos_in {tmp_path}/no.h5: ")
    with pytest.raises(UserError, match="--dataset any: not known; choose from msvd"):
        check(capsys, tmp_path, dataset="any")


def test_times_that_are_put_right_are_said(tmp_path, capsys):
    video = {"duration": 2, "timestamps": [[0, 3]], "sentences": ["a dog runs"]}
    for name in ("train", "val_1", "val_2"):
        (tmp_path / f"{name}.json").write_text(json.dumps({name[:3]: video}))
    code, out = check(capsys, tmp_path, dataset="activitynet_captions")
    assert code == 0
    assert "NOTE: val_2.json: segments with times outside their video, cut to it: 1" in out
