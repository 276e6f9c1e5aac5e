"""Questions to a library: which clips are asked, how their answers are gathered."""

import numpy as np
import pytest

from inference.retrieval.foreign import own_queries
from library.ask import ask, gathered, run, subject_of
from library.find.answering import Stretch
from library.find.finder import How, Search
from library.find.moments import Found
from library.find.query import Query, Term
from library.hits import read_hits
from options.library.ask import AskOptions
from options.library.search import LibraryOptions
from preprocess.video.error import VideoError
from tests.library.shelf import MemoryShelf
from tests.library.test_search import CLIPS, embed
from util.errors import UserError


class Oracle:
    """Video 1 shows a man in its first clip and a woman in its third; video 0 cannot be read."""

    def tell(self, part: Stretch, question: str) -> dict[str, float]:
        if part.path == "/v/0.mp4":
            raise VideoError(part.path, "damaged")
        man = 0.9 if part.start < 2 else 0.2
        return dict(sorted({"man": man, "woman": 1 - man}.items(), key=lambda pair: -pair[1]))

    def prior(self, question: str) -> dict[str, float]:
        return {"man": 0.5, "woman": 0.5}


def test_the_subject_of_a_question() -> None:
    assert subject_of("Who plays the guitar?") == "plays the guitar"
    assert subject_of('what does "he" ride？') == "he ride"
    with pytest.raises(UserError, match="what is to be seen"):
        subject_of("who is it?")


def test_answers_come_with_their_moments() -> None:
    shelf = MemoryShelf(np.stack([v for _, v in CLIPS]), [file for file, _ in CLIPS])
    search = Search(shelf, embed, lambda like: CLIPS[0][1], own_queries())
    found = search.clips(Query((Term(subject_of("who is on the horse"), 1),)), How())[1]
    assert {clip.file for clip in found} == {1}
    said, failed = ask(search, Oracle(), "who is on the horse?", found)
    assert not failed and [one.answer for one in said] == ["man", "woman"]
    (man,), (woman,) = said[0].moments, said[1].moments
    assert (man.file, man.start, man.end) == (1, 0.0, 2.0)
    assert (woman.file, woman.start, woman.end) == (1, 4.0, 6.0)
    assert 'says "man" (90%) at 0:00.0' in man.why
    cats = search.clips(Query((Term("cat", 1),)), How())[1]
    assert ask(search, Oracle(), "who is the cat?", cats)[1] == {"/v/0.mp4": "damaged"}


def test_probabilities_are_marginals() -> None:
    clips = [Found(i, i, 0, 0.0, 1.0, 0.0, cosine=c) for i, c in enumerate((0.5, 0.45, -1.0))]
    told = {0: {"a": 0.6, "b": 0.4}, 1: {"b": 0.7, "a": 0.3}, 2: {"c": 1.0, "a": 0.0, "b": 0.0}}
    said = gathered(clips, told)
    first = 1 / (1 + np.exp(-1))
    expected = {"a": first * 0.6 + (1 - first) * 0.3, "b": first * 0.4 + (1 - first) * 0.7}
    for one in said[:2]:
        assert one.probability == pytest.approx(expected[one.answer], abs=1e-6)
    assert said[2].answer == "c" and said[2].probability < 1e-9


def test_as_many_answers_and_moments_are_shown_as_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = MemoryShelf(np.stack([v for _, v in CLIPS]), [file for file, _ in CLIPS])
    search = Search(shelf, embed, lambda like: CLIPS[0][1], own_queries())
    oracle = Oracle()
    oracle.check = lambda question: None  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setattr("library.find.open.open_search", lambda of, foreign, asks: search)
    monkeypatch.setattr("library.find.answering.Answering", lambda run, device: oracle)
    output = str(tmp_path / "hits.jsonl")

    def hits(number: int, moments: int, most: int = 1000) -> int:
        asked = AskOptions(
            question="what is cut?", anyway=True, output=output, number=number, moments=moments,
            most=most,
        )  # fmt: skip
        # Video 0 cannot be read; where one clip is asked, it is another's.
        assert run(asked, LibraryOptions()) == int(most > 1)
        return len(read_hits(output))

    assert hits(number=1, moments=1) == 1 and "woman" not in capsys.readouterr().out
    assert hits(number=2, moments=1) == 2 < hits(number=2, moments=3)
    assert "set aside /v/0.mp4: damaged" in capsys.readouterr().out
    assert hits(number=2, moments=3, most=1) == 1
