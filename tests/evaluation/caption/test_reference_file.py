"""References of the forms that others have, and of the caption file."""

import json
from pathlib import Path

import pytest
import torch

from data_loader.caption.captions import (
    SPECIAL,
    CaptionSplit,
    CaptionVocabulary,
    load_captions,
    save_captions,
)
from evaluation.caption.reference_file import check_split_ids, read_references
from util.errors import UserError


def write(folder: Path, content: object, name: str = "refs.json") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def caption_file(path: Path, *, split_ids: str = "caption") -> str:
    """Two training clips and one of test, of one word each."""

    def split(name: str, videos: tuple[str, ...], texts: tuple[str, ...]) -> CaptionSplit:
        segment = torch.arange(len(texts)) * len(videos) // len(texts)
        ones = torch.ones(len(texts), dtype=torch.int64)
        return CaptionSplit(
            name=name, ids=videos, videos=videos, times=None, segment=segment, texts=texts,
            words=ones * 4, length=ones,
        )  # fmt: skip

    save_captions(
        path, dataset="msvd", split_ids=split_ids, word_vectors=None, word_vectors_source="",
        vocabulary=CaptionVocabulary(words=(*SPECIAL, "a")),
        splits={
            "train": split("train", ("vid1", "vid2"), ("a cat", "a cat", "a dog", "the dog")),
            "test": split("test", ("vid3",), ("a bird", "birds")),
        },
    )  # fmt: skip
    return str(path)


def test_a_caption_file_knows_split_and_training(tmp_path) -> None:
    path = caption_file(tmp_path / "captions.pt")
    found = read_references([path], None, None)
    assert (found.name, found.ids, found.videos) == ("test (caption ids)", ("vid3",), ("vid3",))
    assert found.captions == (("a bird", "birds"),)
    assert found.training == (("a cat", "a cat"), ("a dog", "the dog"))
    assert read_references([path], "train", None).captions == found.training
    plain = read_references([caption_file(tmp_path / "own.pt", split_ids="")], "test", None)
    assert plain.name == "test"
    with pytest.raises(UserError, match=r"--split dev: .* has no split dev"):
        read_references([path], "dev", None)
    with pytest.raises(UserError, match="has the training captions; leave it out"):
        read_references([path], None, path)


def test_a_run_of_one_splitting_is_not_scored_on_another(tmp_path) -> None:
    file = load_captions(caption_file(tmp_path / "qa.pt", split_ids="qa"))
    check_split_ids(file, dataset="msvd", split_ids="qa", run="r")
    with pytest.raises(UserError, match=r"qa\.pt: msvd, split by qa ids, and r was .* caption ids"):
        check_split_ids(file, dataset="msvd", split_ids="caption", run="r")
    with pytest.raises(UserError, match="tested here"):
        check_split_ids(file, dataset="own", split_ids="qa", run="r")


def test_coco_msrvtt_and_plain_objects(tmp_path) -> None:
    coco = {
        "images": [{"id": 1}, {"id": 2}],
        "annotations": [
            {"image_id": i, "id": n, "caption": text}
            for n, (i, text) in enumerate([(1, "a cat"), (2, "a dog"), (1, "cats")])
        ],
    }
    found = read_references([write(tmp_path, coco)], None, None)
    assert (found.name, found.ids) == ("refs.json", ("1", "2"))
    assert found.captions == (("a cat", "cats"), ("a dog",)) and found.training is None

    msrvtt = {
        "videos": [{"video_id": f"video{i}", "split": s}
                   for i, s in enumerate(["train", "validate", "test"])],
        "sentences": [{"video_id": f"video{i}", "caption": f"c {i} {n}", "sen_id": n}
                      for n in range(2) for i in range(3)],
    }  # fmt: skip
    path = write(tmp_path, msrvtt)
    found = read_references([path], None, None)
    assert (found.name, found.ids, found.captions) == ("test", ("video2",), (("c 2 0", "c 2 1"),))
    assert found.training == (("c 0 0", "c 0 1"),)
    assert read_references([path], "val", None).ids == ("video1",)
    with pytest.raises(UserError, match=r"--split dev: .* has test, train, validate; name one"):
        read_references([path], "dev", None)

    plain = {"a": ["x", "y"], "b": [{"caption": "z"}], "c": "w"}
    found = read_references([write(tmp_path, plain)], None, write(tmp_path, {"t": "q"}, "t.json"))
    assert found.captions == (("x", "y"), ("z",), ("w",)) and found.training == (("q",),)
    with pytest.raises(UserError, match=r"--split val: .*refs\.json has no splits; leave it out"):
        read_references([write(tmp_path, plain)], "val", None)


def test_events_are_segments_of_their_videos(tmp_path) -> None:
    events = {"v_1": {"timestamps": [[0, 1], [1, 2]], "sentences": ["a", "b"]},
              "v_2": {"timestamps": [[0, 1]], "sentences": ["c"]}}  # fmt: skip
    found = read_references([write(tmp_path, events)], None, None)
    assert found.ids == ("v_1#0", "v_1#1", "v_2#0")  # as in a caption file
    assert found.videos == ("v_1", "v_1", "v_2") and found.captions == (("a",), ("b",), ("c",))


def test_text_files_have_a_reference_each(tmp_path) -> None:
    one = write(tmp_path, "a cat\na dog\n", "ref1.txt")
    two = write(tmp_path, "cats\ndogs", "ref2.txt")
    found = read_references([one, two], None, None)
    assert found.name == "ref1.txt ref2.txt" and found.ids == ("1", "2")
    assert found.captions == (("a cat", "cats"), ("a dog", "dogs"))
    three = write(tmp_path, "a\nb\nc", "ref3.txt")
    with pytest.raises(UserError, match=r"ref3\.txt: 3 lines, .*ref1\.txt has 2; every file"):
        read_references([one, three], None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1, column 2: not JSON"),
        ([1], r"holds \[1\]; references are"),
        ({"a": []}, "'a' has no reference; take it out"),
        ({"a": [" . "]}, "'a' has a reference without a word, ' . '; take it out"),
        ({"a": [3]}, "id 'a': the caption is 3"),
        ({"images": [{"id": 5}], "annotations": [{"image_id": 1, "caption": "a"}]},
         "image '5' has no annotation"),
        ({"images": [], "annotations": [{"caption": "a"}]}, "caption 0, .* lacks `image_id`"),
        ({"images": [], "annotations": []}, "no segment in refs.json"),
        ({"v": {"sentences": "ab"}}, "video 'v': its `sentences` are no list"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(content, message: str, tmp_path) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_references([write(tmp_path, content)], None, None)
    assert "refs.json" in str(error.value) and "\n" not in str(error.value)


def test_several_files_are_text_or_events(tmp_path) -> None:
    with pytest.raises(UserError, match="several files are of --protocol activitynet, or text"):
        read_references(["a.json", "b.json"], None, None)
