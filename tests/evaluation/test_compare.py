"""Paired comparison: of this project's files and of foreign ones, and what does not match."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import evaluate
from data_loader.questions import QuestionSplit, save_questions
from data_loader.vocabulary import Vocabulary
from evaluation.normalise import RULES, VERSION
from util.errors import UserError
from util.statistics import Bootstrap

TRUTH = [(i, f"v{i // 4}", ("what", "who")[i % 2], "red" if i % 3 else "blue") for i in range(40)]


def own(path: str, right: set[int], **header) -> str:
    """A predictions file as evaluate.py writes it; `right` ids are answered correctly."""
    records = [
        {
            "id": i, "video": v, "type": t, "question": f"{t} {i}?", "answer": a,
            "predicted": a if i in right else "wrong", "probability": 0.5, "correct": i in right,
        }
        for i, v, t, a in TRUTH
    ]  # fmt: skip
    Path(path).write_text(json.dumps({"split": "test", **header, "predictions": records}))
    return path


def foreign(path: str, right: set[int]) -> dict[str, str]:
    return {str(i): a if i in right else "wrong" for i, _, _, a in TRUTH}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def compared(capsys, *words: str) -> list[dict]:
    evaluate.main(["compare", *words])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_two_runs(capsys) -> None:
    own("a.json", set(range(20)))
    own("b.json", set(range(10, 36)))
    (found,) = compared(capsys, "a.json", "b.json", "--output", "flips.json")
    assert found["test/accuracy_a"] == 0.5 and found["test/accuracy_b"] == 26 / 40
    assert found["test/difference"] == pytest.approx(6 / 40)
    low, high = found["test/difference_interval"]
    assert low < 6 / 40 < high
    assert (found["only_a_right"], found["only_b_right"]) == (10, 16)
    assert found["mcnemar_p"] == pytest.approx(0.3269, abs=1e-3)  # binomial, 10 of 26
    (flips,) = json.loads(Path("flips.json").read_text())
    assert [f["id"] for f in flips["flipped"]] == [str(i) for i in (*range(10), *range(20, 36))]
    assert {f["right"] for f in flips["flipped"][:10]} == {"a"}


def test_foreign_files_in_each_form_say_the_same(capsys) -> None:
    own("a.json", set(range(20)))
    answers = foreign("", set(range(5)))
    Path("dict.json").write_text(json.dumps(answers))
    for name, (key, value) in {
        "list": ("id", "answer"), "qid": ("question_id", "prediction"), "int": ("id", "predicted"),
    }.items():  # fmt: skip
        items = [{key: int(i) if name == "int" else i, value: a} for i, a in answers.items()]
        Path(f"{name}.json").write_text(json.dumps(items[::-1]))
    found = compared(capsys, "a.json", "dict.json", "list.json", "qid.json", "int.json")
    assert {f["test/accuracy_b"] for f in found} == {5 / 40}
    assert [f["a"] for f in found] == ["a.json"] * 4


def test_a_file_called_like_a_row_has_a_row(capsys) -> None:
    evaluate.main(["compare", own("a.json", set(range(20))), own("- A", set())])
    printed = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert printed.count("B - A") == 2


def test_a_folder_stands_for_its_answers(capsys) -> None:
    for name, video in (("a", "real"), ("b", "none")):
        Path(name).mkdir()
        Path(name, "options.yaml").write_text(f"video: {video}")
        own(f"{name}/test-{video}.json", set(range(3)))
    assert compared(capsys, "a", "b")[0]["test/difference"] == 0
    Path("b/test-none.json").unlink()
    with pytest.raises(UserError, match=r"b/test-none\.json: not there; .*evaluate\.py --run b"):
        evaluate.main(["compare", "a", "b"])


def dump(content) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    Path("bad.json").write_text(text)
    return "bad.json"


ALL = {str(i): "red" for i, *_ in TRUTH}


SOME = {k: v for k, v in ALL.items() if k not in ("3", "4")}
TWICE = [{"id": 1, "answer": "a"}, {"id": "1", "answer": "b"}]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (SOME, r"lacks an answer to 2 of the 40 questions of a\.json, first id 3, 4"),
        (ALL | {"x": "red"}, r"answers 1 questions that are not among the 40 .* first id x"),
        ('{"1": "a", "1": "b"}', r"1 question ids come more than once, first 1"),
        (TWICE, r"1 question ids come more than once, first 1"),
        ([{"answer": "a"}], r"item 0, counted from 0, has no id"),
        ([{"id": 1, "answer": None}], r"question 1 has no answer in text"),
        ({"1": 3}, r"question 1 has no answer in text"),
        ("{", r"not readable as JSON"),
        ("3", r"neither an object nor a list of objects"),
        ({"split": "val", "predictions": ALL}, r"holds split val, the comparison is of test"),
        ({"protocol": "answerable", "predictions": ALL}, r"holds protocol answerable"),
    ],
)
def test_files_that_do_not_match(content, line: str) -> None:
    own("a.json", set())
    with pytest.raises(UserError, match=rf"^bad\.json: {line}"):
        evaluate.main(["compare", "a.json", dump(content)])


def test_without_a_file_that_knows_the_truth(capsys) -> None:
    for name in ("x.json", "y.json"):
        Path(name).write_text(json.dumps(ALL))
    with pytest.raises(UserError, match=r"x\.json, y\.json: none says what the true answers are"):
        evaluate.main(["compare", "x.json", "y.json"])
    with pytest.raises(UserError, match="name two or more"):
        evaluate.main(["compare", "x.json"])
    for twice in (["x.json", "x.json"], ["x.json,x.json", "y.json"], ["x.json,y.json", "x.json"]):
        with pytest.raises(UserError, match=r"the same run is named twice, x\.json"):
            evaluate.main(["compare", *twice])
    with pytest.raises(UserError, match=r"compare: x\.json,: a name between its commas is empty"):
        evaluate.main(["compare", "x.json,", "y.json"])
    with pytest.raises(UserError, match=r"z\.json: not there"):
        evaluate.main(["compare", "x.json,z.json", "y.json"])


TRUE = {str(i): answer for i, _, _, answer in TRUTH}
BOTH = [{"id": i, "question": "q?", "answer": a, "pred": "red"} for i, a in TRUE.items()]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", json.dumps(BOTH)),
        ("lines.json", "\n".join(json.dumps(record) for record in BOTH)),
        ("lines.jsonl", "\ufeff" + "\r\n".join(json.dumps(record) for record in BOTH) + "\r\n\n"),
        ("floats.json", json.dumps([{"qid": float(i), "output": "red"} for i in TRUE])),
        ("beside.json", json.dumps([{"id": i, "answer": "red", "gt": a} for i, a in TRUE.items()])),
    ],
)
def test_a_truth_beside_the_prediction_is_not_taken_for_it(name: str, text: str, capsys) -> None:
    own("a.json", set())
    Path(name).write_text(text)
    right = sum(answer == "red" for answer in TRUE.values())
    assert 0 < right < 40
    assert compared(capsys, "a.json", name)[0]["test/accuracy_b"] == right / 40


@pytest.mark.parametrize(
    ("records", "line"),
    [
        (
            [{"id": i, "answer": a, "vicuna": "x"} for i, a in TRUE.items()],
            "vicuna may be the prediction, and",
        ),
        (
            [{"id": i, "answer": a} for i, a in TRUE.items()],
            "its `answer` is the true answer of al",
        ),
        ([{"id": 1, "pred": "a", "output": "b"}], "output, pred may each be the prediction"),
        ('{"id": 1, "pred": "a"}\n{"id": 2, "pred": ', r"line 2, column \d+"),
        ("[" * 100_000, "not readable as JSON"),
        ('{"1": ' + "9" * 5000 + "}", "not readable as JSON"),
    ],
)
def test_what_would_be_a_guess_is_refused(records, line: str) -> None:
    own("a.json", set())
    with pytest.raises(UserError, match=rf"^bad\.json: .*{line}"):
        evaluate.main(["compare", "a.json", dump(records)])


def test_answers_that_are_nearly_right_are_pointed_out(capsys) -> None:
    own("a.json", set())
    near = {i: f" {a.upper()}. " if int(i) < 3 else "x" for i, a in TRUE.items()}
    Path("near.json").write_text(json.dumps(near))
    evaluate.main(["compare", "a.json", "near.json"])
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1])[0]["test/accuracy_b"] == 0
    assert "NOTE near.json: 3 answers differ from the true one in case, blanks or a full" in out


def test_files_with_other_true_answers() -> None:
    own("a.json", set())
    own("b.json", set())
    text = Path("b.json").read_text().replace('"answer": "blue"', '"answer": "navy"', 2)
    Path("b.json").write_text(text)
    with pytest.raises(UserError, match=r"b\.json: 2 questions have another true answer .* id 0"):
        evaluate.main(["compare", "a.json", "b.json"])


def test_sets_of_seeds(capsys) -> None:
    seeds = [own(f"{i}.json", set(range(20 + i, 36 + 2 * i))) for i in range(2)]  # 16 and 17 right
    others = [own(f"{i}.json", set(range(4 * i - 20, 20))) for i in range(5, 8)]  # 20, 16, 12
    flags = ["--output", "flips.json"]
    evaluate.main(["compare", ",".join(seeds), ",".join(others), *flags])
    out = capsys.readouterr().out
    (found,) = json.loads(out.splitlines()[-1])
    assert (found["a"], found["b"]) == ("0.json,1.json", "5.json,6.json,7.json")
    assert (found["seeds_a"], found["seeds_b"]) == (2, 3) and "mcnemar_p" not in found
    assert found["test/accuracy_a"] == pytest.approx(16.5 / 40)
    assert found["test/accuracy_b"] == pytest.approx(16 / 40)
    assert found["test/difference"] == pytest.approx(-0.5 / 40)
    assert found["test/deviation_b"] == pytest.approx(4 / 40)
    assert "A the mean of 2 seeds, ± 1.77, B the mean of 3 seeds, ± 10.00; all of A" in out
    assert "(the interval resamples videos and seeds)" in out
    (flips,) = json.loads(Path("flips.json").read_text())
    by_right = {
        side: {int(f["id"]) for f in flips["flipped"] if f["right"] == side} for side in "ab"
    }
    assert by_right == {"a": set(range(21, 36)), "b": set(range(8, 20))}
    assert (found["only_a_right"], found["only_b_right"]) == (15, 12)
    (one,) = compared(capsys, "0.json,1.json", "5.json")
    assert "seeds_b" not in one and one["test/accuracy_b"] == 20 / 40


def test_a_comma_in_the_name_of_a_file_is_no_set(capsys) -> None:
    own("a.json", set(range(20)))
    (found,) = compared(capsys, "a.json", own("b,c.json", set(range(10))))
    assert found["b"] == "b,c.json" and "mcnemar_p" in found


def test_seeds_widen_the_interval_by_what_they_differ() -> None:
    """Against the normal approximation: variance over videos + s2 / S of each model's seeds."""
    rng = np.random.default_rng(0)
    videos, questions = 200, 10
    video = np.repeat(np.arange(videos), questions)
    bootstrap = Bootstrap(video, ["what"] * len(video))

    def seeds(*shares: float) -> np.ndarray:
        return np.array([rng.random(len(video)) < share for share in shares])

    a, b = seeds(0.30, 0.36, 0.33, 0.27, 0.39, 0.34), seeds(0.45, 0.35, 0.42, 0.47, 0.41, 0.30)
    low, high = bootstrap.interval_over_seeds(a, b).total
    middle, width = b.mean() - a.mean(), (high - low) / (2 * 1.96)
    difference = (b.mean(0) - a.mean(0)).reshape(videos, -1).mean(1)
    over_videos = difference.var() / videos
    over_seeds = sum(x.mean(1).var(ddof=1) / len(x) for x in (a, b))
    assert low < middle < high
    assert width**2 == pytest.approx(over_videos + over_seeds, rel=0.15)
    assert over_seeds > over_videos
    narrow = bootstrap.interval(b.mean(0) - a.mean(0)).total
    same = bootstrap.interval_over_seeds(np.stack([a[0]] * 3), np.stack([b[0]] * 2)).total
    assert same == pytest.approx(bootstrap.interval(b[0].astype(float) - a[0]).total, abs=1e-6)
    assert high - low > 1.5 * (narrow[1] - narrow[0])


def question_file(path: str, classes: tuple[str, ...], red: str = "red") -> None:
    """A question file with the questions of `TRUTH`, with another word for red."""
    split = QuestionSplit(
        name="test",
        words=torch.full((len(TRUTH),), 2),
        length=torch.ones(len(TRUTH), dtype=torch.int64),
        longest=1,
        answer=torch.full((len(TRUTH),), 2),
        videos=tuple(v for _, v, _, _ in TRUTH),
        ids=tuple(i for i, _, _, _ in TRUTH),
        types=tuple(t for _, _, t, _ in TRUTH),
        texts=tuple(f"{t} {i}?" for i, _, t, _ in TRUTH),
        answer_texts=tuple(red if a == "red" else a for _, _, _, a in TRUTH),
    )
    save_questions(
        path,
        dataset="tiny",
        vocabulary=Vocabulary(words=("<NULL>", "<UNK>", "what"), answers=("", "", *classes)),
        word_vectors=torch.zeros(3, 2),
        word_vectors_source="random",
        splits={name: dataclasses.replace(split, name=name) for name in ("train", "val", "test")},
    )


def test_normalised_answers_are_counted_beside_exact_ones(capsys) -> None:
    question_file("q.pt", ("red", "blue", "motorcycle"))
    free = {"red": "The reds.", "blue": "a blue thing"}
    Path("free.json").write_text(json.dumps({i: free[a] for i, a in TRUE.items()}))
    own("a.json", set(range(20)))
    (plain,) = compared(capsys, "a.json", "free.json", "--questions", "q.pt")
    flags = ["--questions", "q.pt", "--normalise", "--output", "out.json"]
    evaluate.main(["compare", "a.json", "free.json", *flags])
    out = capsys.readouterr().out
    (found,) = json.loads(out.splitlines()[-1])
    assert {k: v for k, v in found.items() if "normalise" not in k} == plain  # exact match counts
    red = sum(answer == "red" for answer in TRUE.values())
    assert found["test/accuracy_b"] == 0 and found["test/normalised_accuracy_b"] == red / 40
    assert found["test/normalised_accuracy_a"] == found["test/accuracy_a"] == 0.5
    assert found["test/normalised_difference"] == pytest.approx(red / 40 - 0.5)
    low, high = found["test/normalised_difference_interval"]
    assert low < red / 40 - 0.5 < high
    assert found["normaliser"] == {"version": VERSION, "rules": RULES}
    assert f"normaliser {VERSION}: {RULES}" in out.splitlines()
    assert f"  B: right by the normaliser alone {red} times: 'The reds.' for 'red'" in out
    rows = {line[:14].strip(): line.split()[-3] for line in out.splitlines()}
    assert rows["B normalised"] == f"{100 * red / 40:.1f}" and rows["B free.json"] == "0.0"
    (written,) = json.loads(Path("out.json").read_text())
    assert written["right_by_normaliser_alone"] == {"a": [], "b": [["The reds.", "red", red]]}


def test_the_nearest_class_is_one_of_the_question_file(capsys) -> None:
    truth = "motorcycle"
    own("a.json", set())
    text = Path("a.json").read_text().replace('"answer": "red"', f'"answer": "{truth}"')
    Path("a.json").write_text(text)
    Path("b.json").write_text(json.dumps(dict.fromkeys(TRUE, "motor cycle")))
    with pytest.raises(UserError, match="--normalise: needs --questions, the file whose answers"):
        evaluate.main(["compare", "a.json", "b.json", "--normalise"])
    shares = []
    for classes in (("blue", truth), ("blue", "red")):
        question_file("q.pt", classes, truth)
        flags = ["--questions", "q.pt", "--normalise"]
        shares.append(compared(capsys, "a.json", "b.json", *flags)[0]["test/normalised_accuracy_b"])
    assert shares == [sum(a == "red" for a in TRUE.values()) / 40, 0]
