"""One rule for which file is which video."""

import pytest

from data_loader.video_names import no_video, video_id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.mp4", "a"),
        ("a", "a"),
        ("a.b.MKV", "a.b"),
        ("a.b", "a.b"),
        ("-x_1.5.avi", "-x_1.5"),
        ("talk0.asf", "talk0"),
        ("talk0.VOB", "talk0"),
        ("talk.unheard_of", "talk.unheard_of"),
        (" cat .mp4 ", "cat"),
        (".mp4", ".mp4"),
        (" .mp4", ".mp4"),
        ("cafe\u0301.mp4", "caf\u00e9"),
        ("caf\u00e9", "caf\u00e9"),
        ("a\nb.mp4", "a\nb"),
        ("caf\udce9.mp4", "caf\udce9"),
        ("cat.srt", "cat.srt"),
    ],
)
def test_the_id_of_a_video_is_its_name_without_the_ending(name, expected) -> None:
    assert video_id(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.mp4", None),
        ("cat", None),
        ("cat.unheard_of", None),
        ("cat.srt.mp4", None),
        ("h5", None),
        (".DS_Store", "hidden"),
        ("._cat.mp4", "hidden"),
        ("cat.SRT", "text"),
        ("cat.en.srt", "text"),
        ("Thumbs.db", "text"),
        ("cat.webp", "picture"),
        ("cat.m4a", "sound"),
        ("cat.mp4.part", "unfinished download"),
        ("q.pt", "data or archive"),
        ("s.h5", "file of this program"),
        ("s.h5.quarantine.json", "file of this program"),
        ("s.h5.parts", "file of this program"),
        ("s.h5.lock", "file of this program"),
    ],
)
def test_what_lies_beside_videos_is_known_by_its_name(name, expected) -> None:
    assert no_video(name) == expected
