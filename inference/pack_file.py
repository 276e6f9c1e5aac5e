"""A run as one file of safetensors: weights, and beside them as JSON all that answering needs.

The content is that of a checkpoint (`training.run_state`), less what only training goes on from.
Parameters are float16.  Buffers stay as they are: statistics of features, and projections fitted on
them, divide by small deviations, which would enlarge what rounding took; they are few.  A parameter
beyond float16's range stays float32.
"""

import json
from collections.abc import Collection
from pathlib import Path, PurePath
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from util.errors import UserError
from util.files import whole_file

FORMAT = 1
KEY = "run"  # of the metadata; one alone, as safetensors writes several in any order
TRAINING = {"format", "weights", "raw_weights", "optimizer", "running", "stale"}
TEXTS = {"vocabulary", "classes"}  # words of people: what looks like a path in it is none
NEEDED = {"task", "options", "sizes", "stores", "step"}
CURE = "make it with `python -m inference.pack`"


def save_pack(
    path: str | Path, content: dict[str, Any], *, parameters: Collection[str], checkpoint: str
) -> None:
    """Write a checkpoint's content as one file, whole or not at all.

    parameters: which of the weights are no buffers; checkpoint: best or last.  Paths of the machine
    are not written, only the names of the files.  Raises UserError where the system refuses.
    """
    kept = {key: value for key, value in content.items() if key not in TRAINING}
    plain = {k: v if k in TEXTS else without_folders(v) for k, v in kept.items()}
    text = json.dumps({"format": FORMAT, "checkpoint": checkpoint, **plain})
    tensors = {}
    for name, tensor in content["weights"].items():
        packed = _packed(tensor) if name in parameters else tensor
        # Neither laid out by channels, as encoders' weights are, nor a view of another.
        tensors[name] = packed.clone(memory_format=torch.contiguous_format)
    with whole_file(path) as partial:
        partial.write_bytes(save(tensors, {KEY: text}))


def load_pack(path: str | Path) -> dict[str, Any]:
    """Read a packed run onto the CPU: the content of a checkpoint, parameters in float16.

    Raises UserError: missing, unreadable, another file of safetensors, of another format, damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such packed run; {CURE}, or check the name")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: not readable as safetensors ({error}); it is damaged or cut off: fetch or "
            "pack it again"
        ) from error
    if text is None:
        raise UserError(f"{path}: a file of safetensors, but not a packed run; {CURE}")
    try:
        content = json.loads(text)
        made = content["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: damaged packed run, its JSON cannot be read; {CURE}") from error
    if made != FORMAT:
        raise UserError(
            f"{path}: packed run of format {made}, this code reads format {FORMAT}; {CURE} of this "
            "version"
        )
    names = "classes" if content.get("task") == "classification" else "vocabulary"
    if missing := sorted({*NEEDED, names} - content.keys()):
        raise UserError(f"{path}: damaged packed run: {missing[0]} is missing; {CURE}")
    return {**content, "weights": weights}


def without_folders(value: Any) -> Any:
    """Plain values with the paths of this machine shortened to the files' names.

    A path that leaves the working folder says something of the machine; a relative one, such as
    data/shapes/questions.pt, is the project's and stays.
    """
    if isinstance(value, dict):
        return {key: without_folders(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(one) for one in value]
    if isinstance(value, str):
        path = PurePath(value)
        return path.name if path.is_absolute() or ".." in path.parts else value
    return value


def _packed(parameter: Tensor) -> Tensor:
    """A parameter in float16, if its numbers are within that type's range."""
    small = parameter.half()
    return small if torch.equal(small.isfinite(), parameter.isfinite()) else parameter
