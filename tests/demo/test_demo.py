"""The demonstration: interrupted it goes on, finished it starts anew."""

import json
from pathlib import Path

import pytest
import torch
import yaml

import train
from demo import shapes
from tests import tiny_run
from tests.test_train import metrics
from training import run_state


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """The demonstration on data of seconds, in place of generated videos."""
    monkeypatch.chdir(tmp_path)
    shapes.DATA.mkdir(parents=True)
    flags = tiny_run.make(shapes.DATA)
    preset = {"run": shapes.RUN, "epochs": 6, "eval_every": 2, "log_every": 1}
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        preset[flag.removeprefix("--")] = yaml.safe_load(value) if flag != "--lr" else float(value)
    (tmp_path / "preset").mkdir()
    (tmp_path / "preset" / "shapes.yaml").write_text(yaml.safe_dump(preset))
    monkeypatch.setattr("options.parse.PRESETS", tmp_path / "preset")
    monkeypatch.setattr(shapes, "generate", lambda argv: 0)
    for command in ("videos", "questions", "predict"):
        monkeypatch.setattr(getattr(shapes, command), "main", lambda argv: 0)
    monkeypatch.setattr("evaluation.score_runs.draw_score", lambda *given, plots: None)
    return shapes.main


@pytest.fixture
def interrupt(monkeypatch):
    """Ctrl-C when the checkpoint number `after` of a run is written."""
    save = run_state.save_checkpoint

    def set_up(after: int) -> None:
        left = [after]

        def interrupted(path: Path, content: dict) -> None:
            save(path, content)
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        monkeypatch.setattr(run_state, "save_checkpoint", interrupted)

    return set_up


def last_line(capsys) -> dict:
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    found.pop("seconds")
    return found


def test_interrupted_it_goes_on(demo, interrupt, capsys) -> None:
    demo()
    whole, steps, weights = last_line(capsys), metrics(shapes.RUN), checkpoint()
    interrupt(3)  # it starts anew, for it was finished, and is interrupted in the first training
    with pytest.raises(KeyboardInterrupt):
        demo()
    begun = checkpoint()["step"]
    assert 0 < begun < weights["step"] and not shapes.FINISHED.exists()
    interrupt(10**9)
    capsys.readouterr()
    demo()
    out = capsys.readouterr().out
    assert f"going on from step {begun}" in out
    found = json.loads(out.splitlines()[-1])
    assert {k: v for k, v in found.items() if k != "seconds"} == whole
    assert metrics(shapes.RUN) == steps
    assert all(torch.equal(v, weights["weights"][k]) for k, v in checkpoint()["weights"].items())


def test_a_run_of_other_options_begins_anew(demo, capsys) -> None:
    train.main(["--preset", "shapes", "--width", "8", "--epochs", "2"])
    demo()
    out = capsys.readouterr().out
    assert "was trained with --width 8, not 16" in out and "beginning anew" in out
    assert checkpoint()["options"]["width"] == 16


def checkpoint() -> dict:
    return torch.load(f"results/{shapes.RUN}/last.pt", weights_only=True)
