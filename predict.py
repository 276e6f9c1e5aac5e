"""Ask a video a question:

python predict.py --video FILE --question "what is the man doing?"
python predict.py --run results/shapes --video FILE --question "what colour is the circle?"

The first asks the small model that comes with the project (pretrained/msvd_small).
"""

import util.threads  # noqa: F401  before torch is loaded

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.run_files import default_run, output_folder, weights_file
from options.parse import parse
from options.predict import PredictOptions
from util.errors import run_command
from util.files import check_output
from util.progress import warned
from util.text import clipped

if TYPE_CHECKING:
    from inference.predictor import Reply


def main(argv: Sequence[str] | None = None) -> int:
    """Print the five best answers, save a picture of what the model looked at."""
    (options,) = parse("python predict.py", "Ask a video file a question.", (PredictOptions,), argv)
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
