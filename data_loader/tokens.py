"""Questions as tokens.  NLTK is imported with the first question, not before."""

from functools import cache
from typing import Any

QUESTION_MARKS = "?\uff1f\u061f"  # also of full width, and Arabic


def bare(question: str) -> str:
    """A question in lower case, without blanks around it and question marks at its end."""
    question = question.lower().strip()
    while question[-1:] and question[-1] in QUESTION_MARKS:
        question = question[:-1].rstrip()
    return question


def tokenize(question: str) -> list[str]:
    """NLTK's word tokens of the `bare` question; none for one without a word.

    The published rule (spec, section 3) drops the last character if it is `?`: the same wherever a
    question ends in one question mark, as all of MSVD-QA do.
    """
    return _tokenizer().tokenize(bare(question))


def first_word(question: str) -> str:
    """The first word of a question in lower case: its type in MSVD-QA (what, who, how, ...)."""
    word = question.lower().split()[0]
    return word.rstrip(QUESTION_MARKS) or word


@cache
def _tokenizer() -> Any:
    # Importing NLTK takes a second, and trainers, evaluation and readers of data sets need none.
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()  # rules only: unlike nltk.word_tokenize it needs no downloads
