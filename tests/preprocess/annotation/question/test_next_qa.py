from pathlib import Path

import pytest

from preprocess.annotation.dataset import reader
from preprocess.annotation.sample import Sample
from util.errors import UserError

HEADER = "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n"
LINE = "4010,369,640,480,how do the two men play,{},{},CH,roll,tap their feet,strum,hit,pat\n"


def write(folder: Path, text: str) -> Path:
    (folder / "val.csv").write_text(text)
    return folder


def test_a_line_is_a_question_with_five_choices(tmp_path) -> None:
    write(tmp_path, HEADER + LINE.format(1, 6) + LINE.format("strum", 7))
    first, second = reader("next_qa")(tmp_path, "val")
    assert first == Sample(
        id="4010_6",
        video="4010",
        question="how do the two men play",
        answer="tap their feet",
        type="CH",
        choices=("roll", "tap their feet", "strum", "hit", "pat"),
    )
    assert (second.id, second.answer) == ("4010_7", "strum")  # as NExT-GQA has it


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEADER + LINE.format(5, 6),
            r", line 2: field `answer` is '5'; it must be a number from 0",
        ),
        (HEADER + LINE.format("", 6), r", line 2: field `answer` is empty"),
        (HEADER + LINE.format(0, 6) * 2, r", line 3: field `qid`: 4010_6 is that of an earlier"),
        (HEADER.replace(",a4", ""), r", line 1: no column a4"),
    ],
)
def test_a_fault_is_named_with_line_and_cure(text, message, tmp_path) -> None:
    with pytest.raises(UserError, match=r"val\.csv" + message):
        reader("next_qa")(write(tmp_path, text), "val")
    with pytest.raises(UserError, match=r"test\.csv: not there; --annotations is the folder with"):
        reader("next_qa")(tmp_path, "test")
