"""A whole training step captured as a CUDA graph."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from data_loader.batch import tensors
from util.errors import UserError

Taken = tuple[dict[str, Tensor], Tensor | None]  # named losses, which rows were right
Shape = tuple[torch.Size, ...]  # of all tensors of a batch

WARM_UP = 3  # steps taken as usual before one of the same shape is captured
VIDEOS_MULTIPLE = 8  # of the videos of a batch: a graph is kept for each number of them


class CapturedStep:
    """Takes training steps, and replays them as CUDA graphs once a shape has come often enough.

    A step of this model is hundreds of short kernels: launching them takes a CPU longer than
    running them takes a GPU.  A graph launches them all at once (PyTorch's documentation, CUDA
    graphs, whole-network capture).  The first few steps of a shape are taken as usual, on the
    stream that capturing needs; then one is captured, which computes nothing, and replayed.
    Dropout differs from step to step: a graph draws from torch's generator as seeded before it.
    """

    def __init__(
        self,
        take: Callable[..., Taken],
        optimizer: torch.optim.Optimizer,
        device: torch.device,
    ) -> None:
        """`take(batches, rate=...)`: one whole step."""
        self.take, self.optimizer = take, optimizer
        self.rate = torch.zeros((), device=device)
        self.seen: dict[Shape, int] = {}  # steps of each shape
        self.graphs: dict[Shape, tuple[torch.cuda.CUDAGraph, Sequence[Any], Taken]] = {}
        self.stream = torch.cuda.Stream(device)
        # One for all graphs: their outputs are copied before the next replay, so they may share
        # the memory of a step instead of keeping one each.
        self.pool = torch.cuda.graph_pool_handle()

    def __call__(self, batches: Sequence[Any], rate: float) -> Taken:
        """One step on the parts of a batch."""
        self.rate.fill_(rate)
        shape = tuple(tensor.shape for part in batches for tensor in tensors(part))
        if shape not in self.graphs:
            self.seen[shape] = self.seen.get(shape, 0) + 1
            if self.seen[shape] <= WARM_UP:
                return self._eager(batches)
            self._capture(shape, batches)
        graph, inputs, taken = self.graphs[shape]
        for to, of in zip(inputs, batches, strict=True):
            for input, value in zip(tensors(to), tensors(of), strict=True):
                input.copy_(value)
        graph.replay()
        losses, correct = taken  # the next replay writes over them
        copies = {name: value.clone() for name, value in losses.items()}
        return copies, None if correct is None else correct.clone()

    def _eager(self, batches: Sequence[Any]) -> Taken:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            taken = self.take(batches, rate=self.rate)
        torch.cuda.current_stream().wait_stream(self.stream)
        return taken

    def _capture(self, shape: Shape, batches: Sequence[Any]) -> None:
        inputs = copy.deepcopy(list(batches))
        self.optimizer.zero_grad()  # each graph makes gradients of its own
        graph = torch.cuda.CUDAGraph()
        # A thread may be copying the next batch up (training/prefetch.py), on another stream.
        with torch.cuda.graph(
            graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"
        ):
            taken = self.take(inputs, rate=self.rate)
        self.graphs[shape] = graph, inputs, taken


def require_capture(
    device: torch.device, *, processes: int, features: bool, topology: str, parts: int
) -> None:
    """Raise UserError where a step cannot be captured."""
    if device.type != "cuda":
        raise UserError("--cuda_graph true: needs a GPU; leave it out")
    if topology != "complete":
        raise UserError(
            f"--cuda_graph true: the edges of --topology {topology} differ from batch to batch; "
            "leave it out"
        )
    if parts > 1:  # a shape would be the numbers of videos of all parts: nearly each step a new one
        raise UserError(
            f"--cuda_graph true: for batches in one part; leave it out with --accumulate {parts}"
        )
    if processes > 1:
        raise UserError("--cuda_graph true: for one process; leave it out with torchrun")
    if not features:
        raise UserError(
            "--cuda_graph true: for stored features; leave it out with --clips and for autoencoder"
        )
