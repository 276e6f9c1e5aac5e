"""Two-stage training on the generated videos, and what it must be judged by:  make two-stage

On the test split of `shapes`: encoders frozen at random weights, or at those of an autoencoder;
encoders trained with the questions from the start; encoders pretrained as an autoencoder and then
trained with the questions, in as many steps together; and no video at all.  The last line is one
JSON object.
"""

import json
import time
from dataclasses import dataclass

from demo.shapes import DATA, step
from options.evaluate import ScoreOptions, SplitOptions
from options.parse import parse
from preprocess import questions, videos
from preprocess.shapes.__main__ import main as generate
from util.errors import run_command

CLIPS = DATA / "clips.h5"
SHORT = ["--epochs", "9"]  # enough for what has less to learn
RUNS = {  # name of each result -> its run's preset and what it changes there
    "question_only": ("shapes_one_stage", ["--video", "none", *SHORT]),
    "frozen": ("shapes_one_stage", ["--encoders", "frozen", *SHORT]),
    "frozen_pretrained": ("shapes_two_stage", ["--encoders", "frozen", *SHORT]),
    "one_stage": ("shapes_one_stage", []),
    "two_stage": ("shapes_two_stage", []),
}


@dataclass(frozen=True, kw_only=True)
class TwoStageOptions:
    """One comparison of all four ways to train.

    Args:
        seed: seed of every run
    """

    seed: int = 1


def main(argv: list[str] | None = None) -> int:
    """Run all of it; accuracies are fractions."""
    about = "Two-stage training on `shapes` against one stage, frozen encoders and no video."
    (options,) = parse("python -m demo.two_stage", about, (TwoStageOptions,), argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    import train
    from evaluation.score_runs import score_runs

    begin = time.perf_counter()
    prepare()
    accuracy = {}
    seed = ["--seed", str(options.seed), "--resume"]
    first = f"two_stage_autoencoder_s{options.seed}"
    step("first stage: encoders and graphs rebuild the clips", "train.py autoencoder")
    train.main(["autoencoder", "--preset", "shapes_autoencoder", "--run", first, *seed])
    for name, (preset, changes) in RUNS.items():
        run = f"two_stage_{name}_s{options.seed}"
        step(
            f"{name.replace('_', ' ')}, trained on the questions", f"train.py qa --preset {preset}"
        )
        if preset == "shapes_two_stage":
            changes = [*changes, "--init_from", f"results/{first}"]
        train.main(["qa", "--preset", preset, *changes, "--run", run, *seed])
        step(f"{name.replace('_', ' ')}, on the test split", "evaluate.py")
        (found,) = score_runs(ScoreOptions(run=[f"results/{run}"]), SplitOptions())
        accuracy[name] = round(found.main.own.total, 4)
    print(json.dumps({**accuracy, "seconds": round(time.perf_counter() - begin)}))
    return 0


def prepare() -> None:
    """Videos, clips and questions, where they are not there yet."""
    step("short videos of moving shapes, with questions", "preprocess.shapes")
    if not (DATA / "test_qa.json").exists():
        generate(["--output", str(DATA)])
    step("videos to decoded clips", "preprocess.videos --backbone none")
    size = ["--size", "32", "--clips", "4", "--frames", "8"]
    if not CLIPS.exists():
        videos.main(
            ["--videos", str(DATA / "videos"), "--backbone", "none", *size, "--output", str(CLIPS)]
        )
    step("questions to numbers", "preprocess.questions")
    if not (DATA / "questions.pt").exists():
        flags = ["--annotations", str(DATA), "--output", str(DATA / "questions.pt")]
        questions.main(["--dataset", "shapes", *flags])


if __name__ == "__main__":
    run_command(main)
