"""What is asked of which video."""

from dataclasses import dataclass
from typing import Literal


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
