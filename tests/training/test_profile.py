"""--profile watches steps and changes nothing; a run says how much of them is waiting for data."""

import json
import re
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from tests.test_train import metrics
from training.task.qa import QaTask


def test_a_profile_is_a_table_and_a_trace(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "3", "--profile", "2"])
    assert "aten::" in Path("results/r/profile.txt").read_text()
    trace = json.loads(Path("results/r/trace.json").read_text())
    steps = {e["name"] for e in trace["traceEvents"] if e.get("name", "").startswith("Profiler")}
    assert len(steps) == 2
    tags = EventAccumulator("tf-logs/r").Reload().Tags()["tensors"]
    assert "profile/text_summary" in tags
    train.main([*tiny, "--run", "plain", "--epochs", "3"])
    assert metrics("r") == metrics("plain")  # watching changes nothing
    train.main([*tiny, "--run", "short", "--epochs", "1", "--profile", "50"])
    said = Path("results/short/console.log").read_text()
    assert "--profile 50: nothing profiled, the run ends within the 4 steps that" in said
    assert not Path("results/short/profile.txt").exists()
    said = Path("results/r/console.log").read_text().splitlines()
    (line,) = [line for line in said if "profile of" in line]
    assert "aten::" in line and "ProfilerStep" not in line


@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_waiting_for_data_is_told(tiny, monkeypatch, seconds: float) -> None:
    """That of steps: a validation gathers its batches by itself."""
    gather = QaTask.batch

    def slow(self, rows):
        time.sleep(seconds)
        return gather(self, rows)

    monkeypatch.setattr(QaTask, "batch", slow)
    train.main([*tiny, "--run", "r", "--epochs", "2", "--eval_every", "0.5"])
    found = re.findall(
        r"^(\d+) steps in ([\d.]+) s, ([\d.]+)% of it waiting for data$",
        Path("results/r/console.log").read_text(),
        re.MULTILINE,
    )
    ((steps, spent, share),) = found
    assert int(steps) == metrics("r")[-1]["step"]
    waited = float(share) / 100 * float(spent)
    assert waited >= 0.9 * int(steps) * seconds
    assert seconds or float(share) < 90
