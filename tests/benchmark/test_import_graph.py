"""The import graph of a small made-up checkout, in numbers."""

import json
from pathlib import Path

from benchmark.__main__ import main

FILES = {
    "train.py": "from training.loop import step\n",
    "training/__init__.py": "",
    "training/loop.py": "import model.net\nfrom evaluation import score\nimport torch\n",
    "evaluation/score.py": "def late():\n    from util import text\n",
    "model/net.py": "from model.layer import norm\nfrom util.text import shown\n",
    "model/layer/norm.py": "import model.net\n",
    "util/text.py": "import re\n",
    "notes/own.py": "import util.text\n",
}


def test_floors_circles_and_upward_arrows(tmp_path: Path, capsys) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert main(["import_graph", "--root", str(tmp_path)]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    # floors: text; net and norm; loop; train
    assert json.loads(last) == {
        "modules": 6, "arrows": 7, "floors": 4, "circles": 1, "upward_arrows": 1, "lines": 10,
    }  # fmt: skip
    assert "upward: training.loop -> evaluation.score" in lines
    assert "circle: model.layer.norm, model.net" in lines
    assert next(line.split() for line in lines if line.startswith("model")) == ["model", "2", "3"]
