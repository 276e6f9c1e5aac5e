"""The recurrent classifier: packing as oracle, padding, gradients that end, carried states."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from model.classifier.recurrent import RecurrentClassifier, RecurrentConfig
from model.layer.one_way import RecurrentLayers
from tests.fake_cuda import backward, fake_cuda

CONFIG = RecurrentConfig(
    appearance_width=5, motion_width=3, outputs=4, values=False, cell="lstm", layers=2, width=6,
    head_width=7, feature_norm="none", feature_dropout=0.0, dropout=0.0, tbptt=0, carry=0.0,
)  # fmt: skip


def classifier(**changed) -> RecurrentClassifier:
    torch.manual_seed(0)
    return RecurrentClassifier(replace(CONFIG, **changed))


def videos(count: int = 4, clips: int = 3, frames: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Random features; the second video has one real clip, the third the first and the last."""
    torch.manual_seed(1)
    mask = torch.ones(count, clips, dtype=torch.bool)
    mask[1:2, 1:] = False
    mask[2:3, 1] = False
    return torch.randn(count, clips, frames, 5), torch.randn(count, clips, 3), mask


def steps_of(model: RecurrentClassifier, row: int) -> Tensor:
    """The real steps of one video, joined by hand (T, 8)."""
    appearance, motion, mask = videos()
    real = [
        torch.cat([appearance[row, clip, frame], motion[row, clip]])
        for clip in range(3) if mask[row, clip] for frame in range(2)
    ]  # fmt: skip
    return torch.stack(real)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("head_width", [0, 7])
def test_scores_are_those_of_torchs_own_network(cell: str, head_width: int) -> None:
    """Each video alone, without padding, through one nn.LSTM or nn.GRU of two layers."""
    model = classifier(cell=cell, head_width=head_width).eval()
    oracle = (nn.LSTM if cell == "lstm" else nn.GRU)(8, 6, num_layers=2, batch_first=True)
    weights = {
        name.replace("l0", f"l{place}"): value
        for place, layer in enumerate(model.layers.layers)
        for name, value in layer.state_dict().items()
    }
    oracle.load_state_dict(weights)
    found = model(*videos())
    assert found.shape == (4, 4)
    for row in range(4):
        hidden = oracle(steps_of(model, row)[None])[0][0, -1]
        torch.testing.assert_close(found[row], model.head(hidden), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_padding_changes_nothing(cell: str) -> None:
    for values in (False, True):
        model = classifier(cell=cell, values=values, outputs=1).eval()
        appearance, motion, mask = videos()
        found = model(appearance, motion, mask)
        appearance[~mask], motion[~mask] = 1e4, -1e4
        wider = nn.functional.pad(appearance, (0, 0, 0, 0, 0, 2))
        again = model(
            wider, nn.functional.pad(motion, (0, 0, 0, 2)), nn.functional.pad(mask, (0, 2))
        )
        if values:
            assert found.shape == (4, 6, 1)
            real = mask.repeat_interleave(2, 1)
            again, found = again[:, :6][real], found[real]
        torch.testing.assert_close(again, found, atol=1e-6, rtol=1e-5)


def test_a_value_depends_on_the_past_alone() -> None:
    model = classifier(values=True, outputs=1).eval()
    appearance, motion, mask = videos()
    before = model(appearance, motion, mask)
    appearance[0, 1, 1] += 1  # step 3
    after = model(appearance, motion, mask)
    moved = (after - before)[0, :, 0].abs() > 1e-7
    assert moved.tolist() == [False] * 3 + [True] * 3
    assert torch.equal(after[1:], before[1:])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 3])
def test_steps_and_any_cut_are_one_pass(cell, layers: int) -> None:
    torch.manual_seed(0)
    network = RecurrentLayers(cell=cell, input_width=5, width=6, layers=layers, dropout=0.5).eval()
    x, state = torch.randn(3, 20, 5), network.start(3)
    whole, end = network(x, state)
    for cut in (1, 3, 20):
        state, parts = network.start(3), []
        for part in x.split(cut, 1):
            output, state = network(part, state)
            parts.append(output)
        torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-6, rtol=0)
        torch.testing.assert_close(state, end, atol=1e-6, rtol=0)
    state, steps = network.start(3), []
    for inputs in x.unbind(1):
        output, state = network.step(inputs, state)
        steps.append(output)
    torch.testing.assert_close(torch.stack(steps, 1), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(state, end, atol=1e-6, rtol=0)
    assert state.cell.numel() == (0 if cell == "gru" else state.hidden.numel())


def test_gradients_go_back_as_far_as_tbptt() -> None:
    appearance, motion, mask = videos(count=1, clips=5)
    for tbptt, reached in ((0, 10), (4, 2), (5, 5), (20, 10)):  # 10 steps: 4 + 4 + 2
        model = classifier(tbptt=tbptt).train()
        x = appearance.clone().requires_grad_()
        model(x, motion, torch.ones_like(mask)).sum().backward()
        assert x.grad is not None
        touched = (x.grad.flatten(1, 2)[0].abs().sum(1) > 0).sum()
        assert touched == reached
    cut = classifier(tbptt=3)(appearance, motion, mask)
    torch.testing.assert_close(cut, model(appearance, motion, mask), atol=1e-6, rtol=0)


def test_videos_begin_in_the_state_that_others_left() -> None:
    appearance, motion, mask = videos()
    mask[:] = True
    for cell in ("lstm", "gru"):
        model = classifier(cell=cell, carry=1.0).train()
        found = model(appearance, motion, mask)
        one_after_the_other = [torch.cat([x.roll(1, 0), x], 1) for x in (appearance, motion, mask)]
        expected = classifier(cell=cell).eval()(*one_after_the_other)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
        assert not torch.allclose(found, model.eval()(appearance, motion, mask), atol=1e-4)
        model.train()(appearance, motion, mask).sum().backward()
    started = [
        model._before(*model.steps(appearance, motion, mask)).hidden.abs().sum((1, 2)) > 0
        for model in [classifier(carry=0.5).train()]
        for _ in range(50)
    ]
    share = torch.cat(started).float().mean()
    assert 0.35 < share < 0.65


def test_what_there_is_not_is_left_out() -> None:
    appearance, motion, mask = videos()
    alone = classifier(motion_width=0).eval()
    assert torch.equal(alone(appearance, motion, mask), alone(appearance, motion[..., :0], mask))
    moving = classifier(appearance_width=0).eval()
    assert moving(appearance[..., :0], motion, mask).shape == (4, 4)
    assert moving.steps(appearance[..., :0], motion, mask)[0].shape == (4, 3, 3)
    with pytest.raises(ValueError, match="both channels"):
        classifier(appearance_width=0, motion_width=0)
    with pytest.raises(ValueError, match="no frames"):
        classifier(appearance_width=0, values=True)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_one_batch_is_learned_by_heart(cell: str) -> None:
    """Which of two frames came first: no set of frames tells."""
    torch.manual_seed(2)
    a, b = torch.randn(2, 5)
    forward, backward = torch.stack([a, b, a * 0]), torch.stack([b, a, a * 0])
    appearance = torch.stack([forward, backward] * 4)[:, :, None]
    target = torch.tensor([0, 1] * 4)
    model = classifier(cell=cell, motion_width=0, outputs=2, dropout=0.1, carry=0.3).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    mask = torch.ones(8, 3, dtype=torch.bool)
    for _ in range(120):
        loss = nn.functional.cross_entropy(model(appearance, appearance[:, :, 0, :0], mask), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = model.eval()(appearance, appearance[:, :, 0, :0], mask)
    assert (found.argmax(1) == target).all()
    reached = [name for name, p in model.named_parameters() if p.grad is None]
    assert not reached


def test_inside_autocast_the_layers_compute_float32() -> None:
    network = RecurrentLayers(cell="lstm", input_width=5, width=6, layers=1, dropout=0.0)
    x = torch.randn(2, 3, 5)
    plain, _ = network(x, network.start(2))
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = network(x, network.start(2))
        step, _ = network.step(x[:, 0], network.start(2))
    assert output.dtype == step.dtype == torch.float32 and torch.equal(output, plain)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("values", [False, True])
def test_on_a_gpu_nothing_is_asked(cell: str, values: bool, monkeypatch) -> None:
    with fake_cuda(monkeypatch) as asked:
        model = classifier(cell=cell, values=values, tbptt=4, carry=0.5, dropout=0.1).to("cuda")
        given = [torch.empty(4, 3, 2, 5, device="cuda"), torch.empty(4, 3, 3, device="cuda")]
        mask = torch.arange(3, device="cuda") < torch.full((4, 1), 2, device="cuda")
        asked.seen.clear()
        with torch.autocast("cuda", torch.bfloat16):
            scores = model.train()(*given, mask)
        backward(scores.float().sum())
        assert asked.seen == []
        assert all(p.grad is not None for p in model.parameters())
