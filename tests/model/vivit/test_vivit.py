"""Sizes, tubelets, what tells time, what a training step reaches."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from model.vivit.block import Block
from model.vivit.config import VivitConfig
from model.vivit.tubelet import TubeletEmbedding
from model.vivit.vivit import VivitName, build_vivit
from tests.model.vivit.tiny import BASE, CONFIG, MINI, NAMES, clips, lively

KINDS = [(name, config) for name in NAMES for config in (CONFIG, MINI)]
IDS = [f"{name}{' mini' * (config is MINI)}" for name, config in KINDS]


@pytest.mark.parametrize(
    ("name", "count"),
    [("vivit", 115_062_928), ("vivit_model1", 88_954_000), ("vivit_average", 86_696_080)],
)
def test_parameters_are_the_papers(name: VivitName, count: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in build_vivit(BASE, name).parameters()) == count


@pytest.mark.parametrize("tubelet", [(2, 4), (3, 2), (1, 4), (6, 4)])
def test_tubelets_are_those_of_a_conv3d(tubelet: tuple[int, int]) -> None:
    config = replace(CONFIG, tubelet=tubelet)
    embedding, kernel = TubeletEmbedding(config), (tubelet[0], tubelet[1], tubelet[1])
    conv = nn.Conv3d(3, config.width, kernel, stride=kernel)
    embedding.load_state_dict(conv.state_dict())
    frames = clips(config=config)
    wanted = conv(((frames - 127.5) / 127.5).transpose(1, 2))
    assert wanted.shape[2:] == config.grid
    torch.testing.assert_close(
        embedding(frames), wanted.flatten(3).permute(0, 2, 3, 1), atol=1e-5, rtol=1e-5
    )


def test_uniform_sampling_sees_middle_frames_alone() -> None:
    config = replace(CONFIG, every_frame=False)
    embedding, frames = TubeletEmbedding(config), clips()
    changed = frames.clone()
    changed[:, ::2] = 0  # of two frames the second is the middle, t // 2
    assert torch.equal(embedding(frames), embedding(changed))
    changed[:, 1::2] = 0
    assert not torch.equal(embedding(frames), embedding(changed))


@pytest.mark.parametrize(("name", "config"), KINDS, ids=IDS)
def test_a_new_network_says_nothing(name: VivitName, config: VivitConfig) -> None:
    assert torch.equal(build_vivit(config, name)(clips()), torch.zeros(3, config.classes))


@pytest.mark.parametrize(("name", "config"), KINDS, ids=IDS)
@pytest.mark.parametrize("timed", [True, False])
def test_order_of_tubelets_counts_if_time_has_positions(
    name: VivitName, config: VivitConfig, timed: bool
) -> None:
    config = replace(config, time_positions=timed)
    model, frames = lively(config, name), clips()
    said = model(frames)
    order = torch.tensor([4, 5, 0, 1, 2, 3])  # whole tubelets
    moved = (model(frames[:, order]) - said).abs().max()
    if timed and name != "vivit_average":  # whose mean has no order in any case
        assert moved > 1e-2
    else:
        assert moved < 1e-4
    within = torch.tensor([1, 0, 2, 3, 4, 5])  # what happens in a tubelet is always seen
    assert (model(frames[:, within]) - said).abs().max() > 1e-2


@pytest.mark.parametrize(("name", "config"), KINDS, ids=IDS)
def test_each_clip_is_on_its_own(name: VivitName, config: VivitConfig) -> None:
    model, frames = lively(config, name), clips(4)
    together = model(frames)
    for i in range(4):
        torch.testing.assert_close(model(frames[i : i + 1]), together[i : i + 1])


@pytest.mark.parametrize(("name", "config"), KINDS, ids=IDS)
def test_one_batch_is_learned_by_heart(name: VivitName, config: VivitConfig) -> None:
    torch.manual_seed(2)
    model, frames, target = build_vivit(config, name), clips(5), torch.arange(5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(120):
        loss = nn.functional.cross_entropy(model(frames), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert torch.equal(model(frames).argmax(1), target)


@pytest.mark.parametrize(("name", "config"), KINDS, ids=IDS)
def test_every_parameter_has_a_gradient(name: VivitName, config: VivitConfig) -> None:
    """Several processes wait for one of each; a step without would be refused."""
    model = lively(config, name).train()
    model(clips()).square().sum().backward()
    missing = [key for key, p in model.named_parameters() if p.grad is None]
    assert not missing


@pytest.mark.parametrize(("name", "config"), KINDS, ids=IDS)
def test_activations_computed_again_give_the_same_gradients(
    name: VivitName, config: VivitConfig
) -> None:
    config = replace(config, dropout=0.1, drop_path=0.3)
    found = []
    for checkpointing in (False, True):
        model = lively(replace(config, checkpointing=checkpointing), name).train()
        torch.manual_seed(3)
        model(clips()).square().sum().backward()
        found.append([p.grad for p in model.parameters()])
    for plain, again in zip(*found, strict=True):
        torch.testing.assert_close(plain, again)


def test_the_first_token_alone_is_what_it_is_among_all() -> None:
    torch.manual_seed(0)
    for config in (CONFIG, replace(MINI, mlp_transform="none")):
        block = Block(config, [0.0] * config.repeats, None)
        x = torch.randn(3, 7, config.width)
        for repeat in range(config.repeats):
            alone = block(x, repeat, first_only=True)
            torch.testing.assert_close(alone, block(x, repeat)[:, :1])


def test_drop_path_rises_and_leaves_whole_rows_out() -> None:
    config = replace(CONFIG, depth=4, drop_path=0.6, repeats=2)
    blocks: Any = build_vivit(config, "vivit_average").spatial.blocks
    assert [chance for block in blocks for chance in block.drop_path] == pytest.approx(
        [0, 0.2, 0.4, 0.6]
    )
    block, x = blocks[1].train(), torch.ones(400, 3, config.width)
    torch.manual_seed(0)
    added = block._dropped(x, 1)
    rows = added[:, 0, 0]
    assert torch.equal(added, rows[:, None, None].expand_as(x))
    assert sorted(set(rows.tolist())) == pytest.approx([0, 2.5])
    assert (rows == 0).float().mean().item() == pytest.approx(0.6, abs=0.08)
    assert torch.equal(block.eval()._dropped(x, 1), x)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"frames": 5}, "tubelets of 2x4x4 do not fill clips of 5 frames"),
        ({"size": (12, 10)}, "do not fill clips of 6 frames of 12x10"),
        ({"heads": 3}, "a width of 16 is no multiple of 3 heads"),
        ({"repeats": 2, "depth": 3}, "a depth of 3 is no multiple of 2 repeats"),
    ],
)
def test_sizes_that_cannot_be_built_are_named(change: dict[str, int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(CONFIG, **change)  # type: ignore[arg-type]
