"""One's own captions: a table of a caption a line."""

import json
from pathlib import Path

import pytest

from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.own import read
from preprocess.annotation.table import share_out
from util.errors import UserError


def found(folder: Path, text: str, name: str = "mine.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    annotations = str(folder / name)
    return read(CaptionOptions(dataset="own", annotations=annotations, check=True)).splits


def rows_of(splits, split: str = "train"):
    return [(s.id, s.video, s.time, [c.text for c in s.captions]) for s in splits[split]]


def test_whole_videos(tmp_path):
    text = (
        'video,caption,split,mood\ncat.mp4,"a cat, asleep",train,x\ndog.MKV,Ein Hündchen,val,\n'
        "\ncat,it sleeps,train,y\n"
    )
    splits = found(tmp_path, text)
    assert rows_of(splits) == [("cat", "cat", None, ["a cat, asleep", "it sleeps"])]
    assert rows_of(splits, "val") == [("dog", "dog", None, ["Ein Hündchen"])]
    assert rows_of(splits, "test") == []
    assert [c.where for c in splits["train"][0].captions] == [
        "mine.csv, line 2",
        "mine.csv, line 5",
    ]


def test_parts_of_videos(tmp_path):
    text = (
        "video,caption,split,start,end,id\na,one,train,0,2.5,\na,two,train,2.5,4,\n"
        "a,one again,train,0.0,2.50,\nb,named,val,1,2,mine\nb,named too,val,1,2,mine\n"
    )
    splits = found(tmp_path, text)
    assert rows_of(splits) == [
        ("a#0", "a", (0, 2.5), ["one", "one again"]),
        ("a#1", "a", (2.5, 4), ["two"]),
    ]
    assert rows_of(splits, "val") == [("mine", "b", (1, 2), ["named", "named too"])]


def test_json_lines_say_the_same_as_csv(tmp_path):
    rows = [
        {"video": "a.mp4", "caption": "one", "split": "train", "start": 0, "end": 2.5},
        {"video": 12, "caption": "two", "split": "val", "start": 1, "end": 2, "id": 7},
    ]
    splits = found(tmp_path, "\n".join(map(json.dumps, rows)), "mine.jsonl")
    assert rows_of(splits) == [("a#0", "a", (0, 2.5), ["one"])]
    assert rows_of(splits, "val") == [("7", "12", (1, 2), ["two"])]


def test_without_splits_the_videos_are_shared_out_as_with_questions(tmp_path):
    videos = {f"v{i}" for i in range(30)}
    splits = found(tmp_path, "video,caption\n" + "".join(f"{v},a\n{v},b\n" for v in sorted(videos)))
    expected = share_out(Path("x"), videos)
    for split, rows in splits.items():
        assert {s.video for s in rows} == {v for v in videos if expected[v] == split}


HEAD = "video,caption,split"
LINE = "\na,one,train"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, r"mine.csv: no captions; give each a line"),
        ("video,question\na,b", r"line 1: no column caption; the first line names"),
        (f"{HEAD}\na,,train", r"line 2: field `caption` is empty; fill it in or take the item out"),
        (f"{HEAD}\nx/a,one,train", r"line 2: field `video` is a path \('x/a'\); give the name of"),
        (f"{HEAD}{LINE}\nb,two,dev", r"line 3: field `split` is 'dev'; give train, val or test in"),
        (f"{HEAD}{LINE}\na,two,val", r"line 3: segment 'a' is in the train split too; keep its ca"),
        (f"{HEAD},start{LINE},1", r"line 2: has one of `start` and `end`; give both, or none"),
        (f"{HEAD},start,end{LINE},1,", r"line 2: field `end` is ''; give seconds from the video's"),
        (f"{HEAD},start,end{LINE},-1,2", r"line 2: field `start` is '-1'; give seconds from the v"),
        (f"{HEAD},start,end{LINE},nan,2", r"line 2: field `start` is 'nan'; give seconds"),
        (f"{HEAD},start,end{LINE},2,2", r"line 2: starts at 2 and ends at 2; the end is later"),
        (
            f"{HEAD},id{LINE},x\nb,two,train,x",
            r"line 3: the id 'x' stands for two segments; give e",
        ),
    ],
)
def test_mistakes_name_file_line_and_cure(text, message, tmp_path):
    with pytest.raises(UserError, match=message):
        found(tmp_path, text)


def test_times_in_some_lines_only_are_refused(tmp_path):
    rows = [
        {"video": "a", "caption": "one", "split": "train"},
        {"video": "b", "caption": "two", "split": "train", "start": 0, "end": 1},
    ]
    for lines in (rows, rows[::-1]):
        with pytest.raises(UserError, match=r"line 2: give `start` and `end` in every line, or in"):
            found(tmp_path, "\n".join(map(json.dumps, lines)), "mine.jsonl")
