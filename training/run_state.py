"""The state of a run: saved as checkpoints, and taken up from one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.task.base import TaskModule
from training.ema import AveragedWeights
from util.checkpoint import save_checkpoint
from util.distributed import rank
from util.errors import UserError
from util.metrics import Running


@dataclass(kw_only=True)
class RunState:
    """Weights, optimizer and counters of a run after some steps."""

    module: TaskModule  # what is trained
    average: AveragedWeights | None  # moving average of its weights (--ema)
    optimizer: torch.optim.Optimizer
    running: Running  # losses and hits since they were last logged
    metadata: Mapping[str, object]  # options, vocabulary, ...: every checkpoint has them
    step: int = 0  # steps taken
    best_score: float = -math.inf  # of a validation
    best_step: int = 0  # of that validation; best.pt is of this step
    stale: int = 0  # validations since
    saved_step: int = 0  # of last.pt; 0: there is none

    @property
    def model(self) -> TaskModule:
        """What is validated and kept: the moving average of the weights, or the weights."""
        return self.module if self.average is None else self.average.module

    def load(self, checkpoint: Mapping[str, Any]) -> None:
        """Take up where last.pt was saved."""
        self.model.load_state_dict(checkpoint["weights"])
        if self.average is not None:
            self.module.load_state_dict(checkpoint["raw_weights"])
            self.average.updates = checkpoint["step"]
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.running.load(checkpoint["running"])
        self.step = self.saved_step = checkpoint["step"]
        self.best_score, self.best_step = checkpoint["best"]["score"], checkpoint["best"]["step"]
        self.stale = checkpoint["stale"]

    def advance(self, losses: dict[str, Tensor], correct: Tensor | None, rows: Tensor) -> None:
        """A step was taken: its losses, and which of its rows (B,) were answered right (B,)."""
        if self.average is not None:
            self.average.update(self.module)
        self.step += 1
        self.running.add(self.step, losses, correct, rows)

    def record(self, score: float) -> bool:
        """Take in a validation's score; -> whether it is the best so far."""
        if score > self.best_score:
            self.best_score, self.best_step, self.stale = score, self.step, 0
            return True
        self.stale += 1
        return False

    def save(self, folder: Path) -> None:
        """Write last.pt, and best.pt if the validation of this step was the best so far."""
        best = {"score": self.best_score, "step": self.best_step}
        content = {
            **self.metadata, "weights": self.model.state_dict(), "step": self.step, "best": best
        }  # fmt: skip
        state = {"optimizer": self.optimizer.state_dict(), "running": self.running.state()}
        if self.average is not None:
            state["raw_weights"] = self.module.state_dict()
        if rank() == 0:
            if self.best_step == self.step:
                save_checkpoint(folder / "best.pt", content)
            save_checkpoint(folder / "last.pt", {**content, **state, "stale": self.stale})
        self.saved_step = self.step

    def check_finite(self, folder: Path) -> None:
        """Raise UserError if a loss, or its gradient, was no finite number since the last log."""
        if bad := self.running.first_bad_step():
            kept = f"last.pt of step {self.saved_step}" if self.saved_step else "nothing"
            kept += f" and best.pt of step {self.best_step}" if self.best_step else ""
            raise UserError(
                f"{folder}: the loss or its gradient is no finite number at step {bad}; kept: "
                f"{kept}; start from there with --init_from and a lower --lr, or with "
                "--precision float32"
            )
