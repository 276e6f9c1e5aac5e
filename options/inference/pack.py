"""Options of `python -m inference.pack`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PackOptions:
    """A trained run as one file, that predict.py and evaluate.py take in place of its folder.

    Args:
        run: folder of the run (results/RUN)
        output: file to write; its name ends in .safetensors
        checkpoint: best (by validation accuracy) or last
    """

    run: str
    output: str
    checkpoint: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        """The ending is how a packed run is told from a folder."""
        if not self.output.endswith(".safetensors"):
            raise ValueError(f"--output {self.output}: give a name that ends in .safetensors")
