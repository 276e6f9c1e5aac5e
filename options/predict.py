"""What is asked of which video, and what is captioned."""

from dataclasses import dataclass
from typing import Literal

MOST = 5  # captions of a video, where nobody says how many


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """One question about one video file.

    Args:
        run: folder of the run (results/RUN), or a packed run (python -m inference.pack); default
            the model that comes with the project, pretrained/msvd_small
        video: video file, of any kind the decoder reads
        question: the question, in quotes
        output: picture of what the model looked at; default RUN/answer.png, of a packed run
            results/NAME-packed/answer.png
        appearance_weights: file of the appearance backbone's weights; default where the store was
            extracted from
        motion_weights: the same of the motion backbone
        device: where to compute; auto takes a GPU when there is one
    """

    video: str
    question: str
    run: str | None = None
    output: str | None = None
    appearance_weights: str | None = None
    motion_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse to answer nothing."""
        if not self.question.replace("?", " ").strip():
            raise ValueError("--question is empty: ask something")


@dataclass(frozen=True, kw_only=True)
class PredictCaptionOptions:
    """Captions of one video, of many, or of a live source.

    Args:
        run: folder of the run (results/RUN), or a packed run (python -m inference.pack)
        video: video file, of any kind the decoder reads
        videos: a folder of videos, or a text file (.txt) with a path in each line; their captions
            are written as results JSON
        live: a video that is captioned while it is decoded, a line every --every seconds
        as_: subtitles of --video instead: WebVTT or SubRip
        every: seconds of video that each caption of --as and --live is about
        n_best: captions of each video; default 5, or as many as --beam
        output: file to write: of --video the picture of which clips each word came from (default
            RUN/caption.png), of --videos the captions (RUN/captions.json), with --as the subtitles
            (RUN/captions.vtt); of a packed run in results/NAME-packed
        appearance_weights: file of the appearance backbone's weights; default where the store was
            extracted from
        motion_weights: the same of the motion backbone
        device: where to compute; auto takes a GPU when there is one
    """

    run: str
    video: str | None = None
    videos: str | None = None
    live: str | None = None
    as_: Literal["vtt", "srt"] | None = None
    every: float = 4.0
    n_best: int | None = None
    output: str | None = None
    appearance_weights: str | None = None
    motion_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """One source, at least a caption of it, of some seconds."""
        if sum(source is not None for source in (self.video, self.videos, self.live)) != 1:
            raise ValueError("give one of --video FILE, --videos FOLDER or LIST.txt, --live FILE")
        if self.n_best is not None and self.n_best < 1:
            raise ValueError(f"--n_best {self.n_best}: must be at least 1")
        if not 0 < self.every < float("inf"):
            raise ValueError(f"--every {self.every}: give seconds, more than 0")
