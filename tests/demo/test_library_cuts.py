"""The readers that judge the cuts of `make library`: exact ones pass, others are told."""

import json
from pathlib import Path

import pytest

from demo.cuts import READERS, Cut, rendered_exactly, wanted
from library.__main__ import main as library
from tests.video_files import write_video


@pytest.fixture
def hits(tmp_path: Path) -> Path:
    """Two moments of a video of 40 frames, each of another grey, at 25 frames a second."""
    path = write_video(tmp_path / "a.mp4", frames=40)
    rows = [{"video": str(path), "start": s, "end": e} for s, e in ((0.16, 0.64), (0.69, 1.06))]
    (tmp_path / "hits.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "hits.jsonl"


def true_cuts(hits: Path) -> list[Cut]:
    rows = [json.loads(line) for line in hits.read_text().splitlines()]
    return [wanted(row["video"], row["start"], row["end"]) for row in rows]


def test_frames_that_are_shown_in_a_moment(hits: Path) -> None:
    assert [(cut.begin, cut.end) for cut in true_cuts(hits)] == [(4, 16), (17, 27)]


@pytest.mark.parametrize("name", READERS)
def test_lists_are_read(hits: Path, name: str) -> None:
    output = hits.parent / f"cuts.{name}"
    assert library(["export", str(hits), "--as", name, "--output", str(output)]) == 0
    assert READERS[name](output) == true_cuts(hits)
    last = {"csv": (",4,16,", ",4,17,"), "fcp7": (">16<", ">17<"), "mlt": ('"15"', '"16"')}
    output.write_text(output.read_text().replace(*last[name]))
    assert [cut.end for cut in READERS[name](output)] == [17, 27]


def test_a_frame_too_early_is_seen_when_it_is_rendered(hits: Path) -> None:
    output, cuts = hits.parent / "cuts.txt", true_cuts(hits)
    library(["export", str(hits), "--as", "ffmpeg", "--output", str(output)])
    found = rendered_exactly(output, cuts)
    if found is None:
        pytest.skip("needs the ffmpeg program (imageio-ffmpeg of requirements-dev.txt)")
    assert found == [True, True]
    early = [cuts[0], Cut(cuts[1].path, cuts[1].begin - 1, cuts[1].end - 1)]
    assert rendered_exactly(output, early) == [True, False]
    assert rendered_exactly(output, [cuts[0], cuts[1]._replace(end=28)]) == [False, False]
