"""Files made by an earlier version (commit 544641e) are read, and give what they gave.

tests/golden/earlier: a store of each channel and of clips, a question file, a preset, a run that
was cut off after three of six steps.  clips.json and autoencoder.json are checkpoints of runs with
encoders, of whose weights only names, types and shapes are kept (2.4 MB each).
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

import evaluate
import predict
import train
from data_loader.store import __main__ as describe
from model.task.autoencoder import Autoencoding
from model.task.qa import QuestionAnswering
from options.task import parse_task
from preprocess import videos


@pytest.fixture
def earlier(tmp_path: Path, golden: Path, monkeypatch) -> Path:
    shutil.copytree(golden / "earlier", tmp_path, dirs_exist_ok=True)
    (tmp_path / "results").mkdir()
    (tmp_path / "run").rename(tmp_path / "results/small")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_answers_as_it_did(earlier: Path, capsys) -> None:
    was = json.loads((earlier / "results/small/test-real.json").read_text())
    assert evaluate.main(["--run", "results/small", "--device", "cpu", "--plots", "false"]) == 0
    now = json.loads((earlier / "results/small/test-real.json").read_text())
    for old, new in zip(was["predictions"], now["predictions"], strict=True):
        assert new["probability"] == pytest.approx(old["probability"], abs=2e-4)
        assert {**new, "probability": 0} == {**old, "probability": 0}
    capsys.readouterr()
    asked = was["predictions"][0]
    predict.main(["--run", "results/small", "--video", "122.mp4", "--question", asked["question"]])
    best = capsys.readouterr().out.splitlines()[1]
    assert best.split() == [f"{100 * asked['probability']:.1f}", "%", asked["predicted"]]


def test_a_run_goes_on(earlier: Path) -> None:
    train.main(["--preset", "preset.yaml", "--resume"])
    rows = [*map(json.loads, Path("results/small/metrics.jsonl").read_text().splitlines())]
    found = {name: value for row in rows if row["step"] == 6 for name, value in row.items()}
    assert found["train/ce"] == pytest.approx(2.16327532, abs=1e-5)
    assert found["val/ce"] == pytest.approx(2.22398138, abs=1e-5)


def test_a_preset_means_what_it_did(earlier: Path) -> None:
    _, options = parse_task(["--preset", "preset.yaml"])
    was = torch.load("results/small/last.pt", weights_only=True)["options"]
    now = {name: value for part in options for name, value in vars(part).items()}
    assert {name: now[name] for name in was} == was


def test_stores_are_whole_and_are_gone_on_with(earlier: Path, capsys) -> None:
    stores = ["appearance.h5", "motion.h5", "clips.h5"]
    assert describe.main([*stores, "--videos", "all"]) == 0
    same = ["--videos", "122.mp4", "--clips", "2", "--frames", "4", "--workers", "1"]
    for store, rest in {
        "appearance.h5": ["--backbone", "pixels"],
        "motion.h5": ["--backbone", "pixel_motion"],
        "clips.h5": ["--backbone", "none", "--size", "16"],
    }.items():
        before = Path(store).read_bytes()
        assert videos.main([*same, *rest, "--output", store]) == 0
        assert Path(store).read_bytes() == before


@pytest.mark.parametrize("kind", ["clips", "autoencoder"])
def test_checkpoints_with_encoders_are_read(kind: str, golden: Path) -> None:
    content = json.loads((golden / f"earlier/{kind}.json").read_text())
    content["weights"] = {
        name: torch.ones(shape, dtype=getattr(torch, dtype))
        for name, (dtype, shape) in content["weights"].items()
    }
    task = {"clips": QuestionAnswering, "autoencoder": Autoencoding}[kind]
    state = task.from_checkpoint(content).state_dict()
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in content["weights"].items()
    }
