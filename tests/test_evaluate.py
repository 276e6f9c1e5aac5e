"""Evaluation: what it prints, what it writes, what it refuses."""

import json
from pathlib import Path

import pytest
import torch

import evaluate
import train
from data_loader.questions import load_questions, save_questions
from data_loader.store import open_store, write_store
from data_loader.vocabulary import Vocabulary
from tests import tiny_run
from util.errors import UserError


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a tiny data set and a run `r` trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main([*tiny_run.make(folder), "--run", "r", "--epochs", "30", "--gamma", "1"])
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained)


def report(path: str = "results/r/test-real.json") -> dict:
    return json.loads(Path(path).read_text())


def test_the_printed_numbers_are_those_of_the_predictions(capsys) -> None:
    evaluate.main(["--run", "results/r"])
    out = capsys.readouterr().out
    found = report()
    assert found["split"] == "test" and found["video"] == "real"
    right = [p["predicted"] == p["answer"] for p in found["predictions"]]
    assert right == [p["correct"] for p in found["predictions"]]
    assert found["test/accuracy"]["all"] == sum(right) / len(right)
    assert f"{100 * found['test/accuracy']['all']:.2f} %  of     16 questions" in out
    for kind in ("what", "who"):
        of_kind = [p["correct"] for p in found["predictions"] if p["type"] == kind]
        assert found["test/accuracy"][kind] == sum(of_kind) / len(of_kind)
    split = load_questions("questions.pt").splits["test"]
    assert [p["id"] for p in found["predictions"]] == list(split.ids)


def test_the_batch_size_does_not_matter() -> None:
    for size in ("3", "100"):
        evaluate.main(["--run", "results/r", "--batch_size", size, "--output", f"{size}.json"])
    assert report("3.json") == report("100.json")


def test_shuffled_and_no_video_are_other_questions_of_the_same_run() -> None:
    for video in ("real", "shuffled", "none"):
        evaluate.main(["--run", "results/r", "--video", video])
    real, shuffled, none = (
        report(f"results/r/test-{v}.json") for v in ("real", "shuffled", "none")
    )
    assert real["test/accuracy"]["all"] > shuffled["test/accuracy"]["all"]
    by_text = {(p["question"], p["predicted"]) for p in none["predictions"]}
    assert len(by_text) == 2  # without a video each question has one answer
    assert len({(p["question"], p["predicted"]) for p in shuffled["predictions"]}) > 2


def test_an_unknown_answer_counts_as_wrong_and_is_never_predicted() -> None:
    questions = load_questions("questions.pt")
    test = questions.splits["test"]
    test.answer[:4] = 1  # <UNK1>
    save_questions(
        "unknown.pt",
        dataset="tiny",
        vocabulary=questions.vocabulary,
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits=questions.splits,
    )
    evaluate.main(["--run", "results/r", "--questions", "unknown.pt", "--output", "u.json"])
    found = report("u.json")
    assert len(found["predictions"]) == 16
    assert not any(p["correct"] for p in found["predictions"][:4])
    assert not any(p["predicted"].startswith("<UNK") for p in found["predictions"])


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
    with pytest.raises(UserError, match=line):
        evaluate.main(["--run", "results/r", *flags()])
