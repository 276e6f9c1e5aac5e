"""Users' text in pictures, tables, pages and logs: shown as it is, obeyed by nothing."""

import ast
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import util.clip_plots
import util.text
from benchmark.training.topology import Cost
from benchmark.training.topology import plot as growth
from evaluation.format import grid
from evaluation.plot.accuracy import all_plots
from evaluation.report.page import Failure, write_page
from tests.conftest import ROOT
from tests.evaluation.plot.test_accuracy import made
from util.clip_plots import clip_timeline, clip_weights, reconstructions
from util.grouped import Grouped
from util.tensorboard import RunLog
from util.text import cells_of, markdown_text

TEXTS = [
    "is it $5 or $10?", "who sings Ba$$in?", r"$\frac{1}{$", "a\nb\x1b[31m\t\x00", "half \ud83d",
    "\u202eright to left", "日本語 ελληνικά العربية 👩\u200d🔬",
    "<b>bold</b> & *stars* | `x` _y_ #",
    "x" * 100_000, "", " ",
]  # fmt: skip


def written(figure) -> set[str]:
    figure.savefig("/dev/null", format="png")
    return {text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_picture_draws_it(text: str) -> None:
    rng = np.random.default_rng(0)
    film = rng.random((3, 8, 8, 3))
    asked = ["a", text, "b"] * 4
    one = made(truth=asked, given=asked[::-1], types=[text, "what", "who"] * 4)
    bars = {"run": (Grouped(0.5, {text: 0.2}), Grouped((0.4, 0.6), {}))}
    texts = set().union(
        *(written(figure) for figure in all_plots(one, bars).values()),
        written(clip_weights([text], rng.random((1, 2, 4)), rng.random((1, 4)))),
        written(reconstructions([(text, {"original": film, "rebuilt": film / 2})])),
        written(
            clip_timeline(
                question=text,
                answers=[(text, 0.5), ("b", 0.2)],
                frames=[film[0]] * 4,
                times=["frame 1"] * 4,
                punishment=rng.random((2, 4)),
                readout=rng.random(4),
            )
        ),
    )
    if "$" in text:
        assert text in texts


def test_whoever_draws_has_the_settings() -> None:
    """All that make figures of users' texts import util.clip_plots, which sets them."""
    assert not util.clip_plots.matplotlib.rcParams["text.parse_math"]
    for path in [ROOT / "evaluate.py", ROOT / "predict.py", *(ROOT / "evaluation").rglob("*.py")]:
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom | ast.Import)
            for name in [getattr(node, "module", None), *(a.name for a in node.names)]
        }
        if any(name and name.startswith("matplotlib") for name in names):
            assert names & {
                "util.clip_plots", "evaluation.plot.panels", "evaluation.plot.accuracy",
                "evaluation.plot.confusion",
            }, path  # fmt: skip


def test_axes_of_powers_need_no_mathematics() -> None:
    costs = {n: {"window:8": Cost(float(n), n * 2**20)} for n in (8, 800)}
    assert not any("$" in text for text in written(growth(costs, width=8, videos=2)))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_page_shows_it_and_holds_nothing_else(text: str, tmp_path) -> None:
    failure = Failure(
        id=text, video=text, type=text, question=text, answer=text, known=True, top=[(text, 0.5)],
        punishment=np.zeros((2, 3)), readout=np.ones(3),
    )  # fmt: skip
    write_page(
        tmp_path / "p.html", run=text, split="test", summary=[(text, text)], failures=[failure]
    )
    page = (tmp_path / "p.html").read_bytes().decode("utf-8")
    assert not re.search("[\x00-\x08\x1b\u202e]", page)
    assert len(page) < 40_000
    if text.strip() and len(text) < 100:
        heading = re.search("<h2><bdi>(.*?)</bdi></h2>", page)
        assert unescape(heading[1]) == util.text.printable(text)
        assert "<b>" not in page


def test_a_table_keeps_its_lines() -> None:
    lines = grid(["all", "b"], [(text, ["1", "2"]) for text in TEXTS]).splitlines()
    assert len(lines) == 1 + len(TEXTS) and len({cells_of(line) for line in lines}) == 1
    assert cells_of(lines[0]) < 130


def test_tensorboard_shows_it(tmp_path) -> None:
    log = RunLog(tmp_path, tmp_path / "log", step=0)
    log.table(1, "val/samples", ["question"], [[text] for text in TEXTS])
    log.close()
    events = EventAccumulator(str(tmp_path / "log")).Reload()
    (found,) = events.Tensors("val/samples/text_summary")
    lines = found.tensor_proto.string_val[0].decode("utf-8").splitlines()
    assert len(lines) == 2 + len(TEXTS)
    assert markdown_text("<b>|`*") == r"&lt;b&gt;\|\`\*"


def test_files_of_a_run_are_utf8(tmp_path: Path) -> None:
    log = RunLog(tmp_path, tmp_path / "log", step=0)
    log.scalars(1, {f"val/accuracy/{text[:99]}": 0.5 for text in TEXTS})
    log.close()
    assert (tmp_path / "metrics.jsonl").read_bytes().decode("utf-8").count("\n") == 1
