"""What the docs name is there: every command, and every file of the project."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmark.__main__ import MODULES
from tests.conftest import ROOT

PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "results/*.md", "results/*.sh", "Makefile")
    for path in ROOT.glob(pattern)
)
FOLDERS = "|".join(sorted(p.parent.name for p in ROOT.glob("*/__init__.py"))) + "|tests|docs"
OURS = rf"python -m (({FOLDERS})[\w.]*)(?: ([a-z_]+))?"
FILES = rf"(?<![\w/.-])((?:{FOLDERS})/[\w/]+\.(?:py|md|yaml|svg|png|html))"
EXAMPLES = {  # what a reader may add
    "options/preset/NAME.yaml", "options/preset/next_oe.yaml",
    "preprocess/annotation/question/next_oe.py",
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_are_there(page: Path) -> None:
    for command, _, word in re.findall(OURS, (ROOT / page).read_text(encoding="utf-8")):
        found = find_spec(command)
        assert found is not None, f"{page}: python -m {command} is not there"
        if found.submodule_search_locations is not None:  # a package
            assert find_spec(f"{command}.__main__"), f"{page}: python -m {command} is no command"
        assert command != "benchmark" or word in MODULES, f"{page}: python -m benchmark {word}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_are_there(page: Path) -> None:
    named = set(re.findall(FILES, (ROOT / page).read_text(encoding="utf-8")))
    missing = [name for name in sorted(named - EXAMPLES) if not (ROOT / name).exists()]
    assert not missing, f"{page} names {', '.join(missing)}"


def test_the_pages_name_commands_and_files() -> None:
    """Else the two tests above would prove nothing."""
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert len(set(re.findall(OURS, text))) > 20 and len(set(re.findall(FILES, text))) > 30
