"""The label file: what is written is read back, folds are cut as said, damage is one line."""

from dataclasses import replace

import pytest
import torch

from data_loader.label.labels import FORMAT, load_labels
from tests import tiny_labels, tiny_run
from util.errors import UserError


def test_classes_come_back(tmp_path) -> None:
    tiny_labels.make(tmp_path)
    labels = load_labels(tmp_path / "labels.pt")
    assert (labels.kind, labels.classes) == ("class", tiny_labels.CLASSES)
    assert labels.order_only == tiny_labels.ORDER_ONLY and labels.folds is None
    assert {name: len(split) for name, split in labels.splits.items()} == tiny_run.VIDEOS
    val = labels.split("val")
    assert val.videos == val.groups == tuple(tiny_labels.videos()[24:32])
    assert val.target.tolist() == [0, 1, 2, 3] * 2 and (val.times, val.values) == ((), ())


def test_values_come_back(tmp_path) -> None:
    tiny_labels.make_values(tmp_path)
    labels = load_labels(tmp_path / "labels.pt")
    train = labels.split("train")
    assert (labels.kind, labels.classes) == ("value", ())
    assert len(train.times) == len(train.values) == len(train) == 24
    assert [len(t) for t in train.times] == [len(v) for v in train.values]
    assert all((times.diff() > 0).all() for times in train.times)


def test_some_rows(tmp_path) -> None:
    tiny_labels.make_values(tmp_path)
    train = load_labels(tmp_path / "labels.pt").split("train")
    some = train.take(torch.tensor([5, 2]).numpy())
    assert some.videos == ("v5", "v2") and torch.equal(some.values[1], train.values[2])


@pytest.mark.parametrize("number", range(5))
def test_folds(tmp_path, number: int) -> None:
    tiny_labels.make(tmp_path, folds=5)
    labels = load_labels(tmp_path / "labels.pt")
    splits = labels.fold(number, 5)
    folds = dict(zip(labels.splits["all"].videos, labels.folds or (), strict=True))
    for name, wanted in (("test", {number}), ("val", {(number + 1) % 5})):
        assert {folds[video] for video in splits[name].videos} == wanted
    assert {folds[v] for v in splits["train"].videos} == set(range(5)) - {number, (number + 1) % 5}
    assert sum(map(len, splits.values())) == len(folds)
    assert sorted(splits) == ["test", "train", "val"] and splits["val"].name == "val"


def test_what_a_file_does_not_have(tmp_path) -> None:
    tiny_labels.make(tmp_path, folds=5)
    folds = load_labels(tmp_path / "labels.pt")
    tiny_labels.make(tmp_path)
    splits = load_labels(tmp_path / "labels.pt")
    for call, said in (
        (lambda: folds.split("train"), "has 5 folds, not splits; say which of them is tested on"),
        (lambda: folds.fold(5), "--fold 5: .* has 5 folds, 0 to 4"),
        (lambda: folds.fold(0, 4), "--fold 0 of 4: .* has 5 folds"),
        (lambda: replace(folds, folds=tuple(f % 2 for f in folds.folds or ())).fold(0), "2 folds"),
        (lambda: splits.fold(0), "has splits .train, val, test., not folds"),
        (lambda: splits.split("dev", "--split"), "--split dev: .* has no split dev; it has train"),
    ):
        with pytest.raises(UserError, match=said):
            call()


def test_a_group_in_two_folds_is_refused(tmp_path) -> None:
    tiny_labels.make(tmp_path, folds=5)
    labels = load_labels(tmp_path / "labels.pt")
    whole = labels.splits["all"]
    groups = ("one", *whole.groups[1:4], "one", *whole.groups[5:])  # folds 0 and 1
    leaky = replace(labels, splits={"all": replace(whole, groups=groups)})
    with pytest.raises(UserError, match=r"group 'one' is in two folds \(val and test of --fold 0"):
        leaky.fold(0)
    assert leaky.fold(2), "both are trained on"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.update(format=FORMAT + 1), "label file of format 2, this code reads"),
        (lambda state: state.update(kind="captions"), "a torch file, but not a label file"),
        (lambda state: state.pop("classes"), "damaged label file: classes is missing"),
        (lambda state: state["splits"]["val"]["video"].pop(), "split val: id has 8 rows, not 7"),
        (lambda state: state["splits"]["val"]["target"].add_(3), "target has a value outside"),
        (lambda state: state.update(order_only=["blue"]), "order_only has 'blue'"),
        (lambda state: state["splits"]["val"].update(video=["a"] * 8), "video has 1 rows, not 8"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, change, said: str) -> None:
    tiny_labels.make(tmp_path)
    path = tmp_path / "labels.pt"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(UserError, match=said) as refused:
        load_labels(path)
    assert str(refused.value).startswith(str(path)) and "\n" not in str(refused.value)
    path.write_text("no file of torch's")
    with pytest.raises(UserError, match="not a label file"):
        load_labels(path)
    with pytest.raises(UserError, match="no such label file; make it with"):
        load_labels(tmp_path / "absent.pt")
