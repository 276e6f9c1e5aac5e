"""Runs that choose and runs that count: scored, as an ensemble, without video, by two processes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from data_loader.candidates import encode_candidates
from data_loader.questions import Kind, QuestionSplit, load_questions, save_questions
from evaluation.kind.count import told
from evaluation.run import answer, run_questions
from inference import pack
from inference.run import open_run
from model.task.qa import QuestionAnswering, ScoredPredictions
from options.evaluate import SplitOptions
from tests import tiny_answers
from tests.commands import start_processes
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError

KINDS: tuple[Kind, ...] = ("choice", "count")
STORES = (("questions", "pt"), ("appearance", "h5"), ("motion", "h5"))
PLAIN = ["--plots", "false", "--run"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[Kind, Path]:
    """Of each kind a folder with runs a, b of two seeds and question-only runs of both."""
    folders: dict[Kind, Path] = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind in KINDS:
            folders[kind] = tmp_path_factory.mktemp(kind)
            patch.chdir(folders[kind])
            flags = [*tiny_answers.make(folders[kind], kind), "--epochs", "6", "--eval_every", "6"]
            for seed, name in enumerate("ab"):
                how = [*flags, "--gamma", "1", "--seed", str(seed)]
                train.main([*how, "--run", name])
                train.main([*how, "--run", f"{name}0", "--video", "none"])
    return folders


@pytest.fixture(params=KINDS)
def kind(request, trained, monkeypatch) -> Kind:
    """One kind, in its folder."""
    monkeypatch.chdir(trained[request.param])
    return request.param


def report(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text())


def scored(folder: str, video: str = "real", **more: Any) -> ScoredPredictions:
    """What a run tells of its test split, asked without the evaluation around it."""
    run = open_run(folder, QuestionAnswering)
    _, raw = answer(run, run_questions(run, None), SplitOptions(), video, **more)  # type: ignore[arg-type]
    return raw


def questions_of_test() -> QuestionSplit:
    return load_questions("questions.pt").splits["test"]


def test_a_run_is_measured_beside_all_that_needs_no_video(kind, capsys) -> None:
    evaluate.main(["--run", "results/a"])
    out = capsys.readouterr().out
    found, main = report("results/a/test-real.json"), {"choice": "accuracy", "count": "mse"}[kind]
    right, number = questions_of_test().answer.numpy(), scored("results/a").top[:, 0].numpy()
    if kind == "choice":
        assert found["test/accuracy"]["total"] == np.mean(right == number)
        assert [p["chosen"] for p in found["predictions"]] == number.tolist()
        counts = questions_of_test().candidates.number.double()  # type: ignore[union-attr]
        assert found["test/chance"]["total"] == pytest.approx((1 / counts).mean().item())
        gain = found["test/accuracy"]["total"] - found["test/question_only"]["total"]
        rows = ["chance", "first choice", "longest choice", "likeliest choice", "question only"]
        assert "test/calibration_error" in found
    else:
        assert found["test/mse"]["total"] == np.mean((right - number) ** 2)
        assert found["test/exact"]["total"] == np.mean(right == number)
        assert found["test/mae"]["total"] == np.mean(abs(right - number))
        assert [int(p["predicted"]) for p in found["predictions"]] == number.tolist()
        gain = found["test/question_only_mse"]["total"] - found["test/mse"]["total"]
        rows = ["constant: training mean", "constant: commonest", "question only"]
    assert found["test/vision_gain"]["total"] == pytest.approx(gain)
    assert found["question_only_run"] == "a0"
    low, high = found[f"test/{main}_interval"]["total"]
    assert low <= found[f"test/{main}"]["total"] <= high
    printed = [line.split("  ")[0] for line in out.splitlines()]
    assert all(row in printed for row in [*rows, "this run", "shuffled-video control"])
    assert json.loads(out.splitlines()[-1])["kind"] == kind
    events = EventAccumulator("tf-logs/a/test-real").Reload()
    (logged,) = events.Scalars(f"test/{main}")
    assert logged.value == pytest.approx(found[f"test/{main}"]["total"])
    assert {p.name for p in Path("results/a/plots").glob("test-real-*")}
    blind = report("results/a/test-shuffled.json")
    shuffled = "test/shuffled_video" if kind == "choice" else "test/shuffled_video_mse"
    assert blind[f"test/{main}"] == found[shuffled]


def test_the_batch_size_does_not_matter(kind) -> None:
    for size in ("3", "100"):
        evaluate.main([*PLAIN, "results/a", "--batch_size", size, "--output", f"{size}.json"])
    small, large = report("3.json"), report("100.json")
    for key in ("test/calibration_error", "predictions", "markdown"):
        for of in (small, large):
            of.pop(key, None)
    assert small == large


def test_an_ensemble_is_the_mean_of_probabilities_or_of_values(kind, capsys) -> None:
    evaluate.main(["--plots", "false", "--ensemble", "--run", "results/a", "results/b"])
    out = capsys.readouterr().out
    found, split = report("results/a+b/test-real.json"), questions_of_test()
    parts = [scored(run, every_class=True) for run in ("results/a", "results/b")]
    if kind == "choice":
        mean = torch.stack([part.classes for part in parts]).mean(0)
        for row, number in enumerate(split.candidates.number.tolist()):  # type: ignore[union-attr]
            assert not mean[row, number:].any()
            assert mean[row].sum() == pytest.approx(1)
        best = mean.argmax(1).numpy()
        assert [p["chosen"] for p in found["predictions"]] == best.tolist()
        assert found["test/accuracy"]["total"] == np.mean(best == split.answer.numpy())
        key, what = "accuracy", "probabilities"
    else:
        mean = torch.stack([part.value for part in parts]).mean(0).numpy()
        number = told(mean, tiny_answers.RANGE)
        assert [int(p["predicted"]) for p in found["predictions"]] == number.tolist()
        assert found["test/mse"]["total"] == np.mean((number - split.answer.numpy()) ** 2)
        key, what = "mse", "values"
    assert f"a+b, mean {what} of 2 runs" in out
    members = [report(f"results/{run}/test-real.json")[f"test/{key}"]["total"] for run in "ab"]
    assert found["test/runs_mean"]["total"] == pytest.approx(np.mean(members))
    assert found["test/runs_deviation"]["total"] == pytest.approx(np.std(members, ddof=1))
    assert found["question_only_run"] == "a0+b0"
    assert f"test/{key}: " in out and "over 2 runs" in out


def test_a_packed_run_is_a_member_of_its_own_kind(kind) -> None:
    pack.main(["--run", "results/a", "--output", "a.safetensors"])
    files = [f"--{name}={name}.{end}" for name, end in STORES]
    runs = [*PLAIN, "a.safetensors", "results/b", "--ensemble", *files]
    evaluate.main([*runs, "--output", "packed.json"])
    evaluate.main([*PLAIN, "results/a", "results/b", "--ensemble", "--output", "plain.json"])
    packed, plain = report("packed.json"), report("plain.json")
    told = [[p["predicted"] for p in of["predictions"]] for of in (packed, plain)]
    assert told[0] == told[1] and packed["runs"] == ["a-packed", "b"]
    if kind == "count":
        content = load_checkpoint("results/b/best.pt")
        Path("results/wide").mkdir(exist_ok=True)
        save_checkpoint(Path("results/wide/best.pt"), {**content, "count_range": (0, 4)})
        line = r"--ensemble: results/wide gives answers of kind count, from 0 to 4, results/a of"
        with pytest.raises(UserError, match=line):
            evaluate.main([*PLAIN, "results/a", "results/wide", "--ensemble"])


def test_other_videos_none_and_a_channel_that_is_missing(kind) -> None:
    evaluate.main([*PLAIN, "results/a", "--video", "none"])
    evaluate.main([*PLAIN, "results/a", "--missing", "motion"])
    none = report("results/a/test-none.json")
    found = report("results/a/test-real-no-motion-zeros.json")
    assert none["kind"] == found["kind"] == kind and found["questions"] == 16
    if kind == "count":  # without a video a question has one answer
        by_text = {(p["question"], p["predicted"]) for p in none["predictions"]}
        assert len(by_text) == 2
    evaluate.main([*PLAIN, "results/a0"])
    assert "test/vision_gain" not in report("results/a0/test-none.json")


@pytest.mark.parametrize("of", ["choice", pytest.param("count", marks=pytest.mark.long)])
def test_two_processes_score_as_one(of: Kind, trained, monkeypatch) -> None:
    monkeypatch.chdir(trained[of])
    flags = ["--ensemble", *PLAIN, "results/a", "results/b", "--batch_size", "5"]
    for processes, name in ((1, "one.json"), (2, "two.json")):
        for process in start_processes(processes, "evaluate.py", [*flags, "--output", name]):
            assert process.wait() == 0, process.stderr
    assert report("one.json") == report("two.json")


def changed(path: str, **of: Any) -> list[str]:
    """The question file with another test split; `of`: fields of its questions, or of the split."""
    questions = load_questions("questions.pt")
    splits = of.pop("splits", questions.splits)
    known = {
        f: getattr(questions, f) for f in ("kind", "count_range", "word_vectors", "vocabulary")
    }
    save_questions(
        path, dataset="tiny", word_vectors_source="random", splits=splits, **{**known, **of}
    )
    return ["--questions", path]


def only_test() -> dict[str, QuestionSplit]:
    return {"test": questions_of_test()}


def test_a_file_without_a_training_split_is_scored_with_fewer_rows(kind, capsys) -> None:
    flags = changed("alone.pt", splits=only_test())
    evaluate.main([*PLAIN, "results/a", *flags, "--output", "alone.json"])
    out, found = capsys.readouterr().out, report("alone.json")
    assert "without a training split in the question file, left out: " in out
    assert not {key for key in found if "prior" in key or "constant" in key or "commonest" in key}
    evaluate.main(["--run", "results/a", *flags, "--output", "alone.json"])  # pictures, too


def test_a_table_has_the_rows_beside_a_run(kind) -> None:
    evaluate.main([*PLAIN, "results/a"])
    found, row = report("results/a/test-real.json"), {"choice": "prior", "count": "commonest"}[kind]
    spec = {
        "columns": ["all", "who"], "question_only": "a0",
        "rows": [
            {"label": "it", "runs": "a", "file": "real"},
            {"label": "beside", "runs": "a", "file": "real", "row": row},
        ],
    }  # fmt: skip
    evaluate.main([*PLAIN, "results/a0"])
    Path("t.yaml").write_text(json.dumps({"t": spec}))  # JSON is YAML
    Path("R.md").write_text("<!-- table t -->\n<!-- end -->\n")
    evaluate.main(["table", "--tables", "t.yaml", "--readme", "R.md"])
    *_, line, _ = Path("R.md").read_text().splitlines()
    of = found["test/prior" if kind == "choice" else "test/commonest_mse"]
    values = [of["total"], of["by_type"]["who"]]
    cells = [f"{100 * v:.1f}" if kind == "choice" else f"{v:.2f}" for v in values]
    assert line == f"| beside | {cells[0]} (one seed) | {cells[1]} (one seed) | – |"
    spec["rows"][1]["row"] = "other"
    Path("t.yaml").write_text(json.dumps({"t": spec}))
    with pytest.raises(UserError, match=r"row other: .*real\.json has no test/other"):
        evaluate.main(["table", "--tables", "t.yaml", "--readme", "R.md"])


def test_types_are_any_text(kind) -> None:
    types = ("all", "total", "3", "", "yes/no", "mse", "test/mse", "spatial ") * 2
    split = replace(questions_of_test(), types=types)
    flags = changed("types.pt", splits={**load_questions("questions.pt").splits, "test": split})
    evaluate.main(["--run", "results/a", *flags, "--output", "types.json"])
    main = "test/accuracy" if kind == "choice" else "test/mse"
    assert set(report("types.json")[main]["by_type"]) == set(types)


def test_the_order_of_candidates_changes_no_answer(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained["choice"])
    questions, split = load_questions("questions.pt"), questions_of_test()
    texts = split.candidates.texts  # type: ignore[union-attr]
    turned = replace(
        split,
        answer=split.candidates.number - 1 - split.answer,  # type: ignore[union-attr]
        candidates=encode_candidates([of[::-1] for of in texts], questions.vocabulary, longest=6),
    )
    flags = changed("turned.pt", splits={**questions.splits, "test": turned})
    evaluate.main([*PLAIN, "results/a"])
    evaluate.main([*PLAIN, "results/a", *flags, "--output", "turned.json"])
    own, other = report("results/a/test-real.json"), report("turned.json")
    for mine, its in zip(own["predictions"], other["predictions"], strict=True):
        assert (mine["predicted"], mine["correct"]) == (its["predicted"], its["correct"])
        assert mine["probability"] == pytest.approx(its["probability"], abs=1e-4)
        assert len(mine["choices"]) - 1 - mine["chosen"] == its["chosen"]
    with pytest.raises(UserError, match=r"turned\.json: question 40000 has other choices than in "):
        evaluate.main(["compare", "results/a", "turned.json"])


def test_the_page_of_failures_shows_what_was_chosen_and_counted(kind) -> None:
    evaluate.main(["report", "--run", "results/a"])
    page = Path("results/a/test-failures.html").read_text()
    wrong = (~scored("results/a").correct).sum()
    assert page.count('<article class="failure') == wrong
    if kind == "count":
        assert "test squared error" in page and "before rounding the model said" in page
        assert "Wrong numbers, those first whose value" in page and 'class="share"' not in page
    else:
        assert "test accuracy" in page and "Wrong choices, those first" in page
        assert page.count('<li class="true">') == wrong  # of at most four candidates each is shown


def test_candidates_are_any_text(trained, monkeypatch, capsys) -> None:
    monkeypatch.chdir(trained["choice"])
    questions, split = load_questions("questions.pt"), questions_of_test()
    odd = [
        "<script>alert(1)</script>",
        "$x^2$ | a",
        "a\n\x1b[31mb",
        "\u202eabc",
        "x" * 5000,
        "日本",
    ]
    texts = [
        [f"{odd[(i + k) % len(odd)]} {k}" for k in range(len(of))]
        for i, of in enumerate(split.candidates.texts)  # type: ignore[union-attr]
    ]
    answers = tuple(of[k] for of, k in zip(texts, split.answer.tolist(), strict=True))
    candidates = encode_candidates(texts, questions.vocabulary, longest=40)
    split = replace(split, candidates=candidates, answer_texts=answers)
    flags = changed("odd.pt", splits={**questions.splits, "test": split})
    evaluate.main(["--run", "results/a", *flags, "--output", "odd.json"])
    evaluate.main(["report", "--run", "results/a", *flags, "--output", "odd.html"])
    assert "<script>alert" not in Path("odd.html").read_text()
    found = report("odd.json")["predictions"]
    assert [tuple(p["choices"]) for p in found] == [tuple(of) for of in texts]
    told = {str(p["id"]): p["predicted"] for p in found}
    Path("told.json").write_text(json.dumps(told))
    capsys.readouterr()
    evaluate.main(["compare", "odd.json", "told.json"])
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1])[0]["test/difference"] == 0 and "\x1b" not in out
    Path("told.json").write_text(json.dumps({**told, "40000": "\x1b[31m" + "y" * 9000}))
    with pytest.raises(UserError, match=r"question 40000: .* is none of its . choices") as error:
        evaluate.main(["compare", "odd.json", "told.json"])
    assert "\x1b" not in str(error.value) and len(str(error.value)) < 300


def test_a_run_and_a_file_of_other_kinds_are_told_apart(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained["choice"])
    other = str(trained["count"] / "questions.pt")
    line = (
        r"questions\.pt asks for answers of kind count, results/a was trained to give answers of "
        "kind choice: name"
    )
    with pytest.raises(UserError, match=line):
        evaluate.main([*PLAIN, "results/a", "--questions", other])
    count = str(trained["count"] / "results" / "a")
    with pytest.raises(UserError, match="answers questions of kind count, results/a of kind cho"):
        evaluate.main([*PLAIN, "results/a", count])
    with pytest.raises(UserError, match="--protocol answerable: is about the classes of open"):
        evaluate.main([*PLAIN, "results/a", "--protocol", "answerable"])
    monkeypatch.chdir(trained["count"])
    flags = changed("wider.pt", count_range=(0, 9))
    with pytest.raises(UserError, match=r"wider\.pt counts from 0 to 9, results/a was .* 1 to 4"):
        evaluate.main([*PLAIN, "results/a", *flags])
