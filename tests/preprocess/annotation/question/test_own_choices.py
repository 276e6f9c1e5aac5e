import json
from pathlib import Path

import pytest

from preprocess.annotation.dataset import reader
from preprocess.annotation.question.own import read
from util.errors import UserError

HEADER = "video,question,a0,a1,a2,answer,split\n"


def write(folder: Path, text: str, name: str = "qa.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_choices_in_columns_with_answers_by_text_place_or_column(tmp_path) -> None:
    rows = "cat,what?,sleep,run,eat,{},train\n"
    path = write(tmp_path, HEADER + "".join(rows.format(a) for a in ("run", "1", "a1", "swim")))
    samples = read(path, "train")
    assert {s.choices for s in samples} == {("sleep", "run", "eat")}
    assert [s.answer for s in samples] == ["run", "run", "run", "swim"]  # --check says of the last


def test_a_question_may_have_fewer_choices(tmp_path) -> None:
    path = write(tmp_path, HEADER + "cat,what?,sleep,run,,run,train\ncat,who?,a,b,c,2,train\n")
    assert [s.choices for s in read(path, "train")] == [("sleep", "run"), ("a", "b", "c")]


def test_choices_as_a_list(tmp_path) -> None:
    row = {"video": "cat", "question": "what?", "choices": ["sleep", "run", 3], "split": "val"}
    lines = [json.dumps(row | {"answer": answer}) for answer in ("run", 1, "a2", 3)]
    samples = read(write(tmp_path, "\n".join(lines), "qa.jsonl"), "val")
    assert {s.choices for s in samples} == {("sleep", "run", "3")}
    assert [s.answer for s in samples] == ["run", "run", "3", "3"]
    cell = '"[""sleep"", ""run""]"'
    path = write(tmp_path, f"video,question,choices,answer,split\ncat,what?,{cell},0,val\n")
    (sample,) = read(path, "val")
    assert sample.choices == ("sleep", "run") and sample.answer == "sleep"


def test_the_task_says_what_answers_are(tmp_path) -> None:
    path = write(tmp_path, HEADER + "cat,what?,sleep,run,eat,1,train\n")
    assert reader("own", "choice")(path, "train") == read(path, "train")
    (sample,) = reader("own", "open")(path, "train")
    assert sample.choices is None and sample.answer == "run"
    path = write(tmp_path, "video,question,answer,split\ncat,how many?,3,train\n")
    (sample,) = reader("own", "count")(path, "train")
    assert sample.choices is None and sample.answer == "3"
    with pytest.raises(UserError, match=r"--task choice: there are no choices; give columns a0"):
        reader("own", "choice")(path, "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEADER + "cat,how many?,1,2,3,2,train\n",
            r", line 2: the answer '2' is the text of choice 1 and the place of choice 2, '3', cou",
        ),
        (HEADER + "cat,what?,a,,c,a,train\n", r", line 2: has `a2` but no `a1`; number the choi"),
        (HEADER + "cat,what?,a,,,a,train\n", r", line 2: has 1 choices, or an empty one; give tw"),
        (
            HEADER + "cat,what?,a,b,c,a,train\ncat,who?,,,,a,train\n",
            r", line 3: give choices in every line, or in none",
        ),
        (
            HEADER.replace("a0,a1,a2", "a1,a2,a3") + "cat,what?,a,b,c,1,train\n",
            r", line 2: has `a3` but no `a0`; number the choices from a0 on",
        ),
        (
            "video,question,choices,a0,answer,split\ncat,what?,x,y,z,train\n",
            r", line 2: has `choices` and `a0`; give one of the two",
        ),
        (
            "video,question,choices,answer,split\ncat,what?,a|b,a,train\n",
            r", line 2: field `choices` is no list; write \[\"a\", \"b\"\], or give columns a0",
        ),
        (
            'video,question,choices,answer,split\ncat,what?,"[""a"", null]",a,train\n',
            r", line 2: has a choice that is no text; put it in quotes",
        ),
    ],
)
def test_a_fault_is_named_with_line_and_cure(text, message, tmp_path) -> None:
    with pytest.raises(UserError, match=message):
        read(write(tmp_path, text), "train")
