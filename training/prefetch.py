"""The next step's batch, gathered and copied to the GPU while this step is computed."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import torch

from data_loader.batch import tensors


class Prefetch:
    """Batches of steps, on the device.

    Which rows make a step is a function of (seed, step), so the next step's are known.  With a GPU
    and data that is not on it, a thread gathers them into pinned memory and copies them up on a
    stream of its own; its exceptions are raised at the step that needs the batch.  On a CPU, and
    for data on the GPU, each batch is gathered when it is needed.  The thread ends with the `with`
    block.
    """

    def __init__(
        self, gather: Callable[[int], Sequence[Any]], device: torch.device, *, steps: int
    ) -> None:
        """`gather(step)`: the parts of a step's batch; there are `steps` steps."""
        self.gather, self.device, self.steps = gather, device, steps
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self.next: dict[int, Future[Any]] = {}
        if device.type == "cuda":  # a thread has a current GPU of its own: this is not always 0
            self.device = torch.device("cuda", torch.cuda.current_device())
            self.stream = torch.cuda.Stream(self.device)

    def __call__(self, step: int) -> list[Any]:
        """The parts of the batch of a step."""
        if step in self.next:
            parts, copied = self.next.pop(step).result()
            if copied is not None:
                current = torch.cuda.current_stream(self.device)
                current.wait_event(copied)
                for part in parts:
                    for tensor in tensors(part):
                        tensor.record_stream(current)
        else:
            parts = list(self.gather(step))
            self.prefetching = self.device.type != "cpu" and any(
                tensor.device.type == "cpu" for part in parts for tensor in tensors(part)
            )
            parts = [part.to(self.device) for part in parts]
        if self.prefetching and step + 1 < self.steps:
            self.next[step + 1] = self.thread.submit(self._fetch, step + 1)
        return parts

    def _fetch(self, step: int) -> tuple[list[Any], Any]:
        """In the thread: a step's parts on the device, and the event after their copies."""
        parts = self.gather(step)
        if self.device.type != "cuda":
            return [part.to(self.device) for part in parts], None
        with torch.cuda.device(self.device), torch.cuda.stream(self.stream):
            copies = [part.pinned().to(self.device, non_blocking=True) for part in parts]
            return copies, self.stream.record_event()

    def __enter__(self) -> Self:
        """Nothing yet: the thread starts with the first batch that it fetches."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread, after the batch in progress."""
        self.thread.shutdown(cancel_futures=True)
