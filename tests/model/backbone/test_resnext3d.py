"""3D ResNeXt-101: names, size, golden features, and a pool that adapts."""

import json
import zlib

import numpy as np
import pytest
import torch

from model.backbone.resnext3d import FEATURES, ResNeXt3d, resnext101


def formula_state(network: ResNeXt3d) -> dict[str, torch.Tensor]:
    """Weights by formula (specification, section 7)."""
    state = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        s = np.sin(0.37 * np.arange(tensor.numel()) + zlib.crc32(name.encode()) % 1000)
        s = s.reshape(tensor.shape)
        if name.endswith("running_var"):
            s = 1 + 0.2 * s
        elif name.endswith("running_mean"):
            s = 0.1 * s
        elif tensor.dim() == 1:
            s = 1 + 0.1 * s if name.endswith("weight") else 0.1 * s
        else:
            s = s * np.sqrt(2 / np.prod(tensor.shape[1:]))
        state[name] = torch.from_numpy(s.astype(np.float32))
    return state


@pytest.fixture(scope="module")
def network() -> ResNeXt3d:
    network = resnext101()
    network.load_state_dict(formula_state(network), strict=False)
    return network.eval()


def test_names_and_shapes_are_those_of_the_public_file(network, golden) -> None:
    expected = json.loads((golden / "resnext101_3d_state_keys.json").read_text())
    assert {name: list(t.shape) for name, t in network.state_dict().items()} == expected
    assert sum(p.numel() for p in network.parameters()) == 48_340_816


def test_golden_features(network, golden) -> None:
    reference = np.load(golden / "resnext101_3d_112.npz")
    shape = reference["input_shape"]
    x = np.sin(0.013 * np.arange(shape.prod()) + float(reference["input_phase"]))
    with torch.inference_mode():
        features = network.features(torch.from_numpy(x.reshape(shape).astype(np.float32))).numpy()
    error = np.abs(features - reference["features"]).max() / np.abs(reference["features"]).max()
    print(f"largest error / largest feature: {error:.2e}")
    assert features.shape == (1, FEATURES)
    assert error < 1e-3
    assert (features == 0).sum() == (reference["features"] == 0).sum() == 488


@pytest.mark.parametrize("shape", [(8, 64, 64), (16, 112, 176), (20, 96, 96)])
def test_pooling_adapts(network, shape: tuple[int, int, int]) -> None:
    with torch.inference_mode():
        assert network.features(torch.zeros(1, 3, *shape)).shape == (1, 2048)


@pytest.mark.parametrize("stem_pool", [(1, 2, 2), 2])
def test_sizes_are_what_was_asked_for(stem_pool) -> None:
    small = ResNeXt3d(
        blocks=(1, 2), widths=(8, 12), cardinality=4, stem_kernel=5, stem_stride=2, stem_width=6,
        stem_pool=stem_pool, places=0, place_width=0, classes=0,
    )  # fmt: skip
    groups = {m.groups for m in small.modules() if isinstance(m, torch.nn.Conv3d)}
    assert groups == {1, 4}
    assert (len(small.layer1), len(small.layer2)) == (1, 2)  # pyright: ignore[reportArgumentType]
    places = []
    small.get_submodule("layer1").register_forward_hook(
        lambda *given: places.append(given[2].shape[2:])
    )
    clips = torch.rand(2, 3, 8, 32, 32)
    assert small(clips).shape == (2, small.width) == (2, 24)  # without classifier: the features
    assert torch.equal(small(clips), small.features(clips))
    assert places[0] == ((4, 8, 8) if stem_pool == 2 else (8, 8, 8))
    assert not [name for name in small.state_dict() if name.startswith("fc.")]
