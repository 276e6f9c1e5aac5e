"""A frozen normaliser of answers, so that free text can be held against a data set's words.

It is an extra beside exact match, never instead of it.  What it does is told by `RULES`; a change
of any table, rule or number below is another `VERSION`.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

import numpy as np

VERSION = 1
NEAR = 0.9  # similarity from which a prediction that is no class is taken for the nearest one
RULES = (
    "lower case, no punctuation, no articles; plurals to singular, words that MSVD-QA cut wrong "
    "mended; number words to digits; a prediction that is no class may also be the nearest one "
    f"(similarity {NEAR} or more)"
)

ARTICLES = {"a", "an", "the"}
DIGITS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
    "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17",
    "eighteen": "18", "nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "hundred": "100",
}  # fmt: skip
# Plurals of no rule; of MSVD-QA the answers that its own singular rule cut wrong ("lice" became
# "louse", so "slice" became "slouse"; "glass" lost its s), with the word that was meant.
IRREGULAR = {
    "men": "man", "women": "woman", "people": "person", "children": "child", "mice": "mouse",
    "lice": "louse", "geese": "goose", "feet": "foot", "teeth": "tooth", "oxen": "ox",
    "wolves": "wolf", "knives": "knife", "leaves": "leaf", "halves": "half", "loaves": "loaf",
    "shelves": "shelf", "calves": "calf", "thieves": "thief", "scarves": "scarf",
    "hooves": "hoof", "wives": "wife", "elves": "elf", "axes": "axe", "buses": "bus",
    "skis": "ski", "taxis": "taxi", "bikinis": "bikini", "okapis": "okapi", "menus": "menu",
    "emus": "emu", "safaris": "safari",
    # miscut
    "slouse": "slice", "polouse": "police", "alouse": "alice", "pastum": "pasta",
    "frittatum": "frittata", "sphagettus": "sphagetti", "okapus": "okapi",
    "kangaroom": "kangaroo", "lori": "loris", "lorus": "loris", "puppie": "puppy",
    "potatoe": "potato", "tomatoe": "tomato", "elephante": "elephant",
    "glas": "glass", "gras": "grass", "pas": "pass", "cros": "cross", "clas": "class",
    "dres": "dress", "pres": "press", "pis": "piss", "tos": "toss", "mes": "mess",
    "kis": "kiss", "ches": "chess", "mattres": "mattress", "addres": "address",
    "busines": "business", "wildernes": "wilderness", "liones": "lioness",
    "stewardes": "stewardess", "motocros": "motocross", "overpas": "overpass",
    "undres": "undress", "cares": "caress", "shirtles": "shirtless", "armles": "armless",
    "tenni": "tennis", "iri": "iris",
    "manti": "mantis", "walru": "walrus", "octopu": "octopus", "lotu": "lotus",
    "circu": "circus", "citru": "citrus", "choru": "chorus", "focu": "focus",
    "christma": "christmas", "canva": "canvas", "rhinocero": "rhinoceros",
}  # fmt: skip
# Words that end in s and are singular, beside those in -ss, -us and -is.
SINGULAR = {"canvas", "christmas", "rhinoceros", "news", "lens", "atlas", "always", "perhaps"}
# Singulars in -e whose plural looks like that of a word in -y, -o, -sh, -ch, -x or -z.
IN_E = {
    "cookie", "movie", "zombie", "hoodie", "selfie", "veggie", "brownie", "smoothie", "calorie",
    "wheelie", "genie", "pixie", "birdie", "rookie", "collie", "bootie", "prairie", "goalie",
    "shoe", "horseshoe", "snowshoe", "toe", "tiptoe", "canoe", "hoe", "foe", "doe", "cache",
    "headache", "ache", "moustache", "mustache", "axe", "quiche", "avalanche", "psyche",
}  # fmt: skip


def normalise(answer: str) -> str:
    """An answer in its normal form, which is the same for every way of writing it.

    Its own normal form is itself.  Of nothing but articles or punctuation, all words stay.
    """
    words = re.findall(r"[^\W_]+", answer.lower().replace("'", "").replace("\u2019", ""))
    words = [word for word in words if word not in ARTICLES] or words
    return " ".join(_word(word) for word in words)


class Normaliser:
    """Whether predictions say the true answer, to the letter or not."""

    def __init__(self, classes: Iterable[str]) -> None:
        """Answers that a model can give, commonest first: of equally near ones the first counts."""
        self.forms = dict.fromkeys(map(normalise, classes))  # a dict's keys: distinct, in order
        self.known: dict[str, str] = {}  # the nearest class of forms asked before

    def right(self, predicted: Iterable[str], true: Iterable[str]) -> np.ndarray:
        """Predictions and true answers (Q,) -> (Q,) bool.

        A prediction is right whose normal form is that of the true answer, so one that matches
        exactly is; if it is no class, also when the nearest class is the true answer.
        """
        pairs = [(normalise(p), normalise(t)) for p, t in zip(predicted, true, strict=True)]
        return np.array([t in (p, self.nearest(p)) for p, t in pairs], dtype=bool)

    def nearest(self, form: str) -> str:
        """The class (in normal form) most similar to a form; itself if it is one, or none is near.

        Similarity is difflib's ratio (Ratcliff and Obershelp 1988), from `NEAR`.
        """
        if form in self.forms:
            return form
        if form not in self.known:
            self.known[form] = self._most_similar(form)
        return self.known[form]

    def _most_similar(self, form: str) -> str:
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(form)  # what it looks at closely, once for all classes
        best, found = NEAR, form
        for other in self.forms:
            matcher.set_seq1(other)
            # Bounds of the ratio first, the cheapest of them before the other.
            if matcher.real_quick_ratio() < best or matcher.quick_ratio() < best:
                continue
            ratio = matcher.ratio()
            if ratio > best or (ratio == best and found == form):
                best, found = ratio, other
        return found


def _word(word: str) -> str:
    """A word as its singular, and a number word as digits; never an article."""
    single = _singular(word)
    return DIGITS.get(single, word if single in ARTICLES else single)


def _singular(word: str) -> str:
    """A word of any number -> its singular."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) < 4 or word in SINGULAR or not word.endswith("s"):
        return word
    if word.endswith(("ss", "us", "is")):
        return word
    single = word[:-1]
    if single not in IN_E:
        if word.endswith("ies") and len(word) > 4:
            single = word[:-3] + "y"
        elif word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
            single = word[:-2]
    return IRREGULAR.get(single, single)
