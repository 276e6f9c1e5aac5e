"""Captions as subtitles that players read: times, escapes, neighbours that say the same."""

import re
from pathlib import Path

import pytest

from inference.caption.subtitles import Cue, Format, merged, subtitles, write_subtitles
from tests.hostile_text import texts
from util.errors import UserError

CLOCK = {"vtt": r"\d{2,}:[0-5]\d:[0-5]\d\.\d{3}", "srt": r"\d{2,}:[0-5]\d:[0-5]\d,\d{3}"}
CUES = [Cue(0, 4, "a man talks"), Cue(4, 9.5004, "he is < 3 & > 2")]


def test_both_formats_to_the_letter() -> None:
    assert subtitles(CUES, "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\na man talks\n\n"
        "00:00:04.000 --> 00:00:09.500\nhe is &lt; 3 &amp; &gt; 2\n"
    )
    assert subtitles(CUES, "srt") == (
        "1\n00:00:00,000 --> 00:00:04,000\na man talks\n\n"
        "2\n00:00:04,000 --> 00:00:09,500\nhe is \uff1c 3 & \uff1e 2\n"
    )
    assert subtitles([], "vtt") == "WEBVTT\n" and subtitles([], "srt") == ""


def test_long_and_short_times() -> None:
    text = subtitles([Cue(3599.9996, 360000, "x"), Cue(360000, 360000.0001, "y")], "srt")
    assert "01:00:00,000 --> 100:00:00,000" in text
    assert "100:00:00,000 --> 100:00:00,001" in text  # a cue lasts


def test_neighbours_that_say_the_same_are_one() -> None:
    cues = [Cue(0, 4, "a"), Cue(4, 8, "a"), Cue(8, 12, ""), Cue(12, 16, "a"), Cue(16, 20, "b"),
            Cue(24, 28, "b")]  # fmt: skip
    assert merged(cues) == [Cue(0, 8, "a"), Cue(12, 16, "a"), Cue(16, 20, "b"), Cue(24, 28, "b")]


@pytest.mark.parametrize("kind", ["vtt", "srt"])
def test_no_text_is_markup_or_breaks_the_file(kind: Format, tmp_path: Path) -> None:
    hostile = [text for text in texts() if text.strip() and len(text) < 2000]
    cues = merged(Cue(i, i + 1, text) for i, text in enumerate(hostile))
    write_subtitles(tmp_path / "x", cues, kind)
    content = (tmp_path / "x").read_bytes().decode("utf-8")
    head, *blocks = content.removesuffix("\n").split("\n\n")
    blocks = blocks if kind == "vtt" else [head, *blocks]
    assert len(blocks) == len(cues) and (head == "WEBVTT" or kind == "srt")
    for number, block in enumerate(blocks, 1):
        lines = block.split("\n")
        if kind == "srt":
            assert lines.pop(0) == str(number)
        assert re.fullmatch(f"{CLOCK[kind]} --> {CLOCK[kind]}", lines[0])
        (shown,) = lines[1:]
        assert not set(shown) & set("<>" if kind == "vtt" else "<>{}\\")
        if kind == "vtt":
            assert not re.sub("&(amp|lt|gt);", "", shown).count("&")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_subtitles(tmp_path / "file" / "x.vtt", CUES, "vtt")
