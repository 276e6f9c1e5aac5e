"""Every command sets how OpenMP's threads wait before it loads torch."""

import util.threads

import ast
import importlib
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

COMMANDS = [
    path.relative_to(ROOT)
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] not in (".venv", "tests")
    and '__name__ == "__main__"' in path.read_text()
]


@pytest.mark.parametrize(
    ("set_by_user", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_what_the_user_has_set_stays(set_by_user, spins, monkeypatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_by_user.items():
        monkeypatch.setenv(name, value)
    importlib.reload(util.threads)
    assert os.environ.get("GOMP_SPINCOUNT") == spins


@pytest.mark.parametrize("path", COMMANDS, ids=str)
def test_every_command_sets_it_first(path) -> None:
    first = path if len(path.parts) == 1 else path.parts[0] + "/__init__.py"
    body = ast.parse((ROOT / first).read_text()).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert ast.unparse(imports[0]) == "import util.threads"


def test_openmp_has_it() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT",)}
    done = subprocess.run(
        [sys.executable, "-c", "import train"],
        cwd=ROOT,
        env={**environment, "OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "GOMP_SPINCOUNT = '1000'" in done.stderr
