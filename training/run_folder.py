"""A run's folder: whether its name is free, what is in it to go on from."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from util.checkpoint import load_checkpoint
from util.errors import UserError
from util.files import check_output, whole_file

FREE_ON_RESUME = {
    "resume", "overwrite", "seeds", "epochs", "patience", "device", "init_from", "features_in",
    "profile",
}  # fmt: skip


def check_run_folder(folder: Path, log: Path, values: dict[str, Any]) -> None:
    """Whether a run may be written to these folders, before any work.

    `values`: its options.  Raises UserError where the run is there already and neither to be
    resumed nor overwritten, where it is the one to start from, and where the system would refuse:
    no permission, a file in the way, too long a name.
    """
    reads = {}
    if values["init_from"]:
        start = Path(values["init_from"])
        reads = {"--init_from": start / "best.pt" if start.is_dir() else start}
    check_output(folder / "best.pt", "--run", inputs=reads)
    check_output(log / "events", "--run")
    if folder.exists() and not (values["resume"] or values["overwrite"]):
        raise UserError(
            f"{folder} exists: --resume goes on with it, --overwrite begins anew, or take another "
            "name for --run"
        )


def kept_checkpoint(
    folder: Path, values: dict[str, Any], defaults: dict[str, Any]
) -> dict[str, Any] | None:
    """The checkpoint to go on from, if one is asked for and there; UserError if it does not fit.

    `defaults`: what holds for an option that there was not when the checkpoint was made.
    """
    last = folder / "last.pt"
    if not (values["resume"] and last.exists()):
        return None
    kept = load_checkpoint(last)
    fixed = set(values) - FREE_ON_RESUME
    if values["schedule"] == "cosine":  # its rates depend on the length of the run
        fixed.add("epochs")
    for key in sorted(fixed):
        was = {**defaults, **kept["options"]}[key]
        if was != values[key]:
            raise UserError(
                f"{last} was trained with --{key} {was}, not {values[key]}: "
                "give the same to resume, or take another name for --run"
            )
    return kept


def make_folders(folder: Path, log: Path, values: dict[str, Any], *, anew: bool) -> None:
    """The run's folder with its options; `anew`: nothing of an earlier run of that name stays."""
    if anew:
        for old in (folder, log):
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "options.yaml") as partial:
        partial.write_text(yaml.safe_dump(values, sort_keys=False))
