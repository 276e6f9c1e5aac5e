"""Published lists: Kinetics-400, UCF101 and HMDB51, as they are and damaged."""

from pathlib import Path

import pytest

from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.dataset import read_labels
from preprocess.annotation.label.row import LabelAnnotations
from preprocess.annotation.label.splits import cut
from util.errors import UserError

HEADER = "label,youtube_id,time_start,time_end,split"
KINETICS = {
    "train.csv": f'{HEADER}\ntesting apple,---QUuC4vJs,84,94,train\n"juggling, fire",_4YTwq0-73Y,'
    "44,54,train\nabseiling,abc_def-h_1,0,10,train\n",
    "validate.csv": f"{HEADER},is_cc\nabseiling,0wR5jVB-WPk,417,427,validate,0\n",
    "test.csv": "youtube_id,time_start,time_end,split\n--07WQ2iBlw,1,11,test\n",
}
MMACTION = {
    "kinetics400_train_list_videos.txt": "abseiling/_4YTwq0-73Y_000044_000054.mp4 0\n"
    "air drumming/a b_000001_000011.mp4 1\n",
    "kinetics400_val_list_videos.txt": "air drumming/x.mp4 1\n",
}
UCF = {
    "classInd.txt": "1 ApplyEyeMakeup\n2 YoYo\n",
    **{
        f"trainlist0{k}.txt": "".join(
            f"{c}/v_{c}_g{g:02d}_c{i:02d}.avi {n}\n"
            for n, c in ((1, "ApplyEyeMakeup"), (2, "YoYo")) for g in range(8, 20)
            for i in range(1, k + 1)
        )
        for k in (1, 2)
    },
    "testlist01.txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\nYoYo/v_YoYo_g02_c03.avi\n",
    "testlist02.txt": "YoYo/v_YoYo_g03_c03.avi\n",
}  # fmt: skip
HMDB = {
    "brush_hair_test_split1.txt": "".join(
        f"Film{i}_brush_hair_u_nm_np1_ba_goo_{j}.avi {1 + (i == 11)} \n"
        for i in range(12) for j in range(2)
    ) + "unused_brush_hair_f_cm_np2_le_bad_0.avi 0\n",
    "wave_test_split1.txt": "a_b_wave_f_cm_np1_fr_med_0.avi 2\nc_wave_f_cm_np1_fr_med_0.avi 1\n",
    "wave_test_split2.txt": "a_b_wave_f_cm_np1_fr_med_0.avi 1\n",
}  # fmt: skip


def found(folder: Path, dataset: str, files: dict[str, str], **options) -> LabelAnnotations:
    for name, text in files.items():
        (folder / name).write_text(text)
    return read_labels(
        LabelOptions(dataset=dataset, annotations=str(folder), check=True, **options)
    )  # fmt: skip


def rows(of: LabelAnnotations, split: str) -> list[tuple[str, str, str]]:
    return [(row.video, row.group, row.label) for row in of.splits[split]]


def test_the_official_lists_of_kinetics(tmp_path) -> None:
    of = found(tmp_path, "kinetics", KINETICS)
    assert rows(of, "train") == [
        ("---QUuC4vJs_000084_000094", "---QUuC4vJs", "testing apple"),
        ("_4YTwq0-73Y_000044_000054", "_4YTwq0-73Y", "juggling, fire"),
        ("abc_def-h_1_000000_000010", "abc_def-h_1", "abseiling"),
    ]
    assert rows(of, "val") == [("0wR5jVB-WPk_000417_000427", "0wR5jVB-WPk", "abseiling")]
    assert [*of.splits] == ["train", "val"], "a list without labels is left out"
    assert of.notes == ("test.csv: 1 clips without a label are left out",)


def test_lists_of_kinetics_as_mmaction_has_them(tmp_path) -> None:
    of = found(tmp_path, "kinetics", MMACTION)
    assert rows(of, "train") == [
        ("_4YTwq0-73Y_000044_000054", "_4YTwq0-73Y", "abseiling"),
        ("a b_000001_000011", "a b", "air drumming"),
    ]
    assert rows(of, "val") == [("x", "x", "air drumming")]
    assert of.classes == ("abseiling", "air drumming")
    named = found(tmp_path, "kinetics", {"label_map_k400.txt": "zero\none\ntwo\n"})
    assert named.classes == ("zero", "one", "two") and rows(named, "val")[0][2] == "one"
    flat = {name: text.replace("abseiling/", "").replace("air drumming/", "") for name, text in
            MMACTION.items()}  # fmt: skip
    (tmp_path / "label_map_k400.txt").unlink()
    assert found(tmp_path, "kinetics", flat).classes == ("0", "1")


def test_the_lists_of_ucf101(tmp_path) -> None:
    of = found(tmp_path, "ucf101", UCF)
    assert of.version == "list 1" and of.classes == ("ApplyEyeMakeup", "YoYo")
    assert rows(of, "train")[0] == (
        "v_ApplyEyeMakeup_g08_c01", "ApplyEyeMakeup_g08", "ApplyEyeMakeup",
    )  # fmt: skip
    assert rows(of, "test") == [
        ("v_ApplyEyeMakeup_g01_c01", "ApplyEyeMakeup_g01", "ApplyEyeMakeup"),
        ("v_YoYo_g02_c03", "YoYo_g02", "YoYo"),
    ]
    second = found(tmp_path, "ucf101", {}, list="2")
    assert len(second.splits["train"]) == 48 and rows(second, "test")[0][0] == "v_YoYo_g03_c03"
    options = LabelOptions(dataset="ucf101", annotations=str(tmp_path), list="2", check=True)
    splits = cut(second, options).found.splits
    groups = {name: {row.group for row in some} for name, some in splits.items()}
    assert {row.label for row in splits["val"]} == {*of.classes}, "each class is validated on"
    assert 2 <= len(groups["val"]) <= 4 and not groups["val"] & groups["train"]


def test_the_files_of_hmdb51(tmp_path) -> None:
    of = found(tmp_path, "hmdb51", HMDB)
    assert of.classes == ("brush_hair", "wave") and of.version == "list 1"
    assert rows(of, "train")[0] == ("Film0_brush_hair_u_nm_np1_ba_goo_0", "Film0", "brush_hair")
    assert [row[0] for row in rows(of, "test")] == [
        "Film11_brush_hair_u_nm_np1_ba_goo_0", "Film11_brush_hair_u_nm_np1_ba_goo_1",
        "a_b_wave_f_cm_np1_fr_med_0",
    ]  # fmt: skip
    assert rows(of, "test")[-1][1:] == ("a_b", "wave")
    assert of.notes == ("1 videos are in neither split and left out",)
    assert found(tmp_path, "hmdb51", {}, list="2").classes == ("wave",)
    whole = found(tmp_path, "hmdb51", {}, folds=3)
    assert sum(map(len, whole.splits.values())) == 27 and not whole.notes


def test_a_group_in_two_official_splits_is_said(tmp_path) -> None:
    files = {**UCF, "testlist01.txt": "YoYo/v_YoYo_g08_c07.avi\n"}
    options = LabelOptions(dataset="ucf101", annotations=str(tmp_path), check=True)
    notes = cut(found(tmp_path, "ucf101", files), options).notes
    assert any(
        "group 'YoYo_g08' is in" in note and "the lists have it so" in note for note in notes
    )


@pytest.mark.parametrize(
    ("dataset", "name", "text", "said"),
    [
        ("kinetics", "train.csv", "label,youtube_id\nx,y\n", "line 1: no column time_start"),
        ("kinetics", "train.csv", f"{HEADER}\nx,abc,one,2,train\n", "line 2: time_start 'one'"),
        ("kinetics", "train.csv", f"{HEADER}\nx,abc,-1,2,train\n", "line 2: time_start '-1'"),
        ("kinetics", "train.csv", f"{HEADER}\nx,,1,2,train\n", "line 2: youtube_id is ''"),
        ("kinetics", "train.csv", f"{HEADER}\nx,../a,1,2,train\n", "line 2: youtube_id is '../a'"),
        ("kinetics", "train.csv", f"{HEADER}\nx,a,1,2,t\ny,a,1,2,t\n", "train.csv, line 3: video"),
        ("kinetics", "train.csv", HEADER, "no labels; give each video one"),
        ("kinetics", "train.txt", "a.mp4\n", "line 1: 'a.mp4' is not `<folder>/<file> <number"),
        ("kinetics", "train.txt", "a.mp4 9999999999\n", "line 1: .* is not `<folder>/<file>"),
        ("kinetics", "val.csv", f"{HEADER}\n", "has no list of train"),
        ("ucf101", "classInd.txt", "one ApplyEyeMakeup\n", "classInd.txt, line 1: .* `<number>"),
        ("ucf101", "classInd.txt", "", "classInd.txt: no classes"),
        ("ucf101", "trainlist01.txt", "v_YoYo_g01_c01.avi 2\n", "trainlist01.txt, line 1: 'v_YoYo"),
        ("ucf101", "trainlist01.txt", "YoYo/v.avi 1\n", "line 1: number 1 for YoYo, which is 2"),
        ("ucf101", "testlist01.txt", None, "testlist01.txt: not there"),
        ("hmdb51", "wave_test_split1.txt", "a.avi 3\n", "wave_test_split1.txt, line 1: 'a.avi 3'"),
        ("hmdb51", "wave_test_split1.txt", "a.avi\n", "line 1: 'a.avi' is not `<file> <number>`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(tmp_path, dataset: str, name: str, text, said: str) -> None:
    files = {"kinetics": {}, "ucf101": UCF, "hmdb51": HMDB}[dataset] | {name: text or ""}
    if text is None:
        files.pop(name)
    with pytest.raises(UserError, match=said) as refused:
        found(tmp_path, dataset, files)
    assert str(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


def test_two_lists_of_one_split(tmp_path) -> None:
    with pytest.raises(UserError, match=r"val_a\.csv and validate\.csv are both of val; keep one"):
        found(tmp_path, "kinetics", {**KINETICS, "val_a.csv": HEADER})


@pytest.mark.parametrize("dataset", ["kinetics", "hmdb51", "ucf101"])
def test_a_folder_that_is_not_there(tmp_path, dataset: str) -> None:
    options = LabelOptions(dataset=dataset, annotations=str(tmp_path / "absent"), check=True)
    with pytest.raises(UserError, match=r"absent.*--annotations is the folder"):
        read_labels(options)
