"""Help and a misspelt option come at once: no command imports its work before it has parsed."""

import os
import re
import subprocess
import sys

import pytest

from benchmark.help_time import COMMANDS
from options.command.renamed import RENAMED
from tests.conftest import ROOT

# Run as `python -m` or a script runs it, with what takes seconds refused.
REFUSE = """
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "numpy", "h5py", "av", "gensim", "scipy"):
            raise ImportError(f"{name} is imported before the command has parsed")
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, "")
command, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = command
if command.endswith(".py"):
    runpy.run_path(command, run_name="__main__")
else:
    runpy.run_module(command, run_name="__main__", alter_sys=True)
"""
CASES = [tuple(words) for words in COMMANDS]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", REFUSE, *words], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip


@pytest.mark.parametrize("words", [*CASES, ("demo.shapes",), ("demo.first_stages",)], ids=" ".join)
def test_help_imports_no_work(words: tuple[str, ...]) -> None:
    done = run(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


@pytest.mark.parametrize("words", CASES, ids=" ".join)
def test_a_misspelt_option_imports_no_work_and_is_one_line(words: tuple[str, ...]) -> None:
    usage = run(*words, "--help").stdout.partition("\n\n")[0]
    flag = max(re.findall(r"--\w+", usage), key=len)
    misspelt = flag[:-1] + "_"
    done = run(*words, misspelt, "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and f"did you mean {flag}?" in done.stderr


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_answers_with_the_new_one(old: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", old, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: `python -m {old}` is `python -m {RENAMED[old]}` now\n"
    assert [*RENAMED[old].split()] in [list(words) for words in COMMANDS]
