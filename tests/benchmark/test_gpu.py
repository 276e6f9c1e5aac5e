"""The command for a GPU, tried on a CPU at a size of seconds."""

import json
import sys
from dataclasses import replace

import pytest
import torch

from benchmark.__main__ import main
from benchmark.gpu.parts import PARTS, TOTAL, environment, rounded, run_part
from benchmark.gpu.plan import PLANS
from tests.fake_cuda import fake_cuda

CPU = torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_without_a_gpu_it_says_so_in_one_line(capsys) -> None:
    assert main(["gpu"]) == 2
    assert capsys.readouterr().out.count("\n") == 1


def test_training_and_its_profile(tmp_path, capsys) -> None:
    for name, keys in (
        ("epochs", {"seconds", "seconds_an_epoch", "estimate_gib"}),
        ("profile", {"where", "table"}),
    ):
        work, budget = PARTS[name]
        found = work(PLANS["tiny"], CPU, tmp_path)
        assert found.keys() == keys and budget > 0
        json.dumps(found)
    assert found["where"].count("%") == 5
    assert (tmp_path / "results" / "profile" / "profile.txt").is_file()
    assert "\n2 epochs of 60 questions: " in capsys.readouterr().out


def test_networks_over_videos(tmp_path, capsys) -> None:
    work, budget = PARTS["networks"]
    found = work(PLANS["tiny"], CPU, tmp_path)
    json.dumps(found)
    assert budget > 0
    for precision in ("float32", "bf16"):
        for name in ("vivit", "rnn"):
            assert all(value > 0 for value in found[precision][name].values())
    assert capsys.readouterr().out.count("| `vivit` |") == 2


@pytest.mark.parametrize("size", ["tiny", pytest.param("msvd_qa", marks=pytest.mark.long)])
def test_networks_over_videos_are_on_the_gpu(size: str, tmp_path, capsys, monkeypatch) -> None:
    """Those of a plan, on fake CUDA tensors: times mean nothing, and nothing mixes devices."""
    plan = replace(PLANS["tiny"], video_networks=PLANS[size].video_networks)
    work, _ = PARTS["networks"]
    with fake_cuda(monkeypatch):
        found = work(plan, torch.device("cuda"), tmp_path)
    for precision in ("float32", "bf16"):
        assert found[precision].keys() == {"matrix_tflops", *plan.video_networks}
    assert "hours an epoch of Kinetics-400" in capsys.readouterr().out


@pytest.mark.long
def test_extraction_by_a_part_of_its_own(tmp_path, capfd) -> None:
    """Through the command: a process for the part, its lines, one JSON line last."""
    given = ["--device", "cpu", "--size", "tiny", "--parts", "extraction"]
    assert main(["gpu", *given, "--folder", str(tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    found = json.loads(lines[-1])
    assert found["failed"] == {} and found["environment"]["torch"] == torch.__version__
    for precision in ("float32", "bf16"):
        rate = found["extraction"][precision]
        alone = [rate[name] for name in PLANS["tiny"].networks]
        assert rate["clips_per_second"] == pytest.approx(1 / sum(1 / x for x in alone), rel=1e-2)
        assert 0.5 <= rate["slower_share"] <= 1
        assert any(line.startswith(f"extraction {precision}: ") for line in lines)
    assert len(found["extraction"]["grouped_conv3d_ms"]) == 4
    assert "convolution" in (tmp_path / "extraction_profile.txt").read_text()


def test_a_part_that_fails_or_hangs_has_a_reason(tmp_path, capfd) -> None:
    """Its lines are printed; what it said last on stderr is the reason."""
    log = tmp_path / "part.log"
    code = "print('half done', flush=True)\nraise MemoryError('out of memory on the card')"
    found, reason = run_part([sys.executable, "-c", code], log, 60)
    assert found is None and reason == f"MemoryError: out of memory on the card; see {log}"
    assert "half done" in capfd.readouterr().out
    found, reason = run_part([sys.executable, "-c", "import time; time.sleep(60)"], log, 0.5)
    assert found is None and reason.startswith("took longer than 0.5 s")
    assert run_part([], log, 0.0) == (None, "no time left")


def test_a_failed_part_is_in_the_json_and_the_rest_goes_on(tmp_path, monkeypatch, capfd) -> None:
    answers = iter([(None, "CUDA error"), ({"passed": 3, "failed": "test_x: wrong"}, ""), ({}, "")])
    monkeypatch.setattr("benchmark.gpu.parts.run_part", lambda *given: next(answers))
    given = ["--device", "cpu", "--size", "tiny", "--folder", str(tmp_path)]
    assert main(["gpu", *given, "--parts", "epochs", "tests", "profile"]) == 1
    found = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert found["failed"] == {"epochs": "CUDA error", "tests": "test_x: wrong"}
    assert found["tests"]["passed"] == 3 and "profile" in found


def test_the_environment_and_the_time_for_all_parts() -> None:
    assert TOTAL + 20 < 480  # with what starting python and torch takes
    assert rounded({"a": {"b": 1.23456}, "c": 3}) == {"a": {"b": 1.235}, "c": 3}
    assert environment(CPU)["float32_products"] in ("highest", "high", "medium")
