"""Weight multiplexing: what is shared, what is not, and when it is a plain ViViT."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import nn

from model.vivit.block import Attention, MlpTransform
from model.vivit.distillation import soft_kl
from model.vivit.vivit import VivitName, build_vivit
from tests.model.vivit.tiny import BASE, CONFIG, MINI, NAMES, clips, lively


@pytest.mark.parametrize("name", NAMES)
def test_one_repeat_and_transforms_that_are_identities_make_a_vivit(name: VivitName) -> None:
    plain = lively(CONFIG, name)
    mini = build_vivit(replace(CONFIG, head_mixing="identity", mlp_transform="identity"), name)
    missing, extra = mini.load_state_dict(plain.state_dict(), strict=False)
    assert not extra
    assert all("attention." in key or "transform." in key for key in missing)
    assert len(missing) > 4
    torch.testing.assert_close(mini.eval()(clips()), plain(clips()), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_repeats_run_the_same_matrices_again(name: VivitName) -> None:
    """A mini network equals a plain one, twice as large, with each block's matrices twice."""
    mini = lively(replace(CONFIG, depth=4, temporal_depth=4, repeats=2), name)
    plain = build_vivit(replace(CONFIG, depth=4, temporal_depth=4), name).eval()
    own, state = mini.state_dict(), {}
    for key in plain.state_dict():
        stack, *rest = key.split(".")
        if rest[0] == "blocks":
            block, repeat = divmod(int(rest[1]), 2)
            part = [rest[2], str(repeat), rest[4]] if rest[2][:4] == "norm" else rest[2:]
            state[key] = own[".".join([stack, "blocks", str(block), *part])]
        else:
            state[key] = own[key]
    plain.load_state_dict(state)
    torch.testing.assert_close(mini(clips()), plain(clips()))


def test_half_the_matrices_are_half_the_parameters() -> None:
    config = replace(BASE, repeats=2, head_mixing="identity", mlp_transform="identity")
    with torch.device("meta"):
        count = sum(p.numel() for p in build_vivit(config, "vivit").parameters())
    assert count < 0.55 * 115_062_928


@torch.no_grad()
def test_heads_are_mixed_before_and_after_softmax() -> None:
    torch.manual_seed(0)
    attention, x = Attention(replace(MINI, width=12, heads=3)), torch.randn(2, 5, 12)
    assert attention.scores is not None and attention.weights is not None
    attention.scores.normal_()
    attention.weights.normal_()
    for repeat in (0, 1):
        q, k, v = attention.qkv(x).unflatten(-1, (3, 3, 4)).permute(2, 0, 3, 1, 4)
        before, after = (
            nn.Conv2d(3, 3, 1, bias=False).requires_grad_(False) for _ in range(2)
        )  # as the released code writes it
        before.weight.copy_(attention.scores[repeat][..., None, None])
        after.weight.copy_(attention.weights[repeat][..., None, None])
        weights = after(before(q @ k.transpose(-2, -1) / 2).softmax(-1))
        wanted = attention.proj((weights @ v).transpose(1, 2).flatten(2))
        torch.testing.assert_close(attention(x, repeat, first_only=False), wanted)


@torch.no_grad()
def test_the_mlp_transform_convolves_each_grid_and_passes_the_class_token() -> None:
    torch.manual_seed(0)
    for released, grid in product((True, False), ((3, 2), (6,))):
        config = replace(CONFIG, mlp_transform="released" if released else "identity")
        transform = MlpTransform(config, grid)
        transform.conv.weight.normal_()
        x = torch.randn(2, 1 + 6 * 2, config.width)  # two grids of 6
        normed, wanted = transform.norm(x), []
        for tokens in normed[:, 1:].split(6, 1):
            wanted.append(transform.conv(tokens.mT.unflatten(2, grid)).flatten(2).mT)
        start = normed if released else x
        wanted = start + torch.cat([torch.zeros(2, 1, config.width), *wanted], 1)
        torch.testing.assert_close(transform(x), wanted)


def test_a_mini_network_compiles_as_one_graph() -> None:
    """The number of a repeat is an argument: nothing is stored that breaks a graph."""
    model = lively(MINI, "vivit")
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(clips()), model(clips()))


def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn() -> None:
    torch.manual_seed(0)
    logits, teacher = torch.randn(4, 5, requires_grad=True), torch.randn(4, 5)
    assert soft_kl(teacher + 3, teacher).item() == pytest.approx(0, abs=1e-6)
    p, q = teacher.softmax(1), logits.softmax(1)
    wanted = (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(soft_kl(logits, teacher), wanted)
    p, q = (teacher / 3).softmax(1), (logits / 3).softmax(1)
    torch.testing.assert_close(soft_kl(logits, teacher, 3.0), 9 * (p * (p / q).log()).sum(1).mean())
    gradient = torch.autograd.grad(soft_kl(logits, teacher), logits)[0]
    torch.testing.assert_close(gradient, (logits.softmax(1) - teacher.softmax(1)).detach() / 4)
