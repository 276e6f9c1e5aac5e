"""Checkpoints: written whole or not at all, read back as tensors and plain types only."""

from pathlib import Path
from typing import Any

import torch

from util.errors import UserError
from util.files import CURE, whole_file

FORMAT = 1


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain types to `path`, atomically.  Raises UserError: full disk, ..."""
    save_plain(path, {"format": FORMAT, **content})


def save_plain(path: str | Path, content: dict[str, Any]) -> None:
    """torch.save, atomically.  Raises UserError where the system refuses, with its reason."""
    with whole_file(path) as partial:
        try:
            torch.save(content, partial)
        except RuntimeError as error:  # torch's own writer says neither the file nor an errno
            if "inline_container" not in str(error):
                raise
            reason = str(error).splitlines()[0].partition("strerror: ")[2]
            reason = reason or "the disk is full, or no file may be that large"
            raise UserError(f"{path}: cannot be written ({reason}); {CURE}") from error


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.  Raises UserError: missing, unreadable, of another format."""
    content = load_plain(path)
    if content.get("format") != FORMAT:
        raise UserError(f"{path}: not a checkpoint of this project's format {FORMAT}")
    return content


def load_plain(path: str | Path) -> dict[str, Any]:
    """Read a dict of tensors and plain types that torch.save wrote, whoever's it is."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such checkpoint; train a run first, or check the name")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and torch raise their own kinds
        reason = str(error).split(". ")[0]
        raise UserError(f"{path}: not readable as a checkpoint of tensors ({reason})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds {type(content).__name__}, not a checkpoint")
    return content
