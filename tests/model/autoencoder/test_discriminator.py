"""The discriminator sees sharpness and motion; its losses leak nothing from player to player."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from model.autoencoder.decoders import TransposedDecoder
from model.autoencoder.discriminator import ClipDiscriminator, adversarial


@pytest.mark.parametrize("frames", [1, 2, 5, 16])
@pytest.mark.parametrize("size", [(16, 16), (33, 20), (112, 112)])
def test_the_discriminator_takes_every_clip(frames: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    judge = ClipDiscriminator(hidden=8)
    clips = torch.rand(3, 3, frames, *size)
    logits = judge(clips)
    assert logits.shape == (3,)
    judge.eval()
    torch.testing.assert_close(judge(clips)[1:], judge(clips[1:]))
    assert logits.unique().numel() == 3


def test_the_discriminator_tells_motion_from_shuffled_frames() -> None:
    """A square that goes to the right and the same frames in another order."""
    torch.manual_seed(0)
    real = torch.zeros(8, 3, 8, 16, 16)
    for b in range(8):
        for t in range(8):
            real[b, :, t, b : b + 6, t : t + 6] = 1
    fake = real[:, :, [3, 6, 0, 5, 2, 7, 1, 4]]
    judge = ClipDiscriminator(hidden=8)
    optimizer = torch.optim.Adam(judge.parameters(), lr=2e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.softplus(-judge(real)) + nn.functional.softplus(judge(fake))
        loss.mean().backward()
        optimizer.step()
    judge.eval()
    assert (judge(real) > judge(fake).max()).all()


def test_the_discriminators_slope_is_bounded() -> None:
    torch.manual_seed(0)
    judge = ClipDiscriminator(hidden=8)
    with torch.no_grad():
        for p in judge.parameters():
            p.mul_(100)  # whatever the optimizer did to them
        for _ in range(20):
            judge(torch.rand(1, 3, 2, 16, 16))
    for layer in [*judge.stages, judge.head]:
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        assert abs(torch.linalg.matrix_norm(weight.flatten(1), 2) - 1) < 0.05
    twin = copy.deepcopy(judge).eval()  # as the moving average of the weights does
    judge.eval()
    clip = torch.rand(1, 3, 2, 16, 16)
    torch.testing.assert_close(twin(clip), judge(clip))


@pytest.fixture
def players() -> tuple[nn.Module, ClipDiscriminator, Tensor, Tensor]:
    """A decoder, a discriminator in training, vectors of clips, and real clips."""
    torch.manual_seed(0)
    decoder = TransposedDecoder(width=8, frames=2, size=16, hidden=16)
    judge = ClipDiscriminator(hidden=4)
    return decoder, judge, torch.randn(2, 3, 8), torch.rand(6, 3, 2, 16, 16)


def gradients(module: nn.Module) -> dict[str, Tensor]:
    """Those that there are."""
    return {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("training", [True, False])
def test_each_player_learns_from_its_own_loss(players, training: bool) -> None:
    decoder, judge, vectors, real = players
    judge.train(training)
    state = copy.deepcopy(judge.state_dict())
    softplus = nn.functional.softplus

    # Each loss alone, written plainly, with a discriminator of its own.
    alone = copy.deepcopy(decoder)
    generator = softplus(-copy.deepcopy(judge)(alone(vectors).flatten(0, 1))).mean()
    generator.backward()
    plain = copy.deepcopy(judge)
    with torch.no_grad():
        fake = decoder(vectors).flatten(0, 1)
    as_real, as_fake = plain(torch.cat([real, fake])).chunk(2)
    discriminator = softplus(-as_real).mean() + softplus(as_fake).mean()
    discriminator.backward()

    every = torch.ones(len(real), dtype=torch.bool)
    losses = adversarial(judge, real, decoder(vectors).flatten(0, 1), every)
    assert torch.equal(losses[0], generator) and torch.equal(losses[1], discriminator)
    (losses[0] + losses[1]).backward()
    for mine, theirs in ((decoder, alone), (judge, plain)):
        found, expected = gradients(mine), gradients(theirs)
        assert list(found) == [name for name, _ in mine.named_parameters()] == list(expected)
        for name, grad in found.items():
            assert grad.any() and torch.equal(grad, expected[name]), name
    for name, value in plain.state_dict().items():  # buffers moved once, or not at all
        assert torch.equal(judge.state_dict()[name], value), name
    moved = any(not torch.equal(v, state[k]) for k, v in judge.state_dict().items())
    assert moved == training


def test_weighting_one_loss_leaves_the_other_player_alone(players) -> None:
    decoder, judge, vectors, real = players
    found = []
    for weight in (1.0, 0.0):
        decoder.zero_grad()
        twin = copy.deepcopy(judge)
        every = torch.ones(len(real), dtype=torch.bool)
        generator, discriminator = adversarial(twin, real, decoder(vectors).flatten(0, 1), every)
        (weight * generator + discriminator).backward()
        found.append((gradients(decoder), gradients(twin)))
    (_, first), (nothing, second) = found
    assert not any(grad.any() for grad in nothing.values())
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_clips_that_do_not_count_change_no_loss(players) -> None:
    decoder, judge, vectors, real = players
    judge.eval()
    fake = decoder(vectors).flatten(0, 1).detach()
    mask = torch.arange(len(real)) % 2 == 0
    torch.testing.assert_close(
        adversarial(judge, real, fake, mask),
        adversarial(judge, real[mask], fake[mask], mask[mask]),
    )


def test_nothing_learnt_is_ln_2() -> None:
    class Undecided(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1).sum(1) * 0

    real, fake = torch.rand(2, 5, 3, 1, 16, 16)
    generator, discriminator = adversarial(Undecided(), real, fake, torch.ones(5, dtype=torch.bool))
    assert generator.item() == pytest.approx(math.log(2))
    assert discriminator.item() == pytest.approx(2 * math.log(2))


def test_the_generator_learns_to_look_real() -> None:
    """Real clips are white: an adversarial term alone must make the decoder's brighter."""
    torch.manual_seed(0)
    decoder = TransposedDecoder(width=8, frames=2, size=16, hidden=16)
    judge = ClipDiscriminator(hidden=4)
    vectors, real = torch.randn(1, 6, 8), torch.ones(6, 3, 2, 16, 16)
    both = [*decoder.parameters(), *judge.parameters()]
    optimizer = torch.optim.Adam(both, lr=1e-2, betas=(0.5, 0.9))
    for _ in range(60):
        optimizer.zero_grad()
        every = torch.ones(len(real), dtype=torch.bool)
        generator, discriminator = adversarial(judge, real, decoder(vectors)[0], every)
        (generator + discriminator).backward()
        optimizer.step()
    assert decoder(vectors).mean() > 0.8
