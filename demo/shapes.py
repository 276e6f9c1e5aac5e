"""The main job end to end, on videos that it generates:  make demo

Videos -> feature stores -> questions -> training with and without video -> accuracy on the test
split.  Each step is a command that you can run by itself; this file only calls them in order.
"""

import json
import time
from pathlib import Path

import evaluate
import predict
import train
from data_loader.questions import load_questions
from options.evaluate import ScoreOptions, SplitOptions
from preprocess import questions, videos
from preprocess.dataset import shapes
from util.errors import run_command

DATA = Path("data/shapes")
RUN, BLIND = "shapes", "shapes_question_only"


def main() -> int:
    """Run all steps; the last line of output is one JSON object, accuracies as fractions."""
    begin = time.perf_counter()
    step("1/6 short videos of moving shapes, with questions", "preprocess.dataset.shapes")
    shapes.main(["--output", str(DATA)])
    step("2/6 videos to feature stores", "preprocess.videos")
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--frames", "8", "--output", str(DATA / f"{channel}.h5")]
        videos.main(["--videos", str(DATA / "videos"), *flags])
    step("3/6 questions to numbers", "preprocess.questions")
    flags = ["--annotations", str(DATA), "--output", str(DATA / "questions.pt")]
    questions.main(["--dataset", "shapes", *flags])
    step("4/6 training with video, then without", "train.py --preset shapes")
    train.main(["--preset", "shapes", "--overwrite"])
    train.main(["--preset", "shapes", "--run", BLIND, "--video", "none", "--overwrite"])
    step("5/6 accuracy on the test split", "evaluate.py")
    question_only = f"results/{BLIND}"
    options = ScoreOptions(run=[f"results/{RUN}"], question_only=question_only)
    (found,) = evaluate.measure(options, SplitOptions())
    step("6/6 one question about one test video", "predict.py")
    test = load_questions(DATA / "questions.pt").splits["test"]
    video = DATA / "videos" / f"{test.videos[0]}.mp4"
    print(f"the true answer is {test.answer_texts[0]}")
    predict.main(["--run", f"results/{RUN}", "--video", str(video), "--question", test.texts[0]])
    rows = ("accuracy", "question_only", "shuffled_video")
    rounded = {name: round(found.accuracy[name].total, 4) for name in rows}
    print(json.dumps({**rounded, "seconds": round(time.perf_counter() - begin)}))
    return 0


def step(title: str, command: str) -> None:
    """Announce a step and the command that does it."""
    print(f"\n== {title}  ({command})", flush=True)


if __name__ == "__main__":
    run_command(main)
