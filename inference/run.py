"""A trained run: what its checkpoint holds, and its model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from data_loader.open import StoreOrigin, origins_of
from inference.pack_file import load_pack
from inference.run_files import is_packed, output_folder, weights_file
from model.task.captioning import Captioning
from model.task.classification import Classification
from model.task.qa import QuestionAnswering
from model.task.retrieval import Retrieval
from util.checkpoint import load_checkpoint
from util.device import pick_device
from util.errors import UserError

Task = TypeVar("Task", QuestionAnswering, Captioning, Classification, Retrieval)
TASKS = {  # those that look at new videos
    "qa": QuestionAnswering,
    "captioning": Captioning,
    "classification": Classification,
    "retrieval": Retrieval,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Run(Generic[Task]):
    """A trained run, ready to answer, to caption, or to name what is done."""

    path: Path  # its folder, or the packed file
    step: int  # of the checkpoint
    task: Task  # in evaluation mode, on the device
    device: torch.device
    options: dict[str, Any]  # what it was trained with, {option: value}
    stores: dict[str, StoreOrigin]  # what it was trained on, by the option that names each
    dataset: str  # and how it is cut into splits, of captions; "" of questions
    split_ids: str
    word_vectors: str  # where they came from; "" where the checkpoint does not say
    padded: int  # words that every question is padded to, as in training; 0: as they come
    # of a packed classifier, by the number of crops: inference.classification.temperature
    temperatures: dict[str, float] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where what is made of it lies."""
        return output_folder(self.path)

    @property
    def clip_size(self) -> int:
        """Side in pixels of the decoded clips that it was trained on; 0: on stored features."""
        origin = self.stores.get("clips")
        size = origin.provenance.with_defaults().size if origin is not None else None
        return size[0] if size else 0

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name


def load_run(run: str | Path, checkpoint: str = "best") -> dict[str, Any]:
    """The content of a run's checkpoint, from its folder or from a packed file.

    Raises UserError if it is not there, is not readable, or is not packed of that checkpoint.
    """
    path = weights_file(run, checkpoint)
    if not is_packed(run):
        return load_checkpoint(path)
    content = load_pack(path)
    if checkpoint not in ("best", content["checkpoint"]):
        raise UserError(
            f"--checkpoint {checkpoint}: {path} holds one, the {content['checkpoint']}; leave the "
            "flag out"
        )
    return content


def open_run(
    run: str | Path, task: type[Task], *, checkpoint: str = "best", device: str = "auto"
) -> Run[Task]:
    """Load a run of a task: its folder, or a packed file.

    Raises UserError if there is no readable checkpoint, or one of another task.
    """
    content = load_run(run, checkpoint)
    target, options = pick_device(device), content["options"]
    try:
        module = task.from_checkpoint(content)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if not is_packed(run):
            raise
        reason = str(error).strip().splitlines()[-1].strip()
        raise UserError(
            f"{run}: its weights do not fit its options ({reason}); it is damaged or of another "
            "version: pack it again with `python -m inference.pack`"
        ) from error
    return Run(
        path=Path(run),
        step=content["step"],
        task=module.to(target),
        device=target,
        options=options,
        stores=origins_of(content["stores"]),
        dataset=content.get("dataset", ""),
        split_ids=content.get("split_ids", ""),
        word_vectors=content.get("word_vectors_source", ""),
        # The released word mask depends on the padding.  Checkpoints of earlier versions do not say
        # how long that was.
        padded=content.get("longest_question", 0) if options.get("word_mask") == "released" else 0,
        temperatures=content.get("temperatures", {}),
    )
