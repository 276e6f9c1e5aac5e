"""`python -m preprocess.questions --check`: every check, found and not found."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Provenance
from preprocess.questions import main
from tests.conftest import ROOT
from util.errors import UserError

CLEAN = {
    "train": [(1, "a", "who runs?", "dog"), (2, "b", "what is it?", "cat")],
    "val": [(3, "c", "who runs?", "cat")],
    "test": [(4, "d", "what is it?", "dog")],
}


def annotate(folder: Path, **changes) -> Path:
    """Annotations in MSVD-QA's format: CLEAN, with some splits exchanged."""
    folder.mkdir(exist_ok=True)
    for split, rows in (CLEAN | changes).items():
        keys = ("id", "video_id", "question", "answer")
        items = [dict(zip(keys, row, strict=True)) for row in rows]
        (folder / f"{split}_qa.json").write_text(json.dumps(items))
    return folder


def store(path: Path, *ids: str) -> Path:
    features = np.zeros((2, 1, 3), np.float32)
    videos = [VideoFeatures(id=i, features=features, frame_count=4) for i in ids]
    write_store(path, videos, Provenance(backbone="pixels", kind="frame", width=3))
    return path


def files(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def check(capsys, annotations: Path, *flags: object, dataset: str = "msvd_qa"):
    """The exit code and the lines of the table, with runs of spaces made one."""
    fixed = ["--dataset", dataset, "--annotations", annotations, "--check"]
    code = main([str(flag) for flag in (*fixed, *flags)])
    return code, [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def rows(lines: list[str], what: str) -> list[str]:
    """The lines under the heading of one check."""
    (start,) = [i for i, line in enumerate(lines) if f" {what}:" in line]
    heads = ("ok", "PROBLEM", "warning", "not looked at")
    below = lines[start + 1 : -1]
    end = next((i for i, line in enumerate(below) if line.startswith(heads)), len(below))
    return below[:end]


def test_nothing_to_find_and_nothing_written(tmp_path, capsys):
    folder = annotate(tmp_path / "qa")
    code, lines = check(
        capsys, folder,
        "--videos", files(tmp_path / "videos", "a.mp4", "b.avi", "c.mp4", "d.mp4"),
        "--videos_in", store(tmp_path / "x.h5", *"abcd"), store(tmp_path / "y.h5", *"dcba"),
    )  # fmt: skip
    assert code == 0 and lines[-1] == "0 problems, 0 warnings; nothing was written"
    assert lines[2:5] == ["train 2 2 2 2", "val 1 1 1 1", "test 1 1 1 1"]
    assert sum(line.startswith("ok ") for line in lines) == 14
    assert lines[5] == "types: who 2, what 2"
    assert not any(line.startswith(("PROBLEM", "warning", "not looked")) for line in lines)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["qa", "videos", "x.h5", "y.h5"]


def test_what_was_not_looked_at_is_said(tmp_path, capsys):
    code, lines = check(capsys, annotate(tmp_path / "qa"))
    assert code == 0
    assert "not looked at: video files (name them with --videos)" in lines
    assert "not looked at: feature stores (name them with --videos_in)" in lines


def test_videos_without_a_file_and_files_without_questions(tmp_path, capsys):
    train = [*CLEAN["train"], *[(10 + i, f"x{i}", "who?", "dog") for i in range(5)]]
    videos = files(tmp_path / "videos", "a.mp4", "c.mp4", "d.mp4", "spare.mp4", ".hidden")
    code, lines = check(capsys, annotate(tmp_path / "qa", train=train), "--videos", videos)
    assert code == 2 and lines[-1] == "1 problem, 1 warning; nothing was written"
    missing = rows(lines, "questions whose video has no file")
    assert missing == ["train 6 of 7 on 6 videos: 'b', 'x0', 'x1', ..."]
    assert rows(lines, "videos without questions") == ["--videos 1 of 4 'spare'"]


def test_an_id_map_is_applied_to_the_files(tmp_path, capsys):
    videos = files(tmp_path / "videos", "v_a.mp4", "v_b.mp4", "v_c.mp4", "v_d.mp4")
    folder = annotate(tmp_path / "qa")
    code, lines = check(capsys, folder, "--videos", videos)
    assert code == 2
    (train, *_) = rows(lines, "questions whose video has no file")
    assert train == "train 2 of 2 none fits: it has 'v_a', the questions say 'a'"
    id_map = tmp_path / "map.txt"
    id_map.write_text("".join(f"v_{i} vid{i}\n" for i in "abcd"))
    code, lines = check(capsys, folder, "--videos", videos, "--id_map", id_map)
    assert code == 0 and "ok questions whose video has no file: none" in lines
    id_map.write_text("v_a vida\n")
    code, lines = check(capsys, folder, "--videos", videos, "--id_map", id_map)
    assert code == 2 and "lacks 3 of 4 files" in rows(lines, "cannot be read")[0]


def test_a_folder_of_videos_that_is_not_there(tmp_path, capsys):
    code, lines = check(capsys, annotate(tmp_path / "qa"), "--videos", tmp_path / "vidoes")
    assert code == 2
    (fault,) = rows(lines, "cannot be read")
    assert fault.endswith("vidoes: no such file or folder (1 such)")


def test_each_store_has_its_lines(tmp_path, capsys):
    x, y = store(tmp_path / "x.h5", "a", "b", "c"), store(tmp_path / "y.h5", *"abcde")
    gone = tmp_path / "gone.h5"
    code, lines = check(capsys, annotate(tmp_path / "qa"), "--videos_in", x, y, gone)
    assert code == 2
    missing = rows(lines, "questions whose video is not in a store")
    assert missing == [f"test, {x} 1 of 1 none fits: it has 'a', the questions say 'd'"]
    assert rows(lines, "videos without questions") == [f"{y} 1 of 5 'e'"]
    assert str(gone) in rows(lines, "cannot be read")[0]


def test_questions_asked_twice_and_questions_with_several_answers(tmp_path, capsys):
    val = [
        (3, "c", "who runs?", "cat"),
        (5, "c", "Who  runs", "cat"),  # the same
        (6, "c", "who runs?", "dog"),  # another answer
        (7, "e", "who runs?", "dog"),  # another video
        (8, "c", "who runs off?", "dog"),  # another question
    ]
    code, lines = check(capsys, annotate(tmp_path / "qa", val=val))
    assert code == 0 and lines[-1] == "0 problems, 2 warnings; nothing was written"
    assert rows(lines, "questions asked twice") == ["val 1 of 5 3 = 5 (video c)"]
    several = rows(lines, "questions with several answers")
    assert several == ["val 3 of 5 3 (video c): cat / dog"]


def test_videos_in_two_splits(tmp_path, capsys):
    test = [(4, "a", "what is it?", "dog"), (5, "a", "who?", "dog"), (6, "c", "who?", "dog")]
    code, lines = check(capsys, annotate(tmp_path / "qa", test=test))
    assert code == 2 and lines[-1].startswith("2 problems, 0 warnings")
    assert rows(lines, "videos in two splits") == ["train and test 1 'a'", "val and test 1 'c'"]


def test_answers_and_types_that_training_does_not_have(tmp_path, capsys):
    val = [(3, "c", "who runs?", "emu"), (5, "c", "why?", "emu"), (6, "c", "how?", "dog")]
    code, lines = check(capsys, annotate(tmp_path / "qa", val=val))
    assert code == 0
    assert rows(lines, "answers not in train") == ["val 2 of 3 1 answer: 'emu'"]
    assert rows(lines, "types not in train") == ["val 2 'why', 'how'"]


def test_answers_and_types_that_are_nearly_the_same(tmp_path, capsys):
    val = [(3, "c", "who runs?", "Dog."), (5, "c", "what?", " dog"), (6, "c", "all fall?", "cat")]
    code, lines = check(capsys, annotate(tmp_path / "qa", val=val))
    assert code == 0
    twins = rows(lines, "answers that are nearly the same")
    assert twins == ["all splits 4 of 6 questions, 1 such: 'dog' 2 / 'Dog.' 1 / ' dog' 1"]
    assert "ok types that are nearly the same: none" in lines
    assert "types: what 3, who 2, all 1" in lines
    table = tmp_path / "own.csv"
    table.write_text(
        "video,question,answer,type,split\n"
        "a,who?,x,People,train\nb,who?,3,people,val\nc,who?,3.,peo ple,test\n"
    )
    code, lines = check(capsys, table, dataset="own")
    twins = rows(lines, "types that are nearly the same")
    assert twins == ["all splits 2 of 3 questions, 1 such: 'People' 1 / 'people' 1"]
    twins = rows(lines, "answers that are nearly the same")
    assert twins == ["all splits 2 of 3 questions, 1 such: '3' 1 / '3.' 1"]


def test_questions_of_thousands_of_words_and_without_spaces(tmp_path, capsys):
    train = [
        *CLEAN["train"],
        (10, "b", "what " * 5000 + "?", "dog"),
        (11, "b", "is " * 33, "dog"),
        (12, "b", "who is " + "x" * 51, "dog"),
        (13, "b", "他在做什么？", "dog"),
        (14, "b", "谁 在 那里？", "dog"),
    ]
    code, lines = check(capsys, annotate(tmp_path / "qa", train=train))
    assert code == 0
    assert rows(lines, "very long questions") == [
        "train 2 of 7 median 3 words; 10 (video b): 5,000 words, 11 (video b): 33 words"
    ]
    assert rows(lines, "questions without spaces") == ["train 2 of 7 12 (video b), 13 (video b)"]


def test_a_type_for_each_question(tmp_path, capsys):
    train = [(10 + i, "a", f"word{i} is it?", "dog") for i in range(101)]
    code, lines = check(capsys, annotate(tmp_path / "qa", train=train))
    assert code == 0
    assert rows(lines, "too many types") == [
        "all splits 103 for 103 questions; the largest: 'word0', 'word1', 'word2'"
    ]
    assert lines[5].endswith("word7 1, 95 more")


def test_text_is_shown_as_text(tmp_path, capsys):
    hostile = "\x1b[31m\ud83d\n\u202e" + "x" * 100_000
    val = [(hostile, hostile, hostile, hostile), (hostile + "1", hostile, hostile, "dog")]
    code, _ = check(capsys, annotate(tmp_path / "qa", val=val), "--videos_in", tmp_path / "\x1b")
    assert code == 2
    main(["--dataset", "msvd_qa", "--annotations", str(tmp_path / "qa"), "--check"])
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\u202e\ud83d") and max(map(len, out.splitlines())) < 1000


def test_questions_without_a_word(tmp_path, capsys):
    code, lines = check(capsys, annotate(tmp_path / "qa", val=[(3, "c", "...?", "dog")]))
    assert code == 2
    assert rows(lines, "questions without a word") == ["val 1 of 1 3 (video c)"]


def test_a_split_that_cannot_be_read_does_not_hide_the_others(tmp_path, capsys):
    folder = annotate(tmp_path / "qa", test=[(4, "a", "why?", "dog")])
    (folder / "val_qa.json").write_text('[\n{"id": 1}]')
    code, lines = check(capsys, folder, "--videos_in", store(tmp_path / "x.h5", *"abc"))
    assert code == 2 and "val cannot be read" in lines
    (fault,) = rows(lines, "cannot be read")
    assert fault == (
        f"val {folder}/val_qa.json, line 2: item 0 (id 1), counted from 0: field `video_id` is "
        "missing; add it"
    )
    assert rows(lines, "videos in two splits") == ["train and test 1 'a'"]
    assert rows(lines, "types not in train") == ["test 1 'why'"]
    assert "not looked at: the questions of val, which cannot be read" in lines
    # c may be the video of questions that cannot be read
    assert not any("videos without questions" in line for line in lines)


def test_one_fault_of_all_splits_is_one_line(tmp_path, capsys):
    code, lines = check(capsys, tmp_path / "qa.csv", dataset="own")
    (fault,) = rows(lines, "cannot be read")
    assert code == 2 and fault.startswith("train, val, test ") and "qa.csv: not there" in fault
    (tmp_path / "qa.csv").write_text("video,question,answer,split\na,who?,x,train\nb,who?,x,val\n")
    code, lines = check(capsys, tmp_path / "qa.csv", dataset="own")
    assert code == 2 and rows(lines, "no questions") == ["test 1"]


def test_options_that_go_with_check_or_not(tmp_path):
    base = ["--dataset", "msvd_qa", "--annotations", str(annotate(tmp_path / "qa"))]
    output = ["--output", str(tmp_path / "q.pt")]
    for flags, message in (
        ([], r"--output: not given; name the question file to write"),
        ([*output, "--videos", str(tmp_path)], r"--videos: only --check looks at video files"),
        (["--check", "--id_map", "x"], r"--id_map x: names the files of --videos; give these too"),
        (["--check", "--dataset", "msvd"], r"--dataset msvd: not known; choose from msvd_qa, "),
    ):
        with pytest.raises(UserError, match=message):
            main([*base, *flags])


def test_at_the_command_line_the_table_comes_before_exit_code_2(tmp_path):
    folder = annotate(tmp_path / "qa", test=[(4, "a", "what is it?", "dog")])
    command = [sys.executable, "-m", "preprocess.questions", "--dataset", "msvd_qa", "--check"]
    command += ["--annotations", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr == ""
    assert done.stdout.splitlines()[-1] == "1 problem, 0 warnings; nothing was written"


def test_real_annotations_and_videos(shared, capsys):
    data = shared / "data"
    code, lines = check(
        capsys, data / "msvd_qa",
        "--videos", data / "msvd_videos", "--id_map", data / "msvd_qa/youtube_mapping.txt",
    )  # fmt: skip
    assert code == 2 and lines[-1].startswith("3 problems, 9 warnings")
    missing = [line.split()[:4] for line in rows(lines, "questions whose video has no file")]
    there = {"train": 8213, "val": 1753, "test": 3970}  # 13,936 questions on the files
    asked = {"train": 30933, "val": 6415, "test": 13157}
    assert missing == [[s, f"{asked[s] - there[s]:,}", "of", f"{asked[s]:,}"] for s in asked]
    # 94.08 % of the test answers are known
    assert rows(lines, "answers not in train")[1].startswith("test 779 of 13,157")
