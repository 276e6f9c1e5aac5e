"""What is asked of which video, and what is captioned."""

from dataclasses import dataclass
from typing import Literal

MOST = 5  # answers, or captions, of a video, where nobody says how many


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """One question about one video, about many, or about a live source.

    Args:
        run: folder of the run (results/RUN), or a packed run (python -m inference.pack); default
            the model that comes with the project, pretrained/msvd_small
        video: video file, of any kind the decoder reads
        videos: a folder of videos, or a text file (.txt) with a path in each line; the answers are
            written as JSON
        live: a video that is asked about while it is decoded, a line every --every seconds
        question: the question, in quotes
        choices: of a run that chooses, the candidates; of one that answers freely, answers to rank
            by their probability
        count: of a run that answers freely, the likeliest of its answers that are numbers
        n_best: answers told; default 5
        every: seconds of video that each answer of --live is about
        output: file to write: of --video the picture of what the model looked at (default
            RUN/answer.png), of --videos the answers (RUN/answers.json); of a packed run in
            results/NAME-packed
        appearance_weights: file of the appearance backbone's weights; default where the store was
            extracted from
        motion_weights: the same of the motion backbone
        device: where to compute; auto takes a GPU when there is one
    """

    question: str
    run: str | None = None
    video: str | None = None
    videos: str | None = None
    live: str | None = None
    choices: tuple[str, ...] = ()
    count: bool = False
    n_best: int = MOST
    every: float = 4.0
    output: str | None = None
    appearance_weights: str | None = None
    motion_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse to answer nothing, and more sources than one."""
        if not self.question.replace("?", " ").strip():
            raise ValueError("--question is empty: ask something")
        if sum(source is not None for source in (self.video, self.videos, self.live)) != 1:
            raise ValueError("give one of --video FILE, --videos FOLDER or LIST.txt, --live FILE")
        if self.n_best < 1:
            raise ValueError(f"--n_best {self.n_best}: must be at least 1")
        if not 0 < self.every < float("inf"):
            raise ValueError(f"--every {self.every}: give seconds, more than 0")


@dataclass(frozen=True, kw_only=True)
class PredictCaptionOptions:
    """Captions of one video, of many, or of a live source.

    Args:
        run: folder of the run (results/RUN), or a packed run (python -m inference.pack); default
            the captioner that comes with the project, pretrained/msvd_small_captions
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

    run: str | None = None
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


@dataclass(frozen=True, kw_only=True)
class PredictClassOptions:
    """What is done in one video, or in each of many; or values over time.

    Args:
        run: folder of the run (results/RUN), or a packed run (python -m inference.pack)
        video: video file, of any kind the decoder reads
        videos: a folder of videos, or a text file (.txt) with a path in each line; what is told of
            each is written as JSON
        output: file to write: of --video the picture of what the model looked at (default
            RUN/classes.png), of --videos the classes (RUN/classes.json); of a run that tells values
            a table (RUN/values.csv) with a picture beside, of --videos RUN/values.json; of a packed
            run in results/NAME-packed
        crops: 3: the mean over the left, centre and right square of each frame, of a run on clips
            that sees squares smaller than these (--crop)
        appearance_weights: file of the appearance backbone's weights; default where the store was
            extracted from
        motion_weights: the same of the motion backbone
        device: where to compute; auto takes a GPU when there is one
    """

    run: str
    video: str | None = None
    videos: str | None = None
    output: str | None = None
    crops: int = 1
    appearance_weights: str | None = None
    motion_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """One source."""
        if self.crops not in (1, 3):
            raise ValueError(
                f"--crops {self.crops}: give 1 (the centre) or 3 (left, centre, right)"
            )
        if (self.video is None) == (self.videos is None):
            raise ValueError("give one of --video FILE, --videos FOLDER or LIST.txt")
