"""A run's measurements: `metrics.jsonl` and TensorBoard hold the same numbers at the same steps."""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard.writer import SummaryWriter

from util.files import whole_file
from util.text import clipped, markdown_text

CELL = 200  # characters of a cell


class RunLog:
    """Writes scalars to both places; figures and texts to TensorBoard alone."""

    def __init__(self, results: Path, tensorboard: Path, *, step: int) -> None:
        """Take up the log after `step`: whatever later steps an interrupted run logged is cut."""
        self.path = results / "metrics.jsonl"
        if self.path.exists():
            lines = [line for line in self.path.read_text().splitlines() if _step(line) <= step]
            with whole_file(self.path) as partial:
                partial.write_text("".join(line + "\n" for line in lines))
        self.file = self.path.open("a", encoding="utf-8", buffering=1)
        self.writer = SummaryWriter(str(tensorboard), purge_step=step + 1)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Log numbers under names such as train/loss or val/accuracy/what."""
        self.file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self.writer.add_scalar(tag(name), value, step)

    def figure(self, step: int, name: str, figure: Figure) -> None:
        """Log a picture."""
        self.writer.add_figure(name, figure, step)

    def table(self, step: int, name: str, header: list[str], rows: list[list[str]]) -> None:
        """Log a table as text; what its cells hold is shown as it is."""
        cells = [[markdown_text(clipped(cell, CELL)) for cell in line] for line in (header, *rows)]
        lines = [f"| {' | '.join(line)} |" for line in cells]
        self.text(step, name, "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]]))

    def text(self, step: int, name: str, text: str) -> None:
        """Log text (Markdown)."""
        self.writer.add_text(name, text, step)

    def flush(self) -> None:
        """Have everything so far on disk."""
        self.writer.flush()

    def close(self) -> None:
        """Flush everything."""
        self.file.close()
        self.writer.close()


def log_scores(run: str, name: str, step: int, values: Mapping[str, float]) -> None:
    """Log an evaluation's numbers beside the run's own log, in place of an earlier evaluation's."""
    log = Path("tf-logs") / run / name
    shutil.rmtree(log, ignore_errors=True)
    with SummaryWriter(str(log)) as writer:
        for key, value in values.items():
            writer.add_scalar(tag(key), value, step)


def tag(name: str) -> str:
    """A name as TensorBoard takes it: other characters than its own become `_`.

    Of a name that this changes the end is a hash: question types are free text, and two of them
    must not share a curve.
    """
    taken = re.sub(r"[^-/\w.]", "_", name).strip("/")
    if taken == name:
        return name
    return f"{taken[:80]}_{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _step(line: str) -> float:
    """Step of a logged line; a line cut off by a kill belongs to no step and is dropped."""
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError):
        return float("inf")
