"""Options of `python -m library export`."""

from dataclasses import dataclass
from typing import Literal

Format = Literal["otio", "edl", "fcp7", "fcpx", "mlt", "csv", "ffmpeg"]
RateName = Literal[
    "23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60"
]  # fmt: skip
MOST_HANDLES = 3600.0  # s


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Found moments as an edit list for an editing program.

    Args:
        hits: file of hits, one JSON object a line with video, start and end in seconds (and score,
            query, why, weights, track), as `library search` writes it
        as_: otio, OpenTimelineIO; edl, CMX 3600; fcp7, Final Cut Pro 7 XML (Premiere, Resolve);
            fcpx, Final Cut Pro X; mlt (Shotcut, Kdenlive); csv, a table; ffmpeg, a filter script
            that renders
        output: file to write
        handles: seconds of video to keep before and after each hit, as far as there are some
        rate: frames a second of the list, and of sources whose own rate varies or has no timecode;
            default the sources' own, of a variable one the nearest; df is drop-frame timecode
        track: video track of hits that name none, 1 the lowest
        order: of the cuts: given, as in the file; score, the best first; time, each video's in
            order
    """

    hits: str
    as_: Format
    output: str
    handles: float = 0.0
    rate: RateName | None = None
    track: int = 1
    order: Literal["given", "score", "time"] = "given"

    def __post_init__(self) -> None:
        """Times and tracks that there are."""
        if not 0 <= self.handles <= MOST_HANDLES:
            raise ValueError(f"--handles {self.handles}: give seconds from 0 to {MOST_HANDLES:g}")
        if not 1 <= self.track <= 99:
            raise ValueError(f"--track {self.track}: give a number from 1 (the lowest) to 99")
