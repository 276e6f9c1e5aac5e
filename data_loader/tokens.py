"""Questions as tokens.  NLTK is imported with the first question, not before."""

from functools import cache
from typing import Any


def tokenize(question: str) -> list[str]:
    """Lower-case, drop the last character if it is `?`, NLTK word tokens (spec, section 3)."""
    return _tokenizer().tokenize(question.lower().removesuffix("?"))


def first_word(question: str) -> str:
    """The first word of a question in lower case: its type in MSVD-QA (what, who, how, ...)."""
    word = question.lower().split()[0]
    return word.rstrip("?") or word


@cache
def _tokenizer() -> Any:
    # Importing NLTK takes a second, and trainers, evaluation and readers of data sets need none.
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()  # rules only: unlike nltk.word_tokenize it needs no downloads
