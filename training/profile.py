"""Where the time of a training step goes: how much is waiting, and torch's profiler."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from util.progress import warned
from util.tensorboard import RunLog

SKIPPED = 3  # steps before: allocations, compilation
ROWS = 25


class DataWait:
    """How much of the time of steps the loop waits for their batches; validations are not in it.

    What is gathered while a GPU still computes is waiting too, as far as the loop can tell: on a
    GPU the share is an upper bound.
    """

    def __init__(self) -> None:
        """Nothing has been measured."""
        self.waited, self.spent, self.steps, self.began = 0.0, 0.0, 0, 0.0

    def begin(self) -> None:
        """Call before a step asks for its batch."""
        self.began = time.perf_counter()

    def fetched(self) -> None:
        """Call when it has its batch."""
        self.waited += time.perf_counter() - self.began

    def end(self) -> None:
        """Call after the step."""
        self.spent += time.perf_counter() - self.began
        self.steps += 1

    @property
    def share(self) -> float:
        """Of the time of all steps, 0..1."""
        return self.waited / self.spent if self.spent else 0.0

    @property
    def line(self) -> str:
        """The same in words."""
        return (
            f"{self.steps:,} steps in {self.spent:,.1f} s, {self.share:.1%} of it waiting for data"
        )


class StepProfile:
    """Profiles `steps` steps of a run: `profile.txt`, `trace.json` and TensorBoard's text.

    The trace opens in https://ui.perfetto.dev or chrome://tracing.
    """

    def __init__(
        self,
        steps: int,
        folder: Path,
        log: RunLog | None,
        device: torch.device,
        say: Callable[[str], None],
    ) -> None:
        """`steps` 0: profiles nothing."""
        self.steps, self.folder, self.log, self.say = steps, folder, log, say
        gpu = device.type == "cuda"
        self.by = "self_device_time_total" if gpu else "self_cpu_time_total"
        self.written, self.profiler = False, None
        if steps:
            self.profiler = profile(
                activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])],
                schedule=schedule(skip_first=SKIPPED, wait=0, warmup=1, active=steps, repeat=1),
                on_trace_ready=self._write,
                acc_events=True,
            )
            self.profiler.start()

    def step(self) -> None:
        """Call after each training step."""
        if self.profiler is not None:
            self.profiler.step()

    def close(self) -> None:
        """End the profile; a line on the console if the run was too short."""
        if self.profiler is not None:
            self.profiler.stop()
            if not self.written:
                self.say(
                    f"--profile {self.steps}: nothing profiled, the run ends within the "
                    f"{SKIPPED + 1} steps that are skipped; make --epochs larger"
                )

    def _write(self, profiler: profile) -> None:
        self.written = True
        with warned(self.say, "part of the profile"):  # which costs no run
            self._tables(profiler)

    def _tables(self, profiler: profile) -> None:
        averages = profiler.key_averages()
        table = averages.table(sort_by=self.by, row_limit=ROWS, max_name_column_width=50)
        (self.folder / "profile.txt").write_text(table + "\n", encoding="utf-8")
        profiler.export_chrome_trace(str(self.folder / "trace.json"))
        if self.log:
            self.log.text(0, "profile", f"```\n{table}\n```")
        spent = {event.key: getattr(event, self.by) for event in averages}
        for key in [key for key in spent if key.startswith("ProfilerStep")]:
            own = spent.pop(key)  # of a step itself, not of an operator in it
            if self.by == "self_cpu_time_total":
                spent["Python between operators"] = own
        top = sorted(spent, key=lambda key: -spent[key])[:5]
        shares = ", ".join(f"{key} {spent[key] / sum(spent.values()):.0%}" for key in top)
        self.say(f"profile of {self.steps} steps in {self.folder}/profile.txt: {shares}")
