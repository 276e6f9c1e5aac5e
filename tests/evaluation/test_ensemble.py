"""The mean of several runs' probabilities, scored as one model beside the runs."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from data_loader.questions import load_questions, save_questions
from data_loader.store.features import open_store, write_store
from data_loader.vocabulary import Vocabulary
from evaluation.run import answer, run_questions
from inference import pack
from inference.run import open_run
from model.task.qa import QuestionAnswering
from options.evaluate import SplitOptions
from tests import tiny_run
from tests.commands import start_processes
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError

RUNS = ["results/a", "results/b"]
BLIND = ["results/a0", "results/b0"]
NAME = "results/a+b"
PLAIN = ["--plots", "false", "--ensemble", "--run"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs of two seeds, the second on other features; and both without video."""
    folder = tmp_path_factory.mktemp("ensemble")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        flags = [*tiny_run.make(folder), "--epochs", "8", "--eval_every", "4", "--gamma", "1"]
        store = open_store("appearance.h5")
        videos = [store.video(v) for v in store.ids]
        write_store("other.h5", videos, tiny_run.provenance("resnet101"))
        other = [str(folder / "other.h5") if f.endswith("appearance.h5") else f for f in flags]
        for name, how in (("a", [*flags, "--seed", "1"]), ("b", [*other, "--seed", "2"])):
            train.main([*how, "--run", name])
            train.main([*how, "--run", f"{name}0", "--video", "none"])
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained)


def report(path: str = f"{NAME}/test-real.json") -> dict:
    return json.loads(Path(path).read_text())


def mean_probabilities(runs: list[str], video, checkpoint: str = "best", split: str = "test"):
    """Mean probabilities (Q, A) and the classes' words, run by run."""
    where = SplitOptions(split=split)
    found = []
    for folder in runs:
        run = open_run(folder, QuestionAnswering, checkpoint=checkpoint)
        _, raw = answer(run, run_questions(run, None), where, video, every_class=True)
        assert raw.classes.sum(1).allclose(torch.ones(len(raw.row)))
        assert not raw.classes[:, :2].any()  # unknown classes
        found.append(raw.classes)
    return torch.stack(found).mean(0), np.array(run.task.vocabulary.answers)


def right(runs: list[str], video, **more: str) -> float:
    """Accuracy of the mean of probabilities."""
    mean, words = mean_probabilities(runs, video, **more)
    split = load_questions("questions.pt").splits[more.get("split", "test")]
    return float(np.mean(words[mean.argmax(1).numpy()] == np.array(split.answer_texts)))


def test_one_row_with_all_that_a_run_gets(capsys) -> None:
    evaluate.main([*PLAIN, *RUNS])
    out = capsys.readouterr().out
    found = report()
    mean, words = mean_probabilities(RUNS, "real")
    best = mean.max(1)
    assert [p["predicted"] for p in found["predictions"]] == words[best.indices.numpy()].tolist()
    given = [p["probability"] for p in found["predictions"]]
    assert given == pytest.approx(best.values.tolist(), abs=1e-4)
    accuracy = found["test/accuracy"]["total"]
    assert accuracy == right(RUNS, "real")
    assert found["test/shuffled_video"]["total"] == right(RUNS, "shuffled")
    assert report(f"{NAME}/test-shuffled.json")["test/accuracy"] == found["test/shuffled_video"]
    assert found["test/question_only"]["total"] == right(BLIND, "none")
    assert found["question_only_run"] == "a0+b0"
    gain = accuracy - found["test/question_only"]["total"]
    assert found["test/vision_gain"]["total"] == pytest.approx(gain)
    low, high = found["test/vision_gain_interval"]["total"]
    assert low <= gain <= high and 0 <= found["test/calibration_error"] <= 1
    low, high = found["test/accuracy_interval"]["total"]
    assert low <= accuracy <= high
    assert (found["run"], found["runs"]) == ("a+b", ["a", "b"])
    singles = [report(f"{run}/test-real.json")["test/accuracy"]["total"] for run in RUNS]
    assert found["test/runs_mean"]["total"] == pytest.approx(statistics.mean(singles))
    assert found["test/runs_deviation"]["total"] == pytest.approx(statistics.stdev(singles))
    assert set(found["test/runs_mean"]["by_type"]) == {"what", "who"}
    assert "a+b, mean probabilities of 2 runs, split test, real video; protocol full" in out
    table = out[out.index("a+b, mean") :]
    rows = {line[:23].strip(): line[23:].split() for line in table.splitlines()}
    assert rows["this ensemble"][0] == f"{100 * accuracy:.1f}" and "this run" not in rows
    assert rows["mean of its runs"][0] == f"{100 * statistics.mean(singles):.1f}"
    assert "over 2 runs" in out and out.index("over 2 runs") < out.index("a+b, mean")
    last = json.loads(out.splitlines()[-1])
    assert last == {k: v for k, v in found.items() if k not in ("predictions", "markdown")}


def test_the_runs_are_scored_as_without_it() -> None:
    files = [Path(run, f"test-{video}.json") for run in RUNS for video in ("real", "shuffled")]
    evaluate.main(["--plots", "false", "--run", *RUNS])
    before = [file.read_text() for file in files]
    for file in files:
        file.unlink()
    evaluate.main([*PLAIN, *RUNS])
    assert [file.read_text() for file in files] == before


def test_a_run_alone_keeps_no_probabilities_of_all_classes() -> None:
    run = open_run("results/a", QuestionAnswering)
    _, raw = answer(run, run_questions(run, None), SplitOptions(), "real")
    assert raw.classes.shape == (16, 0)


@pytest.mark.parametrize(
    ("flags", "file", "expected"),
    [
        (["--split", "val"], "val-real", lambda: right(RUNS, "real", split="val")),
        (["--checkpoint", "last"], "test-real", lambda: right(RUNS, "real", checkpoint="last")),
        (["--video", "none"], "test-none", lambda: right(RUNS, "none")),
        (["--video", "shuffled"], "test-shuffled", lambda: right(RUNS, "shuffled")),
        (["--batch_size", "3"], "test-real", lambda: right(RUNS, "real")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_other_options_meet_it(flags: list[str], file: str, expected) -> None:
    evaluate.main([*PLAIN, *RUNS, *flags])
    found = report(f"{NAME}/{file}.json")
    split = found["split"]
    assert found[f"{split}/accuracy"]["total"] == expected()
    assert found["steps"] == [
        load_checkpoint(f"{run}/{'last' if 'last' in flags else 'best'}.pt")["step"] for run in RUNS
    ]


def test_protocols_and_files_of_questions_meet_it() -> None:
    questions = load_questions("questions.pt")
    test = questions.splits["test"]
    test.answer[:4] = 1  # <UNK1>
    save_questions(
        "unknown.pt",
        dataset="tiny",
        vocabulary=questions.vocabulary,
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits={
            **questions.splits,
            "test": replace(test, answer_texts=("yak",) * 4 + test.answer_texts[4:]),
        },
    )
    flags = [*PLAIN, *RUNS, "--questions", "unknown.pt", "--protocol"]
    evaluate.main([*flags, "full", "--output", "full.json"])
    evaluate.main([*flags, "answerable", "--output", "answerable.json"])
    full, answerable = report("full.json"), report("answerable.json")
    assert (full["questions"], answerable["questions"]) == (16, 12)
    assert [p["predicted"] for p in answerable["predictions"]] == [
        p["predicted"] for p in full["predictions"]
    ][4:]
    assert Path(f"{NAME}/test-shuffled-answerable.json").is_file()
    with pytest.raises(UserError, match="classes come from the training split alone"):
        evaluate.main([*flags, "union-vocabulary"])


def test_question_only_runs_are_named_or_found(capsys) -> None:
    cases = ((BLIND[::-1], BLIND[::-1], "b0+a0"), (BLIND[:1], BLIND[:1], "a0"))
    for named, runs, name in cases:  # of one for all the probabilities count once
        evaluate.main([*PLAIN, *RUNS, "--question_only", *named])
        assert report()["question_only_run"] == name
        assert report()["test/question_only"]["total"] == right(runs, "none")
        assert report("results/b/test-real.json")["question_only_run"] == Path(named[-1]).name
    hidden = Path("results/b0/options.yaml")
    kept = hidden.read_text()
    hidden.unlink()
    evaluate.main([*PLAIN, *RUNS])
    hidden.write_text(kept)
    assert "test/vision_gain" not in report() and "test/question_only" not in report()
    assert "vision gain unknown: not every run of the ensemble has its own" in (
        capsys.readouterr().out
    )


def test_runs_without_video_are_an_ensemble_too() -> None:
    evaluate.main([*PLAIN, *BLIND])
    found = report("results/a0+b0/test-none.json")
    assert found["test/accuracy"]["total"] == right(BLIND, "none")
    assert not Path("results/a0+b0/test-shuffled.json").exists()


def test_compare_reads_it_like_any_other(capsys) -> None:
    evaluate.main([*PLAIN, *RUNS])
    evaluate.main([*PLAIN, *BLIND])
    capsys.readouterr()
    for names in ([NAME, "results/a0+b0"], [f"{NAME}/test-real.json", "results/a0+b0"]):
        evaluate.main(["compare", *names])
        (found,) = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert found["test/difference"] == pytest.approx(right(BLIND, "none") - right(RUNS, "real"))
    with pytest.raises(UserError, match=r"results: a folder without options\.yaml and without tes"):
        evaluate.main(["compare", NAME, "results"])


def test_pictures_and_tensorboard_are_of_the_ensemble() -> None:
    evaluate.main(["--ensemble", "--run", *RUNS])
    events = EventAccumulator("tf-logs/a+b/test-real")
    events.Reload()
    (logged,) = events.Scalars("test/accuracy")
    assert logged.value == pytest.approx(report()["test/accuracy"]["total"])
    assert len(list(Path(NAME, "plots").glob("test-real-*.png"))) == 5


def test_two_processes_score_as_one() -> None:
    for processes, name in ((1, "one.json"), (2, "two.json")):
        flags = [*PLAIN, *RUNS, "--batch_size", "5", "--output", name]
        for process in start_processes(processes, "evaluate.py", flags):
            assert process.wait() == 0, process.stderr
    one, two = report("one.json"), report("two.json")
    assert one.keys() == two.keys() and one["predictions"] == two["predictions"]
    assert one == two


def test_a_checkpoint_from_before_kinds_of_answers_is_of_open_questions() -> None:
    content = load_checkpoint("results/b/best.pt")
    assert content.pop("kind") == "open"
    del content["count_range"]
    Path("results/early").mkdir(exist_ok=True)
    save_checkpoint(Path("results/early/best.pt"), content)
    flags = [*PLAIN, "results/a", "results/early", "--question_only", *BLIND, "--output"]
    evaluate.main([*flags, "early.json"])
    assert report("early.json")["test/accuracy"]["total"] == right(RUNS, "real")


def other_classes() -> list[str]:
    """A copy of run b whose classes have another order."""
    questions = load_questions("questions.pt")
    unknown, answers = questions.vocabulary.answers[:2], questions.vocabulary.answers[2:]
    vocabulary = Vocabulary(
        words=questions.vocabulary.words, answers=(*unknown, *reversed(answers))
    )
    save_questions(
        "turned.pt",
        dataset="tiny",
        vocabulary=vocabulary,
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits=questions.splits,
    )
    content = load_checkpoint("results/b/best.pt")
    content["options"] = {**content["options"], "questions": "turned.pt"}
    content["vocabulary"] = vocabulary.state()
    Path("results/turned").mkdir(exist_ok=True)
    save_checkpoint(Path("results/turned/best.pt"), content)
    return ["results/a", "results/turned"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (lambda: RUNS[:1], "--ensemble: of one run; name two or more"),
        (lambda: [*RUNS, "results/a/"], "--ensemble: a run is named twice; name each once"),
        (lambda: ["results/a", "results/b0"], r"b0 was trained with --video none, .*a with real"),
        (other_classes, r"turned has other answers as classes \(6\) than results/a \(6\)"),
        (
            lambda: [*RUNS, "--question_only", "results/a0", other_classes()[1]],
            r"--ensemble: results/turned has other answers as classes",
        ),
        (
            lambda: [*RUNS, "--question_only", "x", "y", "z"],
            "--question_only: 3 folders for 2 runs; give one for all of them, or one for each",
        ),
        (lambda: [*BLIND, "--question_only", "results/a0"], "a0 is asked without video itself"),
        (lambda: ["results/a", "results/none"], r"results/none/best\.pt: no such checkpoint"),
        (lambda: [*RUNS, "--output", "results/a/best.pt"], "is what --run names"),
        (lambda: [*RUNS, "--output", "results/b/test-real.json"], "what the answers of results/b"),
        (lambda: [*RUNS, "--output", f"{NAME}/test-shuffled.json"], "shuffled-video control"),
        (lambda: [*RUNS, "--output", "other.h5"], "is what --appearance names"),
    ],
)
def test_mistakes_are_said_before_the_work(given, line: str, monkeypatch) -> None:
    named = given()
    if "asked without" not in line:
        monkeypatch.setattr("evaluation.score_runs.score_run", None)
    with pytest.raises(UserError, match=line):
        evaluate.main([*PLAIN, *named])


def test_without_it_question_only_is_one_for_all_or_one_for_each() -> None:
    evaluate.main(["--plots", "false", "--run", *RUNS, "--question_only", *BLIND[::-1]])
    named = [report(f"{run}/test-real.json")["question_only_run"] for run in RUNS]
    assert named == ["b0", "a0"]


def test_a_packed_run_is_a_member_like_any_other() -> None:
    pack.main(["--run", "results/b", "--output", "packed.safetensors"])
    evaluate.main([*PLAIN, "results/a", "packed.safetensors", "--question_only", *BLIND])
    found = report("results/a+packed-packed/test-real.json")
    assert found["runs"] == ["a", "packed-packed"]
    near = abs(found["test/accuracy"]["total"] - right(RUNS, "real"))  # weights in float16
    assert near <= 1 / 16 and found["test/question_only"]["total"] == right(BLIND, "none")


def test_a_run_of_another_task_is_one_line(tmp_path) -> None:
    content = load_checkpoint("results/a/best.pt")
    lacking = {k: v for k, v in content.items() if k != "vocabulary"}
    other = tmp_path / "autoencoder"
    other.mkdir()
    save_checkpoint(other / "best.pt", {**lacking, "task": "autoencoder"})
    with pytest.raises(UserError, match="a run of the task autoencoder answers no questions"):
        evaluate.main([*PLAIN, "results/a", str(other)])
