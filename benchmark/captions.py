"""BLEU, ROUGE-L and CIDEr-D against pycocoevalcap:  python -m benchmark captions

All test references of MSVD are scored, leaving one out: the first reference of every clip against
the clip's others, then the second of every clip, and so on.  Both get the same tokens, in turn:
here as lists, there with blanks between them.  The references are prepared anew each time.  The
means are what people reach who describe a clip that others described.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from util.errors import UserError
from util.text_file import read_text
from util.text_metrics.bleu import Bleu, bleu
from util.text_metrics.cider import CiderD
from util.text_metrics.ngrams import Sentence
from util.text_metrics.references import References
from util.text_metrics.rouge import RougeL

TEST = range(1301, 1971)  # ids of the test clips
CLOSE = 1e-9
METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D")
Round = tuple[list[Sentence], list[list[Sentence]]]


def tokens_of_clips(captions: str, id_map: str) -> list[list[Sentence]]:
    """The tokens of each test clip's references, by id."""
    number = {}
    for line in read_text(id_map).splitlines():
        name, _, identity = line.partition(" ")
        number[name] = int(identity.removeprefix("vid"))
    found: defaultdict[int, list[Sentence]] = defaultdict(list)
    for line in read_text(captions).splitlines():
        if line and not line.startswith("#"):
            name, *words = line.split()
            found[number[name]].append(words)
    return [found[i] for i in TEST if found[i]]


def ours(hypotheses: list[Sentence], references: list[list[Sentence]]) -> np.ndarray:
    """Scores of the segments and of the corpus, from token lists.  -> (N + 1, 6)"""
    prepared = References(references)
    counted = Bleu(prepared).statistics(hypotheses)
    each = [metric(prepared).score(hypotheses) for metric in (RougeL, CiderD)]
    rest = np.column_stack(each)
    return np.hstack([bleu(np.vstack([counted, counted.sum(0)])), np.vstack([rest, rest.mean(0)])])


def theirs(given: dict[int, list[str]], truth: dict[int, list[str]]) -> np.ndarray:
    """The same by pycocoevalcap, from sentences with blanks between tokens.  -> (N + 1, 6)"""
    from pycocoevalcap.bleu.bleu import Bleu as PlainBleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    corpus, segments = PlainBleu(4).compute_score(truth, given, verbose=0)
    columns = [np.append(each, whole) for each, whole in zip(segments, corpus, strict=True)]
    for scorer in (Rouge(), Cider()):
        whole, each = scorer.compute_score(truth, given)
        columns.append(np.append(each, whole))
    return np.column_stack(columns)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Score both ways, check that they agree, print the means."""
    try:
        import pycocoevalcap  # noqa: F401
    except ImportError as error:
        raise UserError(
            "pycocoevalcap, which is compared with, is not installed; "
            "pip install --no-deps pycocoevalcap==1.2"
        ) from error
    clips = tokens_of_clips(options.captions, options.id_map)
    total = max(map(len, clips))
    seconds = {"ours": 0.0, "theirs": 0.0}
    scores, weights = [], []
    difference = 0.0
    for left in range(min(total, options.references or total)):
        some = [refs for refs in clips if len(refs) > max(1, left)]
        hypotheses = [refs[left] for refs in some]
        references = [refs[:left] + refs[left + 1 :] for refs in some]
        given = {i: [" ".join(h)] for i, h in enumerate(hypotheses)}
        truth = {i: [" ".join(r) for r in refs] for i, refs in enumerate(references)}
        found = _timed("ours", seconds, ours, hypotheses, references)
        wanted = _timed("theirs", seconds, theirs, given, truth)
        difference = max(difference, float(np.abs(found - wanted).max()))
        assert difference < CLOSE, f"reference {left}: differs by {difference}"
        scores.append(found[-1])
        weights.append(len(some))
    means = np.average(scores, axis=0, weights=weights)
    shown = ", ".join(f"{name} {value:.4f}" for name, value in zip(METRICS, means, strict=True))
    print(f"{sum(weights):,} references of {len(clips):,} clips, each against the others: {shown}")
    ratio = seconds["theirs"] / seconds["ours"]
    print(
        f"{seconds['ours']:.1f} s, pycocoevalcap {seconds['theirs']:.1f} s: {ratio:.1f} times as "
        f"fast; they differ by {difference:.1e} at most, of {6 * (sum(weights) + len(scores)):,}"
    )
    return {
        "captions_ratio": round(ratio, 2),
        "largest_difference": difference,
        "references": sum(weights),
    }


def _timed(name: str, seconds: dict[str, float], work: Callable[..., np.ndarray], *given: Any):
    begin = time.perf_counter()
    found = work(*given)
    seconds[name] += time.perf_counter() - begin
    return found
