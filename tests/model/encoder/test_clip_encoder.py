"""Encoders of clips in training: what an image costs, augmentation, equal numbers."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from model.backbone.table import find_trainable
from model.backbone.trainable import TrainableBackbone
from model.encoder.augment import Augmentation
from model.encoder.clip_encoder import ClipEncoder, ClipViews, Views, clip_images
from options.encoder import EncoderOptions

PLAIN = Augmentation(
    crop=0, crop_random=True, flip=0.0, jitter=0.0, degrees=0.0, scale=0.0, translate=0.0
)


def encoder(
    policy: Any = "full",
    batch_norm: Any = "eval",
    checkpointing=False,
    per_video=False,
    **augmentation: Any,
) -> ClipEncoder:
    torch.manual_seed(5)
    return ClipEncoder(
        appearance=find_trainable("resnet_narrow", kind="frame", option="appearance_encoder"),
        motion=find_trainable("resnext_narrow", kind="clip", option="motion_encoder"),
        policy=policy, batch_norm=batch_norm, checkpointing=checkpointing,
        views=ClipViews(augmentation=replace(PLAIN, **augmentation), per_video=per_video),
    )  # fmt: skip


def videos(count: int = 3, distinct: int = 5, clips: int = 2, length: int = 8, side: int = 32):
    """Frames (M, H, W, 3) and index (V, N, F) of some videos."""
    torch.manual_seed(7)
    frames = torch.randint(0, 256, (count * distinct, side, side, 3), dtype=torch.uint8)
    index = torch.randint(0, distinct, (count, clips, length)).sort(2).values
    return frames, index + distinct * torch.arange(count)[:, None, None]


def buffers(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.named_buffers()}


def moved(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """Names of the buffers that are not as before."""
    return {n for n, value in module.named_buffers() if not torch.equal(value, before[n])}


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"encoder_lr": 0.0}, "--encoder_lr 0.0: .* --encoders frozen"),
        ({"encoder_lr": float("nan")}, "--encoder_lr nan: must be positive"),
        ({"crop": -1}, "--crop -1: must be"),
        ({"flip": 1.5}, r"--flip 1.5: must be in \[0, 1\]"),
        ({"jitter": -0.1}, "--jitter -0.1: must be"),
        ({"affine_degrees": 200.0}, r"--affine_degrees 200.0: must be in \[0, 180\]"),
        ({"affine_scale": -0.1}, "--affine_scale -0.1: must not be negative"),
        ({"affine_translate": 2.0}, r"--affine_translate 2.0: must be in \[0, 1\]"),
    ],
)
def test_options_that_cannot_be(changed: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        EncoderOptions(**changed)


def test_a_frozen_encoder_is_the_same_after_steps_on_other_things() -> None:
    network = encoder("frozen", "train")
    views = network.eval().views(*videos())
    before = network(views)
    head = nn.Linear(before.motion.shape[2], 1)
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        head(network.train()(views).motion).sum().backward()
        optimizer.step()
    for after in (network(views), network.eval()(views)):  # in training mode too
        assert torch.equal(after.appearance, before.appearance)
        assert torch.equal(after.motion, before.motion)


@pytest.mark.parametrize("policy", ["frozen", "full"])
def test_calibration_leaves_momentum_mode_and_gradients_alone(policy: str) -> None:
    network = encoder(policy, "train").train()
    modes = [module.training for module in network.modules()]
    before = buffers(network)
    views = network.views(*videos())
    for backbone, images in (
        (network.appearance, views.images),
        (network.motion, clip_images(views)),
    ):
        assert isinstance(backbone, TrainableBackbone)
        backbone.calibrate([images])
    assert [module.training for module in network.modules()] == modes
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    assert {norm.momentum for norm in norms} == {0.1}
    assert moved(network, before) == {k for k in before if "running" in k or "tracked" in k}
    assert all(p.grad is None for p in network.parameters())


def test_without_augmentation_each_distinct_frame_is_encoded_once() -> None:
    network = encoder().eval()
    frames, index = videos()
    views = network.views(frames, index)
    assert torch.equal(views.images, frames.permute(0, 3, 1, 2).float())
    assert torch.equal(views.index, index)
    seen = []
    network.appearance.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    encoded = network(views)
    assert seen == [len(frames)]
    every = network.appearance(frames[index].flatten(0, 2).permute(0, 3, 1, 2).float())
    torch.testing.assert_close(
        encoded.appearance, every.view(*index.shape, -1), atol=1e-5, rtol=1e-5
    )
    clips = frames[index].flatten(0, 1).permute(0, 4, 1, 2, 3).float()  # (V N, 3, F, H, W)
    assert torch.equal(clip_images(views), clips)
    expected = network.motion(clips).view(*index.shape[:2], -1)
    torch.testing.assert_close(encoded.motion, expected, atol=1e-5, rtol=1e-5)


def test_augmentation_is_for_training_and_both_channels_see_the_same_draw() -> None:
    frames, index = videos()
    network = encoder(crop=24, flip=0.5, jitter=0.3).train()
    views = network.views(frames, index)
    assert views.images.shape == (index.numel(), 3, 24, 24)
    assert sorted(views.index.flatten().tolist()) == list(range(index.numel()))
    clip = clip_images(views)[1]  # (3, F, h, w)
    assert torch.equal(clip, views.images[views.index[0, 1]].transpose(0, 1))
    # Clips that have frames of their own are not copied again.
    assert clip_images(views).data_ptr() == views.images.data_ptr()
    gathered = clip_images(Views(images=views.images, index=views.index))
    assert torch.equal(clip_images(views), gathered)
    assert clip_images(views).stride() == gathered.stride()
    assert network(views).appearance.shape == (*index.shape, network.appearance.width)
    network.eval()
    expected = frames.permute(0, 3, 1, 2)[..., 4:28, 4:28].float()
    assert torch.equal(network.views(frames, index).images, expected)


@pytest.mark.parametrize(
    "change",
    [{"crop": 31}, {"flip": 0.5}, {"jitter": 0.1}, {"degrees": 9.0}, {"scale": 0.1},
     {"translate": 0.1}],
)  # fmt: skip
def test_any_augmentation_draws_for_every_clip(change: dict) -> None:
    frames, index = videos()
    assert len(encoder(**change).train().views(frames, index).images) == index.numel()
    still = encoder(crop=31, crop_random=False).train().views(frames, index)
    assert len(still.images) == len(frames)


def test_a_draw_a_video_is_alike_for_all_its_clips() -> None:
    frames, index = videos()
    same = torch.zeros_like(index) + index[:, :1, :1]  # every clip is its video's first frame
    for per_video in (True, False):
        views = encoder(per_video=per_video, crop=24, degrees=20.0).train().views(frames, same)
        images = views.images.view(*index.shape, 3, 24, 24)
        assert torch.equal(images, images[:, :, :1].expand_as(images))
        assert torch.equal(images, images[:, :1].expand_as(images)) == per_video
        assert len(images[:, 0, 0].flatten(1).unique(dim=0)) == len(index)


def test_a_channel_that_there_is_not_costs_nothing() -> None:
    spec = find_trainable("resnet_narrow", kind="frame", option="appearance_encoder")
    views = ClipViews(augmentation=PLAIN, per_video=False)
    both = encoder().eval()
    one = ClipEncoder(
        appearance=spec, motion=None, policy="full", batch_norm="eval", checkpointing=False,
        views=views,
    ).eval()  # fmt: skip
    one.load_state_dict({k: v for k, v in both.state_dict().items() if "motion" not in k})
    found, expected = (network(views(*videos())) for network in (one, both))
    assert torch.equal(found.appearance, expected.appearance)
    assert found.motion.shape == (*expected.motion.shape[:2], 0) and one.motion.width == 0


@pytest.mark.parametrize("checkpointing", [False, True])
def test_autocast(checkpointing: bool) -> None:
    network = encoder("full", "train", checkpointing).train()
    views = network.views(*videos())
    exact = network(views)
    with torch.autocast("cpu", torch.bfloat16):
        encoded = network(views)
        (encoded.appearance.float().mean() + encoded.motion.float().mean()).backward()
    # what trains stays float32 on a CPU: oneDNN's bfloat16 gradients of convolutions are not whole
    assert encoded.motion.dtype == encoded.appearance.dtype == torch.float32
    for half, full in ((encoded.motion, exact.motion), (encoded.appearance, exact.appearance)):
        assert (half - full).norm() < 0.15 * full.norm()
    for key, p in network.named_parameters():
        assert p.grad is not None, key
        assert p.grad.isfinite().all(), key


def test_in_eval_a_video_does_not_depend_on_the_others() -> None:
    network = encoder("full", "train").eval()
    frames, index = videos()
    together = network(network.views(frames, index))
    alone = network(network.views(frames[5:10], index[1:2] - 5))
    torch.testing.assert_close(alone.appearance, together.appearance[1:2], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(alone.motion, together.motion[1:2], atol=1e-5, rtol=1e-5)


def test_views_move_with_the_module_and_copies_are_whole() -> None:
    network = copy.deepcopy(encoder("partial").double().eval())  # as an average of weights does
    views = network.views(*videos(1))
    encoded = network(Views(images=views.images.double(), index=views.index))
    assert encoded.motion.dtype == torch.float64
    assert not any("mean" in k and "running" not in k for k in network.state_dict())


def test_gradients_of_trained_convolutions_are_whole_under_autocast() -> None:
    """Maps of one position and clips of two frames, where oneDNN leaves numbers unwritten."""
    network = encoder("full").eval()
    frames, index = videos()
    views = network.views(frames[:, :16, :16], index[..., :4])
    gradients = []
    for precise in (True, False):
        network.zero_grad()
        left = [torch.full((200_000,), torch.nan) for _ in range(20)]  # what memory may hold
        del left
        with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            encoded = network(views)
        (encoded.appearance.float().square().mean() + encoded.motion.float().sum()).backward()
        gradients.append({n: torch.clone(p.grad) for n, p in network.named_parameters()})  # pyright: ignore[reportArgumentType]
    for name, exact in gradients[0].items():
        apart = (gradients[1][name] - exact).norm()
        assert apart <= 0.05 * exact.norm(), name
