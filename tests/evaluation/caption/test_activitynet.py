"""ActivityNet's protocol: against a plain form of it, and the traps that it is known for."""

import json

import numpy as np
import pytest

from evaluation.caption.activitynet import (
    TIOUS,
    EventScorer,
    event_id,
    overlap,
    read_event_references,
    words_of,
)
from evaluation.caption.results_file import Event
from evaluation.caption.scores import score_captions
from util.errors import UserError

WORDS = [
    "a",
    "man",
    "woman",
    "is",
    "seen",
    "playing",
    "guitar",
    "standing",
    "in",
    "the",
    "room",
    "and",
]


def events(rng: np.random.Generator, videos: int, most: int) -> dict[str, list[Event]]:
    """Random events of a minute's videos."""

    def one() -> Event:
        start = float(rng.integers(0, 40))
        text = " ".join(rng.choice(WORDS, rng.integers(2, 9)))
        return Event(start, start + float(rng.integers(2, 20)), text)

    return {f"v_{i}": [one() for _ in range(rng.integers(1, most))] for i in range(videos)}


def plain(references, predicted, seed: int) -> dict[str, float]:
    """The protocol written down: per tIoU, video by video; garbage matches no word anyway."""
    videos = {video for file in references for video in file}
    total: dict[str, list[float]] = {}
    for least in TIOUS:
        for video in videos:
            pairs = []
            for event in predicted.get(video, []):
                found = [other.sentence for file in references for other in file.get(video, [])
                         if overlap(event, other) >= least]  # fmt: skip
                pairs += [(event.sentence, text) for text in found or ["qqqqqqqqqqqqqqqq"]]
            if pairs:
                said = {str(i): mine for i, (mine, _) in enumerate(pairs)}
                true = {str(i): [theirs] for i, (_, theirs) in enumerate(pairs)}
                corpus = score_captions(said, true).corpus
            for name in ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D"):
                total.setdefault(name, []).append(corpus[name] if pairs else 0.0)
    return {name: float(np.mean(values)) for name, values in total.items()}


def sentences(predicted) -> dict[str, str]:
    return {event_id(v, i): e.sentence for v, of in predicted.items() for i, e in enumerate(of)}


def test_it_is_the_plain_form() -> None:
    rng = np.random.default_rng(0)
    references = [events(rng, 8, 5), events(rng, 7, 5)]  # a video that one file lacks
    predicted = {v: e for v, e in events(rng, 9, 6).items() if v != "v_3"}  # v_8 is unknown
    predicted["v_1"] = references[0]["v_1"] + predicted["v_1"]
    found = EventScorer(references, predicted, seed=3).score(sentences(predicted))
    wanted = plain(references, predicted, 3)
    assert {name: found.corpus[name] for name in wanted} == pytest.approx(wanted, abs=1e-9)
    assert wanted["CIDEr-D"] > 0.05 and wanted["BLEU-4"] > 0.01
    for name, each in found.segments.items():
        assert len(each) == len(found.ids) == 8 and each.mean() == pytest.approx(found.corpus[name])
        assert each[found.ids.index("v_3")] == 0


def test_overlap_is_that_of_the_official_code() -> None:
    one = Event(0, 10, "")
    assert overlap(one, Event(5, 15, "")) == pytest.approx(5 / 15)
    assert overlap(one, one) == pytest.approx(1)
    assert overlap(one, Event(20, 30, "")) == 0
    assert overlap(one, Event(2, 4, "")) == pytest.approx(0.2)


def test_a_video_that_nothing_is_said_of_counts_as_0() -> None:
    """References of 4,917 videos against captions of 1,000: the trap, and here a note."""
    references = [{f"v_{i}": [Event(0, 10, "a man is playing a guitar")] for i in range(4)}]
    all_of_them = references[0]
    some = {"v_0": all_of_them["v_0"]}
    whole = EventScorer(references, all_of_them).score(sentences(all_of_them)).corpus["ROUGE-L"]
    quarter = EventScorer(references, some).score(sentences(some)).corpus["ROUGE-L"]
    assert whole == pytest.approx(1) and quarter == pytest.approx(0.25)


def test_what_overlaps_nothing_pairs_with_a_word_that_a_seed_makes() -> None:
    references = [{"v": [Event(0, 10, "a man")]}]
    apart = {"v": [Event(50, 60, "a man"), Event(70, 80, "x" * 12)]}
    one, same, other = (EventScorer(references, apart, seed=seed) for seed in (1, 1, 2))
    assert one._groups == same._groups != other._groups
    words = [theirs[0] for pairs in one._groups for _, theirs in pairs]
    assert len(words) == 2 * len(TIOUS) == len(set(words))
    assert all(10 <= len(word) <= 20 and word.isalpha() and word.islower() for word in words)
    assert one.score(sentences(apart)).corpus["ROUGE-L"] == 0


def test_no_more_than_a_thousand_events_of_a_video_count() -> None:
    references = [{"v": [Event(0, 10, "a man")]}]
    many = {"v": [Event(0, 10, "x")] * 1000 + [Event(0, 10, "a man")] * 10}
    assert EventScorer(references, many).score(sentences(many)).corpus["ROUGE-L"] == 0


def test_letters_beyond_ascii_are_blanks() -> None:
    assert words_of("A café's Menu.") == ["a", "caf", "'s", "menu"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"holds \[\]; events are"),
        ({"v": []}, "video 'v': lacks `timestamps`"),
        ({"v": {"sentences": ["a"], "timestamps": []}}, "0 time stamps for 1 sentences; give"),
        ({"v": {"sentences": ["a"], "timestamps": [[0]]}}, r"the time stamp is \[0\]; it must"),
        ({"v": {"sentences": [1], "timestamps": [[0, 1]]}}, "the caption is 1; it must"),
    ],
)
def test_mistakes_in_references_are_one_line(content, message: str, tmp_path) -> None:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        read_event_references(path)
