"""The page of failures: wrong answers with the frames that were seen, in one HTML file.

The file stands alone: pictures are inside it, the filter by question type is plain CSS, and it has
no script.  Questions are foreign text: everything that comes from outside is escaped.
"""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image

from evaluation.answers import Answers
from preprocess.video.clips import read_resized
from preprocess.video.resize import Thumbnail
from util.clip_plots import APPEARANCE, MOTION, READOUT
from util.errors import UserError
from util.files import whole_file
from util.text import clipped

TEMPLATE = Path(__file__).with_suffix(".html")
STYLE = Path(__file__).with_name("shared.css")  # what all pages look like
LONGEST = 500  # characters of a text that are shown
PER_VIDEO = 3  # failures of one video: more of it would say the same again
PICKED = (
    "Wrong answers, those first whose true answer the model held for least likely; questions whose "
    f"true answer is no class are left out, and no video comes more than {PER_VIDEO} times."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Failure:
    """A wrong answer and what the model looked at, N clips."""

    id: int | str
    video: str
    type: str
    question: str
    answer: str  # the true one
    known: bool  # the true answer is a class
    top: Sequence[tuple[str, float]]  # the best answers with probability, best first
    punishment: np.ndarray  # (2, N) query punishment of appearance and motion, 0 to 1
    readout: np.ndarray  # (N,) weight of each clip, 0 to 1
    frames: Sequence[np.ndarray] = ()  # N small (H, W, 3) uint8, or none where there is no video
    times: Sequence[str] = ()  # a label for each frame
    probability: float | None = None  # of the true answer, where it is a class
    true: Sequence[bool] = ()  # which of `top` is right, where its text does not tell
    value: float | None = None  # of a count: before it was rounded


def worst(answers: Answers, ce: np.ndarray, *, count: int, kind: str | None = None) -> np.ndarray:
    """Rows of at most `count` wrong answers -> (W,) int64, highest cross entropy first.

    ce (Q,): cross entropy of the true answer.  Of one video at most three are taken.  Questions
    whose true answer is no class teach little: they come only where all wrong ones are such.
    Raises UserError if the split has no question of type `kind`.
    """
    asked = answers.asked
    wrong = ~answers.correct
    if kind is not None:
        if kind not in asked.type:
            have = ", ".join(name for name, _ in Counter(asked.type.tolist()).most_common())
            raise UserError(f"question type {kind}: split {asked.split} has {have}; name one")
        wrong &= asked.type == kind
    if (wrong & asked.known).any():
        wrong &= asked.known
    rows = np.flatnonzero(wrong)
    taken: Counter[str] = Counter()
    chosen: list[int] = []
    for row in rows[np.argsort(-ce[rows], kind="stable")].tolist():
        if len(chosen) >= count:
            break
        video = str(asked.video[row])
        if taken[video] < PER_VIDEO:
            taken[video] += 1
            chosen.append(row)
    return np.array(chosen, dtype=np.int64)


def clip_frames_of(
    path: str | Path, *, clips: int, height: int = 120, fps: float | None = None
) -> tuple[list[np.ndarray], list[str]]:
    """The middle frame of each clip, at most `height` high, and its number in the video.

    With `fps` clips are single frames at this rate, whatever `clips` says.  -> N of (H, W, 3) uint8
    and N labels.  Of a video that breaks off, what decodes.  Raises VideoError (a UserError) if
    nothing does.
    """
    (seen,) = read_resized(
        path,
        clips=clips,
        frames=1,  # the middle of a clip of any length
        fps=fps,
        decoder="pyav",
        keep_partial=True,
        specs=[Thumbnail(height=height)],
    )
    frames = [seen.frames[i] for i in seen.index[:, 0]]
    return frames, [f"frame {i + 1:,}" for i in seen.numbers[seen.index[:, 0]].tolist()]


def write_page(
    path: str | Path,
    *,
    run: str,
    split: str,
    summary: Sequence[tuple[str, str]],
    failures: Sequence[Failure],
    picked: str = PICKED,
) -> None:
    """Write the page, whole or not at all.

    summary: (label, text) pairs for the header; picked: how the failures were chosen.  Raises
    UserError if the file cannot be written.
    """
    kinds = Counter(failure.type for failure in failures).most_common()
    place = {kind: i for i, (kind, _) in enumerate(kinds, start=1)}
    choices = [("all", len(failures)), *kinds] if len(kinds) > 1 else []
    page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(clipped(f"{run}, split {split}: wrong answers", LONGEST)),
        shared=STYLE.read_text(encoding="utf-8"),
        appearance=APPEARANCE,
        motion=MOTION,
        readout=READOUT,
        run=text(run),
        split=text(split),
        picked=escape(picked),
        summary="\n".join(
            f"<div><dt>{text(label)}</dt><dd>{text(value)}</dd></div>" for label, value in summary
        ),
        rules="\n".join(_rule(i) for i in range(len(choices))),
        radios="\n".join(
            f'<input class="pick" type="radio" name="kind" id="k{i}"{"" if i else " checked"}>'
            for i in range(len(choices))
        ),
        kinds=" ".join(
            f'<label for="k{i}">{text(kind)} <i>{number}</i></label>'
            for i, (kind, number) in enumerate(choices)
        ),
        failures="\n".join(_failure(failure, place[failure.type]) for failure in failures)
        or '<p class="none">No wrong answer to show.</p>',
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _rule(i: int) -> str:
    """What is shown while radio button `i` is on; 0 is all types."""
    on = f"#k{i}:checked ~ .tools label[for=k{i}]"
    rule = f"{on} {{ background: var(--ink); color: var(--card); border-color: var(--ink); }}"
    rule += f"\n#k{i}:focus-visible ~ .tools label[for=k{i}] {{ outline: 2px solid var(--right); }}"
    if i:
        rule += f"\n#k{i}:checked ~ main .failure:not(.k{i}) {{ display: none; }}"
    return rule


def _failure(failure: Failure, kind: int) -> str:
    inside = [name == failure.answer for name, _ in failure.top]
    if failure.true:
        inside = list(failure.true[: len(failure.top)])
    if failure.value is not None:
        note = f"<em>before rounding the model said {failure.value:.2f}</em>"
    elif not failure.known:
        note = '<em class="never">not a class: no model could give it</em>'
    else:
        words = [] if any(inside) else [f"not among the best {len(failure.top)}"]
        if failure.probability is not None:
            words.append(f"the model gave it {escape(_share(failure.probability))}")
        note = f"<em>{', '.join(words)}</em>" if words else ""
    answers = "\n".join(
        _answer(name, None if failure.value is not None else share, true)
        for (name, share), true in zip(failure.top, inside, strict=True)
    )
    return f"""<article class="failure k{kind}">
<h2>{text(failure.question)}</h2>
<p class="meta">{text(failure.type)} · video {text(failure.video)} · \
question {text(str(failure.id))}</p>
<div class="film">
{_film(failure)}
</div>
<div class="verdict">
<p class="truth"><small>true answer</small><strong>{text(failure.answer)}</strong>{note}</p>
<ol class="answers">
{answers}
</ol>
</div>
</article>"""


def _answer(name: str, share: float | None, true: bool) -> str:
    """An answer given, with its probability where it has one."""
    weight = ""
    if share is not None:
        weight = (
            f'<span class="bar"><i style="width: {100 * share:.1f}%"></i></span>'
            f'<span class="share">{escape(_share(share))}</span>'
        )
    return (
        f"<li{' class=' + chr(34) + 'true' + chr(34) if true else ''}>"
        f'<span class="name">{"✓ " if true else ""}{text(name)}</span>{weight}</li>'
    )


def _film(failure: Failure) -> str:
    """The clips side by side: a frame where there is one, the scores, the time."""
    clips = []
    top = max(float(failure.readout.max()), 1e-9)
    for i, weight in enumerate(failure.readout.tolist()):
        frame = f"{image(failure.frames[i], i + 1)}\n" if len(failure.frames) else ""
        time = failure.times[i] if len(failure.times) else f"clip {i + 1}"
        scores = [float(score) for score in failure.punishment[:, i]]
        said = (
            f"appearance {scores[0]:.2f}, motion {scores[1]:.2f}, read-out {escape(_share(weight))}"
        )
        bars = "".join(
            f'<rect class="track" x="{x}" width="26" y="0" height="100"/>'
            f'<rect class="{name}" x="{x}" width="26" y="{100 - high:.1f}" height="{high:.1f}"/>'
            for x, name, high in (
                (4, "appearance", 100 * min(1.0, max(0.0, scores[0]))),
                (37, "motion", 100 * min(1.0, max(0.0, scores[1]))),
                (70, "readout", 100 * max(0.0, weight) / top),
            )
        )
        clips.append(
            f'<figure>{frame}<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
            f'aria-label="{said}"><title>{said}</title>{bars}</svg>'
            f"<figcaption>{escape(time)}</figcaption></figure>"
        )
    return "\n".join(clips)


def image(frame: np.ndarray, number: int) -> str:
    """A frame (H, W, 3) inside the page; `number`: of its clip, from 1."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=82)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    high, wide = frame.shape[:2]
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{wide}" height="{high}" '
        f'alt="frame of clip {number}">'
    )


def text(words: str) -> str:
    """A user's text: no HTML, and of its own direction, which turns nothing beside it."""
    return f"<bdi>{escape(clipped(words, LONGEST))}</bdi>"


def _share(share: float) -> str:
    """Per cent with a decimal; what is no zero does not look like one."""
    number = "< 0.1" if 0 < share < 0.001 else f"{100 * share:.1f}"
    return f"{number}\N{NO-BREAK SPACE}%"
