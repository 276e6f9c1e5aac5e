"""What `python predict.py classify` does: what is done in a video, or in each of many."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.run_files import output_folder, weights_file
from options.flat import flat_values
from options.predict import PredictClassOptions
from util.errors import UserError
from util.files import check_output, sha256, whole_file
from util.progress import warned
from util.text import clipped

if TYPE_CHECKING:
    from inference.classification.predictor import ClassesTold, ValuesTold, VideoClassifier
    from inference.video import VideoInput


def run(options: PredictClassOptions) -> int:
    """Classify what the options name -> exit code."""
    reads = {
        "--video": options.video,
        "--videos": options.videos,
        "--run": weights_file(options.run),
        "--appearance_weights": options.appearance_weights,
        "--motion_weights": options.motion_weights,
    }
    if options.output:
        check_output(options.output, "--output", inputs=reads)
    from inference.classification.predictor import VideoClassifier  # mistakes do not wait for torch

    classifier = VideoClassifier(
        options.run,
        crops=options.crops,
        appearance_weights=options.appearance_weights,
        motion_weights=options.motion_weights,
        device=options.device,
    )
    name = "classes" if classifier.classes else "values"
    kind = ".json" if options.videos else ".png" if classifier.classes else ".csv"
    own = output_folder(options.run) / f"{name}{kind}"
    flag, output = ("--output", Path(options.output)) if options.output else ("--run", own)
    check_output(output, flag, inputs=reads)
    if options.videos is not None:
        return classify_many(classifier, options, output, flag)
    assert options.video is not None
    return classify_one(classifier, options.video, output, flag, reads)


def classify_one(
    classifier: "VideoClassifier", video: str, output: Path, flag: str, reads: dict[str, Any]
) -> int:
    """Print a video's classes and draw its frames; or write its values, and draw them."""
    picture = output if classifier.classes else output.with_suffix(".png")
    if picture == output and not classifier.classes:
        raise UserError(
            f"{flag} {output}: {classifier.run.path} tells values, which are written as CSV, with "
            "a picture (.png) beside; give a name that ends in .csv"
        )
    check_output(picture, flag, inputs=reads)
    seen = classifier.read_video(video)
    told = classifier.tell_seen(seen, Path(video).stem)
    if classifier.classes:
        _say_classes(told, classifier.how)  # pyright: ignore[reportArgumentType]
    else:
        _write_values(told, output)  # pyright: ignore[reportArgumentType]
    with warned(print, "the picture of what it looked at"):
        _draw(told, seen, Path(video).name, picture)
        print(f"what it looked at: {picture}")
    return 0


def classify_many(
    classifier: "VideoClassifier", options: PredictClassOptions, output: Path, flag: str
) -> int:
    """Write what is told of the videos of a folder or list -> 0, or 1 if some failed."""
    from inference.many import tell_many, write_json

    def tell(video: str, file: Path) -> dict[str, Any]:
        told = classifier.tell_seen(classifier.read_video(file), video)
        return {"video": video, **entry(told)}

    how = {
        "weights": sha256(weights_file(options.run)),
        "crops": options.crops,
        "temperature": classifier.temperature,
        **{k: v for k, v in flat_values(options).items() if k.endswith("_weights")},
    }
    what = "classes" if classifier.classes else "values"
    if classifier.classes:
        print(classifier.how)
    return tell_many(
        str(options.videos), output, flag, how=how, tell=tell, write=write_json, what=what
    )


def entry(told: "ClassesTold | ValuesTold") -> dict[str, Any]:
    """What is told of a video, as plain types."""
    from inference.classification.predictor import ClassesTold

    if isinstance(told, ClassesTold):
        best = [{"class": name, "probability": share} for name, share in told.best]
        return {"class": told.best[0][0], "best": best, "frames": told.numbers}
    return {"times": told.times.tolist(), "values": told.values.tolist()}


def _say_classes(told: "ClassesTold", how: str) -> None:
    for name, share in told.best:
        print(f"  {100 * share:5.1f} %  {clipped(name, 200)}", flush=True)
    print(how)


def _write_values(told: "ValuesTold", output: Path) -> None:
    """The values as CSV, as `preprocess.labels --dataset own` reads such."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["time", "value"])
    rows.writerows((f"{t:.9g}", f"{v:.9g}") for t, v in zip(told.times, told.values, strict=True))
    with whole_file(output) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
    low, high, mean = told.values.min(), told.values.max(), told.values.mean()
    print(
        f"{len(told.values):,} values between {low:.4g} and {high:.4g}, mean {mean:.4g}: {output}",
        flush=True,
    )


def _draw(told: "ClassesTold | ValuesTold", seen: "VideoInput", title: str, path: Path) -> None:
    """The picture of a video's frames with what was told."""
    from inference.classification.pictures import (  # what is told does not wait for it
        class_picture,
        shown_clips,
        value_picture,
    )
    from inference.classification.predictor import ClassesTold
    from util.clip_plots import save_figure

    clips = shown_clips(len(seen.thumbnails.index))
    frames, times = seen.middle_frames(clips), seen.times(clips)
    if isinstance(told, ClassesTold):
        figure = class_picture(title, told.best, frames, times)
    else:
        figure = value_picture(title, told.times, told.values, frames, times)
    save_figure(figure, path)
