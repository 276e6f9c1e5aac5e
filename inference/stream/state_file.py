"""Where a stream was left, as a file: the packed state, and how far its source had been read."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from model.streaming.classifier import StreamingClassifier
from model.streaming.state import StreamState
from util.errors import UserError
from util.files import whole_file

MAGIC = b"VSTREAM FILE 1\n"
DIGEST = 32  # bytes of SHA-256


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a source has been read, and what has been said of it."""

    source: str = ""  # as it was given
    frames: int = 0  # of it that have been looked at
    shown: str = ""  # the class that was last printed
    due: float = 0.0  # s of the source, when the next line is, with --every


def save_state(path: Path, model: StreamingClassifier, state: StreamState, mark: Mark) -> None:
    """Write, whole or not at all.  Raises UserError if it cannot be written."""
    said = json.dumps(asdict(mark)).encode() + b"\n"
    body = MAGIC + said + model.pack(state)
    with whole_file(path) as partial:
        partial.write_bytes(body + hashlib.sha256(body).digest())


def load_state(path: Path, model: StreamingClassifier) -> tuple[StreamState, Mark]:
    """State and mark again.  Raises UserError for a file that is no such, damaged, or of another
    model.
    """
    data = path.read_bytes()
    body, digest = data[:-DIGEST], data[-DIGEST:]
    if not body.startswith(MAGIC):
        raise UserError(f"--state {path}: is not the state of a stream; name another file")
    if hashlib.sha256(body).digest() != digest:
        raise UserError(f"--state {path}: damaged, or cut off; remove it, the stream begins anew")
    said, _, packed = body[len(MAGIC) :].partition(b"\n")
    return model.unpack(packed, what=f"--state {path}"), Mark(**json.loads(said))
