"""MLT XML: Shotcut, Kdenlive and the `melt` program.

MLT counts all in frames of one rate, so a list has one.  It has no timecode of sources.  Of a
variable rate it shows neighbouring frames (of 250 at 25 frames a second, melt 7.12 had 108 right,
the others up to two off), so such sources are refused.
"""

import xml.etree.ElementTree as ET
from fractions import Fraction

from library.edit_list.cuts import EditList, Source
from library.edit_list.refuse import one_rate, path_in_xml, refusal
from library.edit_list.text import document, element, one_line, provenance

KIND = "mlt"


def text_of(edits: EditList) -> str:
    """The document.  Raises UserError for what it cannot express."""
    one_rate(KIND, edits)
    placed = edits.placed()
    for one in placed:
        if one.cut.source.variable:
            raise refusal(
                KIND, one, "has a variable rate, or none of its own, of which MLT shows "
                "neighbouring frames", "convert the file to a constant rate, or take --as ffmpeg",
            )  # fmt: skip
    root = ET.Element("mlt", LC_NUMERIC="C", producer="result", title=one_line(edits.name))
    first, fps = edits.cuts[0].source, edits.rate.fps
    shape = Fraction(first.width, first.height)
    element(
        root, "profile", description=one_line(edits.name), width=first.width, height=first.height,
        progressive=1, sample_aspect_num=1, sample_aspect_den=1,
        display_aspect_num=shape.numerator, display_aspect_den=shape.denominator,
        frame_rate_num=fps.numerator, frame_rate_den=fps.denominator, colorspace=709,
    )  # fmt: skip
    ids: dict[Source, str] = {}
    for one in placed:
        source = one.cut.source
        if source not in ids:
            ids[source] = f"source{len(ids) + 1}"
            path = path_in_xml(KIND, one, source)
            producer = element(root, "producer", id=ids[source], in_=0, out=source.frames - 1)
            # Frames are in the order of showing, and `out` is the last one, not the one after.
            # The service is named: a path may begin as the name of another one does.
            for name, value in (("mlt_service", "avformat"), ("resource", path),
                                ("length", source.frames), ("seekable", 1)):  # fmt: skip
                element(producer, "property", value, name=name)
    for number in range(1, edits.tracks + 1):
        playlist = element(root, "playlist", id=f"track{number}")
        for one in placed:
            if one.cut.track == number:
                element(playlist, "entry", producer=ids[one.cut.source],
                        in_=one.cut.begin, out=one.cut.end - 1)  # fmt: skip
    last = int(max(one.end for one in placed) * fps) - 1
    result = element(root, "tractor", id="result", in_=0, out=last)
    for one in placed:
        for name, text in provenance(one.cut).items():
            element(result, "property", text, name=f"edit_list.{one.number}.{name}")
    for number in range(1, edits.tracks + 1):
        element(result, "track", producer=f"track{number}")
    return document(root)
