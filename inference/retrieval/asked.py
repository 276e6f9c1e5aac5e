"""Questions that a description answers, and the word expected of each, by written rules.

"a man is riding a brown horse" ->  what is a man riding?  horse
                                    what is a man doing?  ride
                                    who is riding a brown horse?  man

In the style of MSVD-QA, whose questions a program made of captions too.  The rules, over the words
of the first clause:
1. The verb is the first word in -ing after is, are or was (adverbs in -ly are passed over); without
   one, the first word in -s after an article and a noun whose verb is an answer.
2. The subject is what comes before.  Its head, the last word, is expected of who/what is VERBing
   REST?; who for people.
3. The verb's base form is expected of what is SUBJECT doing?
4. The object is what follows up to the next preposition or conjunction (a preposition right after
   the verb belongs to the verb).  Its last word is expected of what is SUBJECT VERBing?
A word that is no answer of the run that is asked, nor in the singular, is no expected word.
"""

from collections.abc import Collection
from typing import Literal, NamedTuple

from util.text_metrics.ptb_tokens import tokenize

Kind = Literal["object", "action", "subject"]
BE = {"is", "are", "was", "were"}
ARTICLES = {"a", "an", "the", "one", "two", "three", "some", "his", "her", "its", "their", "this"}
PREPOSITIONS = {
    "in", "on", "at", "to", "into", "onto", "with", "from", "of", "off", "over", "under", "by",
    "for", "through", "across", "around", "along", "near", "behind", "down", "up", "out", "inside",
    "outside", "towards", "toward", "against", "between", "beside", "about", "after", "before",
}  # fmt: skip
STOPS = PREPOSITIONS | {"and", "while", "as", "that", "which", "who", "using", "then", "but", "or"}
PEOPLE = {
    "man", "woman", "boy", "girl", "person", "lady", "guy", "child", "kid", "baby", "men", "women",
    "people", "someone", "player", "boys", "girls", "children", "persons", "chef", "singer",
    "couple", "toddler", "actor", "cook", "he", "she", "they", "kids", "ladies",
}  # fmt: skip


class Asked(NamedTuple):
    """A question and the word expected as its answer."""

    kind: Kind
    question: str
    word: str


def asked_of(text: str, answers: Collection[str]) -> list[Asked]:
    """The questions of a description, at most one of each kind: object, action, subject.

    answers: the words that can be expected, those of the run that is to be asked.
    """
    words = tokenize(text)
    place, doing, base = _verb(words, answers)
    if place < 1:
        return []
    subject, rest = words[:place], words[place + 1 :]
    if subject[-1] in BE:
        subject = subject[:-1]
    subject = [word for word in subject if not word.endswith("ly")]
    while subject and subject[-1] in BE:
        subject = subject[:-1]
    if not subject:
        return []
    found, who = [], " ".join(subject)
    tied = rest[:1] if rest and rest[0] in PREPOSITIONS else []
    phrase = rest[len(tied) :]
    stop = next((i for i, word in enumerate(phrase) if word in STOPS), len(phrase))
    noun = _known(phrase[:stop][-1], answers) if stop else ""
    if noun and noun not in ARTICLES:
        found.append(Asked("object", f"what is {who} {' '.join([doing, *tied])}?", noun))
    if base:
        found.append(Asked("action", f"what is {who} doing?", base))
    head = _known(subject[-1], answers)
    if head:
        asks = "who" if subject[-1] in PEOPLE or head in PEOPLE else "what"
        found.append(Asked("subject", f"{asks} is {' '.join([doing, *rest])}?", head))
    return found


def _verb(words: list[str], answers: Collection[str]) -> tuple[int, str, str]:
    """Where the verb is (0: nowhere), its form in -ing, and its base, if an answer, or ""."""
    begin = next((i for i, word in enumerate(words) if word in BE), -1)
    if begin >= 0:
        after = (i for i in range(begin + 1, len(words)) if not words[i].endswith("ly"))
        place = next(after, 0)
        if place and words[place].endswith("ing") and len(words[place]) > 4:
            return place, words[place], _base(words[place], answers)
        return 0, "", ""
    for i in range(2, len(words)):
        if words[0] in ARTICLES and words[i].endswith("s"):
            for base in (words[i][:-1], words[i][:-2], words[i][:-3] + "y"):
                if base in answers and base not in PEOPLE:
                    return i, _ing(base), base
    return 0, "", ""


def _base(doing: str, answers: Collection[str]) -> str:
    """The answer that a form in -ing is of, or ""."""
    stem = doing[:-3]
    shorter = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else ""
    return next((w for w in (stem, stem + "e", shorter) if w and w in answers), "")


def _ing(base: str) -> str:
    """The form in -ing."""
    if base.endswith("e") and not base.endswith("ee"):
        return base[:-1] + "ing"
    vowel = len(base) == 3 and base[1] in "aeiou" and base[2] not in "aeiouwxy"
    return base + (base[-1] if vowel else "") + "ing"


def _known(word: str, answers: Collection[str]) -> str:
    """A word, or its singular, if it is an answer, or ""."""
    singular = [word[:-1], word[:-2]] if word.endswith("s") else []
    return next((w for w in (word, *singular) if w in answers), "")
