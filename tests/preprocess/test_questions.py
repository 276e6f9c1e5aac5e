import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from data_loader.questions import load_questions
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Provenance
from preprocess.questions import main
from util.errors import UserError

ROOT = Path(__file__).parent.parent.parent
ITEMS = {
    "train": [
        (1, "1", "What is a dog doing?", "running"),
        (2, "1", "who runs?", "dog"),
        (3, "2", "who is it?", "dog"),
        (4, "2", "where is the very big red cat?", "house"),
    ],
    "val": [(5, "3", "who runs?", "cat"), (6, "3", "who is it?", "dog")],
    "test": [(7, "4", "who sees a zebra?", "running"), (8, "5", "when?", "sunrise")],
}


def annotate(folder: Path, items=ITEMS) -> Path:
    folder.mkdir(exist_ok=True)
    for split, rows in items.items():
        (folder / f"{split}_qa.json").write_text(
            json.dumps(
                [{"id": i, "video_id": v, "question": q, "answer": a} for i, v, q, a in rows]
            )
        )
    return folder


def store(path: Path, *ids: str) -> Path:
    videos = [
        VideoFeatures(id=i, features=np.zeros((2, 1, 3), np.float32), frame_count=4) for i in ids
    ]
    write_store(path, videos, Provenance(backbone="pixels", kind="frame", width=3))
    return path


def make(tmp_path: Path, *flags: object, dataset: str = "msvd_qa", output: Path | None = None):
    annotations = tmp_path / "annotations"
    if not annotations.exists():
        annotate(annotations)
    output = output or tmp_path / "questions.pt"
    fixed = ["--dataset", dataset, "--annotations", annotations, "--output", output]
    if "--word_width" not in flags:
        fixed += ["--word_width", 4]
    assert main([str(flag) for flag in (*fixed, *flags)]) == 0
    return load_questions(output)


def test_questions_are_encoded_padded_and_kept_in_order(tmp_path):
    questions = make(tmp_path)
    vocabulary = questions.vocabulary
    assert vocabulary.words == (
        "<NULL>", "<UNK>", "what", "is", "a", "dog", "doing", "who", "runs", "it", "where", "the",
        "very", "big", "red", "cat",
    )  # fmt: skip
    assert vocabulary.answers == ("<UNK0>", "<UNK1>", "dog", "running", "house")
    train, test = questions.splits["train"], questions.splits["test"]
    assert train.words[:7].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert train.length.tolist() == [5, 2, 3, 7]
    assert {s.longest for s in questions.splits.values()} == {7}  # one width for all
    assert test.words.tolist() == [7, 1, 4, 1, 1]
    assert test.length.tolist() == [4, 1]
    assert test.videos == ("4", "5") and test.ids == (7, 8) and test.types == ("who", "when")
    assert test.texts == ("who sees a zebra?", "when?")
    assert test.answer_texts == ("running", "sunrise")
    for split in questions.splits.values():
        assert split.words.all() and len(split.words) == split.length.sum()


def test_unknown_answers_are_kept_as_class_0_in_training_and_1_elsewhere(tmp_path):
    questions = make(tmp_path, "--top_answers", 2)
    assert questions.vocabulary.answers == ("<UNK0>", "<UNK1>", "dog", "running")
    answers = {name: split.answer.tolist() for name, split in questions.splits.items()}
    assert answers == {"train": [3, 2, 2, 0], "val": [1, 2], "test": [3, 1]}


def test_the_summary_states_counts_coverage_and_files(tmp_path, capsys):
    make(tmp_path)
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows["train"] == ["4", "2", "100.00%", "3", "7"]
    assert rows["val"] == ["2", "1", "50.00%", "2", "3"]
    assert rows["test"] == ["2", "2", "50.00%", "1", "4"]
    assert "16 words; 5 answer classes (3 answers and 2 for unknown ones)" in out
    assert "gensim Word2Vec" in out and "14 of 14 words (100.0%), 17 of 17" in out
    assert str(tmp_path / "questions.pt") in out


def test_rare_words_are_unknown(tmp_path):
    everything = make(tmp_path)
    before = (tmp_path / "questions.pt").read_bytes()
    make(tmp_path, "--min_count", 1)
    assert (tmp_path / "questions.pt").read_bytes() == before
    questions = make(tmp_path, "--min_count", 2)
    assert questions.vocabulary.words == ("<NULL>", "<UNK>", "is", "who")
    assert questions.vocabulary.answers == everything.vocabulary.answers
    assert questions.splits["train"].words[:7].tolist() == [1, 2, 1, 1, 1, 3, 1]
    assert questions.splits["test"].words.tolist() == [3, 1, 1, 1, 1]
    # words of other splits join by their vectors, but not the rare ones of training
    glove = tmp_path / "glove.txt"
    glove.write_text("is 1 2\nruns 3 4\nzebra 5 6\n")
    flags = ("--min_count", 2, "--glove", glove, "--words_from", "union", "--word_width", 2)
    questions = make(tmp_path, *flags)
    assert questions.vocabulary.words == ("<NULL>", "<UNK>", "is", "who", "zebra")
    with pytest.raises(UserError, match="--min_count 0: must be at least 1"):
        make(tmp_path, "--min_count", 0)


def test_questions_that_a_model_can_hardly_use_are_said(tmp_path, capsys):
    long = (9, "1", "what " * 5000 + "?", "dog")
    items = ITEMS | {
        "train": [*ITEMS["train"], long],
        "val": [(5, "3", "他在做什么？", "cat")],
    }
    annotate(tmp_path / "annotations", items)
    questions = make(tmp_path)
    train = questions.splits["train"]
    assert train.length.tolist()[-1] == train.longest == 5000
    size = (tmp_path / "questions.pt").stat().st_size
    assert size < 8 * 5100 + len(long[2]) + 20_000  # a word costs eight bytes, once
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("NOTE")]
    assert lines == [
        "NOTE: 1 very long questions in train (median 5 words; 9 (video 1): 5,000 words): each "
        "batch with one is padded to it; shorten them",
        "NOTE: 1 questions without spaces in val (5 (video 3)): a sentence or a very long word is "
        "one word to the model; put blanks between the words",
    ]


@pytest.mark.parametrize("what", ["--annotations", "--glove", "--videos_in"])
def test_an_output_that_is_an_input_is_refused_before_the_work(what, tmp_path):
    folder = annotate(tmp_path / "annotations")
    glove = tmp_path / "glove.txt"
    glove.write_text("who 1 2\n")
    given = {
        "--annotations": folder / "val_qa.json",
        "--glove": glove,
        "--videos_in": store(tmp_path / "a.h5", "1", "3", "4"),
    }[what]
    link = tmp_path / "link.pt"
    link.symlink_to(given)
    before = given.read_bytes()
    flags = () if what == "--annotations" else (what, given)
    for output in (given, link):
        with pytest.raises(UserError, match=rf"--output {output}: is what {what}.* names; name an"):
            make(tmp_path, "--word_width", 2, *flags, output=output)
    assert given.read_bytes() == before and link.is_symlink()


def test_answer_classes_of_all_splits(tmp_path, capsys):
    from_train = make(tmp_path)
    assert from_train.answers_from == "train" and "NOTE" not in capsys.readouterr().out
    union = make(tmp_path, "--answers_from", "union")
    assert union.answers_from == "union"
    assert "NOTE: --answers_from union took the answer classes from" in capsys.readouterr().out
    # dog 3 times, running 2 times, then as first seen in train, val, test
    assert union.vocabulary.answers[2:] == ("dog", "running", "house", "cat", "sunrise")
    assert union.vocabulary.words == from_train.vocabulary.words  # questions stay unseen
    answers = {name: split.answer.tolist() for name, split in union.splits.items()}
    assert answers == {"train": [3, 2, 2, 4], "val": [5, 2], "test": [3, 6]}
    top = make(tmp_path, "--answers_from", "union", "--top_answers", 2)
    assert top.vocabulary.answers[2:] == ("dog", "running")


def test_a_table_of_ones_own_becomes_a_question_file(tmp_path):
    table = tmp_path / "annotations"
    table.mkdir()
    lines = [f"v{i}.mp4,who runs?,{'dog' if i % 2 else 'cat'}\n" for i in range(10)]
    (table / "qa.csv").write_text("video,question,answer\n" + "".join(lines))
    questions = make(tmp_path, dataset="own")
    assert questions.dataset == "own"
    assert {name: len(split) for name, split in questions.splits.items()} == {
        "train": 7, "val": 1, "test": 2,
    }  # fmt: skip
    assert questions.splits["test"].videos == ("v0", "v8")


def test_videos_in_restricts_every_split_before_the_vocabulary_is_built(tmp_path, capsys):
    both = [
        store(tmp_path / "a.h5", "5", "3", "2", "1"),
        store(tmp_path / "b.h5", "2", "3", "4", "5"),
    ]
    questions = make(tmp_path, "--videos_in", *both)
    assert {n: s.ids for n, s in questions.splits.items()} == {
        "train": (3, 4), "val": (5, 6), "test": (8,),
    }  # fmt: skip
    assert "doing" not in questions.vocabulary.words
    assert questions.vocabulary.answers == ("<UNK0>", "<UNK1>", "dog", "house")
    out = capsys.readouterr().out
    assert "train: 2 of 4" in out and "val: 2 of 2" in out and "test: 1 of 2" in out


def test_a_split_without_a_video_in_the_store(tmp_path):
    path = store(tmp_path / "a.h5", "1", "3")
    message = rf"--videos_in {path}: hold no video of the test split .*'4'.*'1'.* --id_map"
    with pytest.raises(UserError, match=message):
        make(tmp_path, "--videos_in", path)
    assert not (tmp_path / "questions.pt").exists()


def test_videos_in_a_file_that_is_no_store(tmp_path):
    with pytest.raises(UserError, match=r"missing\.h5"):
        make(tmp_path, "--videos_in", tmp_path / "missing.h5")


def test_videos_in_without_a_store_is_not_taken_as_all_videos(tmp_path):
    with pytest.raises(UserError, match=r"--videos_in: expects one or more values"):
        make(tmp_path, "--videos_in")


def test_a_video_in_two_splits_is_named(tmp_path):
    items = ITEMS | {"test": [*ITEMS["test"], (9, "2", "who?", "dog")]}
    folder = annotate(tmp_path / "annotations", items)
    message = rf"^{folder}: video '2' is in both the train and the test split \(1 such .*; keep"
    with pytest.raises(UserError, match=message):
        make(tmp_path)


def test_options_that_do_not_fit(tmp_path):
    known = "msvd_qa, msrvtt_qa, activitynet_qa, svqa, next_qa, star, causal_vidqa, own, shapes"
    with pytest.raises(UserError, match=f"--dataset msvd: not known; choose from {known}"):
        make(tmp_path, dataset="msvd")
    with pytest.raises(UserError, match=r"--vectors random: --glove has vectors already; give one"):
        make(tmp_path, "--vectors", "random", "--glove", "x")
    with pytest.raises(UserError, match=r"--answers_from test: give train or union"):
        make(tmp_path, "--answers_from", "test")
    with pytest.raises(UserError, match=r"--top_answers 0: must be at least 1"):
        make(tmp_path, "--top_answers", 0)
    with pytest.raises(UserError, match=r"--word_width 0: must be at least 1"):
        make(tmp_path, "--word_width", 0)
    with pytest.raises(UserError, match=r"--glov"):
        make(tmp_path, "--glov", "x")
    with pytest.raises(UserError, match=r"is a folder; name a file"):
        make(tmp_path, "--output", tmp_path)


def test_at_the_command_line_a_mistake_is_one_line_and_exit_code_2(tmp_path):
    folder = annotate(tmp_path / "annotations")
    (folder / "val_qa.json").write_text('[\n{"id": 1}]')
    command = [sys.executable, "-m", "preprocess.questions", "--dataset", "msvd_qa"]
    command += ["--annotations", str(folder), "--output", str(tmp_path / "q.pt")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        f"error: {folder}/val_qa.json, line 2: item 0 (id 1), counted from 0: field `video_id` is "
        "missing; add it\n"
    )
    assert not (tmp_path / "q.pt").exists()


def test_real_numbers(shared, tmp_path, capsys):
    questions = make(
        tmp_path,
        "--annotations", shared / "data/msvd_qa",
        "--glove", shared / "data/glove/glove.840B.300d.subset.txt",
        "--word_width", 300,
    )  # fmt: skip
    answers = questions.vocabulary.answers
    assert len(answers) == 1854 and len(set(answers)) == 1854
    sizes = {name: len(split) for name, split in questions.splits.items()}
    assert sizes == {"train": 30933, "val": 6415, "test": 13157}
    test, train = questions.splits["test"], questions.splits["train"]
    assert len(set(test.videos)) == 504
    covered = (test.answer >= 2).double().mean().item()
    assert round(100 * covered, 2) == 94.08
    assert covered == np.isin(test.answer_texts, train.answer_texts).mean()  # said in another way
    assert (train.answer >= 2).all() and (test.answer != 0).all()
    once = torch.bincount(train.answer, minlength=1854)[2:]
    assert (once == 1).sum() == 654 and (once.diff() <= 0).all()
    assert questions.word_vectors.shape == (len(questions.vocabulary.words), 300)
    tokens = int(train.length.sum())
    found = int(questions.word_vectors.any(1)[train.words].sum())
    assert round(found / tokens, 2) == 0.74
    assert f"{found:,} of {tokens:,} training tokens (74.0%)" in capsys.readouterr().out


def test_real_questions_on_the_videos_that_have_public_features(shared, tmp_path):
    import h5py

    with h5py.File(shared / "data/msvd_qa_476/msvd-qa_appearance_feat.h5") as file:
        ids = [str(int(i)) for i in np.asarray(file["ids"])]
    path = store(tmp_path / "appearance.h5", *ids)
    questions = make(tmp_path, "--annotations", shared / "data/msvd_qa", "--videos_in", path)
    sizes = {name: len(split) for name, split in questions.splits.items()}
    assert sizes == {"train": 7226, "val": 1499, "test": 3357}
    assert {v for s in questions.splits.values() for v in s.videos} <= set(ids)
