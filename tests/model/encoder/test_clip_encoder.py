"""Encoders in training: what moves under each policy, what an image costs, equal numbers."""

import copy
import json
import typing
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision import models

from model.backbone.weights import load_weights
from model.encoder.clip_encoder import (
    APPEARANCE_ENCODERS,
    MOTION_ENCODERS,
    Backbone,
    ClipEncoder,
    Views,
    clip_images,
)
from options.encoder import EncoderOptions

ENCODERS = APPEARANCE_ENCODERS | MOTION_ENCODERS
CONVOLUTIONS = ("conv1.weight", "conv2.weight", "conv3.weight")
SMALL = ("resnet_narrow", "resnext_narrow")
PLAIN = {"crop": 0, "crop_random": True, "flip": 0.0, "jitter": 0.0}


def backbone(name: str, policy="full", batch_norm="eval", checkpointing=False) -> Backbone:
    torch.manual_seed(5)
    return Backbone(
        recipe=ENCODERS[name], policy=policy, batch_norm=batch_norm, checkpointing=checkpointing
    )


def encoder(policy="full", batch_norm="eval", checkpointing=False, **augmentation) -> ClipEncoder:
    torch.manual_seed(5)
    return ClipEncoder(
        appearance=SMALL[0], motion=SMALL[1], policy=policy, batch_norm=batch_norm,
        checkpointing=checkpointing, **PLAIN | augmentation,
    )  # fmt: skip


def images(name: str, count: int = 4, side: int = 32) -> Tensor:
    torch.manual_seed(6)
    middle = () if ENCODERS[name].kind == "frame" else (8,)
    return torch.randint(0, 256, (count, 3, *middle, side, side)).float()


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


def test_the_options_name_what_is_in_the_tables() -> None:
    types = typing.get_type_hints(EncoderOptions)
    assert typing.get_args(types["appearance_encoder"]) == tuple(APPEARANCE_ENCODERS)
    assert typing.get_args(types["motion_encoder"]) == tuple(MOTION_ENCODERS)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"encoder_lr": 0.0}, "--encoder_lr 0.0: .* --encoders frozen"),
        ({"encoder_lr": float("nan")}, "--encoder_lr nan: must be positive"),
        ({"crop": -1}, "--crop -1: must be"),
        ({"flip": 1.5}, r"--flip 1.5: must be in \[0, 1\]"),
        ({"jitter": -0.1}, "--jitter -0.1: must be"),
    ],
)
def test_options_that_cannot_be(changed: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        EncoderOptions(**changed)


@pytest.mark.parametrize("name", ENCODERS)
def test_width_is_what_comes_out_at_any_size(name: str) -> None:
    network = backbone(name).eval()
    with torch.no_grad():
        for side in (max(32, ENCODERS[name].least), 80):
            assert network(images(name, 1, side)).shape == (1, network.width)


@pytest.mark.parametrize("name", [name for name in ENCODERS if "narrow" not in name])
def test_depth_is_what_the_name_says(name: str) -> None:
    # As it is counted: convolutions of the stem and the blocks, not of shortcuts; the classifier.
    layers = [key for key in backbone(name).network.state_dict() if key.endswith(CONVOLUTIONS)]
    assert name == f"{name.rstrip('0123456789')}{len(layers) + 1}"


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet101"])
def test_names_and_shapes_are_torchvisions(name: str) -> None:
    reference = getattr(models, name)().state_dict()
    expected = {key: t.shape for key, t in reference.items() if not key.startswith("fc.")}
    assert {key: t.shape for key, t in backbone(name).network.state_dict().items()} == expected


def test_names_and_shapes_of_resnext101_are_the_public_files(golden) -> None:
    expected = json.loads((golden / "resnext101_3d_state_keys.json").read_text())
    expected = {key: shape for key, shape in expected.items() if not key.startswith("fc.")}
    state = backbone("resnext101").network.state_dict()
    assert {key: list(t.shape) for key, t in state.items()} == expected


def test_a_file_of_weights_fills_the_network_and_gives_torchvisions_features(tmp_path) -> None:
    torch.manual_seed(8)
    reference = models.resnet18().eval()
    torch.save(reference.state_dict(), tmp_path / "resnet18.pth")
    ours = backbone("resnet18").eval()
    load_weights(
        lambda: ours.network, str(tmp_path / "resnet18.pth"), name="resnet18", head="fc",
        named=(),
    )  # fmt: skip
    x = images("resnet18")
    mean, std = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    scaled = (x / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    reference.fc = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    with torch.no_grad():
        torch.testing.assert_close(ours(x), reference(scaled), atol=1e-4, rtol=1e-4)


def test_clips_are_normalised_and_pooled_as_extraction_does() -> None:
    ours = backbone("resnext26").eval()
    x = images("resnext26", 2)
    scaled = (x - torch.tensor([114.7748, 107.7354, 99.4750]).view(3, 1, 1, 1)) / 57
    with torch.no_grad():
        expected = ours.network.features(scaled)  # pyright: ignore
        torch.testing.assert_close(ours(x), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "resnext26", *SMALL])
@pytest.mark.parametrize("policy", ["frozen", "partial", "full"])
def test_gradient_reaches_what_the_policy_trains(name: str, policy: str) -> None:
    network = backbone(name, policy, "train").train()
    x = images(name).requires_grad_()
    features = network(x)
    if policy == "frozen":
        assert not features.requires_grad
        assert not any(module.training for module in network.modules())
    else:
        features.square().sum().backward()
    assert (x.grad is not None) == (policy == "full")  # what is held keeps no activations
    reached = {
        key for key, p in network.network.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }  # fmt: skip
    every = {key for key, _ in network.network.named_parameters()}
    last = {key for key in every if key.startswith("layer4.")}
    assert reached == {"frozen": set(), "partial": last, "full": every}[policy]
    trainable = {key for key, p in network.network.named_parameters() if p.requires_grad}
    assert trainable == reached


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("policy", ["frozen", "partial", "full"])
@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_statistics_move_only_where_told(name: str, policy: str, batch_norm: str) -> None:
    network = backbone(name, policy, batch_norm).train()
    before = buffers(network)
    network(images(name))
    every = {key for key in before if key.endswith(("_mean", "_var", "_tracked"))}
    last = {key for key in every if ".layer4." in key}
    expected = {"frozen": set(), "partial": last, "full": every}[policy]
    assert moved(network, before) == (expected if batch_norm == "train" else set())
    before = buffers(network)
    network.eval()(images(name))
    assert not moved(network, before)


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


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("policy", ["partial", "full"])
@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_checkpointing_changes_no_number(name: str, policy: str, batch_norm: str) -> None:
    outcomes = []
    for checkpointing in (False, True):
        network = backbone(name, policy, batch_norm, checkpointing).train()
        runs = count_runs(network)
        where = {key: value.data_ptr() for key, value in network.named_buffers()}
        features = network(images(name))
        loss = features.square().sum()
        loss.backward(retain_graph=True)  # an adversarial loss goes back twice
        loss.backward()
        gradients = {key: p.grad for key, p in network.named_parameters() if p.grad is not None}
        outcomes.append({"features": features, **gradients, **buffers(network)})
        last_block = 3 if checkpointing else 1  # forward, and again for each way back
        held = last_block if policy == "full" else 1
        assert runs() == [held, held, held, last_block]
        assert {key: value.data_ptr() for key, value in network.named_buffers()} == where
    plain, recomputed = outcomes
    assert plain.keys() == recomputed.keys()
    for key, value in plain.items():
        torch.testing.assert_close(recomputed[key], value, atol=1e-6, rtol=1e-6, msg=key)


def count_runs(network: Backbone) -> Callable[[], list[int]]:
    """How often the first block of each stage has begun to run since."""
    runs = [0, 0, 0, 0]

    def count(stage: int) -> None:
        runs[stage] += 1

    for stage in range(4):
        block = network.network.get_submodule(f"layer{stage + 1}.0")
        block.register_forward_pre_hook(lambda *_, stage=stage: count(stage))
    return lambda: runs


@pytest.mark.parametrize("name", SMALL)
def test_calibration_normalises_random_weights(name: str) -> None:
    network = backbone(name).train()
    batches = [images(name, 12, 64), images(name, 12, 64) / 2 + 60]
    raw = network.eval()(batches[0])
    statistics = []
    for some in (batches, batches[1:], batches[:1]):  # each time anew
        network.calibrate(some)
        statistics.append(buffers(network))
    both, second, first = statistics
    for key in first:
        if key.endswith(("running_mean", "running_var")):
            torch.testing.assert_close(both[key], (first[key] + second[key]) / 2)
    # In eval mode it now gives what batch statistics give (up to n against n - 1 values).
    by_batch = backbone(name, "full", "train").train()(batches[0])
    calibrated = network(batches[0])
    assert (calibrated - by_batch).norm() < 0.05 * by_batch.norm()
    assert (raw - by_batch).norm() > 0.5 * by_batch.norm()


@pytest.mark.parametrize("policy", ["frozen", "full"])
def test_calibration_leaves_momentum_mode_and_gradients_alone(policy: str) -> None:
    network = encoder(policy, "train").train()
    modes = [module.training for module in network.modules()]
    before = buffers(network)
    views = network.views(*videos())
    network.appearance.calibrate([views.images])
    network.motion.calibrate([clip_images(views)])
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


@pytest.mark.parametrize("change", [{"crop": 31}, {"flip": 0.5}, {"jitter": 0.1}])
def test_any_augmentation_draws_for_every_clip(change: dict) -> None:
    frames, index = videos()
    assert len(encoder(**change).train().views(frames, index).images) == index.numel()
    still = encoder(crop=31, crop_random=False).train().views(frames, index)
    assert len(still.images) == len(frames)


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
        gradients.append({n: p.grad.clone() for n, p in network.named_parameters()})
    for name, exact in gradients[0].items():
        apart = (gradients[1][name] - exact).norm()
        assert apart <= 0.05 * exact.norm(), name
