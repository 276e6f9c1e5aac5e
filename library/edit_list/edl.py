"""CMX 3600 edit decision lists: Resolve, Premiere, Avid and every older editor.

One video track, one rate, 999 events, timecode of one kind (`FCM:`), reels of eight characters
(CMX 3600's own), file names and provenance in comments.
"""

import re
from collections.abc import Iterator

from library.edit_list.cuts import EditList, Placed, Source
from library.edit_list.rate import timecode
from library.edit_list.refuse import ALL, has_timecode, one_day, one_rate, one_track, refusal
from library.edit_list.text import file_url, one_line, provenance

KIND = "edl"
MOST = 999  # events, numbered with three digits
REEL = 8  # characters
# Names that mean other things than a reel.
RESERVED = {"AX", "BL", "BLACK", "BARS"}


def text_of(edits: EditList) -> str:
    """The list.  Raises UserError for what it cannot express."""
    for check in (has_timecode, one_rate, one_track, one_day):
        check(KIND, edits)
    _one_way_of_counting(edits)
    reels = _reels(edits.sources())
    lines = [
        f"TITLE: {one_line(edits.name)[:70]}",
        f"FCM: {'DROP FRAME' if edits.rate.drop else 'NON-DROP FRAME'}",
    ]
    for placed in edits.placed():
        if placed.number > MOST:
            raise refusal(
                KIND, placed, f"is one too many: this format numbers {MOST}",
                "export fewer hits, or take --as otio or csv",
            )  # fmt: skip
        lines += ["", *_event(placed, edits, reels[placed.cut.source])]
    return "\n".join(lines) + "\n"


def _event(placed: Placed, edits: EditList, reel: str) -> Iterator[str]:
    cut, source = placed.cut, placed.cut.source
    frames = [
        source.start + cut.begin, source.start + cut.end,
        edits.start + int(placed.begin * edits.rate.fps),
        edits.start + int(placed.end * edits.rate.fps),
    ]  # fmt: skip
    labels = " ".join(timecode(frame, edits.rate) for frame in frames)
    # B is picture and one channel of sound, AA/V picture and two.
    sound = min(source.audio.channels, 2) if source.audio else 0
    yield f"{placed.number:03}  {reel:{REEL}} {('V', 'B', 'AA/V')[sound]:5} C        {labels}"
    yield f"* FROM CLIP NAME: {one_line(source.name)}"
    yield f"* SOURCE FILE: {file_url(source.path)}"
    for name, text in provenance(cut).items():
        yield f"* COMMENT: {name.upper()} {text}"


def _one_way_of_counting(edits: EditList) -> None:
    """Refuse a source whose own timecode counts otherwise than the list's."""
    for placed in edits.placed():
        source = placed.cut.source
        if source.timecode is not None and source.rate.drop != edits.rate.drop:
            raise refusal(
                KIND, placed,
                f"has timecode of {source.rate.name} in a list of {edits.rate.name}",
                f"this format has one kind: export the hits of that kind apart with --rate "
                f"{source.rate.name}, or take --as {ALL}",
            )  # fmt: skip


def _reels(sources: list[Source]) -> dict[Source, str]:
    """A name of eight letters and digits for each source, no two alike."""
    reels: dict[Source, str] = {}
    taken = set(RESERVED)
    for number, source in enumerate(sources, start=1):
        stem = re.sub("[^A-Z0-9]", "", source.name.rpartition(".")[0].upper())[:REEL]
        if not stem or stem in taken:
            stem = f"{stem[: REEL - len(str(number)) - 1]}_{number}"
        taken.add(stem)
        reels[source] = stem
    return reels
