"""Numbers as text: tables for the terminal, rows for Markdown."""

from collections.abc import Iterable, Sequence

from util.grouped import Grouped
from util.text import cells_of, clipped, printable

Interval = tuple[float, float]
TYPES = 12  # question types, the largest, that a table or a picture shows
TOTAL = "all"  # the head of the column of all questions


def percent(value: float, digits: int = 1) -> str:
    """A share 0 to 1 in per cent."""
    return f"{100 * value:.{digits}f}"


def between(low_high: Interval, *, sign: bool = False) -> str:
    """An interval in per cent: 33.9-37.6, or for differences +5.1..+8.0."""
    low, high = (100 * end for end in low_high)
    return f"{low:+.1f}..{high:+.1f}" if sign else f"{low:.1f}-{high:.1f}"


def signed(difference: float, interval: Interval) -> str:
    """A difference of two shares in per cent, with its interval."""
    return f"{100 * difference:+.1f} [{between(interval, sign=True)}]"


def grid(columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table for the terminal, each column as wide as its widest cell; rows: label and cells."""
    table = [["", *columns], *([clipped(label, 60), *cells] for label, cells in rows)]
    width = [max(cells_of(line[i]) for line in table) for i in range(len(columns) + 1)]
    return "\n".join(_line(line, width) for line in table)


def largest_types(counts: Grouped[int]) -> list[str]:
    """The question types that a table shows, by size."""
    return sorted(counts.by_type, key=lambda kind: (-counts.by_type[kind], kind))[:TYPES]


def type_name(kind: str, width: int = 14) -> str:
    """A question type as the head of a column; quoted where it is called like the total."""
    return f'"{kind}"' if kind == TOTAL else clipped(kind, width)


def columns_of(counts: Grouped[int]) -> list[str]:
    """Heads of a table's columns: the total, then the largest types."""
    return [TOTAL, *map(type_name, largest_types(counts))]


def left_out(counts: Grouped[int]) -> str:
    """A line about the types that a table does not show; "" where it shows all."""
    more = len(counts.by_type) - TYPES
    return f"and {more:,} smaller question types" if more > 0 else ""


def _line(cells: Sequence[str], width: Sequence[int]) -> str:
    """The label to the left, numbers to the right of their columns."""
    blanks = [" " * (w - cells_of(cell)) for cell, w in zip(cells, width, strict=True)]
    rest = [blank + cell for blank, cell in zip(blanks[1:], cells[1:], strict=True)]
    return "  ".join([cells[0] + blanks[0], *rest])


def markdown(cells: Sequence[str]) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"
