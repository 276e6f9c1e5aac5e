"""The page of a classifier: its rows, its confusion, each class, and what it told worst.

As evaluation/report/page.py: pictures are inside, there is no script, texts are escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from evaluation.format import between, percent, signed
from evaluation.label.predictions import ClassPredictions
from evaluation.label.score import ClassScore
from evaluation.label.shown import label
from evaluation.label.values import ValueScore
from evaluation.report.page import STYLE, image, text
from util.files import whole_file
from util.text import clipped

TEMPLATE = Path(__file__).with_suffix(".html")
BEST = 5  # classes of a row
MATRIX = 30  # classes of the confusion matrix, those with the most rows
POINTS = 400  # of a series that are drawn

Film = Sequence[tuple[np.ndarray, str]]  # frames (H, W, 3) uint8, each with what it is


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it, which is HTML already."""

    title: str
    body: str


def worst_rows(said: ClassPredictions, count: int) -> np.ndarray:
    """Rows that are wrong, those first whose true class was held for least likely.  -> (W,)"""
    wrong = np.flatnonzero(~said.hits)
    share = said.probability[wrong, said.target[wrong]]
    return wrong[np.argsort(share, kind="stable")][:count]


def write_class_page(
    path: Path, score: ClassScore, rows: np.ndarray, films: Sequence[Film]
) -> None:
    """Write the page of a classifier; rows: of the first seed, with the frames of each.

    Raises UserError if the file cannot be written.
    """
    accuracy, per = score.rows["accuracy"].accuracy, score.mean_class_interval
    summary = [
        ("accuracy", f"{percent(accuracy)} % [{between(score.intervals['accuracy'])}]"),
        ("mean class accuracy", f"{percent(score.mean_class)} % [{between(per)}]"),
    ]
    if score.top is not None:
        summary.append(("top-5 accuracy", f"{percent(score.top)} %"))
    if score.gain:
        summary.append(("motion gain", signed(score.gain.value, score.gain.interval)))
    found = score.calibration
    after = f", {percent(found.error)} % calibrated" if score.model.first.calibrated else ""
    summary.append(("calibration error", f"{percent(found.error_before)} %{after}"))
    said = score.model.first
    shown = "\n".join(_row(said, i, film) for i, film in zip(rows.tolist(), films, strict=True))
    _write(
        path,
        score,
        f"{len(said):,} videos of {len(said.classes):,} classes. Intervals resample "
        f"{score.units:,} {score.resampled}.",
        summary,
        [
            Section(title="Beside what it must be judged by", body=_rows_table(score)),
            Section(title="Which class is told for which", body=_matrix(score)),
            Section(title="Each class", body=_class_table(score)),
            Section(
                title="Wrong, least likely true class first",
                body=shown or '<p class="none">No wrong row to show.</p>',
            ),
        ],
    )


def write_value_page(
    path: Path, score: ValueScore, rows: np.ndarray, films: Sequence[Film]
) -> None:
    """Write the page of a model of values; rows: of the first seed, with the frames of each."""
    found = score.errors
    low, high = found.mae_interval
    summary = [
        ("mean absolute error", f"{found.mae:.4g} [{low:.4g}..{high:.4g}]"),
        ("root mean squared error", f"{found.rmse:.4g}"),
        ("of the constant mean", f"{score.constant.mae:.4g}, {score.constant.rmse:.4g}"),
    ]
    shown = "\n".join(_series(score, i, film) for i, film in zip(rows.tolist(), films, strict=True))
    key = '<p class="key"><b>dark: true</b>, <i>orange: told</i></p>'
    _write(
        path,
        score,
        f"{score.known:,} known values of {len(score.model.first):,} videos. Intervals resample "
        f"{score.units:,} {score.resampled}.",
        summary,
        [Section(title="Over time, worst first", body=key + shown)],
    )


def _write(
    path: Path,
    score: ClassScore | ValueScore,
    about: str,
    summary: Sequence[tuple[str, str]],
    sections: Sequence[Section],
) -> None:
    run, split = score.model.name, f"split {score.model.first.split}"
    page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        shared=STYLE.read_text(encoding="utf-8"),
        title=escape(clipped(f"{run} on {split}", 200)),
        run=text(run),
        scored=text(split),
        picked=escape(about),
        summary="\n".join(
            f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in summary
        ),
        sections="\n".join(f"<h2>{escape(one.title)}</h2>\n{one.body}" for one in sections),
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _rows_table(score: ClassScore) -> str:
    hidden = score.order_only
    heads = ["", "accuracy", "95 % interval"]
    if hidden:
        heads += [f"order-only ({hidden.count:,})", "95 % interval"]
    lines = []
    for name, row in score.rows.items():
        cells = [text(label(score, name)), percent(row.accuracy), between(score.intervals[name])]
        if hidden:
            cells += [percent(hidden.rows[name].accuracy), between(hidden.intervals[name])]
        lines.append(cells)
    chance = ["chance", percent(1 / len(score.model.first.classes)), ""]
    if hidden:
        chance += ["–" if hidden.chance is None else percent(hidden.chance), ""]
    return _table(heads, [*lines, chance])


def _class_table(score: ClassScore) -> str:
    each, seeds = score.per_class, len(score.model.each)
    lines = []
    for i, name in enumerate(score.model.first.classes):
        shares = (each.precision[i], each.recall[i], each.f1[i])
        cells = [percent(v) if np.isfinite(v) else "–" for v in shares]
        lines.append([text(name), f"{each.count[i] // seeds:,}", *cells])
    return _table(["class", "videos", "precision", "recall", "F1"], lines)


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; cells are HTML already."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for cells in lines)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _matrix(score: ClassScore) -> str:
    """The confusion matrix, a row for each true class in per cent."""
    table, classes = score.table, score.model.first.classes
    count = table.sum(1)
    order = np.argsort(-count, kind="stable")[:MATRIX]
    kept = np.sort(order[count[order] > 0])
    inside = table[np.ix_(kept, kept)]
    others = table[kept].sum(1) - inside.sum(1)
    heads = [*(text(clipped(classes[k], 24)) for k in kept.tolist())]
    lines = []
    for i, k in enumerate(kept.tolist()):
        cells = []
        for j, number in enumerate(inside[i].tolist()):
            share = 100 * number / count[k]
            said = f"{share:.0f}" if number else ""
            kind = "own" if i == j else "other"
            cells.append(f'<td class="{kind}" style="--share: {share:.0f}">{said}</td>')
        if others.any():
            share = 100 * others[i] / count[k]
            cells.append(f'<td class="other" style="--share: {share:.0f}">{share:.0f}</td>')
        lines.append(f"<tr><th>{text(clipped(classes[k], 24))}</th>{''.join(cells)}</tr>")
    if others.any():
        heads.append("other")
    head = "".join(f"<th><span>{name}</span></th>" for name in heads)
    more = f"; the {len(kept)} with most videos" if len(kept) < len(classes) else ""
    about = f"A row for each true class{more}, a column for each class told; per cent of the row."
    return (
        f'<p class="key">{about}</p>\n<div class="wide matrix"><table>\n'
        f"<thead><tr><th></th>{head}</tr></thead>\n"
        f"<tbody>{chr(10).join(lines)}</tbody></table></div>"
    )


def _row(said: ClassPredictions, row: int, film: Film) -> str:
    share, target = said.probability[row], int(said.target[row])
    best = np.argsort(-share, kind="stable")[:BEST].tolist()
    if target not in best:
        best = [*best[: BEST - 1], target]
    told = "\n".join(
        f"<li{' class=' + chr(34) + 'true' + chr(34) if k == target else ''}>"
        f'<span class="name">{text(said.classes[k])}</span>'
        f'<span class="bar" style="--of: {100 * share[k]:.1f}%"></span>'
        f'<span class="share">{_share(share[k])}</span></li>'
        for k in best
    )
    return f"""<article class="row">
<h3>{text(said.classes[target])} <small>told {text(said.classes[said.predicted[row]])}</small></h3>
{_meta(said, row)}
{_film(film)}
<ol class="told">
{told}
</ol>
</article>"""


def _series(score: ValueScore, row: int, film: Film) -> str:
    said = score.model.first
    error = said.errors[row]
    mean = f"{np.abs(error).mean():.4g}" if len(error) else "unknown"
    values = np.concatenate([said.true[row], said.predicted[row]])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    lines = "\n".join(
        f'<polyline class="{kind}" points="{_points(said.times[row], series, low, high)}"/>'
        for kind, series in (("known", said.true[row]), ("said", said.predicted[row]))
    )
    return f"""<article class="row">
<h3>MAE {mean} <small>between {low:.4g} and {high:.4g}, {said.times[row][-1]:.1f} s</small></h3>
{_meta(said, row)}
{_film(film)}
<svg class="series" viewBox="0 0 100 100" preserveAspectRatio="none" role="img">
{lines}
</svg>
</article>"""


def _points(times: np.ndarray, values: np.ndarray, low: float, high: float) -> str:
    """A series as points of a square of 100 x 100; unknown values are left out."""
    keep = np.flatnonzero(np.isfinite(values))
    keep = keep[:: max(1, len(keep) // POINTS)]
    x = 100 * (times[keep] - times[0]) / max(float(times[-1] - times[0]), 1e-9)
    y = 97 - 94 * (values[keep] - low) / max(high - low, 1e-12)
    return " ".join(f"{a:.2f},{b:.2f}" for a, b in zip(x, y, strict=True))


def _meta(said, row: int) -> str:
    group = f" · group {text(said.groups[row])}" if said.groups[row] != said.videos[row] else ""
    return f'<p class="meta">video {text(said.videos[row])}{group}</p>'


def _film(film: Film) -> str:
    if not film:
        return ""
    figures = "\n".join(
        f"<figure>{image(frame, i)}<figcaption>{text(said)}</figcaption></figure>"
        for i, (frame, said) in enumerate(film, start=1)
    )
    return f'<div class="film">\n{figures}\n</div>'


def _share(share: float) -> str:
    """Per cent with a decimal; what is no zero does not look like one."""
    number = "< 0.1" if 0 < share < 0.001 else f"{100 * share:.1f}"
    return f"{escape(number)}\N{NO-BREAK SPACE}%"
