"""The benchmark of long videos: what it prints, leaves out and draws."""

import json
from pathlib import Path

from benchmark.__main__ import main
from benchmark.training import topology
from benchmark.training.topology import Cost, Setting, summary


def test_growth_is_measured_and_drawn(tmp_path: Path, monkeypatch, capsys) -> None:
    def runs_once(prepare, given) -> int:  # in place of a process of its own, which takes seconds
        prepare(*given)()
        return given[1].clips

    monkeypatch.setattr(topology, "peak_memory", runs_once)
    limit = Setting(clips=5, width=8, videos=2).complete_bytes / topology.GIB
    flags = ["--clips", "10", "5", "--width", "8", "--rounds", "1", "--limit", str(limit)]
    main(["topology", *flags, "--plot", str(tmp_path / "growth.png")])
    *lines, last = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()[:4]) for line in lines[1:]] == [
        "5 clips | complete", "5 clips | window:8", "5 clips | knn:8",
        "10 clips | complete", "10 clips | window:8", "10 clips | knn:8",
    ]  # fmt: skip
    assert "left out" in lines[4] and "left out" not in lines[1]
    found = json.loads(last)
    assert set(found) == {
        "window_10_over_5", "window_memory_10_over_5", "knn_10_over_5", "knn_memory_10_over_5",
    }  # fmt: skip
    assert found["window_memory_10_over_5"] == 2
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def test_ratios_are_of_the_two_longest() -> None:
    costs = {8: Cost(1.0, 1), 512: Cost(2.0, 10), 4096: Cost(18.0, 70)}
    found = summary({n: {"window:8": cost} for n, cost in costs.items()})
    assert found == {"window_4096_over_512": 9.0, "window_memory_4096_over_512": 7.0}
    assert summary({8: {"window:8": costs[8]}}) == {}
