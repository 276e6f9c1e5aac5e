"""Ask a video a question, caption it, name what is done in it, or follow a stream:

python predict.py --video FILE --question "what is the man doing?"
python predict.py --run results/shapes --video FILE --question "what colour is the circle?"
python predict.py caption --video FILE
python predict.py caption --run results/shapes_captions --video FILE
python predict.py classify --run results/shapes_actions --video FILE
python predict.py --run results/actions --stream SOURCE

ask (the default)   one question about a video, about many, or about a live source: the best
                    answers, the best of given --choices, or a number (--count); without --run it is
                    asked of the small model that comes with the project (pretrained/msvd_small)
caption             captions of a video, of many, or of a live source; the default for a run that
                    captions, where nothing is asked; without --run by the small captioner that
                    comes with the project (pretrained/msvd_small_captions)
classify            the best classes of a video, or of each of many, with probabilities; of a run
                    that tells values, those over time; the default for a run that classifies, where
                    nothing is asked
stream              what happens in a video while it comes, frame by frame, by a run that classifies
"""

import util.threads  # noqa: F401  before torch is loaded

import importlib
import sys
from collections.abc import Sequence

from inference.run_files import task_of
from options.caption import SearchOptions
from options.command.typed import nearest
from options.inference.stream import PredictStreamOptions
from options.parse import parse
from options.predict import PredictCaptionOptions, PredictClassOptions, PredictOptions
from util.errors import UserError, run_command
from util.text import printable

# Option classes of each subcommand, and the module whose `run` it is.
COMMANDS: dict[str, tuple[tuple[type, ...], str]] = {
    "ask": ((PredictOptions,), "inference.answer.command"),
    "caption": ((PredictCaptionOptions, SearchOptions), "inference.caption.command"),
    "classify": ((PredictClassOptions,), "inference.classification.command"),
    "stream": ((PredictStreamOptions,), "inference.stream.command"),
}
BY_TASK = {"captioning": "caption", "classification": "classify"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; without its word, the one that the options are of."""
    argv = list(sys.argv[1:] if argv is None else argv)
    close = nearest(argv[0], list(COMMANDS)) if argv and not argv[0].startswith("-") else ""
    if close and argv[0] not in COMMANDS:
        raise UserError(f"python predict.py: {printable(argv[0])} is no subcommand{close}")
    named = argv[0] if argv and argv[0] in COMMANDS else ""
    prog, about = f"python predict.py {named}".strip(), __doc__ or ""
    classes, module = COMMANDS[named or default_command(argv)]
    options = parse(prog, about, classes, argv[bool(named) :])
    return importlib.import_module(module).run(*options)


def default_command(argv: Sequence[str]) -> str:
    """What is meant without a subcommand: what its options are of, or the run's task."""
    flags = [word.partition("=") for word in argv]
    for option, command in (("--question", "ask"), ("--stream", "stream")):
        if any(name == option for name, _, _ in flags):
            return command
    runs = [
        text or next(iter(argv[at + 1 : at + 2]), "")
        for at, (name, _, text) in enumerate(flags)
        if name == "--run"
    ]
    return BY_TASK.get(task_of(runs[-1]), "ask") if runs else "ask"


if __name__ == "__main__":
    run_command(main)
