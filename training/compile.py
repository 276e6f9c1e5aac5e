"""torch.compile, where the machine has what it needs."""

import torch
from torch import nn


def compile_task(task: nn.Module, device: torch.device) -> tuple[nn.Module, str]:
    """The task with a compiled forward and backward pass, and a line about it.

    Where nothing can be compiled (no C++ compiler, no Triton), the task as it is, and why.
    """
    reason = cannot_compile(device)
    if reason:
        return task, f"--compile: {reason}; going on without"
    return torch.compile(task), "compiling: the first steps take minutes"  # type: ignore[return-value]


def cannot_compile(device: torch.device) -> str:
    """Why torch.compile does not work on this machine, in one line; "" if it does.

    Tried on a tiny function: what it needs (compiler, headers, Triton) differs between systems.
    """
    tiny = torch.compile(lambda x: x.sin() + 1)
    try:
        tiny(torch.ones(8, device=device, requires_grad=True)).sum().backward()
    except Exception as error:  # inductor's many kinds; whichever it is, training can do without
        line = next((x.strip() for x in str(error).splitlines() if x.strip()), repr(error))
        return f"nothing can be compiled here ({line[:150]})"
    return ""
