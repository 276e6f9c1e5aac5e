"""Generated videos, their stores, and classifiers trained on them for a moment."""

import train
from preprocess import labels, videos
from preprocess.shapes.__main__ import main as generate

SMALL = [
    "--width", "16", "--batch_size", "14", "--epochs", "20", "--eval_every", "20", "--lr", "1e-2",
    "--dropout", "0", "--feature_norm", "standardize", "--device", "cpu",
]  # fmt: skip
APPEARANCE = ["--appearance", "d/appearance.h5"]
BOTH = [*APPEARANCE, "--motion", "d/motion.h5"]
ENCODERS = [
    "--appearance_encoder", "resnet_narrow", "--motion_encoder", "resnext_narrow",
    "--appearance_weights", "random", "--motion_weights", "random",
]  # fmt: skip
RUNS = {  # what a run looks at differs between these
    "both": BOTH,
    "views": [*APPEARANCE, "--clips_as", "views"],
    "middle": [*APPEARANCE, "--frames", "middle"],
    "shuffled": [*APPEARANCE, "--frames", "shuffled"],
    "clips": [
        "--clips",
        "d/clips.h5",
        *ENCODERS,
        "--crop",
        "16",
        "--feature_norm",
        "none",
        "--epochs",
        "1",
    ],
}


def make() -> None:
    """In the working folder: d/videos, s/videos, stores, runs: those of RUNS, values, blind."""
    counts = ["--train", "28", "--val", "28", "--test", "28"]
    generate(["--kind", "actions", "--output", "d", *counts])
    exact = ["--precision", "float32"]
    for channel, backbone in {"appearance": "pixels", "motion": "pixel_motion"}.items():
        flags = ["--backbone", backbone, "--output", f"d/{channel}.h5", "--frames", "4", *exact]
        videos.main(["--videos", "d/videos", *flags])
    store = ["--size", "20", "--clips", "2", "--frames", "4", "--output", "d/clips.h5"]
    videos.main(["--videos", "d/videos", "--backbone", "none", *store])
    labels.main(["--dataset", "shapes", "--annotations", "d", "--output", "d/labels.pt"])
    for name, flags in RUNS.items():
        train.main(["classification", "--run", name, "--labels", "d/labels.pt", *SMALL, *flags])
    generate(["--kind", "steering", "--output", "s", "--train", "8", "--val", "4", "--test", "4"])
    rate = ["--backbone", "pixels", "--fps", "4", "--output", "s/rate.h5", *exact]
    videos.main(["--videos", "s/videos", *rate])
    labels.main(["--dataset", "own", "--annotations", "s/steering.csv", "--output", "s/labels.pt"])
    values = ["--labels", "s/labels.pt", "--appearance", "s/rate.h5", "--network", "rnn"]
    train.main(["classification", "--run", "values", *SMALL, *values])
    blind = [
        "--labels",
        "d/labels.pt",
        "--video",
        "none",
        *SMALL,
        "--epochs",
        "1",
        "--feature_norm",
        "none",
    ]
    train.main(["classification", "--run", "blind", *blind])
