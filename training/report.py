"""What a run shows while it trains: its log, its progress bar, its lines on the console."""

from tqdm import tqdm

from training.run_folder import RunFolder
from training.task.base import Validation
from util.distributed import rank
from util.grouped import Grouped
from util.progress import Console, warned
from util.tensorboard import RunLog


class RunReport:
    """Of the first process; what cannot be logged or drawn costs a warning, never the run."""

    def __init__(self, folder: RunFolder, console: Console, *, step: int, steps: int) -> None:
        """Start after `step` of `steps`; what an interrupted run logged of later steps is cut."""
        self.console = console
        self.log = RunLog(folder.path, folder.log, step=step) if rank() == 0 else None
        self.bar = tqdm(
            total=steps,
            initial=step,
            unit="step",
            dynamic_ncols=True,
            desc=folder.name,
            disable=rank() > 0,
        )

    def losses(
        self, step: int, means: dict[str, float], *, rate: float, epoch: float, best: float
    ) -> None:
        """Log mean losses; `best`: score of the best validation so far, for the bar."""
        if self.log:
            with warned(self.console.say, f"the log of step {step}"):
                train = {"lr": rate, "epoch": epoch, **means}
                self.log.scalars(step, {f"train/{name}": value for name, value in train.items()})
        self.bar.set_postfix(loss=f"{means['loss']:.3f}", best=f"{best:.4f}")

    def validation(
        self,
        step: int,
        found: Validation,
        fit: Grouped[float] | None,
        *,
        epoch: float,
        improved: bool,
    ) -> None:
        """Log and print a validation beside the training accuracy, where there is one."""
        if self.log:
            with warned(self.console.say, f"the log of the validation at step {step}"):
                fitting = fit.named("train/accuracy") if fit else {}
                self.log.scalars(step, {**fitting, **found.scalars})
        fitted = f"train {fit.total:.4f}  " if fit else ""
        self.console.say(
            f"epoch {epoch:6.2f}  step {step:6d}  {fitted}{found.line}"
            f"{'  best' if improved else ''}"
        )

    def samples(self, step: int, found: Validation) -> None:
        """Draw samples of a validation."""
        if self.log:
            with warned(self.console.say, f"samples of step {step} in TensorBoard"):
                found.show(self.log, step)

    def flush(self) -> None:
        """Have on disk what is logged."""
        if self.log:
            with warned(self.console.say, "part of the log"):
                self.log.flush()

    def close(self) -> None:
        """End bar and log."""
        self.bar.close()
        if self.log:
            self.log.close()
