"""Numbers as text: tables for the terminal, rows for Markdown."""

from collections.abc import Mapping, Sequence

Interval = tuple[float, float]


def percent(value: float, digits: int = 1) -> str:
    """A share 0 to 1 in per cent."""
    return f"{100 * value:.{digits}f}"


def between(low_high: Interval, *, sign: bool = False) -> str:
    """An interval in per cent: 33.9-37.6, or for differences +5.1..+8.0."""
    low, high = (100 * end for end in low_high)
    return f"{low:+.1f}..{high:+.1f}" if sign else f"{low:.1f}-{high:.1f}"


def grid(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A table for the terminal, each column as wide as its widest cell."""
    table = [["", *columns], *([label, *cells] for label, cells in rows.items())]
    width = [max(len(line[i]) for line in table) for i in range(len(columns) + 1)]
    return "\n".join(_line(line, width) for line in table)


def _line(cells: Sequence[str], width: Sequence[int]) -> str:
    """The label to the left, numbers to the right of their columns."""
    rest = [cell.rjust(w) for cell, w in zip(cells[1:], width[1:], strict=True)]
    return "  ".join([cells[0].ljust(width[0]), *rest])


def markdown(cells: Sequence[str]) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
