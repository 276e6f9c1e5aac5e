"""Metrics as dicts over question types; nothing is spelled out per type."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from util.distributed import gather_objects, rank, sum_over_processes
from util.grouped import Grouped

NEVER = 2**62  # later than any step


def accuracy(correct: Iterable[bool], types: Iterable[str]) -> Grouped[float]:
    """Share of correct answers in total and for each question type, largest first, 0 to 1."""
    right: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for is_right, kind in zip(correct, types, strict=True):
        count[kind] += 1
        right[kind] += is_right
    by_type = {kind: right[kind] / n for kind, n in count.most_common()}
    return Grouped(right.total() / count.total(), by_type)


class Running:
    """Sums of a training run's losses and hits since they were last read.

    They stay on the device (no step waits for them) and in float64, and they are part of the
    checkpoint: a resumed run logs the same numbers to the last bit.
    """

    def __init__(self, losses: Sequence[str], types: Sequence[str], device: torch.device) -> None:
        """Names of the losses; question type of each row (none: nobody asks, nothing is a hit)."""
        self.names = list(losses)
        self.types = sorted(set(types))
        place = {name: i for i, name in enumerate(self.types)}
        self.type_of_row = torch.tensor([place[t] for t in types], device=device)
        self.sums = torch.zeros(len(self.names) + 1, dtype=torch.float64, device=device)
        self.hits = torch.zeros(2, len(self.types), dtype=torch.float64, device=device)
        self.bad_step = torch.full((), NEVER, device=device)  # int64

    def add(
        self, step: int, losses: dict[str, Tensor], correct: Tensor | None, row: Tensor
    ) -> None:
        """Take in one step: scalars by name, and for its rows (B,) whether they were right (B,)."""
        values = torch.stack([losses[name].detach() for name in self.names])
        bad = torch.where(values.isfinite().all(), NEVER, step)
        self.bad_step = torch.minimum(self.bad_step, bad)
        self.sums[:-1] += values
        self.sums[-1] += 1
        if correct is not None:
            kind = self.type_of_row[row]
            self.hits[0].index_add_(0, kind, correct.double())
            self.hits[1].index_add_(0, kind, torch.ones_like(correct, dtype=torch.float64))

    def first_bad_step(self) -> int | None:
        """The first step whose losses were not all finite numbers, in any process; or None."""
        step = min(gather_objects(int(self.bad_step)))
        return None if step == NEVER else step

    def read_losses(self) -> dict[str, float]:
        """Mean of each loss over the steps since the last reading."""
        *sums, steps = sum_over_processes(self.sums).tolist()
        self.sums.zero_()
        return {name: total / steps for name, total in zip(self.names, sums, strict=True)}

    def read_accuracy(self) -> Grouped[float] | None:
        """Accuracy over the questions since the last reading; None where nobody asks."""
        if not self.types:
            return None
        right, count = sum_over_processes(self.hits).tolist()
        self.hits.zero_()
        by_type = {k: r / n for k, r, n in zip(self.types, right, count, strict=True) if n}
        return Grouped(sum(right) / sum(count), by_type)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "sums": sum_over_processes(self.sums).cpu(),
            "hits": sum_over_processes(self.hits).cpu(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        if rank() == 0:  # the sums are those of all processes
            self.sums.copy_(state["sums"])
            self.hits.copy_(state["hits"])
