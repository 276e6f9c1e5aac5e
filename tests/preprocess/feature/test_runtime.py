"""OpenVINO in torch's place: the same rows, from any thread; torch where it cannot."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from data_loader.store.features import open_store
from model.backbone.spec import BackboneSpec
from model.backbone.table import BACKBONES
from preprocess.extraction import extract
from preprocess.feature import runtime as runtimes
from preprocess.feature.load import load_backbone
from preprocess.feature.runtime import (
    NormalisedNetwork,
    OpenVinoRuntime,
    TorchRuntime,
    choose_runtime,
)
from preprocess.videos import main
from tests.conftest import skip_without_library
from tests.video_files import moving_images, write_video
from util.errors import UserError

NETWORKS = [name for name, line in BACKBONES.items() if isinstance(line, BackboneSpec)]
installed = pytest.mark.skipif(runtimes.find_spec("openvino") is None, reason="needs openvino")


class Colours(nn.Module):
    """A tiny network: mean of each colour."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Undecided(nn.Module):
    """Does what depends on the picture: no graph of it can be drawn."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3))


def whole(network: nn.Module) -> NormalisedNetwork:
    return NormalisedNetwork(
        network, lambda net, x: net(x), mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0), size=8,
        layout=torch.channels_last,
    )  # fmt: skip


def noise(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


def choose(asked: str, network: nn.Module, device: str = "cpu") -> TorchRuntime | OpenVinoRuntime:
    return choose_runtime(
        asked, whole(network), (2, 8, 8, 3), name="mine", precision="float32", threads=1,
        device=torch.device(device),
    )  # fmt: skip


def test_pictures_are_normalised() -> None:
    pictures = noise(2, 8, 8, 3)
    expected = (pictures.float() - torch.tensor([1, 2, 3])) / torch.tensor([1, 2, 4])
    rows = TorchRuntime(whole(Colours()), precision="float32")(pictures)
    assert torch.allclose(rows, expected.mean((1, 2)), atol=1e-4)


def both(name: str, precision: str, pictures: np.ndarray, index: np.ndarray, **given):
    made = []
    for runtime in ("torch", "openvino"):
        backbone = load_backbone(
            name, weights="random", device="cpu", runtime=runtime, precision=precision,
            frames=index.shape[1], **given,
        )  # fmt: skip
        made.append(backbone.rows(backbone.input(pictures), index))
    assert made[0].shape == made[1].shape and made[1].dtype == np.float32
    return made


@installed
@pytest.mark.parametrize(
    ("name", "size", "precision"),
    [
        ("squeezenet1_1", 224, "float32"),
        ("squeezenet1_1", 224, "bf16"),
        ("r3d_18", 112, "float32"),
        pytest.param("r3d_18", 112, "bf16", marks=pytest.mark.long),
    ],
)
def test_rows_are_those_of_torch(name: str, size: int, precision: str) -> None:
    pictures = noise(7, size, size, 3).numpy()  # 7: no multiple of a pass
    index = np.array([[0, 1, 2, 3], [2, 3, 4, 5], [6, 6, 6, 6]])
    torchs, openvinos = both(name, precision, pictures, index, batch=4)
    difference = np.abs(torchs - openvinos).max() / np.abs(torchs).max()
    assert (0 < difference < 0.03) if precision == "bf16" else difference < 1e-5


@installed
def test_a_backbone_changes_its_runtime() -> None:
    backbone = load_backbone("squeezenet1_1", weights="random", device="cpu", batch=2)
    pictures, index = noise(3, 224, 224, 3).numpy(), np.array([[0, 1], [1, 2]])
    before = backbone.rows(backbone.input(pictures), index)
    assert "openvino" not in backbone.provenance().versions
    backbone.run_by("openvino", frames=2)
    after = backbone.rows(backbone.input(pictures), index)
    assert "openvino" in backbone.provenance().versions
    assert np.abs(before - after).max() < 1e-5 * np.abs(before).max()


@installed
@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_every_backbone_runs_in_openvino(name: str) -> None:
    skip_without_library(name)
    line = BACKBONES[name]
    assert isinstance(line, BackboneSpec)
    pictures = noise(16, line.size, line.size, 3).numpy()
    if line.kind == "frame":
        pictures = pictures[:3]
    index = np.arange(len(pictures))[None]
    torchs, openvinos = both(name, "float32", pictures, index)
    assert np.abs(torchs - openvinos).max() < 1e-4 * np.abs(torchs).max()


@installed
def test_threads_and_the_number_of_pictures_change_nothing() -> None:
    backbone = load_backbone("squeezenet1_1", weights="random", runtime="openvino", threads=2)
    pictures = noise(6, 224, 224, 3).numpy()
    prepared, index = backbone.input(pictures), np.arange(6)[None]
    expected = backbone.rows(prepared, index)
    few = backbone.rows(backbone.input(pictures[4:5]), np.array([[0]]))
    assert np.array_equal(few[0, 0], expected[0, 4])
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: backbone.rows(prepared, index)}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(rows, expected) for rows in found.values())


@installed
def test_openvino_does_not_report_to_its_makers() -> None:
    assert isinstance(choose("openvino", Colours()), OpenVinoRuntime)
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


@installed
def test_auto_takes_openvino_and_falls_back(capsys, monkeypatch) -> None:
    assert isinstance(choose("auto", Colours()), OpenVinoRuntime)
    assert isinstance(choose("torch", Colours()), TorchRuntime)
    assert capsys.readouterr().err == ""
    assert isinstance(choose("auto", Undecided()), TorchRuntime)
    assert "mine: torch runs it, OpenVINO cannot convert this network" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"--runtime openvino: mine: .*use --runtime torch"):
        choose("openvino", Undecided())
    real = TorchRuntime.__call__
    monkeypatch.setattr(TorchRuntime, "__call__", lambda self, x: 1.01 * real(self, x))
    with pytest.raises(UserError, match=r"rows are 0.01 of the largest value off torch's"):
        choose("openvino", Colours())


def test_without_openvino_or_with_a_gpu_torch_runs_it(monkeypatch) -> None:
    assert isinstance(choose("auto", Colours(), "cuda"), TorchRuntime)
    with pytest.raises(UserError, match="--runtime openvino: here runs on a CPU, not on cuda"):
        choose("openvino", Colours(), "cuda")
    monkeypatch.setitem(runtimes.sys.modules, "openvino", None)
    with pytest.raises(UserError, match="OpenVINO is not installed; pip install openvino"):
        choose("openvino", Colours())
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    assert isinstance(choose("auto", Colours()), TorchRuntime)


@installed
def test_a_store_says_what_ran_its_network_and_grows_with_either(tmp_path) -> None:
    files = [tmp_path / name for name in ("a.mp4", "b.mp4")]
    for file in files:
        write_video(file, images=moving_images(6, (40, 60)))
    rest = ["--backbone", "squeezenet1_1", "--weights", "random", "--clips", "1", "--frames", "4"]
    stores = {}
    for runtime in ("torch", "openvino"):
        output = tmp_path / f"{runtime}.h5"
        command = [*rest, "--device", "cpu", "--output", str(output), "--runtime", runtime]
        assert main([*command, "--videos", *map(str, files)]) == 0
        stores[runtime] = open_store(output)
    assert "openvino" not in stores["torch"].provenance.versions
    assert stores["openvino"].provenance.versions["openvino"].startswith("20")
    one, other = (store.video("a").features.astype(np.float32) for store in stores.values())
    assert np.abs(one - other).max() < 1e-3 * np.abs(one).max()  # float16
    output = tmp_path / "grown.h5"
    main([*rest, "--output", str(output), "--runtime", "torch", "--videos", str(files[0])])
    main([*rest, "--output", str(output), "--runtime", "openvino", "--videos", *map(str, files)])
    assert np.array_equal(
        open_store(output).video("a").features, stores["torch"].video("a").features
    )


def test_auto_does_not_convert_a_network_for_a_few_videos(tmp_path, monkeypatch) -> None:
    """As many as are asked for, so that a run which goes on does as before."""
    meant, real = [], extract.load_outputs

    def load(outputs, options, *, auto, threads) -> None:
        meant.append(auto)
        real(outputs, options, auto=auto, threads=threads)

    monkeypatch.setattr(extract, "load_outputs", load)
    command = ["--backbone", "pixels", "--output", str(tmp_path / "x.h5"), "--workers", "1"]
    command += ["--videos", str(tmp_path), "--clips", "1", "--frames", "2"]
    for first, last, expected in [(0, 7, "torch"), (7, 8, "auto")]:
        for i in range(first, last):
            write_video(tmp_path / f"{i}.mp4", 2)
        assert main(command) == 0
        assert meant.pop() == expected and not meant


def test_auto_leaves_to_torch_what_it_runs_faster() -> None:
    backbone = load_backbone("mvit_v2_s", weights="random", device="cpu", runtime="auto", frames=16)
    assert "openvino" not in backbone.provenance().versions
