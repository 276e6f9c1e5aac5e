"""What a format cannot express is refused in one line; what it holds is data, whatever it says."""

import random
import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest

from library.edit_list import csv_table, edl, fcp7, fcpx, ffmpeg, mlt
from library.edit_list.cuts import Cut, EditList, Source
from library.edit_list.export import WRITERS
from library.edit_list.rate import RATES, Rate
from library.edit_list.text import one_line
from tests.hostile_text import texts
from tests.library.edit_list.readers import READERS, wanted
from util.errors import UserError


def source(rate: str = "25", **more) -> Source:
    values = {"path": "/v/a.mp4", "frames": 900, "rate": RATES[rate], **more}
    return Source(sha256="0" * 64, width=64, height=48, **values)  # type: ignore[arg-type]


def edits(*cuts: Cut, rate: str = "25", start: int = 0) -> EditList:
    return EditList("list", RATES[rate], start, cuts)


ODD = source(rate="25", path="/v/odd.avi")
ODD = Source(ODD.path, ODD.sha256, Rate(Fraction(2992, 100)), 900, 64, 48)
TWO_RATES = edits(Cut(source(), 0, 10), Cut(source("30"), 0, 10))
TWO_TRACKS = edits(Cut(source(), 0, 10), Cut(source(), 0, 10, track=2))
LATE = edits(Cut(source("29.97df", timecode=2_589_400), 0, 10), rate="29.97df")
ODD_RATE = EditList("list", ODD.rate, 0, (Cut(ODD, 0, 10),))
COUNTED = edits(Cut(source("29.97", timecode=5), 0, 10), rate="29.97df")
NUL = edits(Cut(source(path="/v/tab\x0b.mp4"), 0, 10))
VARIABLE = edits(Cut(source(variable=True), 0, 10))


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("edl", TWO_RATES, "cut 2 (a.mp4) is at 30 frames a second in a list of 25; this format"),
        ("fcp7", TWO_RATES, "cut 2 (a.mp4) is at 30 frames a second in a list of 25; this format"),
        ("mlt", TWO_RATES, "cut 2 (a.mp4) is at 30 frames a second in a list of 25; this format"),
        ("fcpx", TWO_RATES, "cut 2 (a.mp4) would begin or end between two frames of 25; export"),
        ("edl", TWO_TRACKS, "cut 2 (a.mp4) is on track 2, and this format has one; give --track"),
        ("ffmpeg", TWO_TRACKS, "cut 2 (a.mp4) is on track 2, and this format has one; give --tra"),
        ("edl", LATE, "cut 1 (a.mp4) runs past 24 hours of timecode"),
        ("edl", ODD_RATE, "cut 1 (odd.avi) is at 29.92 frames a second, which timecode does not"),
        ("fcp7", ODD_RATE, "cut 1 (odd.avi) is at 29.92 frames a second, and this format has wh"),
        ("fcpx", ODD_RATE, "cut 1 (odd.avi) would make a list of 29.92 frames a second, which F"),
        ("edl", COUNTED, "cut 1 (a.mp4) has timecode of 29.97 in a list of 29.97df; this format"),
        ("mlt", NUL, "cut 1 (tab\\x0b.mp4) has a name with a character that XML cannot hold; ren"),
        ("mlt", VARIABLE, "cut 1 (a.mp4) has a variable rate, or none of its own, of which MLT"),
        ("ffmpeg", edits(Cut(source(), 0, 1), Cut(source("30"), 0, 10)),
         "cut 1 (a.mp4) has a single frame in a list of several rates; give --handles"),
        ("ffmpeg", edits(*[Cut(source(), 0, 1)] * 401), "cut 401 (a.mp4) is one too many: this f"),
        ("edl", edits(*[Cut(source(), 0, 1)] * 1000), "cut 1000 (a.mp4) is one too many: this f"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)  # fmt: skip
def test_one_line_names_format_cut_and_cure(kind: str, given: EditList, said: str) -> None:
    with pytest.raises(UserError) as caught:
        WRITERS[kind](given)
    line = str(caught.value)
    assert line.startswith(f"--as {kind}: {said}") and "\n" not in line and ", or " in line


@pytest.mark.parametrize("kind", ["csv", "otio"])
def test_what_expresses_all(kind: str) -> None:
    if kind == "otio":
        pytest.importorskip("opentimelineio", reason="needs opentimelineio, an optional package")
    for given in (TWO_RATES, TWO_TRACKS, LATE, ODD_RATE, COUNTED, NUL, VARIABLE):
        assert WRITERS[kind](given)


def test_fcpx_has_rates_that_meet_in_frames() -> None:
    given = edits(Cut(source("50"), 1, 11), Cut(source("25"), 3, 4), Cut(source("30"), 0, 6))
    assert READERS["fcpx"](fcpx.text_of(given), given) == wanted(given)


def test_a_sources_own_timecode_is_shown() -> None:
    text = edl.text_of(
        edits(Cut(source("29.97df", timecode=107_892, frames=2000), 1, 1801), rate="29.97df")
    )
    assert "01:00:00;01 01:01:00;03 00:00:00;00 00:01:00;02" in text


def test_reels_are_eight_characters_and_no_two_alike() -> None:
    names = ["Zoë 映画.mp4", "bl.mp4", "a very long name.mp4", "A VERY LONG name too.mov", "映.mp4"]
    cuts = [Cut(source(path=f"/v/{name}"), 0, 1) for name in names]
    lines = [line.split() for line in edl.text_of(edits(*cuts)).splitlines() if line[:1].isdigit()]
    assert [line[1] for line in lines] == ["ZO", "BL_2", "AVERYLON", "AVERYL_4", "_5"]


HOSTILE = [text for text in texts() if len(text) < 20_000]


def hostile_list(count: int | None = None) -> EditList:
    rng = random.Random(0)
    some = HOSTILE if count is None else rng.sample(HOSTILE, count)
    cuts = [Cut(source(path=f"/v/{n % 7}.mp4"), n, n + 2, query=text, why=text, weights=text)
            for n, text in enumerate(some[:800])]  # fmt: skip
    return EditList("]]></name>\nTITLE: x", RATES["25"], 0, tuple(cuts))


@pytest.mark.parametrize("kind", READERS)
def test_texts_are_data(kind: str) -> None:
    given = hostile_list()
    text = WRITERS[kind](given)
    text.encode("utf-8")
    assert READERS[kind](text, given) == wanted(given)


def test_texts_come_back_as_they_were_shown() -> None:
    given = hostile_list()
    for writer, tag in ((fcpx.text_of, "md"), (fcp7.text_of, "lognote"), (mlt.text_of, "property")):
        root = ET.fromstring(writer(given))
        found = [e.get("value") or e.text or "" for e in root.iter(tag)]
        for cut in given.cuts:
            shown = one_line(cut.query).strip()
            assert not shown or any(shown in text for text in found), (tag, shown)


def test_no_cell_is_a_formula() -> None:
    for row in csv_table.text_of(hostile_list()).splitlines()[1:]:
        for cell in row.split(","):
            assert not cell.strip('"').startswith(("=", "+", "@")), row
    for text, cell in (("=1+1", "'=1+1"), ("-2+3", "'-2+3"), ("'x", "''x"), ("-1.5", "-1.5")):
        assert f",{cell}," in csv_table.text_of(edits(Cut(source(), 0, 1, query=text)))


def test_a_script_holds_texts_as_values(tmp_path) -> None:
    """FFmpeg itself reads them back, as what it tells of each frame."""
    import av

    given = hostile_list(60)
    graph = []
    for line in ffmpeg.text_of(given).split(";\n"):
        if line.startswith("movie="):  # a picture needs no file
            graph.append(
                "color=size=16x16:duration=0.08:rate=25,settb" + line.partition(",settb")[2]
            )
        else:
            graph.append(line)
    (tmp_path / "graph.txt").write_text(";\n".join(graph), newline="")
    options = {"graph_file": str(tmp_path / "graph.txt")}
    with av.open("script", format="lavfi", options=options) as container:
        found = [frame.metadata for frame in container.decode(video=0)]
    assert [int(one["edit_list.cut"]) for one in found] == [n for n in range(1, 61) for _ in "ab"]
    for number, cut in enumerate(given.cuts):
        assert found[2 * number].get("edit_list.query", "") == one_line(cut.query)
        assert found[2 * number].get("edit_list.why", "") == one_line(cut.why)
