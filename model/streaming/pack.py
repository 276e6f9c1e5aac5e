"""States as bytes: little-endian tensors behind a head that says what they are of, and a digest.

Nothing in such bytes is run, and none is believed before the digest has been compared.
"""

import hashlib
import json
import struct
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.streaming.state import StreamState
from util.errors import UserError

MAGIC = b"VSTREAM\0"
VERSION = 1
DIGEST = 16  # bytes of SHA-256
HEAD = struct.Struct("<8sHI")  # magic, version, bytes of the description
DTYPES = {"float32": "<f4", "int64": "<i8"}


def pack(state: StreamState, *, model: str) -> bytes:
    """A state's tensors to the bit.  `model`: fingerprint of the model that it is of."""
    tensors, described = [], []
    for name, value in state._asdict().items():
        kind = str(value.dtype).removeprefix("torch.")
        array = value.detach().cpu().contiguous().numpy().astype(DTYPES[kind], copy=False)
        tensors.append(array.tobytes())
        described.append([name, kind, list(value.shape)])
    said = json.dumps({"model": model, "tensors": described}, separators=(",", ":")).encode()
    body = b"".join([HEAD.pack(MAGIC, VERSION, len(said)), said, *tensors])
    return body + hashlib.sha256(body).digest()[:DIGEST]


def unpack(data: bytes, like: StreamState, *, model: str, what: str) -> StreamState:
    """The state again, on the device of `like`.

    `like`: a state of the model, of any number of streams; `what`: where the bytes are from, for
    the message.  Raises UserError if they are damaged, of another version, or of another model.
    """
    body, digest = data[:-DIGEST], data[-DIGEST:]
    if len(body) < HEAD.size or not body.startswith(MAGIC):
        raise UserError(f"{what}: is not the state of a stream; name another file, or begin anew")
    _, version, length = HEAD.unpack_from(body)
    if version != VERSION:
        raise UserError(
            f"{what}: state of version {version}, this code reads version {VERSION}; begin anew"
        )
    if hashlib.sha256(body).digest()[:DIGEST] != digest:
        raise UserError(f"{what}: damaged, or cut off ({len(data):,} bytes); begin anew")
    try:
        said = json.loads(body[HEAD.size : HEAD.size + length])
        owner, described = said["model"], said["tensors"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{what}: says nothing of what it holds; begin anew") from error
    if owner != model:
        raise UserError(
            f"{what}: state of another model ({str(owner)[:12]}, this one is {model[:12]}): of "
            "other weights, mode or window; begin anew, or name the run it is of"
        )
    try:
        tensors = _tensors(body[HEAD.size + length :], described, like)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{what}: does not hold what it says ({error}); begin anew") from error
    return type(like)(**tensors)


def _tensors(data: bytes, described: Any, like: StreamState) -> dict[str, Tensor]:
    """The tensors of a state by name; ValueError or TypeError if they are not those of `like`."""
    own, found, begin = like._asdict(), {}, 0
    if [name for name, _, _ in described] != list(own):
        raise ValueError(f"tensors {[str(name)[:20] for name, *_ in described]}")
    streams = {shape[0] for _, _, shape in described}
    if len(streams) != 1:
        raise ValueError(f"tensors of {sorted(streams)} streams")
    for name, kind, shape in described:
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"{name} is of shape {shape}")
        mine = own[name]
        if f"torch.{kind}" != str(mine.dtype) or shape[1:] != list(mine.shape[1:]):
            raise ValueError(f"{name} is {kind} {shape}")
        count = int(np.prod(shape))
        array = np.frombuffer(data, DTYPES[kind], count, begin)
        begin += array.nbytes
        native = array.reshape(shape).astype(array.dtype.newbyteorder(sys.byteorder))
        found[name] = torch.from_numpy(native).to(mine.device)
    if begin != len(data):
        raise ValueError(f"{len(data):,} bytes of tensors, not {begin:,}")
    return found
