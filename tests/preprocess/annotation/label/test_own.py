"""One's own labels: a table of a class a line, or of a moment a line."""

import json
from pathlib import Path

import pytest

from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.own import read
from preprocess.annotation.label.row import LabelAnnotations
from util.errors import UserError


def found(folder: Path, text: str, name: str = "mine.csv", **options) -> LabelAnnotations:
    (folder / name).write_text(text, encoding="utf-8")
    return read(
        LabelOptions(dataset="own", annotations=str(folder / name), check=True, **options)
    )  # fmt: skip


def test_classes_in_splits(tmp_path) -> None:
    text = (
        'video,label,split,mood\ncat.mp4,"sits, asleep",train,x\n\ndog.MKV,läuft,test,\n'
        "eel,1,val,y\n"
    )
    of = found(tmp_path, text)
    assert (of.kind, of.folds) == ("class", None)
    rows = {
        name: [(r.id, r.video, r.group, r.label) for r in of.splits[name]] for name in of.splits
    }
    assert rows == {
        "train": [("cat", "cat", "cat", "sits, asleep")],
        "val": [("eel", "eel", "eel", "1")],
        "test": [("dog", "dog", "dog", "läuft")],
    }
    assert [r.where for r in of.splits["test"]] == ["mine.csv, line 4"]


def test_folds_and_groups(tmp_path) -> None:
    of = found(tmp_path, "video,label,group,fold\na,x,g,2\nb,y,h,10\nc,x,g,2\nd,y,i,1\n")
    assert [*of.splits] == ["all"] and [r.group for r in of.splits["all"]] == ["g", "h", "g", "i"]
    assert of.folds == (1, 2, 1, 0) and of.notes == ("the folds 1, 2, 10 are --fold 0 to 2",)
    plain = found(tmp_path, "video,label,fold\na,x,0\nb,y,1\nc,x,2\n")
    assert plain.folds == (0, 1, 2) and plain.notes == ()


def test_a_pattern_finds_groups(tmp_path) -> None:
    text = "video,label\nwalk_s01_a,walk\nwalk_s02_a,walk\nrun_s01_b,run\n"
    of = found(tmp_path, text, group_pattern="_(s[0-9]+)_")
    assert [row.group for row in of.splits["all"]] == ["s01", "s02", "s01"]
    with pytest.raises(UserError, match="finds nothing in the name 'walk_s01_a'"):
        found(tmp_path, text, group_pattern="(t)")


def test_values_over_time(tmp_path) -> None:
    text = "video,time,value,split\nb.mp4,0.5,-3,train\na,0,1,val\nb,0,1e1,train\nb,0.25,2,train\n"
    of = found(tmp_path, text)
    (row,) = of.splits["train"]
    assert of.kind == "value" and (row.video, row.label) == ("b", "")
    assert (row.times, row.values) == ((0, 0.25, 0.5), (10, 2, -3))
    (val,) = of.splits["val"]
    assert (val.times, val.values) == ((0,), (1,))


def test_json_lines_say_the_same_as_csv(tmp_path) -> None:
    rows = [
        {"video": 12, "label": 3, "split": "train"},
        {"video": "a", "label": "x", "split": "val"},
    ]
    of = found(tmp_path, "\n".join(map(json.dumps, rows)), "mine.jsonl")
    assert [(r.video, r.label) for r in of.splits["train"]] == [("12", "3")]
    rows = [{"video": "a", "time": 0, "value": -1.5}, {"video": "a", "time": 0.5, "value": 2}]
    of = found(tmp_path, "\n".join(map(json.dumps, rows)), "mine.jsonl")
    assert of.splits["all"][0].values == (-1.5, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mine.csv"),
        ("video,label\n", "no labels; give each a line"),
        ("video\na\n", "no `label`; give `video` and `label`"),
        ("video,time\na,1\n", "no `label`"),
        ("video,label,time,value\na,x,0,1\n", "both `label`, and `time` and `value`"),
        ("label,split\nx,train\n", "line 1: no column video"),
        ("video,label\na,x\nb,\n", "line 3: field `label` is empty; give text"),
        ("video,label\na,x\na.mp4,y\n", "line 3: video 'a.mp4' is in line 2 too; give each one"),
        ("video,label\na.avi,x\na.mp4,y\n", "a.avi and a.mp4 would both be a; rename one"),
        ("video,label\nclips/a,x\n", "line 2: field `video` is a path"),
        ("video,label,split\na,x,dev\n", "line 2: field `split` is 'dev'; give train, val or test"),
        ("video,label,split,fold\na,x,train,1\n", "columns `split` and `fold`"),
        ("video,label,fold\na,x,\n", "line 2: field `fold` is empty"),
        ("video,label,group\na,x,\n", "line 2: field `group` is empty"),
        ("video,time,value\na,-1,0\n", "line 2: field `time` is '-1'; give seconds"),
        ("video,time,value\na,0,inf\n", "line 2: field `value` is 'inf'; give a finite number"),
        ("video,time,value\na,0,nan\n", "line 2: field `value` is 'nan'"),
        ("video,time,value\na,0,left\n", "line 2: field `value` is 'left'"),
        ("video,time,value\na,1,0\na,0,1\na,1.0,2\n", "line 4: the moment 1 s .* is in line 2 too"),
        ("video,time,value,split\na,0,0,train\na,1,0,val\n", "line 3: `split` of video 'a'"),
        ("video,time,value,group\na,0,0,g\na,1,0,h\n", "line 3: `group` of video 'a' is 'h', in"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(tmp_path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        found(tmp_path, text)
    assert "mine.csv" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"video": "a", "label": True}], "line 1: field `label` is True"),
        ([{"video": "a", "label": ["x"]}], "line 1: field `label` is .'x'."),
        ([{"video": "a", "time": 0, "value": None}], "line 1: field `value` is None"),
        ([{"video": "a", "time": 0, "value": 1}, {"video": "b", "label": "x"}], "2: has a"),
        ([{"video": "a", "label": "x"}, {"video": "b", "label": "x", "fold": 1}], "line 2: has a"),
        ([{"video": "a", "label": "x", "group": "g"}, {"video": "b", "label": "x"}], "has no"),
    ],
)  # fmt: skip
def test_json_lines_that_do_not_fit(tmp_path, rows, said: str) -> None:
    with pytest.raises(UserError, match=said):
        found(tmp_path, "\n".join(map(json.dumps, rows)), "mine.jsonl")


def test_one_source_of_groups(tmp_path) -> None:
    with pytest.raises(UserError, match="has a column `group`; leave out one"):
        found(tmp_path, "video,label,group\na,x,g\n", group_pattern="(a)")
