"""Passwords that were typed in a URL stay out of the list of processes."""

import ctypes
from contextlib import suppress
from pathlib import Path

from util.text import PASSWORD_IN_QUERY, PASSWORD_IN_USER


def hide_passwords_in_ps() -> None:
    """Write x over the passwords of database URLs in what `ps` shows of this process.

    On Linux, where a process may overwrite its arguments; on other systems nothing happens, and
    during the start of Python (some 20 ms) they are seen.  PGPASSWORD and ~/.pgpass never are.
    """
    with suppress(OSError, ValueError, IndexError):
        words = Path("/proc/self/cmdline").read_bytes()
        # The name in parentheses may hold blanks: fields are counted after it (48, 49 of proc(5)).
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        text = words.decode("latin-1")
        for pattern in (PASSWORD_IN_USER, PASSWORD_IN_QUERY):
            text = pattern.sub(lambda found: found[1] + "x" * len(found[2]), text)
        hidden = text.encode("latin-1")
        if 0 < start < end and hidden != words and len(hidden) <= end - start:
            ctypes.memmove(start, hidden, len(hidden))
