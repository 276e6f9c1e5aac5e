import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer

from data_loader.tokens import first_word, tokenize
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("question", "tokens"),
    [
        ("What is a man doing?", ["what", "is", "a", "man", "doing"]),
        ("what is it", ["what", "is", "it"]),
        ("who??", ["who"]),
        ("who? ", ["who"]),
        (" who ? ?\n", ["who"]),
        ("who? me?", ["who", "?", "me"]),  # only those at the end
        ("誰\uff1f", ["誰"]),
        ("who ?", ["who"]),
        ("what's the man's name?", ["what", "'s", "the", "man", "'s", "name"]),
        ("he can't, can he?", ["he", "ca", "n't", ",", "can", "he"]),
        ('who says "hi" (twice)?', ["who", "says", "``", "hi", "''", "(", "twice", ")"]),
        ("what\tis\u00a0it\n?", ["what", "is", "it"]),
        ("WER IST ÜBER 30?", ["wer", "ist", "über", "30"]),
        ("誰?", ["誰"]),
        ("?", []),
        ("", []),
    ],
)
def test_tokens(question, tokens):
    assert tokenize(question) == tokens


def test_nltk_needs_no_downloaded_data(tmp_path):
    """With an empty data path, NLTK's own word_tokenize fails; ours must not."""
    code = (
        "import nltk; nltk.data.path[:] = []\n"
        "from data_loader.tokens import tokenize\n"
        "print(tokenize('Who, me?'))\n"
        "try:\n    nltk.word_tokenize('a. b.')\nexcept LookupError:\n    print('no data')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["['who', ',', 'me']", "no data"]


@given(st.lists(st.sampled_from([*"ab9 ", " cannot", " gonna ", "wanna", "lemme", "is "])))
def test_a_plain_question_has_the_words_of_nltk(parts: list[str]) -> None:
    text = "".join(parts)
    assert tokenize(text) == NLTKWordTokenizer().tokenize(text)


@pytest.mark.parametrize(
    ("question", "word"),
    [("What is it?", "what"), ("  WHO?", "who"), ("where", "where"), ("how many?", "how")],
)
def test_first_word(question, word):
    assert first_word(question) == word
