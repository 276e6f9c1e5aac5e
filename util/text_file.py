"""Text files as people save them: one reader for annotations, lists, maps and presets."""

import codecs
from pathlib import Path

from util.errors import MissingFile, UserError

MARKS = {  # longest first: UTF-32's begins as UTF-16's
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
WINDOWS = frozenset(range(0x80, 0xA0))  # letters and quotation marks in CP1252, nothing in Latin-1


def read_text(path: str | Path, hint: str = "check the path") -> str:
    r"""A UTF-8 file, with or without a byte-order mark; every line ends with \n.

    Raises UserError for one that is not there (`hint` says what should be), cannot be read, or is
    of another encoding, which the message names.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFile(f"{path}: not there; {hint}") from error
    except IsADirectoryError as error:
        raise UserError(f"{path}: is a folder, not a file; {hint}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    other = other_encoding(content)
    if other is not None:
        raise UserError(f"{path}: not UTF-8 text ({other})")
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def other_encoding(content: bytes) -> str | None:
    """What bytes that are no UTF-8 text look like, and the cure; None if they are UTF-8 text."""
    cure = "save it as UTF-8 and try again"
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return f"it begins as {name} does; {cure}"
    # Text of UTF-16 without its mark is valid UTF-8 as long as it is English: every second byte is
    # zero.
    if content.count(0) > len(content) // 4:
        return f"a quarter of it is zeros: UTF-16, or no text at all; {cure}"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        control = sum(byte < 32 and byte not in b"\t\n\f\r" for byte in content[:4096])
        if control > len(content[:4096]) // 50:
            return f"byte {error.start}; it looks like no text at all; name the text file"
        name = "CP1252 (Windows)" if WINDOWS.intersection(content) else "Latin-1"
        return f"byte {error.start}; it looks like {name}; {cure}"
    return None
