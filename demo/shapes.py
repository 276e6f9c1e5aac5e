"""The main job end to end, on videos that it generates:  make demo

Videos -> feature stores -> questions -> training with and without video -> accuracy on the test
split.  Each step is a command that you can run by itself; this file only calls them in order.
Interrupted, it goes on where it was when it is started again; finished, it starts anew.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import predict
from options.evaluate import ScoreOptions, SplitOptions
from options.parse import parse
from preprocess import questions, videos
from preprocess.shapes.__main__ import main as generate
from util.errors import UserError, run_command
from util.files import whole_file

DATA = Path("data/shapes")
RUN, BLIND = "shapes", "shapes_question_only"
FINISHED = Path(f"results/{RUN}/demo.json")  # the last line of output, once it is printed


def main(argv: Sequence[str] = ()) -> int:
    """Run all steps; the last line of output is one JSON object, accuracies as fractions."""
    parse("python -m demo.shapes", __doc__ or "", (), argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    from data_loader.questions import load_questions
    from evaluation.score_runs import score_runs

    begin = time.perf_counter()
    if FINISHED.exists():
        for run in (RUN, BLIND):
            shutil.rmtree(f"results/{run}", ignore_errors=True)
    step("1/6 short videos of moving shapes, with questions", "preprocess.shapes")
    generate(["--output", str(DATA)])
    step("2/6 videos to feature stores", "preprocess.videos")
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--frames", "8", "--output", str(DATA / f"{channel}.h5")]
        videos.main(["--videos", str(DATA / "videos"), *flags])
    step("3/6 questions to numbers", "preprocess.questions")
    flags = ["--annotations", str(DATA), "--output", str(DATA / "questions.pt")]
    questions.main(["--dataset", "shapes", *flags])
    step("4/6 training with video, then without", "train.py --preset shapes")
    train_on(["--preset", "shapes"])
    train_on(["--preset", "shapes", "--run", BLIND, "--video", "none"])
    step("5/6 accuracy on the test split", "evaluate.py")
    question_only = f"results/{BLIND}"
    options = ScoreOptions(run=[f"results/{RUN}"], question_only=(question_only,))
    (found,) = score_runs(options, SplitOptions())
    step("6/6 one question about one test video", "predict.py")
    test = load_questions(DATA / "questions.pt").splits["test"]
    video = DATA / "videos" / f"{test.videos[0]}.mp4"
    print(f"the true answer is {test.answer_texts[0]}")
    predict.main(["--run", f"results/{RUN}", "--video", str(video), "--question", test.texts[0]])
    rows = ("accuracy", "question_only", "shuffled_video")
    rounded = {name: round(found.main.value[name].total, 4) for name in rows}
    last = json.dumps({**rounded, "seconds": round(time.perf_counter() - begin)})
    with whole_file(FINISHED) as partial:
        partial.write_text(last + "\n")
    print(last)
    return 0


def train_on(flags: list[str]) -> None:
    """Train; a run that was interrupted goes on, unless it was one of other options or data."""
    import train  # here: `demo.two_stage` takes names from this module, and its help shall not wait

    try:
        train.main([*flags, "--resume"])
    except UserError as error:
        print(f"{error}\nbeginning anew")
        train.main([*flags, "--overwrite"])


def step(title: str, command: str) -> None:
    """Announce a step and the command that does it."""
    print(f"\n== {title}  ({command})", flush=True)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
