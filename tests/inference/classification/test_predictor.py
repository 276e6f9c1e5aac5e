"""From a video file to classes or values: what evaluation says, and shown."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import evaluate
import predict
from evaluation.label.predictions_file import read_results
from inference import pack
from inference.classification.predictor import ClassesTold, ValuesTold, VideoClassifier
from inference.run_files import weights_file
from tests.labelled_shapes import RUNS
from util.errors import UserError


def evaluated(run: str, *flags: str) -> str:
    """The rows of a run's test split."""
    output = f"{Path(run).stem}-rows.json"
    quick = ["--same_model", "false", "--count", "0", "--plots", "false", "--device", "cpu"]
    evaluate.main(["classification", "--run", run, "--output", output, *quick, *flags])
    return output


def a_video(folder: str = "d") -> str:
    return str(sorted(Path(folder, "videos").glob("*.mp4"))[-1])


@pytest.mark.parametrize("name", RUNS)
def test_a_file_is_told_as_evaluation_tells_it(name: str) -> None:
    known = read_results(evaluated(f"results/{name}"))
    classifier = VideoClassifier(f"results/{name}", device="cpu")
    tops = set()
    for row, video in enumerate(known.videos):
        told = classifier.tell(f"d/videos/{video}.mp4")
        assert isinstance(told, ClassesTold)
        share = dict(zip(known.classes, known.probability[row], strict=True))
        best = sorted(share.values(), reverse=True)[:5]
        assert [p for _, p in told.best] == pytest.approx(best, abs=2e-5)
        assert [p for _, p in told.best] == pytest.approx(
            [share[c] for c, _ in told.best], abs=2e-5
        )
        tops.add(told.best[0][0])
    assert len(tops) > 1 or name == "clips", "one class for all would prove nothing"


def test_probabilities_are_at_the_temperature_that_evaluation_fitted(capsys) -> None:
    Path("results/both/temperature.json").unlink(missing_ok=True)
    before = VideoClassifier("results/both", device="cpu")
    assert before.temperature == 1 and "as trained" in before.how
    evaluated("results/both", "--calibrate", "false")
    assert VideoClassifier("results/both", device="cpu").temperature == 1
    known = read_results(evaluated("results/both"))
    after = VideoClassifier("results/both", device="cpu")
    assert after.temperature == pytest.approx(known.temperature[0]) and after.temperature != 1
    assert "fitted on the validation videos" in after.how
    for flags in (["--video", "none"], ["--video", "shuffled"], ["--checkpoint", "last"]):
        evaluated("results/both", *flags)
        again = VideoClassifier("results/both", device="cpu")
        assert again.temperature == after.temperature, "is of what the run was trained to see"
    weights = weights_file("results/both")
    kept = shutil.copy(weights, "kept.pt")
    shutil.copy("results/views/best.pt", weights)  # trained anew
    assert VideoClassifier("results/both", device="cpu").temperature == 1
    shutil.copy(kept, weights)
    capsys.readouterr()


@pytest.mark.parametrize("word", [["classify"], []])
def test_classes_are_printed_and_drawn(word: list[str], capsys) -> None:
    evaluated("results/both")
    capsys.readouterr()
    assert predict.main([*word, "--run", "results/both", "--video", a_video()]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = VideoClassifier("results/both").tell(a_video())
    assert isinstance(told, ClassesTold) and len(told.best) == 5
    assert [line.strip() for line in lines[:5]] == [f"{100 * p:.1f} %  {c}" for c, p in told.best]
    assert lines[5].startswith("probabilities at temperature ")
    assert lines[6:] == ["what it looked at: results/both/classes.png"]
    assert imread("results/both/classes.png").std() > 0.05


def test_a_packed_run_tells_the_same(capsys) -> None:
    evaluated("results/both")
    pack.main(["--run", "results/both", "--output", "both.safetensors"])
    assert "14 classes" in capsys.readouterr().out
    own, packed = (
        VideoClassifier(run, device="cpu") for run in ("results/both", "both.safetensors")
    )
    assert packed.temperature == own.temperature != 1
    told, again = own.tell(a_video()), packed.tell(a_video())
    assert isinstance(told, ClassesTold) and isinstance(again, ClassesTold)
    assert dict(again.best) == pytest.approx(dict(told.best), abs=5e-3)
    assert predict.main(["--run", "both.safetensors", "--video", a_video()]) == 0
    assert Path("results/both-packed/classes.png").is_file()


def test_frames_that_the_model_saw_are_named() -> None:
    both = VideoClassifier("results/clips").tell(a_video())
    middle = VideoClassifier("results/middle").tell(a_video())
    shuffled = VideoClassifier("results/shuffled").tell(a_video())
    assert isinstance(both, ClassesTold) and len(both.numbers) == 2 * 4
    assert both.numbers == sorted(both.numbers)
    assert isinstance(middle, ClassesTold) and len(middle.numbers) == 1
    assert isinstance(shuffled, ClassesTold) and shuffled.numbers != sorted(shuffled.numbers)


def test_many_become_json(capsys) -> None:
    folder = Path("many")
    folder.mkdir()
    files = [shutil.copy(f, folder) for f in sorted(Path("d/videos").glob("*.mp4"))[:3]]
    (folder / "broken.mp4").write_bytes(b"no video" * 100)
    assert predict.main(["classify", "--run", "results/both", "--videos", "many"]) == 1
    found = json.loads(Path("results/both/classes.json").read_text())
    assert [one["video"] for one in found] == [Path(f).stem for f in files]
    told = VideoClassifier("results/both").tell(files[1])
    assert isinstance(told, ClassesTold) and found[1]["frames"] == told.numbers
    assert found[1]["class"] == told.best[0][0] == found[1]["best"][0]["class"]
    assert [b["probability"] for b in found[1]["best"]] == pytest.approx([p for _, p in told.best])
    failed = json.loads(Path("results/both/classes.json.quarantine.json").read_text())
    assert [one["id"] for one in failed] == ["broken"]
    assert "classes of 3 of 4 videos; 1 failed" in capsys.readouterr().out


def test_values_are_a_table_and_a_picture(capsys) -> None:
    evaluated("results/values")
    rows = json.loads(Path("values-rows.json").read_text())["predictions"]
    classifier = VideoClassifier("results/values", device="cpu")
    for row in rows:
        told = classifier.tell(f"s/videos/{row['video']}.mp4")
        assert isinstance(told, ValuesTold)
        known = dict(zip(row["seconds"], row["predicted"], strict=True))
        own = dict(zip(told.times.round(6).tolist(), told.values.tolist(), strict=True))
        assert [own[t] for t in known] == pytest.approx(list(known.values()), abs=1e-3)
    capsys.readouterr()
    assert predict.main(["--run", "results/values", "--video", a_video("s")]) == 0
    said = capsys.readouterr().out
    told = classifier.tell(a_video("s"))
    assert isinstance(told, ValuesTold)
    with Path("results/values/values.csv").open() as file:
        read = [(float(r["time"]), float(r["value"])) for r in csv.DictReader(file)]
    assert np.array(read) == pytest.approx(np.stack([told.times, told.values], 1), rel=1e-6)
    assert f"{len(read)} values between" in said and "results/values/values.csv" in said
    assert imread("results/values/values.png").std() > 0.05
    flags = ["--videos", "s/videos", "--output", "v.json"]
    assert predict.main(["--run", "results/values", *flags]) == 0
    many = json.loads(Path("v.json").read_text())
    assert len(many) == 16 and set(many[0]) == {"video", "times", "values"}


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--run", "results/both", "--video", "V", "--question", "what?"],
         r"a run of the task classification answers no questions|no --question|classif"),
        (["classify", "--video", "V"], r"--run is missing"),
        (["classify", "--run", "results/both"], r"give one of --video FILE, --videos FOLDER or"),
        (["--run", "results/both", "--video", "V", "--videos", "d"], r"give one of --video FILE"),
        (["--run", "results/both", "--video", "none.mp4"], r"none\.mp4: no such file"),
        (["--run", "results/both", "--video", "V", "--output", "results/both/best.pt"],
         r"--output results/both/best\.pt: is what --run names"),
        (["--run", "results/both", "--video", "V", "--output", "V"], r"is what --video names"),
        (["--run", "results/values", "--video", "V", "--output", "v.png"], r"written as CSV"),
        (["--run", "results/clips", "--video", "V", "--motion_weights", "x"],
         r"results/clips has encoders of its own"),
        (["--run", "results/blind", "--video", "V"], r"blind was trained without video"),
        (["classify", "--run", "results/none", "--video", "V"], r"results/none/best\.pt: no such"),
        (["clasify", "--run", "results/both"], r"clasify is no subcommand; did you mean classify"),
        (["caption", "--run", "results/both", "--video", "V"], r"classification writes no"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line) as raised:
        predict.main([a_video() if word == "V" else word for word in flags])
    assert "\n" not in str(raised.value)
