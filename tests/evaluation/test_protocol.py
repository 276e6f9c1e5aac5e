"""What needs no model: constants and ceilings, from made-up annotations and from MSVD-QA's own."""

import json

import numpy as np
import pytest

import evaluate
from evaluation.answers import Asked, columns
from evaluation.protocol import attainable, baseline_hits, counted
from preprocess.annotation.sample import Sample
from util.errors import UserError


def made(rows: list[tuple[str, str, str]], train: list[tuple[str, str]]) -> Asked:
    """rows: video, question, answer; train: type, answer.  The type is the first word."""
    samples = [Sample(i, v, q, a, q.split()[0]) for i, (v, q, a) in enumerate(rows)]
    seen = [Sample(i, "v", "", a, t) for i, (t, a) in enumerate(train)]
    lengths = [len(q.split()) for _, q, _ in rows]
    return columns("test", samples, seen, lengths, sorted({a for _, a in train}))


TRAIN = [("what", "dog"), ("what", "cat"), ("what", "dog"), ("who", "man"), ("who", "man")]


def test_the_constant_is_the_commonest_training_answer_of_the_type() -> None:
    asked = made(
        [("v", "what is it", "dog"), ("v", "who is it", "man"), ("v", "when is it", "dog")], TRAIN
    )
    # training has no "when": the commonest answer of all (dog and man tie, dog comes first)
    assert asked.constant.tolist() == ["dog", "man", "dog"]
    assert asked.seen.tolist() == [2, 2, 2]
    assert baseline_hits(asked)["constant_per_type"].tolist() == [True, True, True]


def test_of_conflicting_answers_the_commonest_known_one_can_be_right() -> None:
    rows = [
        ("v", "what is it", "cat"), ("v", "What  is it", "cat"), ("v", "what is it", "dog"),
        ("v", "what is it", "yak"), ("v", "what is it", "yak"), ("v", "what is it", "yak"),
        ("w", "what is it", "dog"),
        ("w", "what was it", "yak"),
    ]  # fmt: skip
    asked = made(rows, TRAIN)
    assert asked.known.tolist() == [True, True, True, False, False, False, True, False]
    assert attainable(asked).tolist() == [True, True, False, False, False, False, True, False]


def test_answerable_drops_what_is_no_class_and_says_when_nothing_is_left() -> None:
    asked = made([("v", "what is it", "yak"), ("v", "what was it", "dog")], TRAIN)
    assert counted(asked, "full").tolist() == [True, True]
    assert counted(asked, "answerable").tolist() == [False, True]
    with pytest.raises(UserError, match="none of the 1 questions of split test has an answer"):
        counted(asked.only(np.array([True, False])), "answerable")


def run(shared, capsys, *flags: str) -> dict:
    annotations = str(shared / "data" / "msvd_qa")
    evaluate.main(["baselines", "--dataset", "msvd_qa", "--annotations", annotations, *flags])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_msvd_qa(shared, capsys) -> None:
    found = run(shared, capsys, "--split", "test")
    assert found["constant_per_type"] == 0.1886
    assert found["vocabulary_ceiling"] == 0.9408
    assert found["conflict_ceiling"] == 0.9058
    assert (found["questions"], found["videos"]) == (13_157, 504)
    constant = {k: round(100 * v, 1) for k, v in found["by_type"]["constant_per_type"].items()}
    assert constant == {
        "what": 3.3,
        "who": 40.6,
        "how": 83.8,
        "when": 72.4,
        "where": 53.6,
    }


def test_msvd_qa_under_other_protocols(shared, capsys) -> None:
    answerable = run(shared, capsys, "--protocol", "answerable")
    assert answerable["questions"] == round(0.940792 * 13_157)
    assert answerable["vocabulary_ceiling"] == 1
    union = run(shared, capsys, "--protocol", "union-vocabulary")
    assert union["questions"] == 13_157 and union["vocabulary_ceiling"] == 1
    assert union["constant_per_type"] == 0.1886  # the constant still comes from training


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ([], "give --dataset and --annotations, or --questions"),
        (["--dataset", "msvd_qa"], "give --dataset and --annotations, or --questions"),
        (["--questions", "a", "--dataset", "b", "--annotations", "c"], "and not both"),
        (["--questions", "none.pt"], "none.pt: no such question file"),
        (["--dataset", "msvd", "--annotations", "."], "--dataset msvd: not known"),
    ],
)
def test_mistakes(flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        evaluate.main(["baselines", *flags])
