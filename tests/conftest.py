"""What several test files share."""

import os
from pathlib import Path

import pytest

# One thread a test process: several at once would only wait on each other.  Before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent


def skip_without_library(backbone: str) -> None:
    """Skip, visibly, where an optional library that builds a network of the table is missing."""
    from model.backbone.table import BACKBONES

    library = getattr(BACKBONES[backbone], "requires", "")
    if library:
        pytest.importorskip(library, reason=f"{backbone} needs {library}, an optional package")


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
