"""Words found in what was said of videos."""

import numpy as np

from evaluation.retrieval.full_text import word_scores


def test_stems_are_found_and_rare_words_weigh_more() -> None:
    said = ["a man rides a horse", "a man is talking", "a man sings", "two dogs"]
    scores = word_scores(["a man riding a horse", "a dog", "the zebra", "a is", "dog"], said)
    assert scores.shape == (5, 4)
    assert scores[0].argmax() == 0 and (scores[0, 1:3] >= 0).all() and scores[0, 3] == 0
    assert scores[1].tolist() == scores[4].tolist() and scores[1].argmax() == 3
    assert not scores[2].any() and not scores[3].any()


def test_what_people_write_is_no_query_language() -> None:
    said = ['"quoted" NEAR(x)', "and not or", "plain"]
    scores = word_scores(['"quoted', "not OR near*", "'; drop table said", "plain AND"], said)
    assert scores[0].argmax() == 0 and scores[3].argmax() == 2
    assert np.isfinite(scores).all()
