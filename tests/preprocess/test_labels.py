"""`python -m preprocess.labels`: from annotations to a file that is read back."""

import numpy as np
import pytest

from data_loader.label.labels import load_labels
from data_loader.store.features import VideoFeatures, write_store
from preprocess.labels import main
from tests import tiny_run
from util.errors import UserError


def table(folder, count: int = 20) -> str:
    lines = [f"v{i},{('walk', 'run')[i % 2]},s{i // 2}" for i in range(count)]
    (folder / "mine.csv").write_text("\n".join(["video,label,group", *lines]))
    return str(folder / "mine.csv")


def store(folder, ids) -> str:
    features = np.zeros((1, 1, 4), "f2")
    path = folder / "some.h5"
    write_store(path, [VideoFeatures(v, features, 9) for v in ids], tiny_run.provenance(width=4))
    return str(path)


def test_a_table_becomes_a_file(tmp_path, capsys) -> None:
    flags = ["--dataset", "own", "--annotations", table(tmp_path)]
    assert main([*flags, "--output", str(tmp_path / "labels.pt")]) == 0
    said = capsys.readouterr().out
    assert "train        14" in said and "NOTE: train, val and test were drawn (seed 0)" in said
    labels = load_labels(tmp_path / "labels.pt")
    assert labels.classes == ("run", "walk") and labels.dataset == "own"
    for split in labels.splits.values():
        of = dict(zip(split.videos, split.target.tolist(), strict=True))
        assert all(of[v] == 1 - int(v[1:]) % 2 for v in of)
        assert split.groups == tuple(f"s{int(v[1:]) // 2}" for v in of)


def test_only_videos_of_stores(tmp_path, capsys) -> None:
    flags = ["--dataset", "own", "--annotations", table(tmp_path), "--folds", "5"]
    flags += ["--output", str(tmp_path / "labels.pt")]
    main([*flags, "--videos_in", store(tmp_path, [f"v{i}" for i in range(14)])])
    assert "the annotations: 14 of 20" in capsys.readouterr().out
    labels = load_labels(tmp_path / "labels.pt")
    assert labels.folds is not None and len(labels.folds) == 14
    main(flags)
    whole = load_labels(tmp_path / "labels.pt")
    folds = dict(zip(whole.splits["all"].videos, whole.folds or (), strict=True))
    assert labels.folds == tuple(folds[v] for v in labels.splits["all"].videos)
    with pytest.raises(UserError, match="hold no video of the annotations"):
        main([*flags, "--videos_in", store(tmp_path, ["x"])])


def test_values_become_a_file(tmp_path, capsys) -> None:
    lines = [f"v{i},{t / 4},{i + t}" for i in range(10) for t in range(3)]
    (tmp_path / "drive.csv").write_text("\n".join(["video,time,value", *lines]))
    flags = ["--dataset", "own", "--annotations", str(tmp_path), "--output", str(tmp_path / "l.pt")]
    main(flags)
    test = load_labels(tmp_path / "l.pt").split("test")
    for video, times, values in zip(test.videos, test.times, test.values, strict=True):
        assert times.tolist() == [0, 0.25, 0.5]
        assert values.tolist() == [int(video[1:]) + t for t in range(3)]
    assert "deviation" in capsys.readouterr().out


def test_the_actions_of_msvd(tmp_path, shared) -> None:
    flags = ["--dataset", "own", "--annotations", str(shared / "data/msvd_actions/labels.csv")]
    flags += ["--id_map", str(shared / "data/msvd_qa/youtube_mapping.txt")]
    main([*flags, "--output", str(tmp_path / "labels.pt")])
    labels = load_labels(tmp_path / "labels.pt")
    assert len(labels.classes) == 8 and labels.fold_count == 5
    tested = [v for i in range(5) for v in labels.fold(i)["test"].videos]
    assert len(tested) == len(set(tested)) == 196 and all(v.isdigit() for v in tested)
    whole = labels.splits["all"]
    assert whole.ids[0] == "-AwoiGR6c8M_10_14" and whole.groups[0] == "-AwoiGR6c8M"


def test_a_name_that_the_map_lacks(tmp_path) -> None:
    (tmp_path / "map.txt").write_text("v0 vid7\n")
    flags = ["--dataset", "own", "--annotations", table(tmp_path), "--check"]
    assert main([*flags, "--id_map", str(tmp_path / "map.txt")]) == 2
    with pytest.raises(UserError, match=r"mine.csv, line 3: the video 'v1' is not in .*19 of 20"):
        main([*flags[:-1], "--id_map", str(tmp_path / "map.txt"), "--output", "x.pt"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--dataset", "imagenet"], "--dataset imagenet: not known; choose from"),
        (["--list", "2"], "--list 2: is for ucf101 and hmdb51; leave it out"),
        (["--protocol", "half"], "--protocol half: is for msr_daily; leave it out"),
        (["--folds", "2"], "--folds 2: .* give at least 3"),
        (["--seed", "-1"], "--seed -1: give 0 or more"),
        (["--group_pattern", "s[0-9]"], "has no parenthesis to say"),
        (["--group_pattern", "("], "no regular expression"),
        (["--videos", "x"], "--videos: only --check looks at video files"),
        (["--dataset", "hmdb51", "--list", "1", "--folds", "3"], "takes the place of the splits"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(tmp_path, flags, said: str) -> None:
    base = ["--dataset", "own", "--annotations", table(tmp_path), "--output", "never.pt"]
    with pytest.raises(UserError, match=said) as refused:
        main([*base, *flags])
    assert "\n" not in str(refused.value)


def test_an_output_that_is_an_input(tmp_path) -> None:
    flags = ["--dataset", "own", "--annotations", table(tmp_path), "--output"]
    with pytest.raises(UserError, match="--annotations"):
        main([*flags, str(tmp_path / "mine.csv")])


def test_check_finds_what_is_wrong(tmp_path, capsys) -> None:
    text = "video,label,split,group\na,walk,train,g\nb,Walk.,train,h\nc,run,val,g\nd,walk,test,i\n"
    (tmp_path / "mine.csv").write_text(text)
    flags = ["--dataset", "own", "--annotations", str(tmp_path / "mine.csv"), "--check"]
    assert main([*flags, "--videos_in", store(tmp_path, ["a", "b", "c", "x"])]) == 2
    said = capsys.readouterr().out
    for line in (
        "PROBLEM  groups in two splits", "train and val  1  g",
        "PROBLEM  labels whose video is not in a store", "1 of 1  none fits",
        "videos without labels",
        "warning  classes not in train", "val  1  'run'",
        "warning  classes that are nearly the same", "'walk' / 'Walk.'",
        "2 problems, 3 warnings; nothing was written",
    ):  # fmt: skip
        assert line in said, line
    (tmp_path / "mine.csv").write_text(text.replace(",g\nd", ",j\nd").replace("run", "walk"))
    assert main(flags) == 0
    assert "0 problems, 1 warning" in capsys.readouterr().out
