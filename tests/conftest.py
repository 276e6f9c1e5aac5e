"""What several test files share."""

import os
from pathlib import Path

import pytest

# One thread a test process: several at once would only wait on each other.  Before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; without it the test skips, visibly."""
    path = ROOT.parent / "shared"
    if not (path / "data").is_dir():
        pytest.skip("needs the real data in ../shared/data, which this machine does not have")
    return path


@pytest.fixture(scope="session")
def golden() -> Path:
    """Reference numbers that come with the project."""
    return ROOT / "tests" / "golden"
