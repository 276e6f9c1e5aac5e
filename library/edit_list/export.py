"""`python -m library export`: hits -> an edit list in the file of a format."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from tqdm import tqdm

from library.edit_list import csv_table, edl, fcp7, fcpx, ffmpeg, mlt, otio
from library.edit_list.cuts import ORDERS, EditList, Source, cut_of
from library.edit_list.rate import RATES, labels_a_second, read_timecode
from library.edit_list.read_source import read_source
from library.hits import Hit, read_hits
from options.library.export import ExportOptions
from util.errors import UserError
from util.files import check_output, whole_file
from util.text import clipped

# Each gives a list's text, or raises UserError for what its format cannot express.
WRITERS: dict[str, Callable[[EditList], str]] = {
    "otio": otio.text_of,
    "edl": edl.text_of,
    "fcp7": fcp7.text_of,
    "fcpx": fcpx.text_of,
    "mlt": mlt.text_of,
    "csv": csv_table.text_of,
    "ffmpeg": ffmpeg.text_of,
}
BEGINS_AT = "01:00:00{mark}00"  # as editors have it


def run(options: ExportOptions) -> int:
    """Write the file, say what is in it."""
    hits = read_hits(options.hits)
    check_output(options.output, inputs={"--hits": options.hits})
    for video in {hit.video for hit in hits}:
        check_output(options.output, inputs={"a hit": video})
    edits, text = text_of(hits, options)
    with whole_file(options.output) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
    seconds = max(float(placed.end) for placed in edits.placed())
    print(
        f"{len(edits.cuts)} cuts of {len(edits.sources())} videos, {seconds:.1f} s at "
        f"{edits.rate.name}"
    )
    print(f"wrote {options.output}")
    return 0


def text_of(hits: list[Hit], options: ExportOptions) -> tuple[EditList, str]:
    """Hits as an edit list, and as the text of the options' format; `options.hits` is not read.

    Raises UserError for a video that cannot be read or has changed, and for what the format cannot
    express.
    """
    sources = _sources(hits, options)
    cuts = tuple(
        cut_of(hit, sources[hit.video], handles=Fraction(str(options.handles)), track=options.track)
        for hit in ORDERS[options.order](hits)
    )
    rate = RATES[options.rate] if options.rate else cuts[0].source.rate
    start = 0
    if labels_a_second(rate.fps) is not None:
        start, _ = read_timecode(BEGINS_AT.format(mark=";" if rate.drop else ":"), rate.fps)
    edits = EditList(Path(options.output).stem, rate, start, cuts)
    return edits, WRITERS[options.as_](edits)


def _sources(hits: list[Hit], options: ExportOptions) -> dict[str, Source]:
    """Each video that hits name, read once.  Raises UserError where one has changed."""
    named = RATES[options.rate] if options.rate else None
    found: dict[str, Source] = {}
    for video in tqdm(
        dict.fromkeys(hit.video for hit in hits), "videos", leave=False, disable=None
    ):
        found[video] = source = read_source(video, named)
        if source.variable:
            print(
                f"{clipped(source.path, 300)}: placed on {source.rate.name} frames a second, by "
                "the time that each frame is shown"
            )
    for hit in hits:
        if hit.sha256 and hit.sha256 != found[hit.video].sha256:
            raise UserError(
                f"{clipped(hit.video, 300)}: has changed since it was indexed (another SHA-256); "
                "index it anew and search again"
            )
    return found
