"""The page of a captioner: what it says worst, with frames and the true captions, in one file.

As evaluation/report/page.py: pictures are inside, there is no script, texts are escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from tqdm import tqdm

from evaluation.report.page import STYLE, clip_frames_of, image, text
from preprocess.video.error import VideoError
from preprocess.video.files import list_videos, name_videos
from util.errors import UserError
from util.files import whole_file
from util.text import clipped

TEMPLATE = Path(__file__).with_suffix(".html")
FRAMES = 8  # shown of a video
REFERENCES = 12  # true captions shown of a segment


@dataclass(frozen=True, kw_only=True)
class CaptionShown:
    """One caption and what it should have said."""

    id: str
    video: str
    caption: str
    # CIDEr-D as a share: 1 is 100, on which a true caption scores about 1
    score: float
    references: Sequence[str]
    frames: Sequence[np.ndarray] = ()


def video_files(videos: Sequence[str], id_map: str | None) -> dict[str, Path]:
    """Video files by id; none where none are named.  Raises UserError for files that are not."""
    if not videos:
        if id_map is not None:
            raise UserError(f"--id_map {id_map}: maps files, but --videos names none")
        return {}
    return name_videos(list_videos(videos), id_map)


def frames_of(files: dict[str, Path], wanted: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """Some frames of each video that is wanted and there; of one that does not decode none."""
    found = {}
    for name in tqdm(sorted(set(wanted) & files.keys()), unit="video", desc="frames", leave=False):
        try:
            found[name] = clip_frames_of(files[name], clips=FRAMES)[0]
        except VideoError as error:
            tqdm.write(f"no frames: {error}")
    return found


def write_caption_page(
    path: Path,
    *,
    run: str,
    scored_on: str,
    summary: Sequence[tuple[str, str]],
    captions: Sequence[CaptionShown],
) -> None:
    """Write the page, whole or not at all; summary: (label, text) pairs for the header.

    Raises UserError if the file cannot be written.
    """
    top = max([1e-9, *(one.score for one in captions)])
    page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        shared=STYLE.read_text(encoding="utf-8"),
        title=escape(clipped(f"{run} on {scored_on}: captions, worst first", 200)),
        run=text(run),
        scored=text(scored_on),
        picked=escape(
            f"The {len(captions)} captions of lowest CIDEr-D, worst first; below each, what people "
            f"said of it (at most {REFERENCES})."
        ),
        summary="\n".join(
            f"<div><dt>{text(label)}</dt><dd>{text(value)}</dd></div>" for label, value in summary
        ),
        captions="\n".join(_caption(one, one.score / top) for one in captions)
        or '<p class="none">No caption to show.</p>',
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _caption(one: CaptionShown, share: float) -> str:
    film = "\n".join(image(frame, i) for i, frame in enumerate(one.frames, start=1))
    true = "\n".join(f"<li>{text(said)}</li>" for said in one.references[:REFERENCES])
    return f"""<article class="caption">
<h2>{text(one.caption or "(nothing)")}</h2>
<p class="meta">segment {text(one.id)} · video {text(one.video)}</p>
<div class="film">
{film}
</div>
<p class="score">CIDEr-D {100 * one.score:.1f} <i style="--share: {100 * share:.1f}%"></i></p>
<ul class="truth">
{true}
</ul>
</article>"""
