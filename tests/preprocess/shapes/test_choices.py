"""Multiple-choice questions of generated videos: no candidate is given away, exactly."""

from collections import Counter, defaultdict

import pytest

from preprocess.shapes.choices import MOST, ChoiceQuestion, choose
from preprocess.shapes.families import make_scenes
from preprocess.shapes.generate import choice_items
from preprocess.shapes.scene import Scene

Asked = tuple[list[Scene], list[ChoiceQuestion]]


@pytest.fixture(scope="module", params=[0, 1, 2])
def asked(request: pytest.FixtureRequest) -> Asked:
    scenes = make_scenes(700, seed=0, split=request.param)
    return scenes, choose(scenes, seed=0, split=request.param)


def test_question_and_candidates_say_nothing_of_the_answer(asked: Asked) -> None:
    """Each candidate is right equally often where all else that a blind model sees is the same."""
    right: dict[tuple, Counter[int]] = defaultdict(Counter)
    for question in asked[1]:
        right[question.text, question.choices][question.answer] += 1
    assert len(right) > 250
    for (_, choices), times in right.items():
        assert [times[i] for i in range(len(choices))] == [times[0]] * len(choices)


def test_first_longest_and_the_likeliest_text_are_right_as_often_as_chance(asked: Asked) -> None:
    _, questions = asked
    offered, right = Counter(), Counter()
    for question in questions:
        offered.update(question.choices)
        right[question.choices[question.answer]] += 1
    scores = {
        "first": lambda choices, i: -i,
        "longest": lambda choices, i: len(choices[i]),
        "prior": lambda choices, i: right[choices[i]] / offered[choices[i]],
    }
    chance = sum(1 / len(question.choices) for question in questions)
    for name, score in scores.items():
        correct = sum(
            max(range(len(q.choices)), key=lambda i, q=q: score(q.choices, i)) == q.answer
            for q in questions
        )
        assert correct == pytest.approx(chance), name


def test_candidates_are_two_to_six_different_texts(asked: Asked) -> None:
    numbers = Counter(len(question.choices) for question in asked[1])
    assert numbers.keys() == {2, 3, 4, 5, MOST} and min(numbers.values()) > 50
    assert all(len(set(q.choices)) == len(q.choices) for q in asked[1])
    assert [q.video for q in asked[1]] == sorted(q.video for q in asked[1])
    assert max(Counter((q.video, q.text) for q in asked[1]).values()) == 1
    assert max(Counter(q.video for q in asked[1]).values()) == 6  # three that grow or shrink


def test_one_candidate_is_true_of_the_video(asked: Asked) -> None:
    scenes, questions = asked
    checked = Counter()
    for question in questions:
        things = scenes[question.video].things
        told = question.choices[question.answer]
        wording = question.text.split()
        if wording[:2] == ["which", "shape"]:
            (thing,) = (t for t in things if f"{t.act}s?" == wording[2])
            assert told == f"the {thing.color} {thing.form}"
        elif question.text == "which shapes appear?":
            assert told == " and ".join(sorted(f"a {t.color} {t.form}" for t in things))
        elif wording[:2] == ["what", "does"]:
            (thing,) = (t for t in things if t.color == wording[3])
            sign = {"top": "up", "bottom": "down"}.get(thing.heading, thing.heading)
            assert (sign or thing.act.removesuffix("s")) in told
        elif wording[0] == "where":
            (thing,) = (t for t in things if f"{t.act}s?" == wording[-1])
            assert thing.place in told
        elif wording[0] == "how":
            assert {"one": "once", "two": "twice", "three": "three times"}[things[0].times] == told
        else:
            assert wording[0] == "when" and things[0].third in told
        checked[wording[0]] += 1
    assert checked.keys() == {"which", "what", "where", "how", "when"}


def test_items_have_running_ids() -> None:
    scenes = make_scenes(60, seed=3, split=1)
    asked = choose(scenes, seed=3, split=1)
    items = choice_items(asked, 101, 41)
    assert [item["id"] for item in items] == list(range(41, 41 + len(asked)))
    assert all(101 <= item["video_id"] <= 160 for item in items)
    assert all(item["choices"][item["answer"]] for item in items)
