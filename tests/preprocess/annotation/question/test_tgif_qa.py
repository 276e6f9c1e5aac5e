from pathlib import Path

import pytest

from preprocess.annotation.dataset import read_splits, reader
from preprocess.annotation.sample import Sample
from util.errors import UserError

CHOICE = "gif_name\tquestion\ta1\ta2\ta3\ta4\ta5\tanswer\tvid_id\tkey\n"
COUNT = "gif_name\tquestion\tanswer\tvid_id\tkey\n"
FRAME = "gif_name\tquestion\tanswer\ttype\tvid_id\tkey\tdescription\n"
LINE = 'g1\tWhat does it do before dry hair ?\trun\tpose\tdrive\t"write ""hi"""\tcount\t{}\tT1\t7\n'


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_bytes(text.replace("\n", "\r\n").encode())  # as TGIF-QA's files are
    return folder


def test_choices_are_texts_and_the_answer_is_one_of_them(tmp_path) -> None:
    write(tmp_path, "Test_transition_question.csv", CHOICE + LINE.format(3))
    (sample,) = reader("tgif_qa", "transition")(tmp_path, "test")
    assert sample == Sample(
        id="T1",
        video="g1",
        question="What does it do before dry hair ?",
        answer='write "hi"',
        type="transition",
        choices=("run", "pose", "drive", 'write "hi"', "count"),
    )


def test_counts_from_one_as_published_models_have_them_or_raw(tmp_path) -> None:
    rows = "".join(f"g{i}\tHow many times ?\t{n}\tC{i}\t{i}\n" for i, n in enumerate((0, 2, 10)))
    write(tmp_path, "Test_count_question.csv", COUNT + rows)
    published, raw = (
        [s.answer for s in reader("tgif_qa", task)(tmp_path, "test")]
        for task in ("count", "count_raw")
    )
    assert published == ["1", "2", "10"] and raw == ["0", "2", "10"]


def test_open_questions_have_their_types(tmp_path) -> None:
    rows = "".join(f"g\twhat is it ?\tcat\t{t}\tF{t}\t1\tdescribed\n" for t in range(4))
    write(tmp_path, "Test_frameqa_question.csv", FRAME + rows)
    samples = reader("tgif_qa", "frame")(tmp_path, "test")
    assert [s.type for s in samples] == ["object", "number", "color", "location"]
    assert {s.choices for s in samples} == {None} and {s.answer for s in samples} == {"cat"}


def test_a_tenth_of_the_training_videos_is_validated_on_whatever_their_order(tmp_path) -> None:
    lines = [f"g{i // 2}\tHow many times ?\t{i % 7}\tC{i}\t{i}\n" for i in range(400)]
    write(tmp_path, "Test_count_question.csv", COUNT + "t\tHow many ?\t2\tX\t1\n")
    found = []
    for order in (lines, lines[::-1]):
        write(tmp_path, "Train_count_question.csv", COUNT + "".join(order))
        samples = read_splits("tgif_qa", tmp_path, "count")
        videos = {split: {s.video for s in samples[split]} for split in ("train", "val")}
        assert len(videos["val"]) == 20 and len(videos["train"] | videos["val"]) == 200
        assert len(samples["train"]) == 360  # no video is in both
        found.append(videos)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CHOICE + LINE.format(5), r", line 2: field `answer` is '5'; it must be a number from 0"),
        (CHOICE + LINE.format(""), r", line 2: field `answer` is empty"),
        (CHOICE + LINE.format(1) * 2, r", line 3: field `vid_id`: T1 is that of an earlier line"),
        (CHOICE.replace("\ta5", ""), r", line 1: no column a5; .* with tabs between them"),
        (CHOICE.replace("\t", ","), r", line 1: commas between the columns, not tabs"),
        (CHOICE + "g\twho ?\n", r", line 2: 2 cells under 10 columns; put text that has a tab"),
    ],
)
def test_a_fault_is_named_with_line_and_cure(text, message, tmp_path) -> None:
    write(tmp_path, "Test_transition_question.csv", text)
    with pytest.raises(UserError, match=message) as caught:
        reader("tgif_qa", "transition")(tmp_path, "test")
    assert str(caught.value).startswith(str(tmp_path / "Test_transition_question.csv"))


def test_a_task_is_asked_for(tmp_path) -> None:
    with pytest.raises(UserError, match=r"--task: not given; tgif_qa has action, transition, cou"):
        reader("tgif_qa")
    with pytest.raises(UserError, match=r"--task choice: not known; tgif_qa has action, "):
        reader("tgif_qa", "choice")
    with pytest.raises(UserError, match=r"--task count: msvd_qa has one task only; leave it out"):
        reader("msvd_qa", "count")
    with pytest.raises(UserError, match=r"Train_frameqa_question\.csv: not there; --annotations"):
        reader("tgif_qa", "frame")(tmp_path, "val")


def test_the_published_files(shared) -> None:
    folder = shared / "data/tgif_qa"
    sizes = {"action": (20471, 2274), "count": (26839, 3554)}
    for task, (trained, test) in sizes.items():
        rows = read_splits("tgif_qa", folder, task)
        assert (len(rows["train"]) + len(rows["val"]), len(rows["test"])) == (trained, test)
        shares = [
            sum(s.answer == "1" or s.choices is not None for s in rows[split]) / len(rows[split])
            for split in rows
        ]
        assert max(shares) - min(shares) < 0.02  # of counts, validation is no other kind
    for task, test in {"transition": 6232, "frame": 13691}.items():
        rows = read_splits("tgif_qa", folder, task, partly=True)
        assert {split: len(of) for split, of in rows.items()} == {"test": test}
