"""What runs a backbone's network: torch, or OpenVINO, which is faster on a CPU."""

import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from util.errors import UserError

# Rows by two runtimes may differ by so much of their largest value.  Measured, all backbones: at
# most 2e-6 in float32; bf16 rounds each layer to 8 bits, in an order of the runtime's own.
AGREE = {"float32": 1e-4, "bf16": 0.1}


class NormalisedNetwork(nn.Module):
    """A network that takes images as they are stored: uint8 (B, [F,] S, S, 3) -> features (B, W).

    mean, std: of the three colours, on the 0..255 scale; size: S; features: (network, input
    (B, 3, [F,] S, S)) -> (B, W).
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        features: Callable[[Any, Tensor], Tensor],
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        size: int,
        layout: torch.memory_format,
    ) -> None:
        super().__init__()
        self.network, self._features, self._layout = network, features, layout
        # A whole picture of each, colours last in memory as those of the videos: to spread three
        # numbers over it anew costs seven times as much.
        for name, values in (("mean", mean), ("std", std)):
            whole = torch.tensor(values).expand(size, size, 3).contiguous().movedim(-1, 0)
            self.register_buffer(
                name, whole[:, None] if layout == torch.channels_last_3d else whole
            )

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures -> rows."""
        x = pictures.movedim(-1, 1).float()  # (B, 3, [F,] S, S)
        x = x.sub_(self.mean).div_(self.std)
        return self._features(self.network, x.contiguous(memory_format=self._layout))


class TorchRuntime:
    """torch runs the network, on any device; precision "bf16": under autocast."""

    def __init__(self, network: NormalisedNetwork, *, precision: str) -> None:
        self.versions: dict[str, str] = {}  # torch's own is in every store
        self._network, self._half = network, precision == "bf16"

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures on the network's device -> rows there."""
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=self._half):
            return self._network(pictures)


def cast_weights(network: nn.Module) -> None:
    """Give convolutions and linear layers bfloat16 weights, once and for all.

    Autocast would make the same numbers of them at every pass: what has no gradient it does not
    keep.  Other layers stay float32.
    """
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    for module in network.modules():
        if isinstance(module, kinds):
            module.to(torch.bfloat16)


class OpenVinoRuntime:
    """OpenVINO runs the network on the CPU; each thread that calls it uses one core.

    It joins convolutions with what follows them and chooses among more algorithms for each.
    `shape`: of a pass, (B, [F,] S, S, 3); fewer pictures are filled up with black ones, so that
    rows do not depend on how many there are.  Raises UserError if OpenVINO is not installed, cannot
    convert the network, or gives other rows than torch.
    """

    def __init__(
        self, network: NormalisedNetwork, shape: tuple[int, ...], *, precision: str, threads: int
    ) -> None:
        openvino = _import_openvino()
        self.versions = {"openvino": openvino.__version__.split("-")[0]}
        self._batch = shape[0]
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # other processes would be pinned to the same cores
        }
        try:
            exported = torch.export.export(network, (torch.zeros(shape, dtype=torch.uint8),))
            model = openvino.convert_model(exported)
            self._model = openvino.Core().compile_model(model, "CPU", settings)
        except Exception as error:  # of many classes, torch's and OpenVINO's
            reason = (str(error).strip() or type(error).__name__).split("\n")[0][:150]
            raise UserError(f"OpenVINO cannot convert this network ({reason})") from error
        self._of_thread = threading.local()
        self._check(network, shape, precision)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures on the CPU, at most B of them -> rows."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._model.create_infer_request()
        missing = self._batch - len(pictures)
        full = F.pad(pictures, (*[0, 0] * (pictures.ndim - 1), 0, missing)) if missing else pictures
        rows = self._of_thread.request.infer([full.contiguous().numpy()])[0]  # a copy
        return torch.from_numpy(rows)[: len(pictures)]

    @torch.inference_mode()
    def _check(self, network: NormalisedNetwork, shape: tuple[int, ...], precision: str) -> None:
        """UserError if the rows of noise are not torch's."""
        noise = torch.Generator().manual_seed(0)
        pictures = torch.randint(0, 256, (1, *shape[1:]), generator=noise, dtype=torch.uint8)
        expected = TorchRuntime(network, precision=precision)(pictures).float()
        apart = ((self(pictures) - expected).abs().max() / expected.abs().max()).item()
        if not apart <= AGREE[precision]:
            raise UserError(f"OpenVINO's rows are {apart:.1g} of the largest value off torch's")


def choose_runtime(
    asked: str, network: NormalisedNetwork, shape: tuple[int, ...], *,
    name: str, precision: str, threads: int, device: torch.device,
) -> TorchRuntime | OpenVinoRuntime:  # fmt: skip
    """The runtime `asked` for: torch | openvino | auto, OpenVINO where it can.

    Raises UserError if OpenVINO shall and cannot run the network.
    """
    fallback = TorchRuntime(network, precision=precision)
    if asked == "torch":
        return fallback
    if device.type != "cpu":
        if asked == "auto":
            return fallback
        raise UserError(f"--runtime openvino: here runs on a CPU, not on {device}; use auto")
    if asked == "auto" and find_spec("openvino") is None:
        return fallback
    try:
        return OpenVinoRuntime(network, shape, precision=precision, threads=threads)
    except UserError as error:
        if asked == "openvino":
            raise UserError(f"--runtime openvino: {name}: {error}; use --runtime torch") from error
        print(f"{name}: torch runs it, {error}", file=sys.stderr)
        return fallback


def _import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which would tell its makers of each use, unasked."""
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
    try:
        import openvino
    except ImportError as error:
        raise UserError("OpenVINO is not installed; pip install openvino") from error
    return openvino
