"""A picture of some videos of the data set `shapes`."""
from pathlib import Path
from collections.abc import Sequence
from preprocess.dataset.shapes_questions import Question
from preprocess.dataset.shapes_scene import Scene
def save_sheet(path: Path, scenes: Sequence[Scene], questions: Sequence[Question]) -> None:
    """TODO."""
