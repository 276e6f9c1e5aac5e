"""Options of the embedded data set `shapes`: what is generated, and how much of it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ShapesOptions:
    """The videos, questions and captions of the embedded data set.

    Args:
        output: folder for videos/ and {train,val,test}_{qa,captions}.json
        seed: every video, question and caption follows from it
        train: training videos
        val: validation videos
        test: test videos
        threads: threads that draw and encode videos; any number gives the same files
        sheet: PNG file for a picture of a few test videos with their questions; empty for none
    """

    output: str = "data/shapes"
    seed: int = 0
    train: int = 2800
    val: int = 200
    test: int = 700
    threads: int = 2
    sheet: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that cannot make a data set."""
        if not self.output:
            raise ValueError("--output is empty; name the folder to write, e.g. data/shapes")
        if self.seed < 0:
            raise ValueError(f"--seed {self.seed} is negative; give 0 or more")
        for name in ("train", "val", "test", "threads"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"--{name} {value} is too few; give 1 or more")
        if self.sheet and not self.sheet.endswith(".png"):
            raise ValueError(f"--sheet {self.sheet} is not a PNG; give a name that ends in .png")
