"""`python -m preprocess.captions`: what the file holds, the summary, stores, vectors, refusals."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from data_loader.caption.captions import SPECIAL, load_captions
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Provenance, Sampling
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption_dataset import CAPTION_DATASETS
from preprocess.captions import main
from preprocess.shapes.captions import captions as true_captions
from preprocess.shapes.generate import plan
from tests.conftest import ROOT
from tests.hostile_text import texts
from tests.preprocess.test_questions import store
from util.errors import UserError
from util.text import printable
from util.text_metrics.ptb_tokens import tokenize

LINES = """video,caption,split
a.mp4,A dog runs.,train
a.mp4,"the dog, it runs",train
b.mp4,A cat sleeps.,train
c.mp4,a dog sleeps,val
d.mp4,a zebra runs,test
"""


def table(folder: Path, text: str = LINES) -> Path:
    path = folder / "mine.csv"
    path.write_text(text)
    return path


def make(tmp_path: Path, *flags: object, text: str = LINES):
    output = tmp_path / "captions.pt"
    fixed = ("--dataset", "own", "--annotations", table(tmp_path, text), "--output", output)
    assert main([str(flag) for flag in (*fixed, *flags)]) == 0
    return load_captions(output)


def test_captions_are_encoded_in_order_and_words_by_frequency(tmp_path):
    captions = make(tmp_path)
    # a, dog and runs twice, the others once; ties in the order in which they are first seen
    words = ("a", "dog", "runs", "the", "it", "cat", "sleeps")
    assert captions.vocabulary.words == (*SPECIAL, *words)
    train, test = captions.splits["train"], captions.splits["test"]
    assert train.ids == train.videos == ("a", "b") and train.times is None
    assert train.segment.tolist() == [0, 0, 1] and train.length.tolist() == [3, 4, 3]
    assert train.texts == ("A dog runs.", "the dog, it runs", "A cat sleeps.")
    assert captions.vocabulary.decode(train.tokens(1)) == "the dog it runs"
    assert test.words.tolist() == [4, 3, 6]  # a, <UNK>, runs
    assert captions.dataset == "own" and captions.split_ids == ""
    assert captions.word_vectors is None and captions.word_vectors_source == ""


def test_rare_words_are_unknown(tmp_path, capsys):
    captions = make(tmp_path, "--min_count", 2)
    assert captions.vocabulary.words == (*SPECIAL, "a", "dog", "runs")
    assert captions.splits["train"].tokens(1) == [3, 5, 3, 6]
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    # 6 of 10 training tokens are known, and 3 of its 7 words
    assert rows["train"][1:] == ["2", "2", "3", "3", "4", "60.00%", "57.14%"]
    assert rows["val"][1:] == ["1", "1", "1", "3", "3", "66.67%", "33.33%"]
    with pytest.raises(UserError, match="--min_count 9: no word of the training captions comes so"):
        make(tmp_path, "--min_count", 9)


def test_the_same_file_from_another_hash_seed(tmp_path):
    make(tmp_path)
    before = (tmp_path / "captions.pt").read_bytes()
    flags = ["--dataset", "own", "--annotations", table(tmp_path), "--output"]
    command = [sys.executable, "-m", "preprocess.captions", *flags, tmp_path / "captions.pt"]
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, env={"PYTHONHASHSEED": "5"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "captions.pt").read_bytes() == before
    assert "vocabulary: 11 words (7 and <PAD>, <BOS>, <EOS>, <UNK>)" in done.stdout


def test_special_tokens_in_a_caption_are_no_words_of_their_own(tmp_path):
    captions = make(tmp_path, text=LINES.replace("A cat sleeps.", "<EOS> <PAD> <UNK> cat"))
    words = captions.vocabulary.words
    assert len(set(words)) == len(words) and words[:4] == SPECIAL
    assert min(captions.splits["train"].words.tolist()) >= 3


def test_only_segments_of_videos_in_all_stores_are_kept(tmp_path, capsys):
    one, other = store(tmp_path / "x.h5", *"abcd"), store(tmp_path / "y.h5", *"acd")
    captions = make(tmp_path, "--videos_in", one, other)
    assert captions.splits["train"].videos == ("a",)
    assert "cat" not in captions.vocabulary.words
    assert "  train: 1 of 2\n  val: 1 of 1\n  test: 1 of 1\n" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"hold no video of the val split \(annotations have 'c'"):
        make(tmp_path, "--videos_in", store(tmp_path / "z.h5", "a", "b"))


def test_parts_of_videos_need_a_clip_in_their_time(tmp_path, capsys):
    text = "video,caption,split,start,end\n" + "".join(
        f"{video},a dog runs,{split},{start},{end}\n"
        for video, split, start, end in (
            ("a", "train", 0, 1), ("a", "train", 2.5, 3), ("b", "train", 0, 1), ("c", "val", 0, 9),
            ("c", "val", 1, 2),
        )
    )  # fmt: skip
    made = Provenance(backbone="pixels", kind="frame", width=3, sampling=Sampling(0, 1, "rate", 5))
    features = np.zeros((10, 1, 3), np.float32)  # two seconds
    videos = [VideoFeatures(id=name, features=features, frame_count=50) for name in "ac"]
    write_store(tmp_path / "rate.h5", videos, made)
    captions = make(tmp_path, "--videos_in", tmp_path / "rate.h5", text=text)
    assert captions.splits["train"].ids == ("a#0",)
    assert captions.splits["val"].ids == ("c#0", "c#1")
    said = "  train: 1 of 3; 1 more have no clip of their video in their time\n  val: 2 of 2\n"
    assert said in capsys.readouterr().out
    with pytest.raises(UserError, match=r"x.h5: its clips come at no steady rate"):
        make(tmp_path, "--videos_in", store(tmp_path / "x.h5", *"ac"), text=text)


def test_vectors_of_the_words(tmp_path, capsys):
    glove = tmp_path / "glove.txt"
    glove.write_text("dog 1 2\nruns 3 4\nzebra 5 6\n<PAD> 7 8\n")
    captions = make(tmp_path, "--glove", glove)
    vectors = captions.word_vectors
    assert vectors is not None and vectors.shape == (11, 2) and vectors.dtype == torch.float32
    assert vectors[5:7].tolist() == [[1, 2], [3, 4]]
    assert np.flatnonzero(vectors.any(1)).tolist() == [5, 6]
    assert captions.word_vectors_source.startswith("GloVe text glove.txt, sha256 ")
    # dog and runs twice each, of 10
    assert "2 of 7 words (28.6%), 4 of 10 training tokens (40.0%)" in capsys.readouterr().out
    glove.write_text("zebra 5 6\n")
    with pytest.raises(UserError, match=r"glove.txt: has none of the 7 words of the training capt"):
        make(tmp_path, "--glove", glove)


@pytest.mark.parametrize("what", ["--annotations", "--glove", "--videos_in"])
def test_an_output_that_is_an_input_is_refused(what, tmp_path):
    (tmp_path / "glove.txt").write_text("dog 1 2\n")
    given = {
        "--annotations": table(tmp_path),
        "--glove": tmp_path / "glove.txt",
        "--videos_in": store(tmp_path / "a.h5", *"abcd"),
    }[what]
    before = given.read_bytes()
    flags = ["--dataset", "own", "--annotations", table(tmp_path), "--output", given]
    flags += [] if what == "--annotations" else [what, given]
    with pytest.raises(UserError, match=f"--output {given}: is what {what}"):
        main([*map(str, flags)])
    assert given.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LINES.replace("a dog sleeps", "..."), r"mine.csv, line 5: the first of 1 captions of its"),
        (LINES.replace(",val", ",test"), r"split val has no captions; train and val need some"),
        (LINES.replace("d.mp4", "a.mp4"), r"mine.csv, line 6: segment 'a' is in the train split"),
    ],
)
def test_what_cannot_be_a_caption_file_is_refused_before_anything_is_written(
    text, message, tmp_path
):
    with pytest.raises(UserError, match=message):
        make(tmp_path, text=text)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


def test_own_captions_may_lack_a_test_split(tmp_path):
    captions = make(tmp_path, text=LINES.replace(",test", ",val"))
    assert list(captions.splits) == ["train", "val"] and len(captions.splits["val"]) == 2


def test_whatever_people_write_comes_back_as_they_wrote_it(tmp_path, capsys):
    """Of all hostile texts those without a word are refused, the others kept to the letter."""
    table = tmp_path / "mine.jsonl"
    output = tmp_path / "captions.pt"
    flags = ["--dataset", "own", "--annotations", str(table), "--output", str(output)]
    told = [text for text in texts() if tokenize(text)]
    rows = [
        {"video": f"{split}{i}", "caption": text, "split": split}
        for split in ("train", "val")
        for i, text in enumerate(told)
    ]
    table.write_text("\n".join(map(json.dumps, rows)))
    assert main(flags) == 0
    captions = load_captions(output)
    for split in captions.splits.values():
        assert list(split.texts) == told
    printed = capsys.readouterr().out
    assert all(printable(line) == line for line in printed.split("\n"))
    for text in set(texts()) - set(told):
        table.write_text("\n".join(map(json.dumps, [*rows, rows[0] | {"caption": text}])))
        with pytest.raises(UserError, match=f"line {len(rows) + 1}: |without a word"):
            main(flags)


def test_long_captions_are_said(tmp_path, capsys):
    make(tmp_path, text=LINES.replace("A cat", "A cat" + " and a cat" * 20))
    assert "NOTE: 1 very long captions in train (median 4 words; mine.csv, line 4: 63 words)" in (
        capsys.readouterr().out
    )


def test_the_generated_data_set(tmp_path):
    # Without its videos, which take seconds: captions need none.
    from preprocess.shapes import generate

    counts = dict.fromkeys(("train", "val", "test"), 60)
    scenes, _ = plan(counts, seed=0)
    first = generate.first_ids(counts)
    for split in counts:
        generate.write_captions(tmp_path / f"{split}_captions.json", scenes[split], first[split])
    output = tmp_path / "captions.pt"
    flags = ["--dataset", "shapes", "--annotations", tmp_path, "--output", output]
    assert main([*map(str, flags)]) == 0
    test = load_captions(output).split("test")
    assert test.videos == tuple(str(i) for i in range(121, 181))
    assert [list(test.references(i)) for i in range(60)] == [
        true_captions(scene) for scene in scenes["test"]
    ]


def test_help_and_docs_name_every_data_set():
    table = (ROOT / "docs/data.md").read_text().partition("## Captions to a caption file")[2]
    for name in CAPTION_DATASETS:
        assert name in (CaptionOptions.__doc__ or "") and f"| `{name}` |" in table


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--dataset own", "--output: not given; name the caption file"),
        ("--dataset own --output c.pt --min_count 0", "--min_count 0: must be at least 1"),
        ("--dataset own --output c.pt --videos v", "--videos: only --check looks at video files"),
        ("--dataset own --output c.pt --split_ids qa", "--split_ids qa: only msvd is cut by numbe"),
        ("--dataset own --output c.pt --id_map m", "--id_map m: turns names of msvd and msrvtt"),
        ("--dataset msrvtt_qa --output c.pt", "--dataset msrvtt_qa: not known; choose from msvd, "),
        ("--dataset msvd --output c.pt", "--id_map: not given; msvd needs youtube_mapping.txt"),
    ],
)
def test_options_that_do_not_fit(flags, message, tmp_path):
    with pytest.raises(UserError, match=message):
        main([*flags.split(), "--annotations", str(table(tmp_path))])
