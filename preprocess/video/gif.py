"""GIFs as players show them: how long each frame stays.

A GIF says for each frame how many hundredths of a second it is shown.  Browsers show a frame of 0
or 1 hundredth for a tenth of a second (files from before they could keep up rely on it); FFmpeg
does so for 0 alone.  The last frame has a time like any other, which may be long.

What is seen of a frame is FFmpeg's: parts and disposal put together, transparent places white, and
places that are cleared to the background of the file's background colour where it is opaque.
"""

from av.container import InputContainer

AT_LEAST, INSTEAD = 2, 10  # hundredths of a second
EXTENSION, IMAGE = 0x21, 0x2C  # what begins, in the file


def is_gif(container: InputContainer) -> bool:
    """Whether an open file or stream is a GIF."""
    return container.format.name == "gif"


def hundredths(duration: int | None) -> int:
    """How long a frame is shown whose packet, or which itself, has this duration in 1/100 s."""
    return INSTEAD if duration is None or duration < AT_LEAST else duration


def is_cut_off(content: bytes) -> bool:
    """Whether the bytes of a GIF end within a frame (GIF89a, section 12 and the following).

    FFmpeg shows such a frame as far as it came.  A file that only lacks its last byte, which says
    that it ends, is whole, as for players.
    """
    try:
        at = 13 + _table(content[10])
        while at < len(content):
            kind = content[at]
            if kind == EXTENSION:
                at = _after_blocks(content, at + 2)
            elif kind == IMAGE:
                at = _after_blocks(content, at + 11 + _table(content[at + 9]))
            else:
                return False  # the end; or rubbish, of which FFmpeg makes what it can
    except IndexError:
        return True
    return at > len(content)


def _table(flags: int) -> int:
    """Bytes of the colour table that a screen or an image announces."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


def _after_blocks(content: bytes, at: int) -> int:
    """Where the blocks that begin at `at`, each with its length before it, have ended."""
    while content[at]:
        at += content[at] + 1
    return at + 1
