"""What training, evaluation, asking and networks import: a bare machine with a GPU has little."""

import os
import subprocess
import sys

import pytest

from tests import tiny_run
from tests.conftest import ROOT

# Run in a process of its own: modules that other tests imported would hide an import.
REFUSE = """
import sys
REFUSED = {"av", "cv2", "gensim", "nltk", "openvino", "skvideo", "torchcodec"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ImportError(f"{name} is imported where it must not be needed")
sys.meta_path.insert(0, Refuse())
"""
TRAIN_AND_EVALUATE = """
import importlib
from pathlib import Path
import inference.samples, inference.split
for room in ("training", "model", "evaluation", "data_loader", "tests/gpu"):
    for path in sorted((Path(ROOT) / room).rglob("*.py")):
        importlib.import_module(str(path.relative_to(ROOT).with_suffix("")).replace("/", "."))
import preprocess.feature.load
import train
from evaluation.run import answer, run_questions
from inference.run import open_run
from evaluation.measure import score_run
from options.evaluate import ScoreOptions, SplitOptions
from options.task import run_options
values = dict(questions="questions.pt", appearance="appearance.h5", motion="motion.h5", run="r",
              width=16, epochs=1, batch_size=48, device="cpu")
train.run("qa", run_options("qa", values))
where = SplitOptions(device="cpu")
found, _ = score_run("results/r", ScoreOptions(run=("results/r",)), where)
print(len(found.answers.asked), "answers")
REFUSED -= {"av"}  # it decodes; words need no gensim
import inference.live
import predict
"""


def test_training_and_evaluation_need_few_packages(tmp_path) -> None:
    """A step of training and an evaluation, by what the commands call once they have parsed."""
    tiny_run.make(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", f"{REFUSE}ROOT = {str(ROOT)!r}\n{TRAIN_AND_EVALUATE}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "16 answers"


@pytest.mark.parametrize("command", ["train.py", "train.py autoencoder", "evaluate.py"])
@pytest.mark.parametrize(("flag", "code"), [("--help", 0), ("--epoch", 2)])
def test_help_and_mistakes_need_no_torch(command: str, flag: str, code: int) -> None:
    path, *rest = command.split()
    run = f"REFUSED |= {{'torch'}}; import runpy; runpy.run_path({path!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", REFUSE + run, *rest, flag], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr[-3000:]
    said = done.stdout if code == 0 else done.stderr
    assert said.startswith(f"usage: python {command}" if code == 0 else f"error: python {command}")
