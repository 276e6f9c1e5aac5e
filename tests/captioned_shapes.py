"""Generated videos, their stores, and captioners trained on them for a moment."""

import train
from preprocess import captions, questions, videos
from preprocess.shapes.__main__ import main as generate

SMALL = [
    "--width", "24", "--batch_size", "32", "--epochs", "12", "--eval_every", "12", "--lr", "1e-2",
    "--dropout", "0", "--feature_norm", "standardize",
]  # fmt: skip
CHANNELS = {"appearance": "pixels", "motion": "pixel_motion"}
FAMILIES = {  # what a run looks at differs between these
    "both": [],
    "frames": ["--decoder", "transformer", "--positions", "frames"],
    "relations": ["--decoder", "dualvgr_lstm"],
    "attention": ["--decoder", "ets_yao2015", "--lr", "2e-2"],  # which begins slowly
    "derived": ["--motion_from", "difference", "--feature_norm", "whiten:8"],
    "one_channel": ["--decoder", "ets_paddle"],
}


def make() -> None:
    """In the working folder: d/videos, stores, runs: a family's each, rate, clips, blind, qa."""
    generate(["--output", "d", "--train", "60", "--val", "60", "--test", "60"])
    for channel, backbone in CHANNELS.items():
        flags = ["--backbone", backbone, "--output", f"d/{channel}.h5", "--frames", "6"]
        videos.main(["--videos", "d/videos", *flags, "--precision", "float32"])
    flags = ["--backbone", "pixels", "--fps", "5", "--output", "d/rate.h5"]
    videos.main(["--videos", "d/videos", *flags, "--precision", "float32"])
    store = ["--size", "20", "--clips", "2", "--frames", "4", "--output", "d/clips.h5"]
    videos.main(["--videos", "d/videos", "--backbone", "none", *store])
    captions.main(["--dataset", "shapes", "--annotations", "d", "--output", "d/c.pt"])
    for name, flags in FAMILIES.items():
        motion = [] if name in ("one_channel", "derived") else ["--motion", "d/motion.h5"]
        stores = ["--captions", "d/c.pt", "--appearance", "d/appearance.h5", *motion]
        train.main(["captioning", "--run", name, *stores, *SMALL, *flags])
    rate = ["--captions", "d/c.pt", "--appearance", "d/rate.h5", "--decoder", "ets_paddle"]
    train.main(["captioning", "--run", "rate", *rate, *SMALL])
    encoders = [
        "--appearance_encoder", "resnet_narrow", "--motion_encoder", "resnext_narrow",
        "--appearance_weights", "random", "--motion_weights", "random",
    ]  # fmt: skip
    clips = ["--captions", "d/c.pt", "--clips", "d/clips.h5", *encoders]
    train.main(["captioning", "--run", "clips", *clips, "--width", "24", "--epochs", "2"])
    blind = ["--captions", "d/c.pt", "--video", "none", "--width", "16", "--epochs", "1"]
    train.main(["captioning", "--run", "blind", *blind])
    questions.main(["--dataset", "shapes", "--annotations", "d", "--output", "d/q.pt"])
    stores = ["--appearance", "d/appearance.h5", "--motion", "d/motion.h5"]
    train.main(["--run", "qa", "--questions", "d/q.pt", *stores, "--width", "16", "--epochs", "1"])
