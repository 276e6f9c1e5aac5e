"""ActivityNet Captions' protocol (Krishna et al. 2017), as densevid_eval computes it since 2018.

At each tIoU .3, .5, .7 and .9 a predicted event pairs with every reference event, of every
reference file, that it overlaps as much; one without any pairs with a random word of 10 to 20
letters.  A video's score is that of its pairs as a corpus of one reference each (CIDEr-D's document
frequency too is of these pairs alone).  A metric is the mean over all videos of the reference
files, where one without predictions has 0, and then over the four tIoUs.

Like the official code: no more than 1,000 events a video, letters beyond ASCII are blanks, overlap
by its formula.  Not like it: the random words come from a seed, and precision and recall of the
times are not computed, for they say nothing about the sentences.
"""

import random
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evaluation.caption.json_file import read_json, sentence, shown, times
from evaluation.caption.meteor import Meteor
from evaluation.caption.results_file import Event
from evaluation.caption.scores import BLEU, CaptionScores
from util.errors import UserError
from util.text_metrics.bleu import Bleu, bleu
from util.text_metrics.cider import CiderD, DocumentFrequency
from util.text_metrics.ngrams import NGrams
from util.text_metrics.ptb_tokens import tokenize
from util.text_metrics.references import References
from util.text_metrics.rouge import RougeL

TIOUS = (0.3, 0.5, 0.7, 0.9)
MOST = 1000  # events of a video that count
FORM = '{VIDEO: {"timestamps": [[START, END], ..], "sentences": ["TEXT", ..]}, ..}'
# hypotheses, and the one reference of each
_Pairs = tuple[list[list[str]], list[list[list[str]]]]
Events = Mapping[str, Sequence[Event]]  # by video


def read_event_references(path: Path) -> dict[str, list[Event]]:
    """The reference events of each video of an annotation file of ActivityNet Captions.

    Raises UserError: not there, no JSON, of another form, as many times as sentences.
    """
    content = read_json(path, "--references are val_1.json, val_2.json or the like")
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: holds {shown(content)}; events are {FORM}")
    found: dict[str, list[Event]] = {}
    for video, one in content.items():
        where = f"{path}: video {shown(video)}"
        stamps, texts = (one.get(k) if isinstance(one, dict) else None
                         for k in ("timestamps", "sentences"))  # fmt: skip
        if not isinstance(stamps, list) or not isinstance(texts, list):
            raise UserError(f"{where}: lacks `timestamps` or `sentences`; events are {FORM}")
        if len(stamps) != len(texts):
            raise UserError(
                f"{where}: {len(stamps)} time stamps for {len(texts)} sentences; give each its own"
            )
        found[video] = [
            Event(*times(stamp, where), sentence(text, where))
            for stamp, text in zip(stamps, texts, strict=True)
        ]
    return found


def overlap(one: Event, other: Event) -> float:
    """Intersection over union of two events' times, as densevid_eval has it."""
    common = max(0.0, min(one.end, other.end) - max(one.start, other.start))
    hull = max(one.end, other.end) - min(one.start, other.start)
    return common / (min(hull, one.end - one.start + other.end - other.start) + 1e-8)


class EventScorer:
    """Scores sentences about the same events; a set of pairs that several tIoUs have once."""

    def __init__(
        self,
        references: Sequence[Events],
        events: Events,
        meteor: Meteor | None = None,
        *,
        seed: int = 0,
    ) -> None:
        """References by file; `events`: predicted ones, whose sentences are not looked at."""
        self.videos = list(dict.fromkeys(video for file in references for video in file))
        self._meteor = meteor
        rng = random.Random(seed)
        # for each group of pairs: (id of the predicted event, tokens of what it pairs with)
        self._groups: list[list[tuple[str, list[str]]]] = []
        # (4, V) the group of a video, -1 where it has no prediction
        self._group = np.full((len(TIOUS), len(self.videos)), -1)
        for column, video in enumerate(self.videos):
            theirs = [event for file in references for event in file.get(video, [])]
            tokens = [words_of(event.sentence) for event in theirs]
            mine = events.get(video, [])[:MOST]
            tious = [[overlap(event, other) for other in theirs] for event in mine]
            seen: dict[tuple[tuple[int, int], ...], int] = {}
            for row, least in enumerate(TIOUS if mine else ()):
                pairs: list[tuple[int, int]] = []
                for i, found in enumerate(tious):
                    matches = [(i, j) for j, tiou in enumerate(found) if tiou >= least]
                    if not matches:
                        tokens.append([_garbage(rng)])
                        matches = [(i, len(tokens) - 1)]
                    pairs += matches
                group = seen.setdefault(tuple(pairs), len(self._groups))
                if group == len(self._groups):
                    self._groups.append([(event_id(video, i), tokens[j]) for i, j in pairs])
                self._group[row, column] = group

    def score(self, sentences: Mapping[str, str]) -> CaptionScores:
        """Score one sentence for each predicted event, by `event_id`; N are the videos here."""
        words = {name: words_of(text) for name, text in sentences.items()}
        groups: list[_Pairs] = [
            ([words[n] for n, _ in g], [[r] for _, r in g]) for g in self._groups
        ]
        found = self._of_groups(groups)
        segments: dict[str, np.ndarray] = {}
        for name, values in found.items():
            each = np.append(values, 0.0)[self._group]  # -1: the last, 0
            segments[name] = each.mean(axis=0)
        corpus = {name: float(values.mean()) for name, values in segments.items()}
        return CaptionScores(tuple(self.videos), corpus, segments, None)

    def _of_groups(self, groups: Sequence[_Pairs]) -> dict[str, np.ndarray]:
        """Each metric of each group of pairs as a corpus."""
        hypotheses = [h for mine, _ in groups for h in mine]
        prepared = References([r for _, theirs in groups for r in theirs])
        size = np.array([len(mine) for mine, _ in groups])
        starts = np.cumsum(size) - size
        counted = np.add.reduceat(Bleu(prepared).statistics(hypotheses), starts)
        out = dict(zip(BLEU, bleu(counted).T, strict=True))
        if self._meteor is not None:
            scored = [self._meteor.score(mine, theirs)[0] for mine, theirs in groups]
            out["METEOR"] = np.array(scored)
        out["ROUGE-L"] = np.add.reduceat(RougeL(prepared).score(hypotheses), starts) / size
        out["CIDEr-D"] = np.add.reduceat(_cider(groups), starts) / size
        return out


def event_id(video: str, number: int) -> str:
    """The name of a predicted event, by its place in its video from 0."""
    return f"{video}#{number}"


def words_of(text: str) -> list[str]:
    """Tokens of a sentence, letters beyond ASCII taken as blanks."""
    return tokenize("".join(letter if letter.isascii() else " " for letter in text))


def _cider(groups: Sequence[_Pairs]) -> np.ndarray:
    """CIDEr-D of all pairs, where each group is a corpus of its own: its words are other words."""
    hypotheses = [[f"{g} {w}" for w in h] for g, (mine, _) in enumerate(groups) for h in mine]
    references = [[[f"{g} {w}" for w in r] for r in refs]
                  for g, (_, theirs) in enumerate(groups) for refs in theirs]  # fmt: skip
    prepared = References(references)
    sizes = np.concatenate([np.full(len(mine), len(mine)) for mine, _ in groups])
    return CiderD(prepared, _OfGroups(prepared, sizes)).score(hypotheses)


class _OfGroups(DocumentFrequency):
    """Document frequencies within groups of segments that share no word."""

    def __init__(self, references: References, sizes: np.ndarray) -> None:
        """sizes: segments in the group of each segment (N,), which has one reference."""
        super().__init__(references)
        self._sizes = np.log(sizes.astype(np.float64))

    def inverse(self, grams: NGrams) -> np.ndarray:
        """As in one group of them.  -> (E,)"""
        return self._sizes[grams.sentence] - np.log(np.maximum(1.0, self.count[grams.first]))


def _garbage(rng: random.Random) -> str:
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(10, 20)))
