"""Text that comes from outside, made fit to be shown."""

import html
import re
import unicodedata
from unicodedata import east_asian_width

# Marks that turn the direction of what follows them, and the byte-order mark: invisible, not blank.
_HIDDEN = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
# Greedy to the last @ before another URL: a password that was not percent-encoded may hold @ or /.
PASSWORD_IN_USER = re.compile(
    r"(postgres(?:ql)?://[^:@/?\s\0]*:)((?:(?!://)[^\n\0])*)(?=@)", re.IGNORECASE
)
PASSWORD_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)([^&\s\0]*)", re.IGNORECASE)
_UNFIT = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff{_HIDDEN}]")


def printable(text: str) -> str:
    r"""A user's text for one line of a terminal, a log, a picture or a page.

    Control characters, line breaks, marks of direction and halves of surrogate pairs are written
    as Python writes them (\n, \x1b, \u202e, \udce9): the terminal does not obey them, the line
    stays one, and it can be encoded as UTF-8.  Everything else stays as it is, in its composed
    form.
    """
    return _UNFIT.sub(_escape, unicodedata.normalize("NFC", text))


def is_utf8(text: str) -> bool:
    """Whether a text is without halves of surrogate pairs: other bytes of file names are such."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def cells_of(text: str) -> int:
    """Columns of a terminal that a text takes: wide letters two each, marks and joiners none."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(c) in "WF")
        for c in text
    )


def markdown_text(text: str) -> str:
    """A user's text within Markdown: no HTML, no emphasis, no cells of a table."""
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", html.escape(printable(text), quote=False))


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def clipped(text: str, width: int) -> str:
    """`printable`, cut to `width` characters with an ellipsis at the end."""
    shown = printable(text[: width + 1])  # of a text of megabytes the rest is not looked at
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def without_password(text: str) -> str:
    """A text with *** for every password that stands in the URL of a database."""
    return PASSWORD_IN_QUERY.sub(r"\1***", PASSWORD_IN_USER.sub(r"\1***", text))
