"""Where a run lies, be it a folder or one packed file, and where its outputs go.

Nothing here loads torch: a mistaken path is answered at once.
"""

import json
from pathlib import Path
from typing import Literal

import yaml

from util.errors import UserError

PACKED = ".safetensors"
TELLING = {
    "retrieval": "text_summary",  # which has captions, too
    "captioning": "captions",
    "classification": "clips_as",
    "autoencoder": "adversarial",
}  # options of one task alone
RESULTS = Path("results")
# The project's own, which answers, which captions, and which searches.
OWN = Path(__file__).parents[1] / "pretrained/msvd_small/model.safetensors"
OWN_CAPTIONER = OWN.parents[1] / "msvd_small_captions/model.safetensors"
OWN_EMBEDDER = OWN.parents[1] / "msvd_small_retrieval/model.safetensors"


def default_run(task: Literal["qa", "captioning", "retrieval"] = "qa") -> Path:
    """The packed run that comes with the project for a task.  UserError if it is not there."""
    own = {"qa": OWN, "captioning": OWN_CAPTIONER, "retrieval": OWN_EMBEDDER}[task]
    if not own.is_file():
        raise UserError(
            f"{own}: the model that comes with the project is not here; fetch the project anew, or "
            f"name a run with {'--embedder' if task == 'retrieval' else '--run'}"
        )
    return own


def is_packed(run: str | Path) -> bool:
    """Whether `run` is a packed file (`python -m inference.pack`) and no folder."""
    return Path(run).suffix == PACKED and not Path(run).is_dir()


def task_of(run: str | Path) -> str:
    """The task of a run, such as captioning; qa where the run does not tell.

    Told by the options that its folder lists, or by a packed file's head; whoever opens the run
    says what is wrong with it.
    """
    try:
        if is_packed(run):
            with Path(run).open("rb") as file:
                head = file.read(int.from_bytes(file.read(8), "little"))
            return json.loads(json.loads(head)["__metadata__"]["run"])["task"]
        options = yaml.safe_load((Path(run) / "options.yaml").read_text(encoding="utf-8"))
        return next((task for task, name in TELLING.items() if name in options), "qa")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError, yaml.YAMLError):
        return "qa"


def weights_file(run: str | Path, checkpoint: str = "best") -> Path:
    """The file that a run's weights are read from: of its folder, or the packed file itself."""
    return Path(run) if is_packed(run) else Path(run) / f"{checkpoint}.pt"


def output_folder(run: str | Path) -> Path:
    """Where what is made of a run lies: in its folder; of a packed file in results/NAME-packed.

    NAME is the file's; of a file called model.safetensors, as those in pretrained/ are, its
    folder's.  So nothing is written beside a packed file, nor over the outputs of the run that it
    was made of.
    """
    path = Path(run)
    if not is_packed(path):
        return path
    name = path.absolute().parent.name if path.stem == "model" else path.stem
    return RESULTS / f"{name or path.stem}-packed"
