"""Measure runs:  python evaluate.py [score] --run results/shapes

score (the default)   one run on one split, beside all that it must be judged by
baselines             what needs no model: constant answers and ceilings
compare A B ...       runs or predictions files on the same questions
table                 the tables of results/README.md, from the runs' JSON
report                one HTML page of a run's failures
reconstruction        how well an autoencoder rebuilds the clips of a split
curves                what runs logged over their steps, as a picture
classification        classifiers beside single frames, shuffled frames, a linear one: --run R ...
retrieval             embeddings: videos found by captions, captions by videos: --run R ...
captions              captioning runs (--run), or captions of any model against references
                      (--predictions): BLEU, METEOR, ROUGE-L, CIDEr-D
"""

import util.threads  # noqa: F401  before torch is loaded

import importlib
import sys
from collections.abc import Sequence

from inference.run_files import task_of
from options.caption import SearchOptions
from options.command.typed import nearest
from options.evaluate import (
    BaselineOptions,
    CompareOptions,
    CurveOptions,
    ReconstructionOptions,
    ReportOptions,
    ScoreOptions,
    SplitOptions,
    TableOptions,
)
from options.evaluation.captions import CaptionFileOptions, CaptionRunOptions
from options.evaluation.labels import LabelRunOptions
from options.evaluation.retrieval import RetrievalScoreOptions
from options.parse import parse
from util.errors import UserError, run_command
from util.text import printable

# Subcommand -> its options, and the module whose `run` does it.
COMMANDS: dict[str, tuple[tuple[type, ...], str]] = {
    "score": ((ScoreOptions, SplitOptions), "evaluation.score_runs"),
    "baselines": ((BaselineOptions,), "evaluation.baselines"),
    "compare": ((CompareOptions,), "evaluation.compare"),
    "table": ((TableOptions,), "evaluation.report.table"),
    "report": ((ReportOptions, SplitOptions), "evaluation.report.failures"),
    "reconstruction": ((ReconstructionOptions,), "evaluation.reconstruction"),
    "curves": ((CurveOptions,), "evaluation.plot.curves"),
    "classification": ((LabelRunOptions,), "evaluation.label.score_runs"),
    "retrieval": ((RetrievalScoreOptions,), "evaluation.retrieval.score_runs"),
    "captions": ((CaptionFileOptions,), "evaluation.caption.score_files"),
}

# `captions`, and `score` of captioning runs, where --run names some.
CAPTION_RUNS = ((CaptionRunOptions, SearchOptions), "evaluation.caption.score_runs")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; without its word, `score`."""
    argv = list(sys.argv[1:] if argv is None else argv)
    close = nearest(argv[0], list(COMMANDS)) if argv and not argv[0].startswith("-") else ""
    if close and argv[0] not in COMMANDS:
        raise UserError(f"python evaluate.py: {printable(argv[0])} is no subcommand{close}")
    name = argv.pop(0) if argv and argv[0] in COMMANDS else "score"
    if name == "score" and (task := task_of_first(argv)) in ("classification", "retrieval"):
        name = task
    classes, module = CAPTION_RUNS if captioned(name, argv) else COMMANDS[name]
    # compare A B is short for compare --runs A B
    first = "runs" if name == "compare" else ""
    options = parse(f"python evaluate.py {name}", __doc__ or "", classes, argv, first=first)
    # Here and not above: help and a misspelt option shall not wait for torch.
    return importlib.import_module(module).run(*options)


def captioned(name: str, argv: Sequence[str]) -> bool:
    """Whether a command line is about captioning runs: the first run itself tells."""
    if name == "captions":
        return any(word.partition("=")[0] == "--run" for word in argv)
    return name == "score" and task_of_first(argv) == "captioning"


def task_of_first(argv: Sequence[str]) -> str:
    """The task of the first run that a command line names; "" if it names none."""
    flag, equals, text = next((a for a in argv if a.startswith("--run")), "").partition("=")
    if flag != "--run":
        return ""
    follows = argv[argv.index("--run") + 1 :] if not equals else [text]
    return task_of(next(iter(follows), ""))


if __name__ == "__main__":
    run_command(main)
