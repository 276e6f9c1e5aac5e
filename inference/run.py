"""A trained run that answers questions: what its checkpoint holds, and its model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from data_loader.open import StoreOrigin, origins_of
from model.task.qa import QuestionAnswering
from util.checkpoint import load_checkpoint
from util.device import pick_device


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """A trained run, ready to answer."""

    folder: Path
    step: int  # of the checkpoint
    task: QuestionAnswering  # in evaluation mode, on the device
    device: torch.device
    options: dict[str, Any]  # what it was trained with, {option: value}
    stores: dict[str, StoreOrigin]  # what it was trained on, by the option that names each
    padded: int  # words that every question is padded to, as in training; 0: as they come

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name


def open_run(folder: str | Path, *, checkpoint: str = "best", device: str = "auto") -> Run:
    """Load a run.

    Raises UserError if the folder holds no readable checkpoint, or one of another task.
    """
    content = load_checkpoint(Path(folder) / f"{checkpoint}.pt")
    target, options = pick_device(device), content["options"]
    return Run(
        folder=Path(folder),
        step=content["step"],
        task=QuestionAnswering.from_checkpoint(content).to(target),
        device=target,
        options=options,
        stores=origins_of(content["stores"]),
        # The released word mask depends on the padding.  Checkpoints of earlier versions do not say
        # how long that was.
        padded=content.get("longest_question", 0) if options["word_mask"] == "released" else 0,
    )
