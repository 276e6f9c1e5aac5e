"""Independent readers of edit lists: what another program finds in a file, as plain rows.

OTIO, FCP 7 and CMX 3600 at whole rates are read by OpenTimelineIO and its adapters; drop-frame CMX
3600, FCPXML and MLT by readers of their own, which know nothing of the writers.
"""

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

from library.edit_list.cuts import EditList


class Row(NamedTuple):
    """A cut as somebody reads it; times in s."""

    path: str
    begin: Fraction  # of the source, after its first frame
    end: Fraction
    track: int
    record: Fraction  # of the result, after its first frame
    record_end: Fraction


def wanted(edits: EditList) -> list[Row]:
    """The rows of a list, in order of tracks and time."""
    rows = []
    for placed in edits.placed():
        cut, fps = placed.cut, placed.cut.source.rate.fps
        rows.append(Row(cut.source.path, cut.begin / fps, cut.end / fps, cut.track,
                        placed.begin, placed.end))  # fmt: skip
    return sorted(rows, key=lambda row: (row.track, row.record))


def otio_library() -> Any:
    return pytest.importorskip("opentimelineio", reason="needs opentimelineio, an optional package")


def adapter(name: str) -> Any:
    pytest.importorskip(name, reason=f"needs {name}, an optional package")
    return otio_library()


def read_otio(text: str, edits: EditList) -> list[Row]:
    otio = otio_library()
    return _of_timeline(otio.adapters.read_from_string(text, "otio_json"), edits)


def read_fcp7(text: str, edits: EditList) -> list[Row]:
    otio = adapter("otio_fcp_adapter")
    return _of_timeline(otio.adapters.read_from_string(text, "fcp_xml"), edits)


def read_cmx(text: str, edits: EditList) -> list[Row]:
    """The adapter's reading; of whole rates alone."""
    otio = adapter("otio_cmx3600_adapter")
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(edits.rate.fps))
    urls = iter(re.findall(r"\* SOURCE FILE: (.*)", text))
    record, rows = Fraction(0), []
    (track,) = timeline.video_tracks()
    starts = {source.path: source.start for source in edits.sources()}
    assert _frames(-track.source_range.start_time) == edits.start
    for clip in track:
        path = _path(next(urls))
        begin = _frames(clip.source_range.start_time) - starts[path]
        length = _frames(clip.source_range.duration)
        fps = edits.rate.fps
        rows.append(
            Row(path, begin / fps, (begin + length) / fps, 1, record, record + length / fps)
        )
        record += length / fps
    return rows


def _of_timeline(timeline: Any, edits: EditList) -> list[Row]:
    rows = []
    assert timeline.global_start_time is None or _frames(timeline.global_start_time) == edits.start
    for number, track in enumerate(timeline.video_tracks(), start=1):
        record = Fraction(0)
        for clip in track:
            media = clip.media_reference
            rate = _rate(clip.source_range.start_time.rate)
            start = media.available_range.start_time
            assert _rate(start.rate) == rate
            begin = _frames(clip.source_range.start_time) - _frames(start)
            length = _frames(clip.source_range.duration)
            end = record + length / rate
            rows.append(Row(_path(media.target_url), begin / rate, (begin + length) / rate, number,
                            record, end))  # fmt: skip
            record = end
    return rows


def _rate(rate: float) -> Fraction:
    """The rate that a floating-point number stands for."""
    near = [Fraction(round(rate)), Fraction(round(rate * 1.001) * 1000, 1001)]
    found = min(near, key=lambda one: abs(float(one) - rate))
    assert abs(float(found) - rate) < 0.01
    return found


def _frames(time: Any) -> int:
    assert time.value == int(time.value)
    return int(time.value)


def _path(url: str) -> str:
    return unquote(re.sub("^file://(localhost)?", "", url))


EVENT = re.compile(r"(\d{3,})  (\S{1,8}) +(V|B|AA/V) +C +" + " ".join(["(\\S{11})"] * 4))


def read_edl(text: str, edits: EditList) -> list[Row]:
    """Timecode is turned to frames by OpenTimelineIO, drop frame as `;` says."""
    otio = otio_library()
    fps, lines = edits.rate.fps, text.splitlines()
    assert lines[0].startswith("TITLE: ")
    assert lines[1] == ("FCM: DROP FRAME" if edits.rate.drop else "FCM: NON-DROP FRAME")
    events = [(EVENT.fullmatch(line), at) for at, line in enumerate(lines) if line[:1].isdigit()]
    others = [line for line in lines[2:] if line and not line[0].isdigit()]
    assert all(line.startswith("* ") for line in others)
    rows, reels = [], {}
    starts = {source.path: source.start for source in edits.sources()}
    for number, (event, at) in enumerate(events, start=1):
        assert event is not None and int(event[1]) == number
        labels = event.groups()[3:]
        assert all((";" in label) == edits.rate.drop for label in labels)
        frames = [_frames(otio.opentime.from_timecode(label, float(fps))) for label in labels]
        path = _path(lines[at + 2].removeprefix("* SOURCE FILE: "))
        assert reels.setdefault(event[2], path) == path
        begin, end = (Fraction(frame - starts[path]) / fps for frame in frames[:2])
        record, record_end = (Fraction(frame - edits.start) / fps for frame in frames[2:])
        rows.append(Row(path, begin, end, 1, record, record_end))
    return rows


def read_fcpx(text: str, edits: EditList) -> list[Row]:
    root = ET.fromstring(text)
    steps = {f.get("id"): _time(f.get("frameDuration")) for f in root.iter("format")}
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    (sequence,) = root.iter("sequence")
    step, start = steps[sequence.get("format")], _time(sequence.get("tcStart"))
    assert 1 / step == edits.rate.fps and start / step == edits.start
    assert sequence.get("tcFormat") == ("DF" if edits.rate.drop else "NDF")
    rows, end = [], start

    def row(clip: ET.Element, at: Fraction, track: int) -> Fraction:
        asset, length = assets[clip.get("ref")], _time(clip.get("duration"))
        begin = _time(clip.get("start")) - _time(asset.get("start"))
        own = steps[asset.get("format")]
        for time, unit in ((at, step), (length, step), (begin, own), (length, own)):
            assert (time / unit).denominator == 1, "Final Cut: not on an edit frame boundary"
        assert begin + length <= _time(asset.get("duration"))
        (media,) = asset.findall("media-rep")
        rows.append(Row(_path(str(media.get("src"))), begin, begin + length, track, at - start,
                        at - start + length))  # fmt: skip
        return at + length

    for clip in sequence.find("spine"):  # type: ignore[union-attr]
        at = _time(clip.get("offset"))
        assert at == end
        end = row(clip, at, 1) if clip.tag == "asset-clip" else at + _time(clip.get("duration"))
        for over in clip.iter("asset-clip"):
            if over is not clip:
                shift = at - _time(clip.get("start"))
                row(over, _time(over.get("offset")) + shift, int(str(over.get("lane"))) + 1)
    assert end - start == _time(sequence.get("duration"))
    return sorted(rows, key=lambda row: (row.track, row.record))


def _time(text: str | None) -> Fraction:
    assert text and text.endswith("s")
    return Fraction(text[:-1])


def read_mlt(text: str, edits: EditList) -> list[Row]:
    root = ET.fromstring(text)
    profile = root.find("profile")
    assert profile is not None
    fps = Fraction(int(profile.get("frame_rate_num", "")), int(profile.get("frame_rate_den", "")))
    paths = {
        producer.get("id"): producer.find("property[@name='resource']").text  # type: ignore[union-attr]
        for producer in root.iter("producer")
    }
    lists = {playlist.get("id"): playlist for playlist in root.iter("playlist")}
    rows = []
    for number, track in enumerate(root.findall("tractor/track"), start=1):
        record = Fraction(0)
        for entry in lists[track.get("producer")]:
            begin, last = int(entry.get("in", "")), int(entry.get("out", ""))
            end = record + (last + 1 - begin) / fps
            rows.append(Row(str(paths[entry.get("producer")]), begin / fps, (last + 1) / fps,
                            number, record, end))  # fmt: skip
            record = end
    return rows


def read_csv(text: str, edits: EditList) -> list[Row]:
    rows = []
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        rate = Fraction(row["rate"])
        begin, end = Fraction(row["begin_seconds"]), Fraction(row["end_seconds"])
        assert (begin, end) == (int(row["begin_frame"]) / rate, int(row["end_frame"]) / rate)
        rows.append(Row(row["path"], begin, end, int(row["track"]),
                        Fraction(row["record_begin_seconds"]),
                        Fraction(row["record_end_seconds"])))  # fmt: skip
    return sorted(rows, key=lambda row: (row.track, row.record))


READERS: dict[str, Callable[[str, EditList], list[Row]]] = {
    "otio": read_otio,
    "edl": read_edl,
    "fcp7": read_fcp7,
    "fcpx": read_fcpx,
    "mlt": read_mlt,
    "csv": read_csv,
}
