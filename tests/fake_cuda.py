"""Training steps on fake CUDA tensors: shapes, types and devices are real, numbers are not.

No GPU and no driver is needed.  Whatever mixes devices raises; whatever asks the device, or copies
between it and the host, is listed.  The backward pass is walked here, node by node, because torch's
own engine starts a thread for each GPU.  Not reached: cuDNN's LSTM and GRU (stand-ins of their
shapes), the allocator, streams, captured graphs.
"""

import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from model.dualvgr import topology
from model.layer import recurrent
from tests.conftest import ROOT

ASKING = {
    "nonzero", "_local_scalar_dense", "masked_select", "equal", "is_nonzero", "item",
    "repeat_interleave", "_unique2", "unique_dim", "unique_consecutive", "bincount",
}  # fmt: skip


# Nodes must not go before their graph does, which may end in any later test: torch 2.14 crashes.
WALKED: list[dict[Any, int]] = []


class Questions(TorchDispatchMode):
    """Lists operators that ask the device, or move between host and device, and who called them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = [x for x in tree_leaves((args, kwargs or {})) if isinstance(x, Tensor)]
        made = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        # a number on the host may join any operator: it is passed with the launch
        devices = {x.device.type for x in given if x.dim() or len(given) == 1}
        devices |= {x.device.type for x in made}
        name = func.name().split("::")[1].split(".")[0]
        by_mask = name in ("index", "index_put", "index_put_") and any(
            x.dtype == torch.bool for x in tree_leaves(args[1]) if isinstance(x, Tensor)
        )
        asks = name in ASKING or by_mask
        if len(devices) > 1 or (asks and "cuda" in devices | {x.device.type for x in given}):
            self.seen.append(f"{name} at {_caller()}")
        return out


def _caller() -> str:
    """File and line of ours that is running."""
    for frame in reversed(traceback.extract_stack()):
        path = Path(frame.filename)
        if path.is_relative_to(ROOT) and ".venv" not in path.parts and path != Path(__file__):
            return f"{path.relative_to(ROOT)}:{frame.lineno}"
    return "?"


@contextmanager
def fake_cuda(monkeypatch: Any, *, answers: bool = False) -> Iterator[Questions]:
    """Inside, device "cuda" is there; yields the list of what asks it.

    A question raises, since there is no number to give; with `answers` (ten times as slow) it is
    answered by a symbol.
    """
    monkeypatch.setattr(torch.nn.Module, "_apply", _apply)
    monkeypatch.setattr(torch.nn.RNNBase, "_apply", _apply)
    monkeypatch.setattr(torch.nn.RNNBase, "flatten_parameters", lambda self: None)
    monkeypatch.setattr(recurrent.OneWayLSTM, "forward", _lstm)
    monkeypatch.setattr(recurrent.OneWayGRU, "forward", _gru)
    monkeypatch.setattr(Tensor, "backward", lambda self: backward(self))
    # without a GPU autocast switches itself off
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)
    topology._window.cache_clear()
    shapes = None
    if answers:
        shapes = ShapeEnv(allow_dynamic_output_shape_ops=True, allow_scalar_outputs=True)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True, shape_env=shapes), Questions() as questions:
            yield questions
    finally:
        topology._window.cache_clear()  # fake tensors, else


def _apply(self: Any, fn: Any, recurse: bool = True) -> Any:
    """As nn.Module's; torch's exchanges tensors in place, which fake ones do not allow."""
    for child in self.children():
        child._apply(fn)
    for name, p in self._parameters.items():
        if p is not None:
            self._parameters[name] = torch.nn.Parameter(fn(p.detach()), p.requires_grad)
    for name, value in self._buffers.items():
        if value is not None:
            self._buffers[name] = fn(value)
    return self


def _lstm(self: Any, x: Tensor, start: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The shapes of cuDNN's answer, which nobody can ask for without a driver; differentiable."""
    assert x.dtype == torch.float32, "autocast would run cuDNN's LSTM in float16"
    assert not torch.is_autocast_enabled("cuda"), "autocast would run cuDNN's LSTM in float16"
    width = self.hidden_size
    gates = x @ self.weight_ih_l0.T + self.bias_ih_l0 + self.bias_hh_l0
    y = gates[..., :width] @ self.weight_hh_l0[:width].T
    if start is not None:  # (1, B, width) both
        y = y + (start[0] + start[1])[0][:, None]
    return y, (y[:, -1][None], y[:, -1][None])


def _gru(self: Any, x: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """The same of cuDNN's GRU; start (1, B, width)."""
    assert x.dtype == torch.float32, "autocast would run cuDNN's GRU in float16"
    assert not torch.is_autocast_enabled("cuda"), "autocast would run cuDNN's GRU in float16"
    width = self.hidden_size
    gates = x @ self.weight_ih_l0.T + self.bias_ih_l0 + self.bias_hh_l0
    y = gates[..., :width] @ self.weight_hh_l0[:width].T + start[0][:, None]
    return y, y[:, -1][None]


def backward(loss: Tensor) -> None:
    """Gradients of a scalar, as torch's engine makes them, in this thread.

    Each node of the graph is called once all that it waits for is there; a gradient must be on the
    device of what it belongs to, and takes its shape and type.
    """
    root: Any = loss.grad_fn
    assert root is not None
    waits: dict[Any, int] = defaultdict(int)
    WALKED.append(waits)
    found, todo = {root}, [root]
    while todo:
        for node, _ in todo.pop().next_functions:
            if node is not None:
                waits[node] += 1
                if node not in found:
                    found.add(node)
                    todo.append(node)
    given: dict[Any, dict[int, Tensor]] = defaultdict(dict)
    given[root][0] = torch.ones_like(loss)
    ready = [root]
    with torch.no_grad():
        while ready:
            node = ready.pop()
            gradients = given.pop(node, {})
            if hasattr(node, "variable"):  # a weight
                if gradients:
                    _accumulate(node.variable, gradients[0])
                continue
            out: Any = [None] * len(node.next_functions)
            if gradients:
                metadata = node._input_metadata
                filled = [
                    gradients.get(i) if i in gradients else _zeros(node, metadata[i])
                    for i in range(len(metadata))
                ]
                out = node.apply(*filled) if hasattr(node, "apply") else node(*filled)
                out = out if isinstance(out, tuple) else (out,)
            for (following, number), gradient in zip(node.next_functions, out, strict=False):
                if following is None:
                    continue
                if gradient is not None:
                    gradient = _fitted(gradient, following, number)
                    before = given[following].get(number)
                    given[following][number] = gradient if before is None else before + gradient
                waits[following] -= 1
                if not waits[following]:
                    ready.append(following)
    assert not any(waits.values())


def _zeros(node: Any, metadata: Any) -> Tensor | None:
    """What an output that nothing depends on gives; nodes in C++ do without."""
    if not hasattr(node, "apply"):
        return None
    return torch.zeros(metadata.shape, dtype=metadata.dtype, device=metadata.device)


def _fitted(gradient: Tensor, node: Any, number: int) -> Tensor:
    """As the engine does: checked against what it is the gradient of, summed over broadcasts."""
    if hasattr(node, "variable"):
        shape, dtype, device = node.variable.shape, node.variable.dtype, node.variable.device
    else:
        metadata = node._input_metadata[number]
        shape, dtype, device = metadata.shape, metadata.dtype, metadata.device
    assert gradient.device == device, f"a gradient on {gradient.device}, its tensor on {device}"
    if gradient.shape != shape:
        gradient = gradient.sum_to_size(shape)
    return gradient.to(dtype)


def _accumulate(weight: Tensor, gradient: Tensor) -> None:
    weight.grad = gradient if weight.grad is None else weight.grad + gradient
