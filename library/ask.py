"""`python -m library ask`: a question put to the clips of a library, answers with their moments.

P(answer) = sum over clips of P(clip) P(answer | question, clip), as retrieval-augmented answering
marginalises (Lewis et al. 2020, arXiv 2005.11401, section 2.1, RAG-Sequence): P(clip) is the
softmax of the clips' likeness to what the question says, at the temperature `SHARP`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from library.find.answering import Stretch
from library.find.coarse import EMPTY
from library.find.finder import How, Search
from library.find.moments import Found, Moment, merge
from library.find.query import Query, Term
from library.find.show import Row, clock, print_rows, row_of, write_rows
from library.rerank import Asks
from library.where import read_where
from options.library.ask import AskOptions
from options.library.search import LibraryOptions
from preprocess.video.error import VideoError
from util.errors import UserError
from util.files import check_output
from util.text import clipped

SHARP = 0.05  # of cosines
QUESTION_WORDS = frozenset(("what", "who", "whom", "whose", "where", "when", "why", "how", "which"))
HELPING = frozenset(("does", "do", "did", "has", "have", "can", "many", "much"))
SURE = 0.5  # of the likeliest answer's probability: a clip that gives less to it says nothing of it


@dataclass(frozen=True)
class Said:
    """An answer, with where it comes from."""

    answer: str
    probability: float
    moments: list[Moment]  # where it is the likeliest answer; the best first


def run(options: AskOptions, of: LibraryOptions) -> int:
    """Search what the question is about, ask, and show."""
    from library.find.answering import Answering
    from library.find.open import open_search

    if options.output:
        check_output(options.output, inputs={"--library": of.library})
    where = read_where(options.where)
    answering = Answering(options.run, device=of.device)
    answering.check(options.question)
    search = open_search(of, None, answering)
    how = How(where=where, every=True, anyway=options.anyway, depth=options.most, text_weight=0)
    about = subject_of(options.question)
    result, found = search.clips(Query((Term(about, 1),)), how)
    if not found:
        print(search.nothing(result))
        return 0
    said, failed = ask(search, answering, options.question, found)
    rows: list[Row] = []
    for one in said[: options.number]:
        print(f"{one.answer}  {one.probability:.0%}")
        shown = one.moments[: options.moments]
        places = search.shelf.places([moment.best for moment in shown])
        own = [
            row_of(moment, places, query=options.question, weights=search.shelf.fingerprint)
            for moment in shown
            if moment.best in places
        ]
        print_rows(own, 1)
        rows += own
    if options.output:
        write_rows(options.output, rows)
        print(f"wrote {options.output}")
    for path, reason in failed.items():
        print(f"set aside {clipped(path, 200)}: {clipped(reason, 200)}")
    return 1 if failed else 0


def subject_of(question: str) -> str:
    """What a question says is to be seen: its words but those that ask."""
    words = question.lower().replace('"', " ").rstrip("?？؟ ").split()
    left = [word for word in words if word not in QUESTION_WORDS | HELPING]
    if not set(left) - EMPTY:
        raise UserError(
            f"--question {clipped(question, 60)}: does not say what is to be seen; ask as in "
            '"who plays the guitar?"'
        )
    return " ".join(left)


def ask(
    search: Search, asks: Asks, question: str, found: Sequence[Found]
) -> tuple[list[Said], dict[str, str]]:
    """Answers of the clips, the likeliest first; videos that could not be read, and why."""
    places = search.shelf.places([clip.clip for clip in found])
    told: dict[int, dict[str, float]] = {}
    failed: dict[str, str] = {}
    # Clips of a video one after another: it is read once.
    for clip in tqdm(sorted(found, key=lambda clip: (clip.file, clip.start)), "asking",
                     unit="clip", leave=False, disable=None):  # fmt: skip
        path = places[clip.clip].path
        if path not in failed:
            try:
                told[clip.clip] = asks.tell(Stretch(path, clip.start, clip.end), question)
            except VideoError as error:
                failed[path] = error.reason
    asked = [clip for clip in found if clip.clip in told]
    if not asked:
        return [], failed
    return gathered(asked, told), failed


def gathered(asked: Sequence[Found], told: dict[int, dict[str, float]]) -> list[Said]:
    """Answers over clips, the likeliest first; those that are no clip's likeliest are left out."""
    cosine = np.array([clip.cosine for clip in asked])
    share = np.exp((cosine - cosine.max()) / SHARP)
    share /= share.sum()
    total: dict[str, float] = defaultdict(float)
    own: dict[str, list[Found]] = defaultdict(list)
    for clip, weight in zip(asked, share.tolist(), strict=True):
        said = told[clip.clip]
        for answer, probability in said.items():
            total[answer] += weight * probability
        best = next(iter(said))
        why = f'says "{best}" ({said[best]:.0%}) at {clock(clip.start)}; {clip.why}'
        own[best].append(
            Found(
                clip.clip, clip.file, clip.number, clip.start, clip.end,
                weight * said[best], why, cosine=clip.cosine,
            )
        )  # fmt: skip
    return [
        Said(answer, total[answer], merge(own[answer], SURE * max(c.score for c in own[answer])))
        for answer in sorted(own, key=lambda answer: -total[answer])
    ]
