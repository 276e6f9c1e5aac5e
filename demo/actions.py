"""Actions of videos that it generates, most of them told by order alone:  make actions

Videos -> feature stores -> labels -> training on all frames, on the middle frame alone, on frames
in any order -> accuracy on the test split; and one video followed frame by frame.  Each step is a
command that you can run by itself; this file only calls them in order.  Interrupted, it goes on
where it was when it is started again; finished, it starts anew.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo.shapes import step, train_on
from options.evaluation.labels import LabelRunOptions
from options.parse import parse
from preprocess import labels, videos
from preprocess.shapes.__main__ import main as generate
from util.errors import run_command
from util.files import whole_file

DATA = Path("data/shapes_actions")
RUN = "shapes_actions"
MIDDLE, SHUFFLED, STREAM = f"{RUN}_middle", f"{RUN}_shuffled", f"{RUN}_stream"
FINISHED = Path(f"results/{RUN}/demo.json")  # the last line of output, once it is printed
BLIND = ["--channels", "appearance", "--epochs", "8", "--eval_every", "4"]  # motion tells order


def main(argv: Sequence[str] = ()) -> int:
    """Run all steps; the last line of output is one JSON object, shares as fractions."""
    parse("python -m demo.actions", __doc__ or "", (), argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    from data_loader.label.labels import load_labels
    from evaluation.label.score_runs import score_runs

    begin = time.perf_counter()
    if FINISHED.exists():
        for run in (RUN, MIDDLE, SHUFFLED, STREAM):
            shutil.rmtree(f"results/{run}", ignore_errors=True)
    step("1/6 short videos of actions, each with its twin backwards", "preprocess.shapes")
    generate(["--kind", "actions", "--output", str(DATA)])
    step("2/6 videos to feature stores", "preprocess.videos")
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--frames", "8", "--output", str(DATA / f"{channel}.h5")]
        videos.main(["--videos", str(DATA / "videos"), *flags])
    step("3/6 actions to labels", "preprocess.labels")
    flags = ["--annotations", str(DATA), "--output", str(DATA / "labels.pt")]
    labels.main(["--dataset", "shapes", *flags])
    step(
        "4/6 training: all frames, the middle one, frames in any order; one to follow a stream",
        "train.py classification --preset shapes_actions",
    )
    preset = ["classification", "--preset", RUN]
    train_on(preset)
    train_on([*preset, "--run", MIDDLE, "--frames", "middle", *BLIND])
    train_on([*preset, "--run", SHUFFLED, "--frames", "shuffled", *BLIND])
    rnn = ["--network", "rnn", "--layers", "1", "--carry", "0.5"]
    train_on([*preset, "--run", STREAM, *BLIND, *rnn])
    step("5/6 accuracy on the test split", "evaluate.py classification")
    found = score_runs(
        LabelRunOptions(
            run=[f"results/{RUN}"],
            middle=(f"results/{MIDDLE}",),
            shuffled=(f"results/{SHUFFLED}",),
        )
    )
    step("6/6 one test video, frame by frame", "predict.py --stream")
    test = load_labels(DATA / "labels.pt").split("test")
    fps = follow(DATA / "videos" / f"{test.videos[0]}.mp4")
    last = json.dumps(
        {
            "accuracy": round(found["test/accuracy"], 4),
            "order_only": round(found["test/order_only/accuracy"], 4),
            "single_frame": round(found["test/order_only/middle"], 4),
            "shuffled_frames": round(found["test/order_only/shuffled"], 4),
            "chance": round(found["order_only_chance"], 4),
            "stream_fps": round(fps, 1),
            "seconds": round(time.perf_counter() - begin),
        }
    )
    with whole_file(FINISHED) as partial:
        partial.write_text(last + "\n")
    print(last)
    return 0


def follow(video: Path) -> float:
    """Follow a video by the run for streams; -> frames a second, decoding apart."""
    import torch

    from inference.stream.follow import Follower
    from inference.stream.open import open_stream

    follower = Follower(open_stream(f"results/{STREAM}"), str(video), left=None)
    with torch.inference_mode():
        for _, line in follower.lines(None):
            if line:
                print(line)
    print(follower.summary())
    durations = list(follower.durations)[1:] or list(follower.durations)  # the first one warms up
    return len(durations) / sum(durations)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
