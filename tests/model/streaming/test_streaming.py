"""Following streams: any cut is one pass, windows are clips, streams do not touch each other."""

import resource
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from model.classifier.config import ClassifierConfig
from model.classifier.temporal_transformer import TemporalTransformer
from model.streaming.classifier import StreamingClassifier
from model.streaming.state import StatefulState, StreamOutput, WindowState
from tests.model.streaming.streams import (
    WIDTH,
    WINDOW,
    FrameEncoder,
    classifier,
    frames,
    streaming,
)

MODES = ("stateful", "window")
KINDS = [
    (mode, cell, values) for mode in MODES for cell, values in (("lstm", False), ("gru", True))
]


def model_of(mode: str, cell: str, values: bool, **changed: Any) -> StreamingClassifier:
    outputs = 1 if values else 3
    return streaming(mode, cell=cell, values=values, outputs=outputs, **changed)


def by_steps(model: StreamingClassifier, x: torch.Tensor, state: Any = None) -> Any:
    """Output and state of streams (B, T, ...), a step at a time."""
    state = model.init_state(len(x)) if state is None else state
    outputs = []
    for frame in x.unbind(1):
        output, state = model.step(frame, state)
        outputs.append(output)
    return StreamOutput(*(torch.stack(parts, 1) for parts in zip(*outputs, strict=True))), state


def by_chunks(model: StreamingClassifier, x: torch.Tensor, size: int) -> Any:
    state, outputs = model.init_state(len(x)), []
    for part in x.split(size, 1):
        output, state = model.forward_chunk(part, state)
        outputs.append(output)
    return StreamOutput(*(torch.cat(parts, 1) for parts in zip(*outputs, strict=True))), state


def same(found: Any, expected: Any, atol: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=atol, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("mode", "cell", "values"), KINDS)
def test_steps_and_any_cut_are_one_pass(mode: str, cell: str, values: bool) -> None:
    model = model_of(mode, cell, values)
    x = torch.randn(3, 50, WIDTH, generator=torch.Generator().manual_seed(1))
    whole = model(x)
    assert whole.scores.shape == (3, 50, 1 if values else 3)
    output, state = by_steps(model, x)
    same(output, whole)
    for size in (1, 7, 50):
        chunked, after = by_chunks(model, x, size)
        same(chunked, whole)
        same(after, state)
    assert whole.scores[:, 10:].std() > 0.02, "scores hardly move: nothing is tested"


@torch.no_grad()
@pytest.mark.parametrize(("mode", "cell", "values"), KINDS)
def test_scores_are_those_of_a_clip_of_what_counts(mode: str, cell: str, values: bool) -> None:
    """Of all frames so far, or of the last W; while there are fewer, of a shorter clip."""
    model = model_of(mode, cell, values, motion_width=2)
    x = torch.randn(2, 12, WIDTH, generator=torch.Generator().manual_seed(1))
    output = model(x)
    assert model.receptive_field == (None if mode == "stateful" else WINDOW)
    for last in range(12):
        first = 0 if mode == "stateful" else max(0, last + 1 - WINDOW)
        clip = x[:, first : last + 1]
        mask = torch.ones(clip.shape[:2], dtype=torch.bool)
        expected = model.classifier(clip[:, :, None], torch.zeros(2, clip.shape[1], 2), mask)
        expected = expected[:, -1] if values else expected
        torch.testing.assert_close(output.scores[:, last], expected, atol=1e-6, rtol=0)
    warm = 3 if mode == "stateful" else WINDOW
    assert output.warm[0].tolist() == [seen >= warm for seen in range(1, 13)]
    assert output.seen[1].tolist() == list(range(1, 13))


@torch.no_grad()
def test_a_window_takes_any_classifier_over_frames() -> None:
    config = ClassifierConfig(
        **{**vars(classifier().config), "width": 8}, steps=WINDOW, positions="temporal", heads=2,
        units=1, graph_layers=1, topology="complete", punish="values", state_dropout=0.0,
        graph_dropout=0.0, fusion="linear", bilinear_width=8, bilinear_factor=2,
    )  # fmt: skip
    network = TemporalTransformer(config).eval()
    model = StreamingClassifier(network, mode="window", width=WIDTH, window=WINDOW).eval()
    x = torch.randn(2, 9, WIDTH, generator=torch.Generator().manual_seed(1))
    output, _ = by_steps(model, x)
    same(output, model(x))
    mask = torch.ones(2, WINDOW, dtype=torch.bool)
    expected = network(x[:, -WINDOW:, None], torch.zeros(2, WINDOW, 0), mask)
    torch.testing.assert_close(output.scores[:, -1], expected, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="stateful needs a recurrent classifier"):
        StreamingClassifier(network, mode="stateful", width=WIDTH)


@torch.no_grad()
@pytest.mark.parametrize("mode", MODES)
def test_each_frame_passes_the_cnn_once(mode: str) -> None:
    encoder = FrameEncoder()
    model = streaming(mode, encoder)
    x = frames(30, batch=2)
    output, state = by_steps(model, x)
    assert encoder.calls == [2] * 30
    encoder.calls.clear()
    same(model(x), output)
    assert sum(encoder.calls) == 60 and max(encoder.calls) <= 16
    features = torch.stack([encoder(part) for part in x])
    same(model(features), output)
    assert output.scores.std() > 1e-3
    assert len(model.pack(model.unstack(state)[0])) < 64_000


@torch.no_grad()
@pytest.mark.parametrize("mode", MODES)
def test_interleaved_streams_are_single_streams(mode: str) -> None:
    """Sixteen that begin at different times, in groups that change, some of them anew."""
    model = streaming(mode)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(16, 40, WIDTH, generator=generator)
    begins = {stream: [0] for stream in range(16)}
    every = model.unstack(model.init_state(16))
    done = [0] * 16
    found: dict[int, list[torch.Tensor]] = {stream: [] for stream in range(16)}
    while min(done) < 40:
        asked = [
            s for s in torch.randperm(16, generator=generator)[:9].tolist() if done[s] < 40
        ]  # fmt: skip
        if not asked:
            continue
        state = model.stack([every[s] for s in asked])
        anew = torch.rand(len(asked), generator=generator) < 0.05
        state = model.reset(state, anew)
        for place, stream in enumerate(asked):
            if anew[place]:
                begins[stream].append(done[stream])
        output, state = model.step(torch.stack([x[s, done[s]] for s in asked]), state)
        for place, (stream, after) in enumerate(zip(asked, model.unstack(state), strict=True)):
            every[stream] = after
            done[stream] += 1
            found[stream].append(output.scores[place])
            assert output.seen[place] == done[stream] - begins[stream][-1]
    assert sum(map(len, begins.values())) > 20
    for stream, begun in begins.items():
        cuts = sorted({*begun, 40})
        alone = [model(x[stream : stream + 1, a:b]) for a, b in pairwise(cuts)]
        expected = torch.cat([output.scores[0] for output in alone])
        torch.testing.assert_close(torch.stack(found[stream]), expected, atol=1e-6, rtol=0)


def test_states_are_detached_and_gradients_reach_the_chunk() -> None:
    for mode in MODES:
        model = streaming(mode)
        x = torch.randn(1, 6, WIDTH)
        _, state = model.forward_chunk(x, model.init_state(1))
        assert not any(part.requires_grad for part in state)
        again = x.clone().requires_grad_()
        output, state = model.forward_chunk(again, state)
        output.scores.sum().backward()
        assert again.grad is not None and again.grad.abs().sum() > 0
        output, state = model.step(x[:, 0], state)
        assert output.scores.requires_grad and not any(part.requires_grad for part in state)
        before = [part.clone() for part in state]
        model.step(x[:, 1], state)
        assert all(map(torch.equal, before, state)), "a state that was given is changed"


def test_what_does_not_go_together_is_refused() -> None:
    network = classifier()
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"mode": "window"}, "window 0: give the number"),
        ({"mode": "stateful", "window": 3}, "stateful has none"),
    )
    for given, message in cases:
        with pytest.raises(ValueError, match=message):
            StreamingClassifier(network, width=WIDTH, **given)
    model = streaming()
    state = model.init_state(2)
    for frame, message in (
        (torch.zeros(2, WIDTH + 1), "features of width 6, not 5"),
        (torch.zeros(2, 8, 8, 3, dtype=torch.uint8), "no frame encoder"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), r"uint8 .*: give frames \(B, H, W, 3\)"),
        (torch.zeros(2, 8, 8, 3), "give frames"),
    ):
        with pytest.raises(ValueError, match=message):
            model.step(frame, state)
    with pytest.raises(ValueError, match="evaluation mode"):
        model.train().step(torch.zeros(2, WIDTH), state)
    with pytest.raises(ValueError, match="states of 2 kinds"):
        model.stack([state, streaming(width=8).init_state(1)])
    with pytest.raises(ValueError, match="states of 0 kinds"):
        model.stack([])


@torch.no_grad()
@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_hundred_thousand_stored_features(mode: str) -> None:
    """In float32, to 1e-5; counts stay whole; memory does not grow."""
    model = streaming(mode, appearance_width=64, width=48)
    x = torch.randn(1, 100_000, 64, generator=torch.Generator().manual_seed(5))
    whole = model(x)
    state, found = model.init_state(1), torch.empty(100_000, 3)
    for number, row in enumerate(x[0].split(1)):
        output, state = model.step(row, state)
        found[number] = output.scores[0]
        if number == 1_000:
            before = resident()
    assert resident() - before < 2**20
    torch.testing.assert_close(found, whole.scores[0], atol=1e-5, rtol=0)
    assert state.seen.tolist() == [100_000] and whole.seen[0, -1] == 100_000
    for size in (33, 4_096):
        same(by_chunks(model, x, size)[0], whole)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@torch.no_grad()
@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_thousand_frames_through_the_cnn(mode: str) -> None:
    model = streaming(mode, FrameEncoder())
    x = frames(1_000)
    output, _ = by_steps(model, x)
    same(model(x), output)
    same(by_chunks(model, x, 37)[0], output)


def test_kinds_of_states() -> None:
    assert isinstance(streaming().init_state(2), StatefulState)
    state = streaming("window").init_state(2)
    assert isinstance(state, WindowState) and state.features.shape == (2, WINDOW, WIDTH)
