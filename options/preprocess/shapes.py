"""Options of the generated data sets `shapes`: what is generated, and how much of it."""

from dataclasses import dataclass
from typing import Literal

SPLITS = ("train", "val", "test")
SIZES = {  # videos of each split
    "questions": (2800, 200, 700), "actions": (2240, 280, 1400), "steering": (300, 60, 120),
    "counts": (5400, 270, 630),
}  # fmt: skip
FOLDERS = {
    "questions": "data/shapes", "actions": "data/shapes_actions",
    "steering": "data/shapes_steering", "counts": "data/shapes_counts",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ShapesOptions:
    """The videos of the embedded data set, and what is said of them.

    Args:
        kind: questions, videos of shapes with questions, captions and some actions; actions, with
            14 actions as often as each other, of which 12 no single frame tells; steering, drives
            along a road with the angle of the wheel at each frame; counts, of how often a shape
            blinks, bounces or passes, 0 to 9 times
        output: folder to write, for videos/ and what is said of them ({train,val,test}_qa.json,
            ...); data/shapes if not given, for other kinds data/shapes_KIND
        seed: all that is generated follows from it
        train: training videos; 2800 if not given, of actions 2240, of steering 300, of counts 5400
        val: validation videos; 200, 280, 60 or 270
        test: test videos; 700, 1400, 120 or 630
        threads: threads that draw and encode videos; any number gives the same files
        sheet: PNG file for a picture of a few test videos with their questions; empty for none
    """

    kind: Literal["questions", "actions", "steering", "counts"] = "questions"
    output: str | None = None
    seed: int = 0
    train: int | None = None
    val: int | None = None
    test: int | None = None
    threads: int = 2
    sheet: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that cannot make a data set."""
        if self.output == "":
            raise ValueError("--output is empty; name the folder to write, e.g. data/shapes")
        if self.seed < 0:
            raise ValueError(f"--seed {self.seed} is negative; give 0 or more")
        for name in (*SPLITS, "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name} {value} is too few; give 1 or more")
        if self.sheet and not self.sheet.endswith(".png"):
            raise ValueError(f"--sheet {self.sheet} is not a PNG; give a name that ends in .png")
        if self.sheet and self.kind not in ("questions", "counts"):
            raise ValueError(f"--sheet {self.sheet}: shows questions; --kind {self.kind} has none")

    @property
    def folder(self) -> str:
        """The folder to write."""
        return self.output or FOLDERS[self.kind]

    @property
    def counts(self) -> dict[str, int]:
        """Videos of each split."""
        given = {name: getattr(self, name) for name in SPLITS}
        return {
            name: given[name] if given[name] is not None else size
            for name, size in zip(SPLITS, SIZES[self.kind], strict=True)
        }
