"""torch.compile, where the machine has what it needs."""

import torch
from torch import nn


def compile_task(task: nn.Module, device: torch.device) -> tuple[nn.Module, str]:
    """The task with a compiled forward and backward pass, and a line about it.

    Where nothing can be compiled, the task as it is, and why.  Tried on a tiny function: what it
    needs (C++ compiler, headers, Triton) differs between systems.
    """
    tiny = torch.compile(lambda x: x.sin() + 1)
    try:
        tiny(torch.ones(8, device=device, requires_grad=True)).sum().backward()
    except Exception as error:  # inductor's many kinds; whichever it is, training can do without
        line = next((x.strip() for x in str(error).splitlines() if x.strip()), repr(error))
        return task, f"--compile: nothing can be compiled here ({line[:150]}); going on without"
    return torch.compile(task), "compiling: the first steps take minutes"  # type: ignore[return-value]
