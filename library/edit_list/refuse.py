"""What formats cannot express: one line that names the format, the cut and the cure."""

from fractions import Fraction

from library.edit_list.cuts import EditList, Placed, Source
from library.edit_list.rate import day, labels_a_second
from util.errors import UserError
from util.text import clipped

ALL = "csv, otio or ffmpeg"


def refusal(kind: str, placed: Placed | None, why: str, cure: str) -> UserError:
    """The error; None: it is of the list, not of a cut."""
    what = f"cut {placed.number} ({clipped(placed.cut.source.name, 80)})" if placed else "the list"
    return UserError(f"--as {kind}: {what} {why}; {cure}")


def one_rate(kind: str, edits: EditList) -> None:
    """Refuse sources whose rates differ from the list's."""
    fps = edits.rate.fps
    for placed in edits.placed():
        if placed.cut.source.rate.fps != fps:
            own = placed.cut.source.rate.name
            raise refusal(
                kind, placed, f"is at {own} frames a second in a list of {edits.rate.name}",
                f"this format has one rate: export the hits of {own} apart, or take --as {ALL}",
            )  # fmt: skip


def one_track(kind: str, edits: EditList) -> None:
    """Refuse tracks above the lowest."""
    for placed in edits.placed():
        if placed.cut.track > 1:
            raise refusal(
                kind, placed, f"is on track {placed.cut.track}, and this format has one",
                "give --track 1 and leave `track` out of the hits, or take --as otio, fcp7 or fcpx",
            )  # fmt: skip


def has_timecode(kind: str, edits: EditList) -> None:
    """Refuse a rate that timecode does not count."""
    for placed in edits.placed():
        if labels_a_second(placed.cut.source.rate.fps) is None:
            own = placed.cut.source.rate.name
            raise refusal(
                kind, placed, f"is at {own} frames a second, which timecode does not count",
                f"place it on a rate that is counted (--rate), or take --as {ALL}",
            )  # fmt: skip


def one_day(kind: str, edits: EditList) -> None:
    """Refuse timecode past 24 hours, of a source or of the result; all are of one rate."""
    for placed in edits.placed():
        cut, source = placed.cut, placed.cut.source
        last = source.start + cut.end
        end = edits.start + ceil_frames(placed.end, edits)
        if max(last, end) >= min(day(source.rate), day(edits.rate)):
            raise refusal(
                kind, placed, "runs past 24 hours of timecode, where it begins anew",
                f"export fewer hits, or take --as {ALL}",
            )  # fmt: skip


def ceil_frames(seconds: Fraction, edits: EditList) -> int:
    """A time of the result in its frames, rounded up."""
    return -int(-seconds * edits.rate.fps // 1)


def whole_frames(kind: str, placed: Placed, seconds: Fraction, edits: EditList) -> int:
    """A time of the result in its frames.  Refuses one between two frames."""
    frames = seconds * edits.rate.fps
    if frames.denominator != 1:
        raise refusal(
            kind, placed, f"would begin or end between two frames of {edits.rate.name}",
            f"export the hits of {placed.cut.source.rate.name} apart, or take --as {ALL}",
        )  # fmt: skip
    return int(frames)


def path_in_xml(kind: str, placed: Placed, source: Source) -> str:
    """A path as text of XML 1.0.  Refuses one with characters that XML does not have."""
    for character in source.path:
        code = ord(character)
        if code < 0x20 or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF):
            raise refusal(
                kind, placed, "has a name with a character that XML cannot hold",
                "rename the file, or take --as otio, fcp7 or fcpx",
            )  # fmt: skip
    return source.path
