"""Options of `python -m library rerank`."""

import math
from dataclasses import dataclass

from options.library.search import LIBRARY


@dataclass(frozen=True, kw_only=True)
class RerankOptions:
    """A list of another search engine's, in a better order.

    Args:
        candidates: file with one JSON object a line: video (a path, or file) or clip (an id of the
            library), and score; start and end in seconds, if it is not the whole video
        question: asked of every candidate, as "what is the man riding?"
        answer: the answer that is expected, as "horse"; default any: a candidate moves by how
            much it tells about the question
        weight: how much the answer counts, in standard deviations of the scores
        run: run that answers: its folder, or a packed file; default the one that comes with the
            project
        blind: the same trained without video; default the run itself before a video that shows
            nothing particular
        output: file of the list as it is now, JSON Lines; default FILE.reranked.jsonl
        library: its file, or postgresql://...: of candidates that name a clip, and where files that
            it does not know are indexed; made if it is not there
        embedder: run of train.py retrieval that made the library; default the one that comes with
            the project
        index: index the files that the library does not know, so that they are read once; false
            reads them for this call alone, and writes nothing to the library
        device: cpu, cuda, cuda:0, ..., or auto
    """

    candidates: str
    question: str
    answer: str | None = None
    weight: float = 0.3
    run: str | None = None
    blind: str | None = None
    output: str | None = None
    library: str = LIBRARY
    embedder: str | None = None
    index: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        """A weight that is one; options that reach something."""
        if not (math.isfinite(self.weight) and 0 <= self.weight <= 100):
            raise ValueError(f"--weight {self.weight}: give a number from 0 to 100")
        if self.embedder is not None and not self.index:
            raise ValueError(
                "--embedder makes the vectors of what is indexed: leave it out with --index false"
            )
