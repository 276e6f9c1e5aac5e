"""The command: hits in, a file of any format out, mistakes in one line."""

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from library.__main__ import main
from library.edit_list.export import WRITERS
from tests import numbered_video
from tests.conftest import ROOT
from util.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("films")
    numbered_video.write(path / "a.mp4", 100, Fraction(30000, 1001))
    numbered_video.write(path / "b.mov", 100, Fraction(30000, 1001), timecode="01:00:00;00")
    times = [n + n // 7 for n in range(60)]
    numbered_video.write(path / "v.mp4", 60, Fraction(20), times=times, base=Fraction(1, 20))
    return path


@pytest.fixture
def here(folder, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for video in folder.iterdir():
        Path(video.name).symlink_to(video)
    return tmp_path


def hits(*rows: dict) -> None:
    Path("hits.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


FIRST = {"video": "a.mp4", "start": 1, "end": 2, "score": 0.5, "query": "a man rides"}
SECOND = {"video": "b.mov", "start": 0, "end": 0.5, "score": 0.9}


def export(kind: str, *flags: str) -> str:
    assert main(["export", "hits.jsonl", "--as", kind, "--output", "out", *flags]) == 0
    return Path("out").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format(kind: str, here, capsys) -> None:
    if kind == "otio":
        pytest.importorskip("opentimelineio", reason="needs opentimelineio, an optional package")
    hits(FIRST, SECOND)
    text = export(kind, "--rate", "29.97df")
    assert "a.mp4" in text and "b.mov" in text
    assert "2 cuts of 2 videos, 1.5 s at 29.97df" in capsys.readouterr().out
    assert len(list(Path().iterdir())) == 5  # the videos, the hits, the file


def test_handles_order_and_track(here) -> None:
    hits(FIRST, {**SECOND, "track": 4})
    rows = export("csv", "--handles", "0.2", "--order", "score", "--track", "2").splitlines()
    keys = rows[0].split(",")
    first, second = (dict(zip(keys, row.split(","), strict=True)) for row in rows[1:])
    assert (first["path"][-5:], first["track"], second["track"]) == ("b.mov", "4", "2")
    assert (first["begin_frame"], first["end_frame"], first["tail_frames"]) == ("0", "21", "6")
    assert (first["begin_timecode"], first["drop_frame"]) == ("01:00:00;00", "1")
    assert (second["begin_frame"], second["end_frame"]) == ("24", "66")
    assert second["query"] == "a man rides" and len(second["sha256"]) == 64


def test_a_variable_rate_goes_on_the_named_one(here, capsys) -> None:
    hits({"video": "v.mp4", "start": 1, "end": 2})
    assert ",30,1,0,30,60,1,2," in export("csv", "--rate", "30")
    assert "v.mp4: placed on 30 frames a second, by the time" in capsys.readouterr().out
    export("csv")  # 17.5 on average
    assert "v.mp4: placed on 23.976 frames a second, by the time" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--as mlt: cut 1 \(v\.mp4\) has a variable rate"):
        export("mlt")


def test_mistakes_leave_an_earlier_file(here) -> None:
    Path("out").write_text("earlier")
    cases = [
        ({**FIRST, "video": "gone.mp4"}, (), r"gone\.mp4: no such file"),
        ({**FIRST, "start": 100, "end": 101}, (), r"a\.mp4: lasts 3\.337 s, and a hit begins at"),
        ({**FIRST, "sha256": "0" * 64}, (), r"a\.mp4: has changed since it was indexed"),
        ({**FIRST, "track": 2}, (), r"--as edl: cut 1 \(a\.mp4\) is on track 2"),
        (FIRST, ("--handles", "-1"), r"--handles -1\.0: give seconds from 0"),
        (FIRST, ("--track", "0"), r"--track 0: give a number from 1"),
        (FIRST, ("--output", "hits.jsonl"), r"--output hits\.jsonl: is what --hits names"),
        (FIRST, ("--output", "a.mp4"), r"--output a\.mp4: is what a hit names"),
        (FIRST, ("--output", "."), r"--output \.: is a folder"),
    ]
    for row, flags, said in cases:
        hits(row)
        with pytest.raises(UserError, match=said):
            main(["export", "hits.jsonl", "--as", "edl", "--output", "out", *flags])
    assert Path("out").read_text() == "earlier" and not list(Path().glob("*.partial"))


def test_without_opentimelineio_one_line_says_what_to_install(here, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    hits(FIRST)
    with pytest.raises(UserError, match=r"--as otio: needs .*requirements-library\.txt, or take"):
        export("otio")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["--help"], 0, "export   found moments"), ([], 0, "export   found moments"),
     (["exprt"], 2, "error: python -m library: exprt is no subcommand; did you mean export?"),
     (["export", "h", "--as", "edl"], 2, "--output is missing"),
     (["export", "h", "--as", "xml", "--output", "o"], 2, "--as")],
)  # fmt: skip
def test_the_command_line(words: list[str], code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "library", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code and re.search(re.escape(said), done.stdout + done.stderr)
    assert code == 0 or done.stderr.count("\n") == 1
