"""Backbones in training: what moves under each policy, equal numbers, all of the table."""

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from model.backbone import trainable
from model.backbone.spec import NORMALISATIONS, BackboneSpec
from model.backbone.table import BACKBONES
from model.backbone.trainable import TrainableBackbone
from model.backbone.weights import load_weights
from tests.conftest import skip_without_library

NETWORKS = {name: spec for name, spec in BACKBONES.items() if isinstance(spec, BackboneSpec)}
SMALL = ("resnet_narrow", "resnext_narrow")
USUAL = ("resnet101", "resnet50", "resnet18", "resnext101", "resnext26")
CONVOLUTIONS = ("conv1.weight", "conv2.weight", "conv3.weight")
# One of each way to be built; the others differ from these in numbers.
FAMILIES = {
    *SMALL, "resnet_narrow64", "resnext_narrow64", "resnet18", "convnext_tiny", "vit_b_32",
    "swin_t", "squeezenet1_1", "vgg16", "inception_v3", "r3d_18", "s3d", "mvit_v2_s", "swin3d_t",
    "efficientnet_lite0",
}  # fmt: skip
OTHERS = ("vit_b_32", "swin_t", "squeezenet1_1", "swin3d_t")  # than residual networks
SLOW = {"s3d", "vit_b_32", "mvit_v2_s", "vgg16"}  # with numbers


def marked(names, quick: set[str]) -> list:
    """Names as parameters; all but the quick ones are long."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.long) for n in names]


def backbone(
    name: str, policy: Any = "full", batch_norm: Any = "eval", checkpointing: bool = False
) -> TrainableBackbone:
    skip_without_library(name)
    torch.manual_seed(5)
    return TrainableBackbone(
        spec=NETWORKS[name], policy=policy, batch_norm=batch_norm, checkpointing=checkpointing
    )


def images(name: str, count: int = 4, side: int = 32) -> Tensor:
    torch.manual_seed(6)
    middle = () if NETWORKS[name].kind == "frame" else (8,)
    return torch.randint(0, 256, (count, 3, *middle, side, side)).float()


def buffers(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.named_buffers()}


def moved(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """Names of the buffers that are not as before."""
    return {n for n, value in module.named_buffers() if not torch.equal(value, before[n])}


@pytest.mark.parametrize("name", [*USUAL, *SMALL, "resnet_narrow64", "resnext_narrow64"])
def test_width_is_what_comes_out_at_any_size(name: str) -> None:
    network = backbone(name).eval()
    with torch.no_grad():
        for side in (max(32, NETWORKS[name].least_side), 80):
            assert network(images(name, 1, side)).shape == (1, network.width)


@pytest.mark.parametrize("name", USUAL)
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
    spec = replace(NETWORKS["resnet18"], build=lambda: ours.network)
    load_weights(spec, str(tmp_path / "resnet18.pth"), name="resnet18")
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


def count_runs(network: TrainableBackbone) -> Callable[[], list[int]]:
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


@pytest.mark.parametrize("name", marked(NETWORKS, FAMILIES))
@pytest.mark.parametrize("policy", ["partial", "full"])
def test_every_network_takes_a_step(name: str, policy: str, monkeypatch) -> None:
    """Gradients are exactly where the policy says: tensors without numbers."""
    monkeypatch.setattr(trainable, "trained_convolutions", lambda x: nullcontext())  # no autocast
    spec = NETWORKS[name]
    with torch.device("meta"):
        network = backbone(name, policy, "train").train()
        features = network(torch.zeros(smallest(spec, 2)))
    assert features.shape == (2, spec.width)
    features.sum().backward()
    parameters = dict(network.network.named_parameters())
    last = tuple(f"{path}." for path in spec.stages[-1])
    expected = {key for key in parameters if policy == "full" or key.startswith(last)}
    assert {key for key, p in parameters.items() if p.grad is not None} == expected
    assert {key for key, p in parameters.items() if p.requires_grad} == expected
    assert len(expected) > 0 and (policy == "full" or len(expected) < len(parameters))


def smallest(spec: BackboneSpec, count: int) -> tuple[int, ...]:
    """Shape of small images or clips that a network takes."""
    side = spec.size if spec.fixed_size else max(spec.least_side, 32)
    frames = (spec.frames or max(8, spec.least_frames),) if spec.kind == "clip" else ()
    return (count, 3, *frames, side, side)


@pytest.mark.parametrize("name", marked(NETWORKS, FAMILIES - SLOW))
def test_trained_and_frozen_use_give_the_same_features(name: str) -> None:
    spec = NETWORKS[name]
    network = backbone(name, "partial").train()
    x = torch.rand(smallest(spec, 1), generator=torch.Generator().manual_seed(9)) * 255
    mean, std = (
        torch.tensor(v).view_as(network.mean) for v in NORMALISATIONS[spec.normalisations[0]]
    )
    with torch.no_grad():
        found = network(x)  # in training nothing is drawn, and batch norms use what is stored
        expected = spec.features(network.network.eval(), (x - mean) / std)
    assert found.std() > 0
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", marked(OTHERS, {*OTHERS} - SLOW))
def test_checkpointing_of_other_networks_changes_no_number(name: str) -> None:
    x = torch.rand(smallest(NETWORKS[name], 1), generator=torch.Generator().manual_seed(9)) * 255
    gradients, kept = [], []
    for checkpointing in (False, True):
        network = copy.deepcopy(backbone(name, "full", "eval", checkpointing).train())
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, sizes=sizes: sizes.append(t.numel()) or t, lambda t: t
        ):
            loss = network(x).square().sum()
        loss.backward()
        kept.append(sum(sizes))
        gradients.append({key: p.grad for key, p in network.named_parameters()})
    assert kept[1] < 0.3 * kept[0], "activations of the blocks are kept"
    for key, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], value, atol=1e-6, rtol=1e-5, msg=key)
