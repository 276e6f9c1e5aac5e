"""States as bytes: to the bit, small, and never believed when damaged."""

import hashlib
import struct

import pytest
import torch

from model.streaming.classifier import StreamingClassifier
from model.streaming.pack import DIGEST, HEAD
from tests.model.streaming.streams import WIDTH, WINDOW, classifier, streaming
from util.errors import UserError


@torch.no_grad()
@pytest.mark.parametrize("mode", ["stateful", "window"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_packed_state_is_the_state_to_the_bit(mode: str, batch: int) -> None:
    model = streaming(mode)
    x = torch.randn(batch, 20, WIDTH, generator=torch.Generator().manual_seed(1))
    _, state = model.forward_chunk(x[:, :13], model.init_state(batch))
    again = model.unpack(model.pack(state))
    assert type(again) is type(state)
    for one, other in zip(again, state, strict=True):
        assert torch.equal(one, other) and one.dtype == other.dtype
    for row in x[:, 13:].unbind(1):
        output, state = model.step(row, state)
        resumed, again = model.step(row, again)
        assert all(map(torch.equal, output, resumed))


@torch.no_grad()
def test_sizes() -> None:
    """Of one stream: LSTM(512) of 2 layers; 40 frames' features of 1280."""
    network = classifier(appearance_width=1280, width=512)
    stateful = StreamingClassifier(network, mode="stateful", width=1280).eval()
    window = StreamingClassifier(network, mode="window", width=1280, window=40).eval()
    assert len(stateful.pack(stateful.init_state(1))) <= 2 * 2 * 512 * 4 + 1_000 <= 64_000
    assert len(window.pack(window.init_state(1))) <= 40 * 1280 * 4 + 1_000


@torch.no_grad()
def test_damage_is_one_line() -> None:
    model = streaming("window")
    data = model.pack(model.init_state(2))
    cut = [data[:n] for n in range(0, len(data), 7)]
    flipped = [data[:n] + bytes([data[n] ^ 1]) + data[n + 1 :] for n in range(len(data))]
    for damaged in (*cut, *flipped, data + b"x", b"", b"VSTREAM\0" * 9):
        with pytest.raises(UserError, match=r"^s\.bin: ") as caught:
            model.unpack(damaged, what="s.bin")
        assert "\n" not in str(caught.value)
    newer = HEAD.pack(b"VSTREAM\0", 2, 5) + data[HEAD.size :]
    with pytest.raises(UserError, match="state of version 2, this code reads version 1"):
        model.unpack(newer)


@torch.no_grad()
def test_what_holds_something_else_is_refused() -> None:
    """With a digest that is right: made by hand, or by another program."""
    model = streaming("window")
    good = model.pack(model.init_state(1))
    length = struct.unpack_from("<I", good, 10)[0]
    said = good[HEAD.size : HEAD.size + length]
    for old, new, message in (
        (b'"features"', b'"featurez"', r"does not hold what it says \(tensors"),
        (b"[1,4,5]", b"[1,5,4]", r"features is float32 \[1, 5, 4\]"),
        (b"[1,4,5]", b"[9,4,5]", r"tensors of \[1, 9\] streams"),
        (b"[1,4,5]", b"[1,-4,5]", "of shape"),
        (b"float32", b"float16", "features is float16"),
        (b'{"model"', b'{"mode1"', "says nothing"),
        (b"{", b"", "says nothing"),
    ):
        body = resealed(good, said, said.replace(old, new, 1))
        with pytest.raises(UserError, match=message):
            model.unpack(body)


def resealed(good: bytes, said: bytes, other: bytes) -> bytes:
    body = HEAD.pack(b"VSTREAM\0", 1, len(other)) + other
    body += good[HEAD.size + len(said) : -DIGEST]
    return body + hashlib.sha256(body).digest()[:DIGEST]


@torch.no_grad()
def test_other_models_states_are_refused() -> None:
    model = streaming()
    data = model.pack(model.init_state(1))
    with torch.no_grad():
        other = streaming()
        assert other.unpack(data).seen.tolist() == [0], "the same weights"
        other.train()
        next(other.classifier.parameters()).add_(0.1)
        other.eval()
    wider = StreamingClassifier(classifier(), mode="window", width=WIDTH, window=WINDOW + 1)
    frozen = StreamingClassifier(classifier(), mode="stateful", width=WIDTH, origin="resnet18")
    for different in (other, streaming("window"), wider, frozen):
        with pytest.raises(UserError, match=r"state of another model .*; begin anew"):
            different.unpack(data)
