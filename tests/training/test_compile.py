"""Compiled steps: where nothing can be compiled it says so; where it can, the numbers stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import train
from tests.conftest import ROOT
from tests.test_train import metrics


@pytest.mark.long
def test_without_a_compiler_it_says_so_and_goes_on(tiny, tmp_path) -> None:
    no_compiler = {"CXX": "/no/such/compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, str(ROOT / "train.py"), *tiny, "--run", "r", "--epochs", "1"]
    subprocess.run(  # not forked: torch's compiler has its own when it is imported
        [*command, "--compile", "true"],
        env={**os.environ, **no_compiler},
        check=True,
        capture_output=True,
    )
    said = Path("results/r/console.log").read_text()
    assert "--compile: nothing can be compiled here (" in said and "going on without" in said
    train.main([*tiny, "--run", "plain", "--epochs", "1"])
    assert metrics("r") == metrics("plain")


@pytest.mark.long
def test_compiled_steps_have_the_losses_of_plain_ones_and_resume_exactly(tiny) -> None:
    flags = [*tiny, "--log_every", "1", "--save_every", "3"]
    for compiled in ("false", "true"):  # tiny clips are so alike that consistency is rounding noise
        plain = ["--dropout", "0", "--state_dropout", "0", "--gamma", "0", "--beta", "0"]
        train.main(
            [*flags, "--run", f"c_{compiled}", "--epochs", "2", *plain, "--compile", compiled]
        )
    for one, other in zip(metrics("c_false"), metrics("c_true"), strict=True):
        # Adam divides by the size of gradients: where they are rounding noise, so is the step
        exact = {"rel": 1e-5} if one["step"] == 1 else {"rel": 2e-2}
        for name in {"train/ce", "val/ce", "val/accuracy"} & one.keys():
            assert one[name] == pytest.approx(other[name], **exact)
    for run, lengths in (("whole", ["4"]), ("cut", ["2", "4"])):
        for i, epochs in enumerate(lengths):
            resume = ["--resume"] if i else []
            train.main([*flags, "--run", run, "--epochs", epochs, "--compile", "true", *resume])
    assert metrics("whole") == metrics("cut")
