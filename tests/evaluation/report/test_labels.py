"""The page of a classifier is whole, safe and by itself; the worst rows are the worst."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from evaluation.label.score import score_classes
from evaluation.label.told import together
from evaluation.label.values import score_values
from evaluation.report.labels import worst_rows, write_class_page, write_value_page
from tests.evaluation.label.made import predictions
from tests.evaluation.label.test_values import told
from tests.evaluation.report.test_page import Reader, read

EVIL = '<script>alert("1")</script> & $run </article>'
FILM = [(np.full((9, 12, 3), 40 * i, dtype=np.uint8), f"frame {i}") for i in (1, 2)]


def class_page(tmp_path: Path, said, films=None) -> tuple[Path, Reader]:
    path = tmp_path / "a.html"
    rows = worst_rows(said, 5)
    score = score_classes(together([said]), {"linear": (together([said]), said.name)})
    write_class_page(path, score, rows, films or [FILM] * len(rows))
    return path, read(path)


def test_the_worst_rows_are_wrong_and_in_order() -> None:
    said = predictions()
    rows = worst_rows(said, 8).tolist()
    share = [said.probability[i, said.target[i]] for i in rows]
    assert share == sorted(share) and not said.hits[rows].any()
    others = [i for i in range(40) if i not in rows and not said.hits[i]]
    assert all(said.probability[i, said.target[i]] >= share[-1] for i in others)


def test_every_number_is_on_the_page(tmp_path: Path) -> None:
    said = predictions(rows=60, classes=7, order_only=("class 1",), alike=(("class 1",),))
    _, page = class_page(tmp_path, said)
    words = " ".join(page.text)
    assert len(page.of("article")) == 5 and len(page.of("img")) == 10
    heads = ("top-5 accuracy", "mean class accuracy", "order-only", "frame 2", "F1", "chance")
    for part in ("run0", "split test", f"{100 * said.hits.mean():.1f}", *heads):
        assert part in words
    assert len(page.of("li", "true")) == 5  # the true class is among what is shown of each
    own = [a["style"] for a in page.of("td", "own")]
    counts = [((said.target == k), k) for k in range(7)]
    assert own == [f"--share: {100 * (said.predicted[t] == k).mean():.0f}" for t, k in counts]


def test_foreign_text_is_only_text_and_nothing_is_fetched(tmp_path: Path) -> None:
    said = predictions(rows=40, classes=4)
    names = tuple(f"{EVIL}{k}" for k in range(4))
    videos = tuple(f"{EVIL}{i}" for i in range(40))
    evil = replace(said, classes=names, videos=videos, groups=(EVIL,) * 40, name=EVIL, split=EVIL)
    path, page = class_page(tmp_path, evil, [[(FILM[0][0], EVIL)]] * 5)
    html = re.sub(r'base64,[A-Za-z0-9+/=]+"', "", path.read_text())
    assert "<script" not in html and len(page.of("article")) == 5
    assert not re.search(r"https?:|//|@import|url\(", html) and not page.of("link")
    assert "".join(page.text).count(EVIL) > 20


def test_a_model_that_is_never_wrong_and_one_of_many_classes(tmp_path: Path) -> None:
    right = predictions()
    right = replace(right, logits=np.eye(4)[right.target])
    _, page = class_page(tmp_path, right)
    assert "No wrong row to show." in page.text
    _, page = class_page(tmp_path, predictions(rows=200, classes=50))
    assert len(page.of("td", "own")) == 30 and "other" in page.text


def test_values_are_drawn_over_time(tmp_path: Path) -> None:
    said = replace(told(rows=6), videos=tuple(f"{EVIL}{i}" for i in range(6)), name=EVIL)
    path = tmp_path / "v.html"
    write_value_page(path, score_values(together([said])), np.array([2, 0]), [FILM, []])
    page = read(path)
    assert len(page.of("article")) == 2 and len(page.of("img")) == 2
    known, series = (page.of("polyline", name) for name in ("known", "said"))
    counts = [len((a["points"] or "").split()) for a in (*known, *series)]
    assert counts == [np.isfinite(said.true[2]).sum(), np.isfinite(said.true[0]).sum(),
                      len(said.true[2]), len(said.true[0])]  # fmt: skip
    assert "<script" not in path.read_text()
