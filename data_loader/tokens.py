"""Questions as tokens.  NLTK is imported with the first question that needs it, not before."""

import re
from functools import cache
from typing import Any

# Of a text of these characters NLTK's words are those between blanks, but for the words that it
# splits in two.  Importing it takes 1.2 s, most of it for scipy.stats.
PLAIN = re.compile("[a-z0-9 ]*")
SPLIT_IN_TWO = {"cannot", "gimme", "gonna", "gotta", "lemme", "wanna"}
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
    text = bare(question)
    words = text.split()
    if PLAIN.fullmatch(text) and SPLIT_IN_TWO.isdisjoint(words):
        return words
    return _tokenizer().tokenize(text)


def first_word(question: str) -> str:
    """The first word of a question in lower case: its type in MSVD-QA (what, who, how, ...)."""
    word = question.lower().split()[0]
    return word.rstrip(QUESTION_MARKS) or word


@cache
def _tokenizer() -> Any:
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()  # rules only: unlike nltk.word_tokenize it needs no downloads
