"""Ask a video a question, or caption it:

python predict.py --video FILE --question "what is the man doing?"
python predict.py --run results/shapes --video FILE --question "what colour is the circle?"
python predict.py caption --run results/shapes_captions --video FILE

ask (the default)   one question; without --run it is asked of the small model that comes with the
                    project (pretrained/msvd_small)
caption             captions of a video, of many, or of a live source; the default for a run that
                    captions, where nothing is asked
"""

import util.threads  # noqa: F401  before torch is loaded

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.run_files import default_run, output_folder, task_of, weights_file
from options.caption import SearchOptions
from options.command.typed import nearest
from options.parse import parse
from options.predict import PredictCaptionOptions, PredictOptions
from util.errors import UserError, run_command
from util.files import check_output
from util.progress import warned
from util.text import clipped, printable

if TYPE_CHECKING:
    from inference.predictor import Reply


COMMANDS = ("ask", "caption")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; without its word, the one that the options are of."""
    argv = list(sys.argv[1:] if argv is None else argv)
    close = nearest(argv[0], COMMANDS) if argv and not argv[0].startswith("-") else ""
    if close and argv[0] not in COMMANDS:
        raise UserError(f"python predict.py: {printable(argv[0])} is no subcommand{close}")
    named = argv[0] if argv and argv[0] in COMMANDS else ""
    prog, about = f"python predict.py {named}".strip(), __doc__ or ""
    if (named or default_command(argv)) == "ask":
        return ask(*parse(prog, about, (PredictOptions,), argv[bool(named) :]))
    classes = (PredictCaptionOptions, SearchOptions)
    options = parse(prog, about, classes, argv[bool(named) :])
    return importlib.import_module("inference.caption.command").run(*options)


def default_command(argv: Sequence[str]) -> str:
    """What is meant without a subcommand: captions of a run that captions, if nothing is asked."""
    flags = [word.partition("=") for word in argv]
    if any(name == "--question" for name, _, _ in flags):
        return "ask"
    runs = [
        text or next(iter(argv[at + 1 : at + 2]), "")
        for at, (name, _, text) in enumerate(flags)
        if name == "--run"
    ]
    return "caption" if runs and task_of(runs[-1]) == "captioning" else "ask"


def ask(options: PredictOptions) -> int:
    """Print the five best answers, save a picture of what the model looked at."""
    run = options.run or default_run()
    own = output_folder(run) / "answer.png"
    flag, output = ("--output", Path(options.output)) if options.output else ("--run", own)
    reads = {
        "--video": options.video,
        "--run": weights_file(run),
        "--appearance_weights": options.appearance_weights,
        "--motion_weights": options.motion_weights,
    }
    check_output(output, flag, inputs=reads)
    from inference.predictor import Predictor  # help and mistyped options do not wait for torch

    predictor = Predictor(
        run,
        appearance_weights=options.appearance_weights,
        motion_weights=options.motion_weights,
        device=options.device,
    )
    show(options.question, predictor.ask(options.video, options.question), output)
    return 0


def show(question: str, reply: "Reply", output: Path) -> None:
    """Print the answers to a question, save the picture of what the model looked at."""
    print(clipped(question, 1000))
    if reply.unknown:
        print(f"  {reply.unknown}")
    for answer, probability in reply.answers:
        print(f"  {100 * probability:5.1f} %  {clipped(answer, 200)}", flush=True)
    with warned(print, "the picture of what it looked at"):
        from util.clip_plots import clip_timeline, save_figure  # the answer does not wait for it

        figure = clip_timeline(
            question=question,
            answers=reply.answers,
            frames=reply.frames,
            times=reply.times,
            punishment=reply.punishment,
            readout=reply.readout,
        )
        save_figure(figure, output)
        print(f"what it looked at: {output}")


if __name__ == "__main__":
    run_command(main)
