"""The client in the docs works as it stands there, and the docs name every address."""

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.web.tiny_page import ANSWERS, Server

PAGE = (ROOT / "docs/page_api.md").read_text(encoding="utf-8")


def test_the_client_of_thirty_lines(server: Server, video: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 32
    script = tmp_path / "client.py"
    script.write_text(code.replace("http://127.0.0.1:8000", server.url), encoding="utf-8")
    for file, fit in ((video, 0), (script, 1)):
        done = subprocess.run(
            [sys.executable, str(script), str(file), "what is shown?"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == fit, done.stderr
    assert "cannot be read" in done.stderr and "convert it" in done.stderr
    done = subprocess.run(
        [sys.executable, str(script), str(video), "what is shown?"], capture_output=True, text=True
    )
    answers = [line.split()[-1] for line in done.stdout.splitlines() if "%" in line]
    assert len(answers) >= 5 and set(answers[:5]) <= set(ANSWERS)


def test_every_address_is_documented(server: Server) -> None:
    for way in server.client.get("/openapi.json").json()["paths"]:
        last = re.sub(r"\{\w+\}", "", way).rstrip("/").split("/")[-1]
        assert f"/{last}" in PAGE, way
