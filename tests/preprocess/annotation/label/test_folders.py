"""Videos that their place or their name labels: class folders, MSR DailyActivity3D."""

from pathlib import Path

import pytest

from options.preprocess.labels import LabelOptions
from preprocess.annotation.label.dataset import read_labels
from preprocess.annotation.label.msr_daily import ACTIVITIES
from preprocess.annotation.label.row import LabelAnnotations
from preprocess.annotation.label.splits import Cut, cut
from util.errors import UserError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def options(folder: Path, dataset: str, **given) -> LabelOptions:
    return LabelOptions(dataset=dataset, annotations=str(folder), check=True, **given)


def found(folder: Path, **given) -> LabelAnnotations:
    return read_labels(options(folder, "folder", **given))


def rows(of: LabelAnnotations, split: str) -> list[tuple[str, str]]:
    return [(row.video, row.label) for row in of.splits[split]]


def test_a_folder_a_class(tmp_path) -> None:
    touch(tmp_path, "walk/2.mp4", "walk/1.avi", "run/deep/3.MOV", "run/note.txt", ".git/4.mp4")
    touch(tmp_path, "read me.txt", "empty/.hidden.mp4")
    of = found(tmp_path)
    assert rows(of, "all") == [("3", "run"), ("1", "walk"), ("2", "walk")] and of.folds is None
    assert of.notes == (f"{tmp_path / 'empty'} has no videos",)
    assert of.splits["all"][0].id == "run/deep/3.MOV"


def test_split_folders(tmp_path) -> None:
    touch(tmp_path, "train/walk/1.mp4", "train/run/2.mp4", "valid/run/3.mp4", "test/walk/4.mp4")
    of = found(tmp_path)
    assert rows(of, "train") == [("2", "run"), ("1", "walk")]
    assert rows(of, "val") == [("3", "run")] and rows(of, "test") == [("4", "walk")]


def test_groups_of_names(tmp_path) -> None:
    touch(tmp_path, *(f"{c}/{c}_s{s}_{i}.mp4" for c in "ab" for s in range(6) for i in range(2)))
    made = cut(found(tmp_path, group_pattern="_(s.)_"), options(tmp_path, "folder"))
    groups = {name: {row.group for row in some} for name, some in made.found.splits.items()}
    assert sum(map(len, groups.values())) == 6 == len(set.union(*groups.values()))
    folds = options(tmp_path, "folder", folds=3, group_pattern="_(s.)_")
    assert len(cut(read_labels(folds), folds).found.folds or ()) == 24


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "has no folders in it; --annotations is a folder with a folder for each class"),
        (("1.mp4",), "has no folders in it"),
        (("walk/a.txt",), "no videos in its folders"),
        (("walk/1.mp4", "run/1.avi"), "both would be the video '1'; rename one"),
        (("train/walk/1.mp4", "run/2.mp4"), "has train/ and run/ side by side"),
        (("train/1.mp4",), "train: has no folders in it"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, names, said: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(UserError, match=said) as refused:
        found(tmp_path)
    assert str(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.fixture
def daily(tmp_path) -> Path:
    touch(
        tmp_path,
        *(
            f"a{a:02d}_s{s:02d}_e{e:02d}_{kind}"
            for a in range(1, 17) for s in range(1, 11) for e in (1, 2)
            for kind in ("rgb.avi", "depth.bin", "skeleton.txt")
        ),
    )  # fmt: skip
    return tmp_path


def cut_daily(folder: Path, **given) -> Cut:
    how = options(folder, "msr_daily", **given)
    return cut(read_labels(how), how)


def subjects(made: Cut) -> dict[str, set[int]]:
    return {name: {int(r.group[1:]) for r in some} for name, some in made.found.splits.items()}


def test_daily_activities_across_subjects(daily) -> None:
    made = cut_daily(daily)
    of = subjects(made)
    assert of["test"] == {2, 4, 6, 8, 10} and len(of["val"]) == 1
    assert of["val"] | of["train"] == {1, 3, 5, 7, 9}
    assert {name: len(some) for name, some in made.found.splits.items()} == {
        "train": 128, "val": 32, "test": 160,
    }  # fmt: skip
    assert made.found.classes == ACTIVITIES and made.found.version == "cross_subject"
    first = made.found.splits["test"][0]
    assert (first.video, first.label, first.group) == ("a01_s02_e01_rgb", "drink", "s02")
    assert subjects(cut_daily(daily, protocol="half"))["test"] == {6, 7, 8, 9, 10}


def test_daily_activities_at_random(daily) -> None:
    made = cut_daily(daily, protocol="seed_random_split")
    sizes = {name: len(some) for name, some in made.found.splits.items()}
    assert sizes == {"train": 224, "val": 32, "test": 64}
    assert made.found.version == "seed_random_split, seed 42"
    assert any("group 's" in note and "never seen" in note for note in made.notes)
    test = {r.id for r in made.found.splits["test"]}
    assert test == {r.id for r in cut_daily(daily, protocol="seed_random_split", seed=42)
                    .found.splits["test"]}  # fmt: skip
    other = cut_daily(daily, protocol="seed_random_split", seed=1)
    assert test != {r.id for r in other.found.splits["test"]}


def test_daily_activities_in_folds_of_subjects(daily) -> None:
    made = cut_daily(daily, folds=5)
    by_fold: dict[int, set[str]] = {}
    for row, fold in zip(made.found.splits["all"], made.found.folds or (), strict=True):
        by_fold.setdefault(fold, set()).add(row.group)
    assert sorted(map(len, by_fold.values())) == [2] * 5
    assert len(set.union(*by_fold.values())) == 10


def test_daily_activities_that_are_not_there(tmp_path) -> None:
    with pytest.raises(UserError, match=r"no videos aXX_sYY_eZZ_rgb\.avi in it"):
        cut_daily(tmp_path)
    touch(tmp_path, "a17_s01_e01_rgb.avi")
    with pytest.raises(UserError, match="there is no activity 17; they are a01 to a16"):
        cut_daily(tmp_path)
