"""Choices and counts compared: this project's files, foreign ones, tables, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import evaluate
from data_loader.questions import Kind, Questions, load_questions
from tests import tiny_answers
from util.errors import UserError


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[Kind, Questions]:
    """The question files of either kind."""
    found: dict[Kind, Questions] = {}
    for kind in ("choice", "count"):
        folder = tmp_path_factory.mktemp(kind)
        tiny_answers.make(folder, kind)
        found[kind] = load_questions(folder / "questions.pt")
    return found


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def own(path: str, questions: Questions, told: list[int], **header: Any) -> str:
    """A predictions file as evaluate.py writes it."""
    split = questions.splits["test"]
    records = []
    for i, number in enumerate(told):
        right, more = int(split.answer[i]), {}
        said = str(number)
        if split.candidates is not None:
            said = split.candidates.texts[i][number]
            more = {"choices": list(split.candidates.texts[i]), "right": right, "chosen": number}
        records.append(
            {
                "id": split.ids[i], "video": split.videos[i], "type": split.types[i],
                "question": split.texts[i], "answer": split.answer_texts[i], "predicted": said,
                "probability": 1.0, "correct": number == right, **more,
            }
        )  # fmt: skip
    about = {"split": "test", "kind": questions.kind, **header}
    if questions.count_range is not None:
        about["count_range"] = list(questions.count_range)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps({**about, "predictions": records}))
    return path


def dump(path: str, content: Any) -> str:
    Path(path).write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def compared(capsys, *words: str) -> tuple[dict[str, Any], str]:
    evaluate.main(["compare", *words])
    out = capsys.readouterr().out
    return json.loads(out.splitlines()[-1])[0], out


def test_two_runs_of_choices(made, capsys) -> None:
    questions = made["choice"]
    right = questions.splits["test"].answer.tolist()
    own("a.json", questions, [0] * 16)
    own("b.json", questions, right)
    found, out = compared(capsys, "a.json", "b.json", "--output", "flips.json")
    first = sum(r == 0 for r in right) / 16
    assert (found["test/accuracy_a"], found["test/accuracy_b"]) == (first, 1)
    assert found["test/difference"] == pytest.approx(1 - first) and "mcnemar_p" in found
    assert found["kind"] == "choice" and "split test, per cent" in out
    (flips,) = json.loads(Path("flips.json").read_text())
    split = questions.splits["test"]
    texts = {str(i): of for i, of in zip(split.ids, split.candidates.texts, strict=True)}
    assert len(flips["flipped"]) == 16 - sum(r == 0 for r in right)
    for flip in flips["flipped"]:
        assert flip["a"] == texts[flip["id"]][0] and flip["b"] == flip["answer"]


def test_foreign_choices_in_each_form_say_the_same(made, capsys) -> None:
    questions = made["choice"]
    split = questions.splits["test"]
    own("a.json", questions, [0] * 16)
    told = [int(n) - 1 for n in split.candidates.number]  # the last of each
    names = [of[-1] for of in split.candidates.texts]
    ids = [str(i) for i in split.ids]
    expected = np.mean(np.array(told) == split.answer.numpy())
    forms = {
        "places.json": dict(zip(ids, told, strict=True)),
        "texts.json": dict(zip(ids, names, strict=True)),
        "list.json": [{"qid": i, "prediction": n} for i, n in zip(ids, told, strict=True)],
        # as NExT-QA's files have it
        "nested.json": {
            i: {"prediction": n, "answer": int(split.answer[k])}
            for k, (i, n) in enumerate(zip(ids, told, strict=True))
        },
        "lines.jsonl": "\n".join(
            json.dumps({"id": i, "pred": n.upper()}) for i, n in zip(ids, names, strict=True)
        ),
    }
    for name, content in forms.items():
        found, _ = compared(capsys, "a.json", dump(name, content))
        assert found["test/accuracy_b"] == expected, name
    alone, _ = compared(capsys, "places.json", "texts.json", "--questions", str(questions.path))
    assert alone["test/difference"] == 0


def test_a_text_of_two_choices_counts_as_the_right_one_and_is_pointed_out(made, capsys) -> None:
    own("a.json", made["choice"], [0] * 16)
    text = json.loads(Path("a.json").read_text())
    for record in text["predictions"]:
        record["choices"] = ["red", "red"]
        record |= {"answer": "red", "right": 1, "chosen": 0, "predicted": "red", "correct": False}
    dump("a.json", text)
    ids = [str(record["id"]) for record in text["predictions"]]
    found, out = compared(capsys, "a.json", dump("b.json", dict.fromkeys(ids, "red")))
    assert (found["test/accuracy_a"], found["test/accuracy_b"]) == (0, 1)
    assert "NOTE b.json: 16 answers are texts that two choices of their question share" in out
    found, out = compared(capsys, "a.json", dump("c.json", dict.fromkeys(ids, 0)))
    assert found["test/accuracy_b"] == 0 and "NOTE" not in out


def test_two_runs_of_counts(made, capsys) -> None:
    questions = made["count"]
    right = questions.splits["test"].answer.numpy()
    a, b = [3] * 16, np.clip(right + 1, 1, 4).tolist()
    own("a.json", questions, a)
    own("b.json", questions, b)
    found, out = compared(capsys, "a.json", "b.json", "--output", "flips.json")
    for key, error in (
        ("mse", lambda told: ((told - right) ** 2).mean()),
        ("mae", lambda told: np.abs(told - right).mean()),
        ("exact", lambda told: (told == right).mean()),
    ):
        assert found[f"test/{key}_a"] == pytest.approx(error(np.array(a)))
        assert found[f"test/{key}_b"] == pytest.approx(error(np.array(b)))
        difference = error(np.array(b)) - error(np.array(a))
        assert found[f"test/{key}_difference"] == pytest.approx(difference)
        low, high = found[f"test/{key}_difference_interval"]
        assert low <= difference <= high
    assert "B is better where B - A is below 0" in out
    (flips,) = json.loads(Path("flips.json").read_text())
    assert {f["right"] for f in flips["flipped"]} <= {"a", "b"}
    only_b = ((np.array(b) == right) & (np.array(a) != right)).sum()
    assert found["only_b_right"] == only_b


def test_foreign_counts_are_rounded_and_clipped_as_a_run_s_are(made, capsys) -> None:
    questions = made["count"]
    own("a.json", questions, [3] * 16)
    ids = [str(i) for i in questions.splits["test"].ids]
    for value, number in ((2.5, 3), ("3.2", 3), (17, 4), (-2, 1)):
        own("same.json", questions, [number] * 16)
        found, _ = compared(capsys, "same.json", dump("b.json", dict.fromkeys(ids, value)))
        assert found["test/mse_difference"] == 0, value


def test_sets_of_seeds_of_counts(made, capsys) -> None:
    questions = made["count"]
    a = ",".join(own(f"a{i}.json", questions, [2 + i] * 16) for i in range(2))
    b = ",".join(own(f"b{i}.json", questions, [1 + 3 * i] * 16) for i in range(2))
    found, out = compared(capsys, a, b)
    right = questions.splits["test"].answer.numpy()
    error = [((right - n) ** 2).mean() for n in (2, 3)]
    assert found["test/mse_a"] == pytest.approx(np.mean(error))
    assert found["test/deviation_a"] == pytest.approx(np.std(error, ddof=1))
    assert f"A the mean of 2 seeds, ± {np.std(error, ddof=1):.2f}" in out


@pytest.mark.parametrize(
    ("kind", "value", "line"),
    [
        ("choice", "a horse", "question 40000: 'a horse' is none of its"),
        ("choice", 4, "question 40000: choice 4 is not there"),
        ("choice", None, "question 40000: NoneType is none of its"),
        ("count", "three", "question 40000: 'three' is no number; give a number, such as 3"),
        ("count", None, "question 40000: NoneType is no number"),
    ],
)
def test_what_a_foreign_file_may_not_say(made, kind: Kind, value: Any, line: str) -> None:
    questions = made[kind]
    own("a.json", questions, [1] * 16)
    ids = questions.splits["test"].ids
    assert ids[0] == 40000
    told = {str(i): 1 for i in ids} | {"40000": value}
    with pytest.raises(UserError, match=rf"^bad\.json: {line}"):
        evaluate.main(["compare", "a.json", dump("bad.json", told)])
    rows = [{"id": i, "pred": 1 if i != 40000 else value} for i in ids]
    lines = "\n".join(json.dumps(row) for row in [rows[1], rows[0], *rows[2:]])
    with pytest.raises(UserError, match=rf"^bad\.jsonl: line 2, {line}"):
        evaluate.main(["compare", "a.json", dump("bad.jsonl", lines)])


def test_what_cannot_be_compared(made) -> None:
    own("choice.json", made["choice"], [0] * 16)
    own("count.json", made["count"], [1] * 16)
    with pytest.raises(UserError, match=r"count\.json: holds answers of kind count, choice\.json"):
        evaluate.main(["compare", "choice.json", "count.json"])
    text = json.loads(Path("choice.json").read_text())
    text["predictions"][3]["choices"].reverse()
    dump("other.json", text)
    line = r"other\.json: question 40003 has other choices than in choice\.json, or in another"
    with pytest.raises(UserError, match=line):
        evaluate.main(["compare", "choice.json", "other.json"])
    flags = ["--normalise", "--questions", str(made["count"].path)]
    with pytest.raises(UserError, match="--normalise: is for open answers, these are of kind cou"):
        own("again.json", made["count"], [2] * 16)
        evaluate.main(["compare", "count.json", "again.json", *flags])
    del text["predictions"][0]["right"]
    dump("damaged.json", text)
    with pytest.raises(UserError, match=r"damaged\.json: damaged predictions of kind choice"):
        evaluate.main(["compare", "damaged.json", "choice.json"])


def test_a_table_of_counts_has_errors_and_what_is_saved(made) -> None:
    questions = made["count"]
    right = questions.splits["test"].answer.tolist()
    near = [min(4, n + 1) for n in right]
    for seed, told in ((1, right), (2, near)):
        own(f"results/seen_s{seed}/test-real.json", questions, told)
        own(f"results/blind_s{seed}/test-none.json", questions, [2] * 16)
    spec = {
        "columns": ["all", "what"], "question_only": "blind",
        "rows": [{"label": "seen", "runs": "seen", "file": "real"}],
    }  # fmt: skip
    error = np.mean([(n - t) ** 2 for n, t in zip(right, near, strict=True)])
    blind = np.mean([(n - 2) ** 2 for n in right])

    def row(**more: str) -> list[str]:
        dump("t.yaml", json.dumps({"t": {**spec, **more}}))  # JSON is YAML
        dump("R.md", "<!-- table t -->\n<!-- end -->\n")
        evaluate.main(["table", "--tables", "t.yaml", "--readme", "R.md"])
        _, head, _, cells, *_ = Path("R.md").read_text().splitlines()
        return [*head.split("|")[4:5], *cells.split("|")[2:5]]

    head, all_, _, gain = row()
    assert head == " vision gain (squared error saved) "
    assert all_ == f" {error / 2:.2f} ± {error / np.sqrt(2):.2f} "
    assert gain.startswith(f" +{blind - error / 2:.2f} [+")
    head, all_, _, _ = row(metric="exact")
    exact = 100 * (1 + np.mean(np.array(near) == right)) / 2
    assert head == " vision gain " and all_.startswith(f" {exact:.1f} ± ")
    with pytest.raises(UserError, match=r"metric accuracy: .* of kind count, .* mse, exact, mae"):
        row(metric="accuracy")


def test_a_question_file_without_a_training_split_has_fewer_rows(made, tmp_path, capsys) -> None:
    for kind, left in (("choice", "likeliest choice"), ("count", "constant: training mean")):
        questions = made[kind]
        path = save(tmp_path / f"{kind}.pt", questions)
        evaluate.main(["baselines", "--questions", str(path)])
        out = capsys.readouterr().out
        assert f"without a training split in the question file, left out: {left}" in out
        found = json.loads(out.splitlines()[-1])
        assert ("chance" in found) == (kind == "choice")


def save(path: Path, questions: Questions) -> Path:
    """The question file with its test split alone."""
    state = torch.load(questions.path, weights_only=True)
    state["splits"] = {"test": state["splits"]["test"]}
    torch.save(state, path)
    assert set(load_questions(path).splits) == {"test"}
    return path


def test_the_baselines_of_a_question_file_are_plain_numbers(made, capsys) -> None:
    evaluate.main(["baselines", "--questions", str(made["count"].path)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    split, train = made["count"].splits["test"], made["count"].splits["train"]
    told = {
        kind: round(train.answer[[t == kind for t in train.types]].double().mean().item())
        for kind in ("what", "who")
    }
    error = [(told[t] - n) ** 2 for t, n in zip(split.types, split.answer.tolist(), strict=True)]
    assert found["constant_mean_mse"] == pytest.approx(np.mean(error), abs=1e-4)
    low, high = found["constant_mean_mse_interval"]
    assert low < found["constant_mean_mse"] < high and found["kind"] == "count"
    flags = ["--questions", str(made["count"].path), "--protocol", "answerable"]
    with pytest.raises(UserError, match="--protocol answerable: is about the classes of open qu"):
        evaluate.main(["baselines", *flags])
    with pytest.raises(UserError, match="--task action: a question file has one; leave it out"):
        evaluate.main(["baselines", "--questions", "q.pt", "--task", "action"])
