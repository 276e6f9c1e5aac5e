"""`evaluate.py report`: from a trained run to a page."""

from pathlib import Path

import pytest

import evaluate
import train
from tests import tiny_run, video_files
from util.errors import UserError


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that is wrong often, and video files for two of its test videos, one of them broken."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main([*tiny_run.make(folder), "--run", "r", "--epochs", "1", "--gamma", "1"])
    (folder / "videos").mkdir()
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained)


def page(*flags: str) -> str:
    evaluate.main(["report", "--run", "results/r", "--output", "page.html", *flags])
    return Path("page.html").read_text()


def test_the_page_shows_wrong_answers_and_the_accuracy() -> None:
    evaluate.main(["--run", "results/r", "--plots", "false", "--output", "answers.json"])
    text = page("--count", "100")
    assert "test" in text and "what is shown?" in text and "who is moving?" in text
    assert "data:image" not in text
    assert "who is moving?" not in page("--type", "what")


def test_with_videos_it_shows_their_frames_and_one_that_is_broken_does_not_stop_it(capsys) -> None:
    for name in ("v32", "v33", "v34", "v35"):  # the first test videos
        video_files.write_video(Path(f"videos/{name}.mp4"), 9)
    Path("videos/v36.mp4").write_bytes(b"no video")
    text = page("--videos", "videos", "--count", "100")
    assert text.count("data:image/jpeg") > 0 and "frame 2" in text


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--type", "why"], "question type why: split test has .*what.*; name one"),
        (["--id_map", "m.txt"], "--id_map m.txt: maps files, but --videos names none"),
        (["--videos", "empty"], "empty"),
        (["--count", "0"], "--count 0: must be at least 1"),
    ],
)
def test_mistakes(flags: list[str], line: str) -> None:
    Path("empty").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=line):
        page(*flags)
