"""File trees that break programs, from a seed: names, links, kinds, endings, sidecar files."""

import os
import random
import shutil
import socket
from pathlib import Path

STEMS = [
    b"cat", b"-x", b"--clips", b"a b", b" lead", b"trail ", b"[Group] a", b"'q'", b'"d"', b"a\nb",
    b"a\x1b[31mb", "caf\u00e9".encode(), "cafe\u0301".encode(), b"caf\xe9", "\u732b".encode(),
    b"#map", b"null", b"1e3", b"~", b"$HOME", b"a;b", b"*", b"?", b"%s", b"{0}", b"x" * 240,
    b"a.b.c", "\u202etac".encode(), b"<b>",
]  # fmt: skip
ENDINGS = [b".mp4", b".MP4", b".mp4", b".asf", b".unheard", b"", b".srt", b".jpg", b".db", b".h5"]
KINDS = ["good"] * 6 + [
    "empty", "text", "broken", "loop", "link", "hard", "folder", "folder link", "pipe", "socket",
    "device", "locked", "hidden", "cut",
]  # fmt: skip


def grow(root: Path, clip: Path, rng: random.Random) -> list[bytes]:
    """Make a tree under `root`; the names that then lie in it."""
    root.mkdir(parents=True)
    for number in range(rng.randint(3, 9)):
        name = rng.choice(STEMS) + (b"" if rng.random() < 0.3 else b"%d" % number)
        name = (b"." if (kind := rng.choice(KINDS)) == "hidden" else b"") + name
        place = root / os.fsdecode(name[:245] + rng.choice(ENDINGS))
        if not os.path.lexists(place):
            _make(place, kind, clip)
    return sorted(os.fsencode(path.name) for path in root.iterdir())


def _make(place: Path, kind: str, clip: Path) -> None:
    content = clip.read_bytes()
    targets = {"broken": "/nowhere/a.mp4", "loop": place, "link": clip, "folder link": ".."}
    targets |= {"device": "/dev/zero"}
    if kind in targets:
        place.symlink_to(targets[kind])
    elif kind == "hard":
        place.hardlink_to(clip)
    elif kind == "folder":
        place.mkdir()
        shutil.copy(clip, place / "in.mp4")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.bind(os.fsencode(place))
            except OSError:  # longer than a socket's name may be
                os.mkfifo(place)
    else:
        short = {"empty": b"", "text": b"no video", "cut": content[: len(content) // 2]}
        place.write_bytes(short.get(kind, content))
        if kind == "locked":
            place.chmod(0)
