"""Evaluation: what it prints, what it writes, what it refuses."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from data_loader.questions import load_questions, save_questions
from data_loader.store.features import open_store, write_store
from data_loader.vocabulary import Vocabulary
from tests import tiny_run
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError

PLAIN = ["--plots", "false", "--run"]  # pictures take most of an evaluation's time
LONG = ["--epochs", "30", "--eval_every", "10", "--gamma", "1"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a tiny data set and a run `r` trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main([*tiny_run.make(folder), *LONG, "--run", "r"])
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained)


def report(path: str = "results/r/test-real.json") -> dict:
    return json.loads(Path(path).read_text())


def test_the_printed_numbers_are_those_of_the_predictions(capsys) -> None:
    evaluate.main([*PLAIN, "results/r"])
    out = capsys.readouterr().out
    found = report()
    assert found["split"] == "test" and found["video"] == "real"
    right = [p["predicted"] == p["answer"] for p in found["predictions"]]
    assert right == [p["correct"] for p in found["predictions"]]
    assert found["test/accuracy"]["total"] == sum(right) / len(right)
    printed = {line[:24].strip(): line[24:].split() for line in out.splitlines()}
    assert printed["questions"] == ["16", "8", "8"]
    accuracy = found["test/accuracy"]
    values = [accuracy["total"], *accuracy["by_type"].values()]
    assert printed["this run"] == [f"{100 * v:.1f}" for v in values]
    low, high = found["test/accuracy_interval"]["total"]
    assert low <= found["test/accuracy"]["total"] <= high
    assert printed["95 % interval"][0] == f"{100 * low:.1f}-{100 * high:.1f}"
    last = json.loads(out.splitlines()[-1])
    assert last == {k: v for k, v in found.items() if k not in ("predictions", "markdown")}
    assert found["markdown"] in out.splitlines()
    for kind in ("what", "who"):
        of_kind = [p["correct"] for p in found["predictions"] if p["type"] == kind]
        assert found["test/accuracy"]["by_type"][kind] == sum(of_kind) / len(of_kind)
    split = load_questions("questions.pt").splits["test"]
    assert [p["id"] for p in found["predictions"]] == list(split.ids)


def test_the_batch_size_does_not_matter() -> None:
    for size in ("3", "100"):
        evaluate.main([*PLAIN, "results/r", "--batch_size", size, "--output", f"{size}.json"])
    small, large = report("3.json"), report("100.json")
    error = [r.pop("test/calibration_error") for r in (small, large)]
    assert small == large and error[0] == pytest.approx(error[1])


def test_shuffled_and_no_video_are_other_questions_of_the_same_run() -> None:
    for video in ("real", "shuffled", "none"):
        evaluate.main([*PLAIN, "results/r", "--video", video])
    real, shuffled, none = (
        report(f"results/r/test-{v}.json") for v in ("real", "shuffled", "none")
    )
    assert real["test/accuracy"]["total"] > shuffled["test/accuracy"]["total"]
    by_text = {(p["question"], p["predicted"]) for p in none["predictions"]}
    assert len(by_text) == 2  # without a video each question has one answer
    assert len({(p["question"], p["predicted"]) for p in shuffled["predictions"]}) > 2


def unknown_answers(path: str) -> None:
    """The questions, but the first four of the test split have an answer that training lacks."""
    questions = load_questions("questions.pt")
    test = questions.splits["test"]
    test.answer[:4] = 1  # <UNK1>
    save_questions(
        path,
        dataset="tiny",
        vocabulary=questions.vocabulary,
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits={
            **questions.splits,
            "test": replace(test, answer_texts=("yak",) * 4 + test.answer_texts[4:]),
        },
    )


def test_an_unknown_answer_counts_as_wrong_and_is_never_predicted() -> None:
    unknown_answers("unknown.pt")
    evaluate.main([*PLAIN, "results/r", "--questions", "unknown.pt", "--output", "u.json"])
    found = report("u.json")
    assert len(found["predictions"]) == 16
    assert not any(p["correct"] for p in found["predictions"][:4])
    assert not any(p["predicted"].startswith("<UNK") for p in found["predictions"])


@pytest.fixture(scope="module")
def blind(trained):
    """The same run without video."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained)
        flags = [*tiny_run.make(trained), *LONG]
        train.main([*flags, "--run", "b", "--video", "none"])
        train.main([*flags, "--run", "another_seed", "--video", "none", "--seed", "1"])
    return trained


def test_the_vision_gain_is_over_the_run_trained_alike_without_video(blind, capsys) -> None:
    evaluate.main([*PLAIN, "results/r"])
    found = report()
    assert found["question_only_run"] == "b"
    evaluate.main([*PLAIN, "results/b"])
    own = report("results/b/test-none.json")
    assert "test/vision_gain" not in own
    assert found["test/question_only"] == own["test/accuracy"]
    here, there, gain = (
        [part["total"], *(part["by_type"][kind] for kind in ("what", "who"))]
        for part in (found["test/accuracy"], own["test/accuracy"], found["test/vision_gain"])
    )
    assert gain == pytest.approx([a - b for a, b in zip(here, there, strict=True)])
    shuffled = report("results/r/test-shuffled.json")
    assert found["test/shuffled_video"] == shuffled["test/accuracy"]
    evaluate.main([*PLAIN, "results/r", "--question_only", "results/another_seed"])
    assert report()["question_only_run"] == "another_seed"
    with pytest.raises(UserError, match="results/b is asked without video itself"):
        evaluate.main([*PLAIN, "results/b", "--question_only", "results/another_seed"])


def test_every_name_in_tensorboard_begins_with_the_split(blind) -> None:
    evaluate.main(["--run", "results/r", "--split", "val"])
    evaluate.main(["--run", "results/r", "--split", "val"])  # replaces, does not add
    events = EventAccumulator("tf-logs/r/val-real")
    events.Reload()
    found = report("results/r/val-real.json")
    tags = events.Tags()
    assert all(tag.startswith("val/") for tag in (*tags["scalars"], *tags["images"]))
    (logged,) = events.Scalars("val/accuracy/who")
    assert logged.value == pytest.approx(found["val/accuracy"]["by_type"]["who"])
    assert logged.step == found["step"]
    pictures = {p.name for p in Path("results/r/plots").glob("val-real-*.png")}
    assert pictures == {f"val-real-{tag.removeprefix('val/')}.png" for tag in tags["images"]}
    assert len(pictures) == 5


def test_several_runs_give_mean_and_deviation(blind, capsys) -> None:
    evaluate.main(["--run", "results/b", "results/another_seed", "--plots", "false"])
    values = [
        100 * report(f"results/{run}/test-none.json")["test/accuracy"]["total"]
        for run in ("b", "another_seed")
    ]
    line = f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f} % over 2 runs"
    assert f"test/accuracy: {line}" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["text", "answer", "fewer"])
def test_runs_of_other_questions_have_no_mean(blind, change: str) -> None:
    file = load_questions("questions.pt")
    test = file.splits["test"]
    if change == "fewer":
        names = ("length", "answer", "videos", "ids", "types", "texts", "answer_texts")
        words = test.words[: int(test.length[:4].sum())]
        other = replace(test, words=words, **{name: getattr(test, name)[:4] for name in names})
        line = r"--run results/other: 4 questions in split test of other\.pt, results/b has 16"
    elif change == "text":
        other = replace(test, texts=("what, then?", *test.texts[1:]))
        line = r"other: text 'what, then\?' of question \d+ is '.*' for results/b \(1 differ\)"
    else:
        other = replace(test, answer_texts=(*test.answer_texts[:-1], "grau"))
        line = r"other: answer 'grau' of question \d+ is '\w+' for results/b \(1 differ\)"
    save_questions(
        "other.pt",
        dataset=file.dataset,
        vocabulary=file.vocabulary,
        word_vectors=file.word_vectors,
        word_vectors_source="",
        splits={**file.splits, "test": other},
    )
    content = load_checkpoint("results/b/best.pt")
    content["options"] = {**content["options"], "questions": "other.pt"}
    Path("results/other").mkdir(exist_ok=True)
    save_checkpoint(Path("results/other/best.pt"), content)
    with pytest.raises(UserError, match=line):
        evaluate.main(["--run", "results/b", "results/other", "--plots", "false"])
    assert not Path("results/other/test-none.json").exists()


def test_answerable_counts_fewer_questions_and_says_so_everywhere(capsys) -> None:
    unknown_answers("yak.pt")
    flags = ["--run", "results/r", "--questions", "yak.pt", "--plots", "false"]
    evaluate.main(flags)
    full = report()
    evaluate.main([*flags, "--protocol", "answerable"])
    assert "PROTOCOL answerable" in capsys.readouterr().out
    found = report("results/r/test-real-answerable.json")
    assert (full["questions"], found["questions"]) == (16, 12)
    assert full["test/vocabulary_ceiling"]["total"] == 0.75
    assert found["test/accuracy"]["total"] == pytest.approx(
        full["test/accuracy"]["total"] * 16 / 12
    )
    with pytest.raises(UserError, match="classes come from the training split alone"):
        evaluate.main([*flags, "--protocol", "union-vocabulary"])


def test_a_run_on_the_answers_of_all_splits_is_not_measured_as_if_it_were_not() -> None:
    questions = load_questions("questions.pt")
    save_questions(
        "union.pt",
        dataset="tiny",
        vocabulary=questions.vocabulary,
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits=questions.splits,
        answers_from="union",
    )
    flags = ["--run", "results/r", "--questions", "union.pt", "--plots", "false"]
    with pytest.raises(
        UserError, match=r"union\.pt: its classes include answers of validation and"
    ):
        evaluate.main(flags)
    evaluate.main([*flags, "--protocol", "union-vocabulary"])
    assert report("results/r/test-real-union-vocabulary.json")["protocol"] == "union-vocabulary"


def test_logits_that_are_no_numbers_are_counted_and_named() -> None:
    content = load_checkpoint("results/r/best.pt")
    content["weights"]["model.question.embedding.weight"][6] = torch.nan  # the word "moving"
    Path("broken").mkdir(exist_ok=True)
    save_checkpoint(Path("broken/best.pt"), content)
    moving = [
        i
        for i, text in zip(
            *(getattr(load_questions("questions.pt").splits["test"], c) for c in ("ids", "texts")),
            strict=True,
        )
        if "moving" in text
    ]
    line = rf"broken: the logits of 8 of 16 questions of split test .* first id {moving[0]},"
    with pytest.raises(UserError, match=line):
        evaluate.main([*PLAIN, "broken"])


def another_vocabulary() -> list[str]:
    questions = load_questions("questions.pt")
    answers = (*questions.vocabulary.answers[:-1], "pink")
    save_questions(
        "other.pt",
        dataset="tiny",
        vocabulary=Vocabulary(words=questions.vocabulary.words, answers=answers),
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits=questions.splits,
    )
    return ["--questions", "other.pt"]


def another_backbone() -> list[str]:
    store = open_store("appearance.h5")
    write_store("other.h5", [store.video(v) for v in store.ids], tiny_run.provenance("resnet101"))
    return ["--appearance", "other.h5"]


def a_run_without_stores() -> list[str]:
    small = ["--width", "16", "--batch_size", "16", "--epochs", "0.1", "--overwrite"]
    train.main(["--run", "bare", "--questions", "questions.pt", "--video", "none", *small])
    return ["--run", "results/bare", "--appearance", "appearance.h5"]


def a_damaged_checkpoint() -> list[str]:
    Path("damaged").mkdir(exist_ok=True)
    Path("damaged/best.pt").write_bytes(b"no checkpoint")
    return ["--run", "damaged"]


def a_foreign_checkpoint() -> list[str]:
    Path("foreign").mkdir(exist_ok=True)
    torch.save({"state_dict": {}}, "foreign/best.pt")
    return ["--run", "foreign"]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (lambda: ["--run"], r"--run: expects one or more values"),
        (lambda: ["results/b", "--output", "x.json"], r"--output: one file for several runs"),
        (lambda: ["--question_only", "results/none"], r"results/none/best\.pt: no such checkpoint"),
        (lambda: ["--run", "results/none"], r"results/none/best\.pt: no such checkpoint"),
        (lambda: ["--split", "tets"], r"--split tets: questions\.pt|--split tets: .*train, val, t"),
        (another_vocabulary, r"other\.pt has another vocabulary than results/r"),
        (
            another_backbone,
            r"other\.h5 has backbone resnet101, but results/r was trained on pixels",
        ),
        (a_run_without_stores, r"results/bare was trained without any store: leave out --appear"),
        (a_damaged_checkpoint, r"damaged/best\.pt: not readable as a checkpoint"),
        (a_foreign_checkpoint, r"foreign/best\.pt: not a checkpoint of this project"),
    ],
)
def test_mistakes(flags, line: str) -> None:
    given = flags()
    run = [] if "--run" in given else ["--run", "results/r"]
    with pytest.raises(UserError, match=line):
        evaluate.main([*run, *given])
