"""A run's folders: whether its name is free, what is in them to go on from."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from options.train import TrainOptions
from util.checkpoint import load_checkpoint
from util.errors import UserError
from util.files import check_output, whole_file

RESULTS, LOGS = Path("results"), Path("tf-logs")
FREE_ON_RESUME = {
    "resume", "overwrite", "seeds", "epochs", "patience", "device", "init_from", "init_part",
    "features_in", "profile",
}  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """The folders of a run."""

    name: str  # of the run

    @property
    def path(self) -> Path:
        """Checkpoints, options, metrics, console."""
        return RESULTS / self.name

    @property
    def log(self) -> Path:
        """TensorBoard's."""
        return LOGS / self.name

    def check(self, options: TrainOptions) -> None:
        """Whether the run may be written, before any work.

        Raises UserError where it is there already and neither to be resumed nor overwritten, where
        it is the one to start from, and where the system would refuse: no permission, a file in the
        way, too long a name.
        """
        reads = {}
        if options.init_from:
            start = Path(options.init_from)
            reads = {"--init_from": start / "best.pt" if start.is_dir() else start}
        check_output(self.path / "best.pt", "--run", inputs=reads)
        check_output(self.log / "events", "--run")
        if self.path.exists() and not (options.resume or options.overwrite):
            raise UserError(
                f"{self.path} exists: --resume goes on with it, --overwrite begins anew, or take "
                "another name for --run"
            )

    def checkpoint(self, values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any] | None:
        """The checkpoint to go on from, if asked for and there; UserError if it does not fit.

        `values`: the run's options; `defaults`: what holds for an option that there was not when
        the checkpoint was made.
        """
        last = self.path / "last.pt"
        if not (values["resume"] and last.exists()):
            return None
        checkpoint = load_checkpoint(last)
        fixed = set(values) - FREE_ON_RESUME
        if values["schedule"] == "cosine":  # its rates depend on the length of the run
            fixed.add("epochs")
        for key in sorted(fixed):
            was = {**defaults, **checkpoint["options"]}[key]
            if was != values[key]:
                raise UserError(
                    f"{last} was trained with --{key} {was}, not {values[key]}: "
                    "give the same to resume, or take another name for --run"
                )
        return checkpoint

    def make(self, values: dict[str, Any], *, anew: bool) -> None:
        """Make the folder, with its options; `anew`: nothing of an earlier run stays."""
        if anew:
            for old in (self.path, self.log):
                shutil.rmtree(old, ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True)
        with whole_file(self.path / "options.yaml") as partial:
            partial.write_text(yaml.safe_dump(values, sort_keys=False))
