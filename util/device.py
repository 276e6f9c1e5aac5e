"""Where to compute."""

from pathlib import Path

import torch

from util.errors import UserError


def pick_device(name: str) -> torch.device:
    """`auto` takes a GPU when there is one.  UserError for a GPU that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no GPU here; use --device cpu")
    return torch.device(name)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Arithmetic in bfloat16 inside, where `precision` is bf16 and torch deems it safe."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device; of a container, what its limit leaves."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next((int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable:")), 2**62)
    limit, used = (Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        free = min(free, max(0, int(limit.read_text()) - int(used.read_text())))
    return free
