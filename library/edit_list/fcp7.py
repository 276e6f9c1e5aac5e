"""Final Cut Pro 7 XML (XMEML 5): what Premiere Pro, Resolve and most others import.

A rate is a whole number, `ntsc` or not; a list has one rate.  Frames of a cut count from its file's
first frame.  Each channel of sound is an audio track of its own, linked to its picture.
"""

import xml.etree.ElementTree as ET

from library.edit_list.cuts import EditList, Placed, Source
from library.edit_list.rate import NTSC, Rate, labels_a_second, timecode
from library.edit_list.refuse import one_rate, refusal
from library.edit_list.text import document, element, file_url, one_line, provenance

KIND = "fcp7"
MOST_CHANNELS = 2  # of sound; editors have the others from the file


def text_of(edits: EditList) -> str:
    """The document.  Raises UserError for what it cannot express."""
    one_rate(KIND, edits)
    placed = edits.placed()
    if _timebase(edits.rate) is None:
        raise refusal(
            KIND, placed[0], f"is at {edits.rate.name} frames a second, and this format has whole "
            "rates and those of NTSC", "give --rate, or take --as otio, csv or ffmpeg",
        )  # fmt: skip
    root = ET.Element("xmeml", version="5")
    sequence = element(root, "sequence", id="sequence-1")
    element(sequence, "name", one_line(edits.name))
    element(sequence, "duration", max(_frames(p, edits)[1] for p in placed))
    _rate(sequence, edits.rate)
    _timecode(sequence, edits.start, edits.rate)
    media = element(sequence, "media")
    _picture(media, edits, placed)
    _sound(media, edits, placed)
    return document(root, "xmeml")


def _picture(media: ET.Element, edits: EditList, placed: list[Placed]) -> None:
    video = element(media, "video")
    characteristics = element(element(video, "format"), "samplecharacteristics")
    _rate(characteristics, edits.rate)
    element(characteristics, "width", edits.cuts[0].source.width)
    element(characteristics, "height", edits.cuts[0].source.height)
    ids: dict[Source, str] = {}
    for number in range(1, edits.tracks + 1):
        track = element(video, "track")
        here = [p for p in placed if p.cut.track == number]
        for index, one in enumerate(here, start=1):
            item = _clip_item(track, one, edits, "video", ids)
            for channel in range(_channels(one)):
                _link(item, f"clip-{one.number}-audio{channel + 1}", "audio",
                      _sound_track(number, channel), index)  # fmt: skip


def _sound(media: ET.Element, edits: EditList, placed: list[Placed]) -> None:
    """Audio tracks, two for each video track, where there is sound."""
    if not any(map(_channels, placed)):
        return
    audio = element(media, "audio")
    ids = {source: _file_id(source, edits) for source in edits.sources()}
    for number in range(1, edits.tracks + 1):
        here = [p for p in placed if p.cut.track == number]
        for channel in range(MOST_CHANNELS):
            track = element(audio, "track")
            for index, one in enumerate(here, start=1):
                if channel < _channels(one):
                    item = _clip_item(track, one, edits, f"audio{channel + 1}", ids)
                    source_track = element(item, "sourcetrack")
                    element(source_track, "mediatype", "audio")
                    element(source_track, "trackindex", channel + 1)
                    _link(item, f"clip-{one.number}-video", "video", number, index)


def _clip_item(
    track: ET.Element, placed: Placed, edits: EditList, kind: str, ids: dict[Source, str]
) -> ET.Element:
    cut, source = placed.cut, placed.cut.source
    item = element(track, "clipitem", id=f"clip-{placed.number}-{kind}")
    begin, end = _frames(placed, edits)
    element(item, "name", one_line(source.name))
    element(item, "enabled", "TRUE")
    element(item, "duration", source.frames)
    _rate(item, source.rate)
    for tag, frame in (("start", begin), ("end", end), ("in", cut.begin), ("out", cut.end)):
        element(item, tag, frame)
    if source in ids:
        element(item, "file", id=ids[source])
    else:
        ids[source] = _file_id(source, edits)
        _file(element(item, "file", id=ids[source]), source)
    if kind == "video":
        comments = element(item, "comments")
        for number, (name, text) in enumerate(list(provenance(cut).items())[:4], start=1):
            element(comments, f"mastercomment{number}", f"{name}: {text}")
        log = element(item, "logginginfo")
        element(log, "lognote", "; ".join(f"{k}: {v}" for k, v in provenance(cut).items()))
    return item


def _file(file: ET.Element, source: Source) -> None:
    """A file at its first mention; later ones have its id alone."""
    element(file, "name", one_line(source.name))
    element(file, "pathurl", file_url(source.path, "localhost"))
    _rate(file, source.rate)
    element(file, "duration", source.frames)
    _timecode(file, source.start, source.rate)
    media = element(file, "media")
    video = element(element(media, "video"), "samplecharacteristics")
    element(video, "width", source.width)
    element(video, "height", source.height)
    if source.audio:
        audio = element(media, "audio")
        element(element(audio, "samplecharacteristics"), "samplerate", source.audio.sample_rate)
        element(audio, "channelcount", source.audio.channels)


def _link(item: ET.Element, other: str, kind: str, track: int, index: int) -> None:
    link = element(item, "link")
    element(link, "linkclipref", other)
    element(link, "mediatype", kind)
    element(link, "trackindex", track)
    element(link, "clipindex", index)


def _timebase(rate: Rate) -> tuple[int, str] | None:
    """A rate as a whole number, and whether it is NTSC's; None for any other."""
    for ntsc, fps in (("FALSE", rate.fps), ("TRUE", rate.fps / NTSC)):
        if fps.denominator == 1:
            return int(fps), ntsc
    return None


def _rate(parent: ET.Element, rate: Rate) -> None:
    found = _timebase(rate)
    assert found is not None, rate
    child = element(parent, "rate")
    element(child, "timebase", found[0])
    element(child, "ntsc", found[1])


def _timecode(parent: ET.Element, frame: int, rate: Rate) -> None:
    child = element(parent, "timecode")
    _rate(child, rate)
    if labels_a_second(rate.fps) is not None:
        element(child, "string", timecode(frame, rate))
    element(child, "frame", frame)
    element(child, "displayformat", "DF" if rate.drop else "NDF")


def _frames(placed: Placed, edits: EditList) -> tuple[int, int]:
    """Where a cut begins and ends in the result."""
    return int(placed.begin * edits.rate.fps), int(placed.end * edits.rate.fps)


def _channels(placed: Placed) -> int:
    audio = placed.cut.source.audio
    return min(audio.channels, MOST_CHANNELS) if audio else 0


def _sound_track(track: int, channel: int) -> int:
    return MOST_CHANNELS * (track - 1) + channel + 1


def _file_id(source: Source, edits: EditList) -> str:
    return f"file-{edits.sources().index(source) + 1}"
