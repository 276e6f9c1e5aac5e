"""OpenTimelineIO's own format, by its own library (an optional package).

Cuts are in frames of their sources' own rates, which it keeps as floating-point numbers of frames a
second.
"""

from fractions import Fraction
from typing import Any

from library.edit_list.cuts import Cut, EditList, Source
from library.edit_list.text import file_url, one_line, provenance
from util.errors import UserError


def text_of(edits: EditList) -> str:
    """The timeline as JSON.  Raises UserError where OpenTimelineIO is not installed."""
    try:
        import opentimelineio as otio  # only this format needs it
    except ImportError as error:
        raise UserError(
            "--as otio: needs the package opentimelineio; pip install -r requirements.txt -r "
            "requirements-library.txt, or take another format"
        ) from error

    fps = float(edits.rate.fps)
    timeline = otio.schema.Timeline(
        one_line(edits.name), global_start_time=otio.opentime.RationalTime(edits.start, fps)
    )
    timeline.metadata["edit_list"] = {
        "rate": str(edits.rate.fps), "drop_frame": edits.rate.drop,
    }  # fmt: skip
    for number in range(1, edits.tracks + 1):
        track = otio.schema.Track(f"V{number}", kind=otio.schema.TrackKind.Video)
        track.extend(_clip(otio, cut) for cut in edits.cuts if cut.track == number)
        timeline.tracks.append(track)
    return otio.adapters.write_to_string(timeline, "otio_json")


def _clip(otio: Any, cut: Cut) -> Any:
    """One cut; its times count from the source's timecode, as editors match media."""
    source = cut.source

    def time_range(begin: int, frames: int) -> Any:
        fps = float(source.rate.fps)
        return otio.opentime.TimeRange(
            otio.opentime.RationalTime(source.start + begin, fps),
            otio.opentime.RationalTime(frames, fps),
        )

    reference = otio.schema.ExternalReference(
        file_url(source.path), time_range(0, source.frames), _facts(source)
    )
    reference.name = one_line(source.name)
    return otio.schema.Clip(
        one_line(source.name),
        reference,
        time_range(cut.begin, cut.frames),
        {"edit_list": {**provenance(cut), "head_frames": cut.head, "tail_frames": cut.tail}},
    )


def _facts(source: Source) -> dict[str, Any]:
    """What a RationalTime cannot hold: the rate exactly, and how its timecode counts."""
    fps: Fraction = source.rate.fps
    facts = {
        "rate": str(fps), "drop_frame": source.rate.drop, "placed_on_rate": source.variable,
        "sha256": source.sha256,
    }  # fmt: skip
    return {"edit_list": facts}
