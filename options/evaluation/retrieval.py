"""What an evaluation of a search looks at."""

from dataclasses import dataclass
from typing import Literal

from options.data import FeaturesIn


@dataclass(frozen=True, kw_only=True)
class RetrievalScoreOptions:
    """Runs of one embedding on one split: videos found by captions, and captions by videos.

    Args:
        run: folders of runs (results/RUN ...), or packed runs; several are seeds of one embedding,
            whose mean is shown
        checkpoint: best (by validation) or last
        split: split whose captions are the queries
        among: what is searched: the split's own videos, or those of all splits
        protocol: captions: each caption is a query; videos: one caption of each video is, drawn by
            --seed.  Of captions found by a video the best ranked counts in both
        rerank: also re-rank by the answers to questions made of the query
        answering: runs that answer them, whose evidence is averaged; default the one that comes
            with the project, where it takes the features that the runs take.  Name some that have
            not been trained on the validation split
        weight: of its evidence beside a cosine; default the best on the validation split
        texts: also search by words alone: in the captions that --captioner gives the videos, and in
            the answers to some questions about them
        captioner: captioning run; default the one that comes with the project, as --answering
        foreign: file of queries that no video shows, one a line, to count false alarms with;
            default the project's own
        captions: caption file; default the run's
        appearance: feature store of the appearance channel; default the run's
        motion: feature store of the motion channel; default the run's
        features_in: where stored features are held; see train.py
        batch_size: videos, or captions, at a time
        seed: seed of the queries of --protocol videos, and of the controls of re-ranking
        output: results JSON with the rank of every query; default RUN/SPLIT-retrieval.json (with
            -all, -videos where --among and --protocol say so); of several runs in
            results/NAME-pooled, where NAME is what their names begin with
        plots: pictures beside the results
        device: where to compute; auto takes a GPU when there is one
    """

    run: list[str]
    checkpoint: Literal["best", "last"] = "best"
    split: str = "test"
    among: Literal["split", "all"] = "split"
    protocol: Literal["captions", "videos"] = "captions"
    rerank: bool = True
    answering: tuple[str, ...] = ()
    weight: float | None = None
    texts: bool = True
    captioner: str | None = None
    foreign: str | None = None
    captions: str | None = None
    appearance: str | None = None
    motion: str | None = None
    features_in: FeaturesIn = "auto"
    batch_size: int = 256
    seed: int = 666
    output: str | None = None
    plots: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        if not self.run:
            raise ValueError("--run: names no run; give folders such as results/msvd_549_retrieval")
        if self.batch_size < 1:
            raise ValueError(f"--batch_size {self.batch_size}: must be at least 1")
        if self.weight is not None and self.weight < 0:
            raise ValueError(f"--weight {self.weight:g}: must not be negative")
        if not self.rerank and self.weight is not None:
            raise ValueError("--weight: of a re-ranking that --rerank false leaves out")
        if not (self.rerank or self.texts) and self.answering:
            raise ValueError("--answering: nothing is asked with --rerank false --texts false")
        if not self.texts and self.captioner is not None:
            raise ValueError("--captioner: captions nothing with --texts false")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"--seed {self.seed}: must be at least 0 and less than 2^63")
