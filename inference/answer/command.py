"""What `python predict.py ask` does: an answer about one video, about many, or a live source."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.run_files import default_run, output_folder, weights_file
from options.predict import PredictOptions
from util.files import check_output, sha256
from util.progress import warned
from util.text import clipped

if TYPE_CHECKING:
    from inference.answer.wanted import Wanted
    from inference.predictor import Predictor, Reply, Told


def run(options: PredictOptions) -> int:
    """Answer what the options ask -> exit code."""
    named = options.run or default_run()
    name = "answers.json" if options.videos else "answer.png"
    own = output_folder(named) / name
    flag, output = ("--output", Path(options.output)) if options.output else ("--run", own)
    reads = {
        "--video": options.video,
        "--videos": options.videos,
        "--live": options.live,
        "--run": weights_file(named),
        "--appearance_weights": options.appearance_weights,
        "--motion_weights": options.motion_weights,
    }
    if options.live is None:
        check_output(output, flag, inputs=reads)
    from inference.answer.wanted import Wanted
    from inference.predictor import Predictor  # mistakes above do not wait for torch

    wanted = Wanted(choices=options.choices, count=options.count, n_best=options.n_best)
    predictor = Predictor(
        named,
        appearance_weights=options.appearance_weights,
        motion_weights=options.motion_weights,
        device=options.device,
    )
    predictor.check(options.question, wanted)
    if options.live is not None:
        return ask_live(predictor, options.live, options.question, wanted, options.every)
    if options.videos is not None:
        return ask_many(predictor, options, wanted, output, flag)
    assert options.video is not None
    show(options.question, predictor.ask(options.video, options.question, wanted), output)
    return 0


def ask_many(
    predictor: "Predictor", options: PredictOptions, wanted: "Wanted", output: Path, flag: str
) -> int:
    """Write the answers about the videos of a folder or list -> 0, or 1 if some failed."""
    from inference.many import tell_many, write_json

    def tell(video: str, file: Path) -> dict[str, Any]:
        seen = predictor.read_video(file)
        told = predictor.tell(seen.visual, options.question, wanted)
        return {"video": video, **entry(told)}

    how = {
        "weights": sha256(weights_file(predictor.run.path)),
        "question": options.question,
        "wanted": [list(wanted.choices), wanted.count, wanted.n_best],
        "appearance_weights": options.appearance_weights,
        "motion_weights": options.motion_weights,
    }
    return tell_many(
        str(options.videos), output, flag, how=how, tell=tell, write=write_json, what="answers"
    )


def ask_live(
    predictor: "Predictor", source: str, question: str, wanted: "Wanted", every: float
) -> int:
    """Print an answer about the last seconds of a video, every `every` s while it is decoded."""
    from inference.live import LiveWindow
    from preprocess.video.container import frame_rate

    live = LiveWindow(
        predictor.read_video,
        predictor.run.path,
        rate=frame_rate(Path(source)),
        every=every,
        cure="give --video FILE, or a run on feature stores",
    )
    count = 0
    for clip in live.clips(source):
        if visual := live.due(clip):
            told = predictor.tell(visual, question, wanted)
            if not count:
                _say_notes(told)
            print(f"{clip.time:8.1f} s  {lines(told)[0].strip()}", flush=True)
            count += 1
    if not count:
        print(f"{source}: ends before {every:g} s: no answer; give less --every", file=sys.stderr)
    return 0 if count else 1


def entry(told: "Told") -> dict[str, Any]:
    """An answer as plain types."""
    best = [{"answer": text, "probability": share} for text, share in told.answers]
    if told.value is None:
        return {"answer": told.answers[0][0], "n_best": best}
    text, share = told.answers[0]
    sure = {} if math.isnan(share) else {"probability": share}
    return {"answer": int(text), "value": told.value, **sure}


def lines(told: "Told") -> list[str]:
    """The answers in words, best first."""
    after = "" if told.value is None else f"  (before rounding {told.value:.2f})"
    shares = ["" if math.isnan(share) else f"{100 * share:5.1f} %  " for _, share in told.answers]
    return [
        f"  {share}{clipped(text, 200)}{after}"
        for share, (text, _) in zip(shares, told.answers, strict=True)
    ]


def show(question: str, reply: "Reply", output: Path) -> None:
    """Print the answers to a question, save the picture of what the model looked at."""
    print(clipped(question, 1000))
    _say_notes(reply)
    for line in lines(reply):
        print(line, flush=True)
    with warned(print, "the picture of what it looked at"):
        from util.clip_plots import clip_timeline, save_figure  # the answer does not wait for it

        figure = clip_timeline(
            question=question,
            answers=reply.answers if reply.value is None else [],
            number="" if reply.value is None else reply.answers[0][0],
            frames=reply.frames,
            times=reply.times,
            punishment=reply.punishment,
            readout=reply.readout,
        )
        save_figure(figure, output)
        print(f"what it looked at: {output}")


def _say_notes(told: "Told") -> None:
    """What the run does not know of what it was asked."""
    if told.unknown:
        print(f"  {told.unknown}")
    if told.unknown_answers:
        some = clipped(", ".join(told.unknown_answers), 200)
        print(f"  answers that this run does not know, and that cannot win: {some}")
