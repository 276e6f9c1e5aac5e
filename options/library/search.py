"""Options of `python -m library search`, and what its siblings share with it."""

import math
from dataclasses import dataclass
from typing import Literal

LIBRARY = "data/library/library.db"
MOST = 1000  # hits of a page


@dataclass(frozen=True, kw_only=True)
class LibraryOptions:
    """The library, and the run that made its vectors.

    Args:
        library: its file, or postgresql://..., as `library index` made it
        embedder: run of train.py retrieval, or a packed one; default the one that comes with the
            project
        device: cpu, cuda, cuda:0, ..., or auto
        hnsw: approximate search, which is faster and may miss a near clip: auto, from 200,000
            clips; on, whatever their number; off, every search is exact
    """

    library: str = LIBRARY
    embedder: str | None = None
    device: str = "auto"
    hnsw: Literal["auto", "on", "off"] = "auto"


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What is looked for, and how it is shown.

    Args:
        query: what is to be seen, as "a man rides a horse"; parts with weights, as "2:horse -
            car"; '"cutting" before "frying"'
        like: moments whose like is looked for: FILE, FILE@12.5 or FILE@1:02.5
        minus: what shall not be seen
        where: which files and clips, as 'duration<10 folder:holiday name:cat* after:2024-01-01
            tag:x action:ride width>=1280'; all must hold, -tag:x turns one round
        number: hits of a page
        page: which page, from 1
        every: every occurrence: several hits of a video, and those that look alike
        anyway: show the nearest, even where nothing in the library shows what was asked
        text_weight: how much words in captions, actions, tags and names count beside the picture
        foreign: text file of queries that the library shows nothing of, one a line, which the
            threshold is learned from; default the project's own
        output: file of hits for `library export`, JSON Lines
        question: asked of every candidate, as "what is the man riding?"; its answer's probability
            moves it
        answer: the answer that is expected, as "horse"
        weight: how much the answer counts: of its evidence in nats beside cosines
        run: run that answers: its folder, or a packed file; default the one that comes with the
            project
        blind: the same trained without video, for what the answer is worth without one; default
            the run itself before a video that shows nothing particular
        candidates: how many are asked
    """

    query: str = ""
    like: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    where: str = ""
    number: int = 10
    page: int = 1
    every: bool = False
    anyway: bool = False
    text_weight: float = 0.2
    foreign: str | None = None
    output: str | None = None
    question: str | None = None
    answer: str | None = None
    weight: float = 0.06
    run: str | None = None
    blind: str | None = None
    candidates: int = 20

    def __post_init__(self) -> None:
        """Numbers that there are; options that reach something."""
        if not 1 <= self.number <= MOST:
            raise ValueError(f"--number {self.number}: give 1 to {MOST:,} hits a page")
        if not 1 <= self.page <= 10**6:
            raise ValueError(f"--page {self.page}: pages are counted from 1")
        for name in ("text_weight", "weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 100):
                raise ValueError(f"--{name} {value}: give a number from 0 to 100")
        if not 1 <= self.candidates <= 10**5:
            raise ValueError(f"--candidates {self.candidates}: give 1 or more")
        if (self.question is None) != (self.answer is None):
            raise ValueError(
                "--question and --answer belong together: as --question 'what is he riding?' "
                "--answer horse"
            )
        if self.question is None and (self.run or self.blind):
            raise ValueError("--run and --blind answer a question: add --question and --answer")
