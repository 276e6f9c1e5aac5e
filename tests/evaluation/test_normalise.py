"""The frozen normaliser: what it makes equal, what it must keep apart, and that it is frozen."""

import hashlib
import json
from collections import Counter, defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluation import normalise as module
from evaluation.normalise import IN_E, IRREGULAR, SINGULAR, VERSION, Normaliser, normalise

SAME = {
    "two": ["Two", "2", "the two.", "TWOS"],
    "motorcycle": ["a motorcycle", "Motorcycles!", "The motorcycle.", "motorcycle's"],
    "slouse": ["slice", "slices"],
    "glas": ["glass", "glasses", "a Glass"],
    "pastum": ["pasta", "Pasta."],
    "puppy": ["puppies", "puppie"],
    "cookie": ["cookies"],
    "potato": ["potatoes"],
    "shoe": ["shoes"],
    "box": ["boxes"],
    "horse": ["horses"],
    "knife": ["knives"],
    "glove": ["gloves"],
    "man": ["men", "the man"],
    "tenni": ["tennis"],
    "hand-feeding": ["hand feeding", "Hand_Feeding"],
    "person": ["people"],
}
APART = [
    ("bus", "bu"), ("news", "new"), ("his", "hi"), ("man", "woman"), ("slide", "slice"),
    ("gas", "ga"), ("one", "two"), ("man", "mane"), ("", "a"), ("ride", "riding"),
]  # fmt: skip


@pytest.mark.parametrize("answer", SAME)
def test_ways_of_writing_one_answer(answer: str) -> None:
    assert {normalise(way) for way in (answer, *SAME[answer])} == {normalise(answer)}


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_stays_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(sorted({*IRREGULAR, *IRREGULAR.values(), *SINGULAR, *IN_E, "thes", "ones"})),
    st.text("aesxhcioz", max_size=7),
)


@given(st.lists(words, max_size=4).map(" ".join))
@settings(max_examples=2000, deadline=None)
@example("thes dog")
@example("mens")
@example("\u0130s \u03a3")
def test_a_normal_form_is_its_own(answer: str) -> None:
    form = normalise(answer)
    assert normalise(form) == form
    for way in (f" {answer}\n", f"{answer}.", answer.lower()):
        assert normalise(way) == form


@given(st.lists(words, min_size=1, max_size=5), st.lists(words, min_size=1, max_size=5))
@settings(deadline=None)
def test_an_exact_match_stays_right_and_the_classes_stay_apart(
    classes: list[str], answers: list[str]
) -> None:
    normaliser = Normaliser(classes)
    assert normaliser.right(answers, answers).all()
    for one in classes:  # a class is never taken for another
        for other in classes:
            same = normalise(one) == normalise(other)
            assert normaliser.right([one], [other]).tolist() == [same]


def test_the_nearest_class() -> None:
    normaliser = Normaliser(["guitar", "motorcycle", "color", "cat"])
    cases = {"guiter": "guiter", "motor cycle": "motorcycle", "colour": "color", "car": "car"}
    assert {form: normaliser.nearest(form) for form in cases} == cases
    given = ["Motor cycle", "a motorcyle", "colour", "car", "riding a motorcycle", "", "x" * 9999]
    true = ["motorcycle", "motorcycle", "color", "cat", "motorcycle", "cat", "cat"]
    assert normaliser.right(given, true).tolist() == [True] * 3 + [False] * 4


def test_of_equally_near_classes_the_first_counts() -> None:
    assert Normaliser(["abcdefghix", "abcdefghiy"]).nearest("abcdefghij") == "abcdefghix"
    assert Normaliser(["abcdefghiy", "abcdefghix"]).nearest("abcdefghij") == "abcdefghiy"


def test_what_it_merges_of_msvd_qa(shared) -> None:
    """Of 2,423 answers of all splits (1,852 of training, the classes) six pairs, each one word."""
    splits = {
        split: json.loads((shared / "data" / "msvd_qa" / f"{split}_qa.json").read_text())
        for split in ("train", "val", "test")
    }
    count = Counter(item["answer"] for items in splits.values() for item in items)
    assert len(count) == 2423
    forms = defaultdict(set)
    for answer in count:
        forms[normalise(answer)].add(answer)
    merged = sorted(sorted(group) for group in forms.values() if len(group) > 1)
    assert merged == [
        ["elephant", "elephante"],
        ["kangaroo", "kangaroom"],
        ["lori", "lorus"],
        ["potato", "potatoe"],
        ["puppie", "puppy"],
        ["tomato", "tomatoe"],
    ]
    classes = [a for a, _ in Counter(item["answer"] for item in splits["train"]).most_common()]
    assert len(classes) == 1852 and {a for group in merged for a in group} <= set(classes)
    normaliser = Normaliser(classes)
    other = [a for a in count if normaliser.nearest(normalise(a)) != normalise(a)]
    assert len(other) == 26 and sum(count[a] for a in other) == 60  # answers that are no class
    exact = [item["answer"] for item in splits["test"]]
    assert normaliser.right(exact, exact).all()


def test_it_is_frozen() -> None:
    """Another table, rule or number is another version: then change both numbers here."""
    tables = [module.NEAR, module.RULES, module.DIGITS, sorted(module.ARTICLES), IRREGULAR]
    text = json.dumps([*tables, sorted(SINGULAR), sorted(IN_E)], sort_keys=True)
    assert (VERSION, hashlib.sha256(text.encode()).hexdigest()[:12]) == (1, "a5b27ca6da93")
