import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.annotation.dataset import SPLITS
from preprocess.annotation.question.own import read
from preprocess.annotation.sample import Sample
from preprocess.annotation.table import share_out
from util.errors import UserError

HEADER = "video,question,answer,split\n"


def write(folder: Path, text: str, name: str = "qa.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_file_or_the_folder_that_has_it(encoding, tmp_path):
    text = (
        "Video, question,answer,split,type,by\n"
        "cat.mp4,What does the cat do?,sleep,train,action,me\n"
        '\n"dog","who barks,\nand where?",Hündin,train,,\n'
        "eel.AVI,is it wet?,yes,test,x,y\n"
    )
    path = write(tmp_path, text, encoding=encoding)
    expected = [
        Sample(id=2, video="cat", question="What does the cat do?", answer="sleep", type="action"),
        Sample(id=4, video="dog", question="who barks,\nand where?", answer="Hündin", type="who"),
    ]
    assert read(path, "train") == read(tmp_path, "train") == expected
    assert read(path, "val") == []
    assert [(s.id, s.video) for s in read(path, "test")] == [(6, "eel")]


def test_lines_as_windows_ends_them(tmp_path):
    path = tmp_path / "qa.csv"
    path.write_bytes(b"video,question,answer,split\r\na,who?,x,val\r\n\r\nb,who?,y,val\r\n")
    assert [(s.id, s.answer) for s in read(path, "val")] == [(2, "x"), (4, "y")]


def test_a_json_lines_file(tmp_path):
    rows = [
        {"video": "cat.mp4", "question": "How many?", "answer": 3, "split": "val", "more": [1]},
        {"video": 12, "question": "who?", "answer": "I", "split": "val", "type": "person"},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)) + "\n\n", "qa.jsonl")
    assert read(path, "val") == [
        Sample(id=1, video="cat", question="How many?", answer="3", type="how"),
        Sample(id=2, video="12", question="who?", answer="I", type="person"),
    ]


@given(videos=st.sets(st.text(min_size=1, max_size=5), min_size=3, max_size=300))
def test_without_splits_the_videos_are_shared_out(videos):
    split = share_out(Path("qa.csv"), videos)
    assert split == share_out(Path("other.csv"), set(sorted(videos, reverse=True)))
    assert set(split) == videos and set(split.values()) == set(SPLITS)
    count = {name: list(split.values()).count(name) for name in SPLITS}
    assert (
        abs(count["val"] - 0.1 * len(videos)) <= 1 and abs(count["test"] - 0.2 * len(videos)) <= 1
    )


def test_the_shares_do_not_change_from_one_version_to_the_next(tmp_path):
    lines = [f"v{i},who is it?,a{i}\nv{i}.mp4,what is it?,b{i}\n" for i in range(10)]
    path = write(tmp_path, "video,question,answer\n" + "".join(lines))
    samples = {split: read(path, split) for split in SPLITS}
    assert {n: sorted({s.video for s in rows}) for n, rows in samples.items()} == {
        "train": ["v1", "v2", "v3", "v4", "v5", "v6", "v9"], "val": ["v7"], "test": ["v0", "v8"],
    }  # fmt: skip
    assert sum(map(len, samples.values())) == 20  # both questions of a video are in one split


def test_two_videos_are_too_few_to_share_out(tmp_path):
    path = write(tmp_path, "video,question,answer\na,who?,x\nb,who?,x\na.mp4,what?,x\n")
    with pytest.raises(UserError, match=r"qa\.csv: 2 videos in all; three splits need at least"):
        read(path, "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r": no questions; give each a line"),
        (HEADER, r": no questions"),
        ("\nvideo,answer\n", r", line 2: no column question; .* is 'video,answer'"),
        ("video;question;answer\n", r", line 1: semicolons between the columns, not commas; save"),
        ("video\tquestion\tanswer\n", r", line 1: tabs between the columns, not commas; save"),
        ("video,question,answer,Video\n", r", line 1: two columns 'video'; rename one"),
        (HEADER + "a,who, me?,x,train\n", r", line 2: 5 cells under 4 columns; put text"),
        (HEADER + "\na,who\n", r", line 3: 2 cells under 4 columns"),
        (HEADER + 'a,"who?\n,x,train\n', r", line 2: not CSV \(.*\); check the quotes"),
        (HEADER + 'a,who?,"x"y,train\n', r", line 2: not CSV"),
        (HEADER + "a,,x,train\n", r", line 2: field `question` is empty"),
        (HEADER + "a,?,x,train\n", r", line 2: field `question` has no words"),
        (HEADER + "a,who?,x,train\nb,who?,,train\n", r", line 3: field `answer` is empty"),
        (HEADER + "a,who?,x,dev\n", r", line 2: field `split` is 'dev'; give train, val or test"),
        (HEADER + "a,who?,x,\n", r", line 2: field `split` is empty; .* every line, or in none"),
        (HEADER + "in/a.mp4,who?,x,val\n", r", line 2: field `video` is a path \('in/a\.mp4'\)"),
        (
            HEADER + "a.mp4,who?,x,val\na,who?,x,val\na.avi,who?,x,val\n",
            r", line 4: field `video`: a\.mp4 and a\.avi would both be a; rename one",
        ),
    ],
)
def test_a_fault_in_a_csv_file_is_named_with_line_and_cure(text, message, tmp_path):
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=message) as caught:
        read(path, "train")
    assert str(caught.value).startswith(str(path))


GOOD = '{"video": "a", "question": "who?", "answer": "x"}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + '{"video": "a",\n', r", line 2, column \d+: not JSON .* each line is one whole"),
        (GOOD + "[]\n", r", line 2: a JSON list; it must be an object with the fields video, que"),
        ("[]\n", r": one JSON list, not JSON Lines; write each of its objects on a line of its"),
        ("[\n" + GOOD, r": one JSON list, not JSON Lines; write each"),
        (GOOD.replace('"x"', '"x", "answer": "y"'), r", line 1: .* field `answer` twice; delete"),
        ("[" * 100_000, r", line 1: .*nested too deeply"),
        (GOOD + GOOD.replace('"x"', "1" * 5000), r", line 2: a whole number of thousands of digi"),
        (GOOD.replace('"x"', "NaN"), r", line 1: field `answer` is a JSON number"),
        (GOOD.replace('"x"', "1.0"), r", line 1: field `answer` is a JSON number; .* an integer"),
        (GOOD.replace('"a"', "null"), r", line 1: field `video` is a JSON null"),
        (GOOD + '{"video": "a", "question": "who?"}', r", line 2: field `answer` is missing"),
        (GOOD.replace('"x"', "true"), r", line 1: field `answer` is a JSON boolean"),
        (GOOD.replace('"x"', '"x", "type": 3'), r", line 1: field `type` is 3; it must be a"),
        (
            GOOD + GOOD.replace("}", ', "split": "val"}'),
            r", line 2: has a field `split`, unlike the first line",
        ),
        (GOOD.replace("}", ', "split": "val"}') + GOOD, r", line 2: field `split` is empty"),
    ],
)
def test_a_fault_in_a_json_lines_file_is_named_with_line_and_cure(text, message, tmp_path):
    path = write(tmp_path, text, "qa.jsonl")
    with pytest.raises(UserError, match=message) as caught:
        read(path, "train")
    assert str(caught.value).startswith(str(path))


def test_files_that_are_not_one_table(tmp_path):
    with pytest.raises(UserError, match=r": has 0 \.csv and \.jsonl files, not one; name the"):
        read(tmp_path, "train")
    with pytest.raises(UserError, match=r"qa\.csv: not there; --annotations is a \.csv or"):
        read(tmp_path / "qa.csv", "train")
    write(tmp_path, HEADER), write(tmp_path, GOOD, "b.jsonl")
    with pytest.raises(UserError, match=r": has 2 .* \(b\.jsonl, qa\.csv\), not one"):
        read(tmp_path, "train")
    with pytest.raises(UserError, match=r"qa\.txt: neither \.csv nor \.jsonl"):
        read(write(tmp_path, HEADER, "qa.txt"), "train")
    with pytest.raises(
        UserError, match=r"latin\.csv: not UTF-8 text \(byte \d+; it looks like Latin-1; save"
    ):
        read(write(tmp_path, HEADER + "ü,who?,x,val", "latin.csv", "latin-1"), "train")


def test_cells_of_any_length(tmp_path):
    long = "wörter, " * 25_000
    path = write(tmp_path, HEADER + f'a,"{long}what?","{long}",train\n')
    (sample,) = read(path, "train")
    assert sample.question == f"{long}what?" and sample.answer == long.strip()
