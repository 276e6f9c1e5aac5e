"""Captions of videos that it generates:  make captions

Videos -> feature stores -> captions -> training with and without video -> scores on the test split.
Each step is a command that you can run by itself; this file only calls them in order.  Interrupted,
it goes on where it was when it is started again; finished, it starts anew.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo.shapes import DATA, step, train_on
from options.caption import SearchOptions
from options.evaluation.captions import CaptionRunOptions
from options.parse import parse
from preprocess import captions, videos
from preprocess.shapes.__main__ import main as generate
from util.errors import run_command
from util.files import whole_file

RUN, BLIND = "shapes_captions", "shapes_captions_language_model"
FINISHED = Path(f"results/{RUN}/demo.json")  # the last line of output, once it is printed


def main(argv: Sequence[str] = ()) -> int:
    """Run all steps; the last line of output is one JSON object, shares as fractions."""
    parse("python -m demo.captions", __doc__ or "", (), argv)
    # Here and not above: help and a misspelt option shall not wait for torch.
    import predict
    from data_loader.caption.captions import load_captions
    from evaluation.caption.score_runs import score_runs

    begin = time.perf_counter()
    if FINISHED.exists():
        for run in (RUN, BLIND):
            shutil.rmtree(f"results/{run}", ignore_errors=True)
    step("1/6 short videos of moving shapes, with captions", "preprocess.shapes")
    generate(["--output", str(DATA)])
    step("2/6 videos to feature stores", "preprocess.videos")
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--frames", "8", "--output", str(DATA / f"{channel}.h5")]
        videos.main(["--videos", str(DATA / "videos"), *flags])
    step("3/6 captions to numbers", "preprocess.captions")
    flags = ["--annotations", str(DATA), "--output", str(DATA / "captions.pt")]
    captions.main(["--dataset", "shapes", *flags])
    step("4/6 training with video, then without", "train.py captioning --preset shapes_captions")
    train_on(["captioning", "--preset", "shapes_captions"])
    train_on(["captioning", "--preset", "shapes_captions", "--run", BLIND, "--video", "none"])
    step("5/6 scores on the test split", "evaluate.py captions")
    options = CaptionRunOptions(
        run=[f"results/{RUN}"], language_model=(f"results/{BLIND}",), meteor=False
    )
    (found,) = score_runs(options, SearchOptions())
    step("6/6 one test video in words", "predict.py caption")
    test = load_captions(DATA / "captions.pt").split("test")
    video = DATA / "videos" / f"{test.videos[0]}.mp4"
    print(f"a true caption is: {test.references(0)[0]}")
    predict.main(["caption", "--run", f"results/{RUN}", "--video", str(video)])
    exact = found.numbers["exact"]
    last = json.dumps(
        {
            "exact": round(exact["captions"], 4),
            "language_model": round(exact["language_model"], 4),
            "shuffled_video": round(exact["other_videos"], 4),
            "cider": round(found.scores.corpus["CIDEr-D"], 4),
            "seconds": round(time.perf_counter() - begin),
        }
    )
    with whole_file(FINISHED) as partial:
        partial.write_text(last + "\n")
    print(last)
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
