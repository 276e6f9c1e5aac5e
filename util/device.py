"""Where to compute."""

from collections.abc import Iterator
from pathlib import Path

import torch

from util.errors import UserError


def pick_device(name: str) -> torch.device:
    """`auto` takes a GPU when there is one.  UserError for a device that is not there.

    On a GPU float32 products and convolutions may then use TF32 (8 bits of exponent, 10 of
    mantissa, sums in float32): several times as fast since Ampere.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no GPU here; use --device cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0][:100]
        raise UserError(f"--device {name}: not on this machine ({reason}); use auto") from error
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    return device


def search_convolutions(device: torch.device, search: bool) -> None:
    """Whether cuDNN tries its algorithms on each new shape: for shapes that come again and again.

    To search for a shape that comes once costs more than it gains.
    """
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = search


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Arithmetic in bfloat16 inside, where `precision` is bf16 and torch deems it safe."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


CGROUP, MINE = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# A container's limit, what is used of it, and what of that is cache of files, which gives way:
# cgroup v2 and v1.
V2 = ("memory.max", "memory.current", ("inactive_file", "active_file"))
V1 = (
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_inactive_file", "total_active_file"),
)


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device; of a container, what its limit leaves."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next((int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable:")), 2**62)
    return max(0, min([free, *map(_left_of, _groups())]))


def _groups() -> Iterator[Path]:
    """Folders of the groups that limit this process: its own (a job's of Slurm) and those above."""
    try:
        lines = MINE.read_text().splitlines()
    except OSError:
        lines = []
    path = {kinds: path for _, kinds, path in (line.split(":", 2) for line in lines)}
    for top, kind in ((CGROUP, ""), (CGROUP / "memory", "memory")):
        own = top / path.get(kind, "/").lstrip("/")
        yield from (group for group in (own, *own.parents) if group.is_relative_to(top))


def _left_of(group: Path) -> int:
    """Bytes that the limit of a group leaves; a huge number where there is none."""
    limit, used, cache = V2 if (group / V2[0]).exists() else V1
    try:
        most, now = ((group / name).read_text().strip() for name in (limit, used))
        stat = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 2**62
    if not most.isdigit():  # "max"
        return 2**62
    counts = dict(line.split() for line in stat)
    return int(most) - int(now) + sum(int(counts.get(name, 0)) for name in cache)
