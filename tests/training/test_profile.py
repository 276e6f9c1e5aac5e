"""--profile watches steps and changes nothing."""

import json
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from tests.test_train import metrics


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
