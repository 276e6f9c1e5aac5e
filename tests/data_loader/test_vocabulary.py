from hypothesis import given
from hypothesis import strategies as st

from data_loader.vocabulary import NULL, UNK, UNK0, UNK1, Vocabulary, build_vocabulary


def test_words_are_numbered_as_first_seen_after_padding_and_unknown():
    vocabulary = build_vocabulary([["who", "is", "b"], ["a", "is", "who"]], ["x"])
    assert vocabulary.words == (NULL, UNK, "who", "is", "b", "a")
    assert vocabulary.encode(["a", "zebra", "who"]) == [5, 1, 2]


def test_answers_go_by_frequency_and_ties_by_first_seen():
    answers = ["cat", "dog", "ant", "dog", "bee", "ant", "emu"]
    assert build_vocabulary([], answers).answers == (UNK0, UNK1, "dog", "ant", "cat", "bee", "emu")


def test_the_cut_keeps_the_first_seen_of_a_tie():
    answers = ["z", "y", "x", "w", "w"]
    assert build_vocabulary([], answers, top_answers=3).answers == (UNK0, UNK1, "w", "z", "y")


def test_an_unknown_answer_has_another_class_in_training_than_in_test():
    vocabulary = build_vocabulary([], ["dog", "dog", "cat"], top_answers=1)
    assert vocabulary.answer_class("dog", train=True) == 2
    assert vocabulary.answer_class("dog", train=False) == 2
    assert vocabulary.answer_class("cat", train=True) == 0
    assert vocabulary.answer_class("cat", train=False) == 1


def test_an_answer_spelt_like_an_unknown_class_is_unknown():
    vocabulary = build_vocabulary([], [UNK0, UNK0, UNK1, "dog"])
    assert vocabulary.answers == (UNK0, UNK1, "dog")
    assert vocabulary.answer_class(UNK0, train=False) == 1
    assert vocabulary.answer_class(UNK1, train=True) == 0


@given(
    tokens=st.lists(st.lists(st.text(max_size=4), max_size=5), max_size=8),
    answers=st.lists(st.sampled_from("abcdefg"), max_size=20),
    top=st.integers(1, 5),
)
def test_state_round_trip_and_rules_on_any_input(tokens, answers, top):
    vocabulary = build_vocabulary(tokens, answers, top)
    assert Vocabulary.from_state(vocabulary.state()) == vocabulary
    assert len(set(vocabulary.words)) == len(vocabulary.words)
    kept = vocabulary.answers[2:]
    assert len(kept) == min(top, len(set(answers)))
    # plain restatement of the rule: commonest first, then first seen
    rule = sorted(set(answers), key=lambda a: (-answers.count(a), answers.index(a)))
    assert list(kept) == rule[:top]
    for question in tokens:
        assert [vocabulary.words[i] for i in vocabulary.encode(question)] == question
