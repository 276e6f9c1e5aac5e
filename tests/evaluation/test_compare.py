"""Paired comparison: of this project's files and of foreign ones, and what does not match."""

import json
from pathlib import Path

import pytest

import evaluate
from util.errors import UserError

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
    with pytest.raises(UserError, match="the same run is named twice"):
        evaluate.main(["compare", "x.json", "x.json"])


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
