"""FCPXML 1.10, for Final Cut Pro from 10.6 on, and Resolve: every time is a fraction of a second.

A list has one of Final Cut's rates; sources may have others, as long as each cut begins and ends
with a frame of the result.  Tracks above the lowest are connected clips.
"""

import xml.etree.ElementTree as ET
from fractions import Fraction

from library.edit_list.cuts import Audio, EditList, Placed, Source
from library.edit_list.rate import NTSC, RATES, Rate
from library.edit_list.refuse import refusal, whole_frames
from library.edit_list.text import document, element, file_url, one_line, provenance

KIND = "fcpx"
# As <conform-rate> spells the rates of sources.
CONFORMED = {Fraction(24) * NTSC: "23.98", Fraction(48) * NTSC: "47.95", Fraction(24): "24",
             Fraction(25): "25", Fraction(30) * NTSC: "29.97", Fraction(30): "30",
             Fraction(48): "48", Fraction(50): "50", Fraction(60) * NTSC: "59.94",
             Fraction(60): "60"}  # fmt: skip


def text_of(edits: EditList) -> str:
    """The document.  Raises UserError for what it cannot express."""
    placed = edits.placed()
    if all(rate.fps != edits.rate.fps for rate in RATES.values()):
        raise refusal(
            KIND, placed[0], f"would make a list of {edits.rate.name} frames a second, which Final "
            "Cut Pro does not have", "give --rate, or take --as otio, csv or ffmpeg",
        )  # fmt: skip
    for one in placed:
        whole_frames(KIND, one, one.begin, edits)
        whole_frames(KIND, one, one.end, edits)
    root = ET.Element("fcpxml", version="1.10")
    resources = element(root, "resources")
    first = edits.cuts[0].source
    formats: dict[tuple[Fraction, int, int], str] = {}
    sequence_format = _format(resources, formats, edits.rate.fps, first.width, first.height)
    assets = {source: _asset(resources, formats, source, number)
              for number, source in enumerate(edits.sources(), start=1)}  # fmt: skip
    event = element(element(root, "library"), "event", name=one_line(edits.name))
    project = element(event, "project", name=one_line(edits.name))
    sequence = element(
        project, "sequence", format=sequence_format,
        duration=_time(max(one.end for one in placed)),
        tcStart=_time(edits.start / edits.rate.fps), tcFormat=_tc_format(edits.rate),
    )  # fmt: skip
    spine = element(sequence, "spine")
    _fill(spine, placed, assets, edits)
    return document(root, "fcpxml")


def _fill(
    spine: ET.Element, placed: list[Placed], assets: dict[Source, str], edits: EditList
) -> None:
    """The lowest track as the spine, the others connected to what stands below them there."""
    begin = edits.start / edits.rate.fps
    below: list[tuple[Fraction, ET.Element, Fraction]] = []  # end; element; where its time begins
    end = Fraction(0)
    for one in placed:
        if one.cut.track == 1:
            clip = _clip(spine, one, assets, begin + one.begin, None, edits)
            below.append((one.end, clip, _own(one) - one.begin))
            end = one.end
    rest = max(one.end for one in placed) - end
    if rest > 0:
        gap = element(spine, "gap", name="Gap", offset=_time(begin + end), start="0s",
                      duration=_time(rest))  # fmt: skip
        below.append((end + rest, gap, -end))
    for one in placed:
        if one.cut.track > 1:
            _, parent, shift = next(found for found in below if one.begin < found[0])
            _clip(parent, one, assets, one.begin + shift, one.cut.track - 1, edits)
    for clip in spine:  # the DTD has notes and rates first, connected clips next, metadata last
        clip[:] = sorted(clip, key=lambda e: ("note", "conform-rate", "asset-clip", "metadata")
                         .index(e.tag))  # fmt: skip


def _clip(
    parent: ET.Element, placed: Placed, assets: dict[Source, str], offset: Fraction,
    lane: int | None, edits: EditList,
) -> ET.Element:  # fmt: skip
    cut, source = placed.cut, placed.cut.source
    clip = element(
        parent, "asset-clip", ref=assets[source], lane=lane, offset=_time(offset),
        name=one_line(source.name), start=_time(_own(placed)),
        duration=_time(placed.end - placed.begin), tcFormat=_tc_format(source.rate),
        audioRole="dialogue" if source.audio else None,
    )  # fmt: skip
    facts = provenance(cut)
    element(clip, "note", "; ".join(f"{name}: {text}" for name, text in facts.items()))
    if source.rate.fps != edits.rate.fps:
        element(clip, "conform-rate", scaleEnabled="0",
                srcFrameRate=CONFORMED.get(source.rate.fps))  # fmt: skip
    metadata = element(clip, "metadata")
    for name, text in facts.items():
        element(metadata, "md", key=f"edit_list.{name}", value=text)
    return clip


def _asset(
    resources: ET.Element, formats: dict[tuple[Fraction, int, int], str], source: Source,
    number: int,
) -> str:  # fmt: skip
    shown = _format(resources, formats, source.rate.fps, source.width, source.height)
    sound: Audio | None = source.audio
    asset = element(
        resources, "asset", id=f"asset{number}", name=one_line(source.name),
        start=_time(source.start / source.rate.fps), duration=_time(source.duration),
        hasVideo="1", videoSources="1", format=shown,
        hasAudio="1" if sound else None, audioSources="1" if sound else None,
        audioChannels=sound.channels if sound else None,
        audioRate=sound.sample_rate if sound else None,
    )  # fmt: skip
    element(asset, "media-rep", kind="original-media", src=file_url(source.path))
    return f"asset{number}"


def _format(
    resources: ET.Element, formats: dict[tuple[Fraction, int, int], str], fps: Fraction,
    width: int, height: int,
) -> str:  # fmt: skip
    key = (fps, width, height)
    if key not in formats:
        formats[key] = f"format{len(formats) + 1}"
        element(resources, "format", id=formats[key], frameDuration=_time(1 / fps), width=width,
                height=height)  # fmt: skip
    return formats[key]


def _own(placed: Placed) -> Fraction:
    """When a cut begins by its source's own timecode."""
    source = placed.cut.source
    return (source.start + placed.cut.begin) / source.rate.fps


def _time(value: Fraction) -> str:
    return f"{value.numerator}s" if value.denominator == 1 else f"{value}s"


def _tc_format(rate: Rate) -> str:
    return "DF" if rate.drop else "NDF"
