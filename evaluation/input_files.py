"""What an evaluation of a run reads."""

from pathlib import Path

from options.evaluate import SplitOptions
from util.checkpoint import load_checkpoint


def input_files(run: str, checkpoint: str, where: SplitOptions) -> dict[str, object]:
    """The files that answering a split reads, by option: no output may replace one of them."""
    path = Path(run) / f"{checkpoint}.pt"
    own = load_checkpoint(path)["options"]
    names = ("questions", "appearance", "motion", "clips")
    return {"--run": path, **{f"--{n}": getattr(where, n) or own.get(n) for n in names}}
