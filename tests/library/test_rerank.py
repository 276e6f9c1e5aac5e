"""Lists of candidates: read, asked, re-ordered; what moved and why is told."""

import json
import math

import pytest

from library.find.answering import Stretch, gain, tells
from library.find.shelf import Place
from library.rerank import Candidate, read_candidates, rerank, standardised
from preprocess.video.error import VideoError
from util.errors import UserError


class Oracle:
    """Knows of each file how likely its answer is a horse."""

    def __init__(self, **horse: float) -> None:
        self.horse = horse

    def tell(self, part: Stretch, question: str) -> dict[str, float]:
        if part.path not in self.horse:
            raise VideoError(part.path, "damaged")
        horse = self.horse[part.path]
        told = {"horse": horse, "car": (1 - horse) / 2, "man": (1 - horse) / 2}
        return dict(sorted(told.items(), key=lambda pair: -pair[1]))

    def prior(self, question: str) -> dict[str, float]:
        return {"horse": 0.4, "car": 0.3, "man": 0.3}


def listed(**scores: float | None) -> list[Candidate]:
    return [
        Candidate({"video": path}, Stretch(path, 0, math.inf), score, was)
        for was, (path, score) in enumerate(scores.items(), 1)
    ]


def order(candidates: list[Candidate], oracle: Oracle, answer: str | None, weight: float) -> str:
    ranked, _ = rerank(candidates, oracle, "what does he ride?", answer, weight=weight)
    return "".join(one.candidate.part.path for one in ranked)


ORACLE = Oracle(a=0.1, b=0.8, c=0.3)


def test_the_answer_moves_candidates() -> None:
    candidates = listed(a=0.9, b=0.8, c=0.7)
    assert order(candidates, ORACLE, "horse", 0) == "abc"
    assert order(candidates, ORACLE, "horse", 1) == "bac"
    assert order(candidates, ORACLE, "horse", 10) == "bca"
    assert order(candidates, ORACLE, "car", 10) == "acb"


def test_scores_are_what_the_formula_says() -> None:
    ranked, _ = rerank(listed(a=3, b=2, c=1), ORACLE, "?", "horse", weight=0.5)
    by_path = {one.candidate.part.path: one.score for one in ranked}
    spread = math.sqrt(2 / 3)
    for path, score, horse in (("a", 1, 0.1), ("b", 0, 0.8), ("c", -1, 0.3)):
        assert by_path[path] == pytest.approx(score / spread + 0.5 * math.log(horse / 0.4))


def test_without_scores_the_answer_decides_and_ties_keep_their_order() -> None:
    assert order(listed(a=None, b=None, c=None), ORACLE, "horse", 0.1) == "bca"
    assert order(listed(b=1, c=1, a=1), Oracle(a=0.5, b=0.5, c=0.5), "horse", 1) == "bca"
    assert standardised(listed(a=5, b=None, c=1)) == standardised(listed(a=5, b=1, c=1))


def test_without_an_answer_a_candidate_moves_by_what_it_tells() -> None:
    told = [ORACLE.tell(Stretch(path, 0, 1), "?") for path in "abc"]
    prior = ORACLE.prior("?")
    assert tells(prior, prior) == pytest.approx(0)
    assert all(tells(one, prior) > 0 for one in told)
    assert gain(told[1], prior, "horse") == pytest.approx(math.log(2))
    # In the list's middle nobody knows more than anybody: it falls.
    assert order(listed(c=1, b=1, a=1), ORACLE, None, 1) == "bac"


def test_videos_that_cannot_be_read_are_told() -> None:
    ranked, failed = rerank(listed(a=1, x=2, b=0), ORACLE, "?", "horse", weight=0)
    assert [one.candidate.part.path for one in ranked] == ["a", "b"]
    assert [(one.part.path, reason) for one, reason in failed] == [("x", "damaged")]
    assert rerank(listed(x=2), ORACLE, "?", "horse", weight=0)[0] == []


def clip(number: int) -> Place:
    if number != 7:
        raise UserError(f"clip {number}: there is none")
    return Place(7, 1, 3, 6.0, 8.0, "/v/seven.mp4", "sha")


def test_lists_of_paths_and_of_clips(tmp_path) -> None:
    path = tmp_path / "list.jsonl"
    rows = [
        {"video": "a.mp4", "score": 2, "title": "x"}, {"file": "b.mp4", "start": 1, "end": 2.5},
        {"clip": 7, "score": 0.5},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    a, b, c = read_candidates(path, clip)
    assert (a.part, a.score, a.was, a.row["title"]) == (Stretch("a.mp4", 0, math.inf), 2, 1, "x")
    assert (b.part, b.score, b.was) == (Stretch("b.mp4", 1, 2.5), None, 2)
    assert (c.part, c.score, c.was) == (Stretch("/v/seven.mp4", 6, 8), 0.5, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("{}", "video names no file"),
        ('{"video": ""}', "video names no file"),
        ('{"video": "a\\u0000"}', "video names no file"),
        ('{"clip": 8}', "there is none"),
        ('{"clip": "7"}', "clip is no id"),
        ('{"clip": 99999999999999999999}', "clip is no id"),
        ('{"video": "a", "score": "x"}', "score is no number"),
        ('{"video": "a", "score": NaN}', "score is no number"),
        ('{"video": "a", "score": Infinity}', "score is no number"),
        ('{"video": "a", "score": true}', "score is no number"),
        ('{"video": "a", "start": 3, "end": 2}', "start and end"),
        ('{"video": "a", "start": "1"}', "start and end"),
        ("[" * 100_000, "line 2"),
        ('{"video": "a", "score": ' + "9" * 5000 + "}", "line 2"),
        ('{"video": "a", "score": ' + "9" * 400 + "}", "score is no number"),
    ],
    ids=lambda text: text[:30],
)
def test_mistakes(tmp_path, line: str, said: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(f'{{"video": "a"}}\n{line}\n')
    with pytest.raises(UserError, match=r"list\.jsonl, line 2: ") as caught:
        read_candidates(path, clip)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_an_empty_list(tmp_path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text("\n")
    with pytest.raises(UserError, match="holds no candidate"):
        read_candidates(path, clip)
