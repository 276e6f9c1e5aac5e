"""The ranking of decoders: every kind of reading is timed, differences and refusals are told."""

import json
from pathlib import Path

import pytest

from benchmark.__main__ import main
from benchmark.extraction import decode
from tests.video_files import cut, moving_images, write_video
from util.errors import UserError


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name in ("a.mp4", "b.avi"):
        write_video(folder / name, images=moving_images(20, (48, 64)))
    return folder


def test_ranks_and_ends_in_json(videos: Path, capsys) -> None:
    flags = ["--videos", str(videos), "--rounds", "1", "--decoders", "pyav"]
    assert main(["decode", *flags]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["best"] == "pyav" and found["videos"] == 2
    assert set(found["frames_per_second"]["pyav"]) == {"all", "clips", "224, torch", "224, decoder"}
    assert all(speed > 0 for speed in found["frames_per_second"]["pyav"].values())
    assert found["largest_difference"] == {"pyav": 0} and found["refused"] == {"pyav": 0}


def test_bad_videos_are_told_and_not_timed(videos: Path, tmp_path, capsys) -> None:
    cut(tmp_path / "cut.avi", videos / "b.avi", 0.1)
    with pytest.raises(UserError, match="none of them is read"):
        main(["decode", "--videos", str(tmp_path), "--rounds", "1", "--decoders", "pyav"])
    assert "pyav: cut.avi: " in capsys.readouterr().out


def test_videos_are_spread_evenly(videos: Path) -> None:
    assert [p.name for p in decode.choose_videos(str(videos), 9)] == ["a.mp4", "b.avi"]
    assert [p.name for p in decode.choose_videos(str(videos), 1)] == ["a.mp4"]
    assert len(decode.choose_videos(None, 12)) == 3


def test_other_frames_are_noticed(videos: Path, monkeypatch) -> None:
    right = decode.DECODERS["pyav"]

    def loses_the_last(path: Path):
        converts = list(right.frames(path))
        yield from converts[:-1]

    class Other:
        frames = staticmethod(loses_the_last)

    monkeypatch.setitem(decode.DECODERS, "other", Other)
    assert decode.compare(videos / "a.mp4", "other") == (19, 0, "fewer frames than PyAV")
