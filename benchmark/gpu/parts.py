"""What only a GPU can tell, in under eight minutes:  python -m benchmark gpu

It needs torch, torchvision, torch-geometric, torchmetrics, h5py, SciPy, tqdm, PyYAML, TensorBoard,
matplotlib and pytest, and no files: frames and features are made up.  Each part runs in a process
of its own and has a time budget: one that fails, hangs or runs out of memory is reported and the
rest goes on.  The last line is one JSON object; exit code 0, 1 if a part failed, 2 without a GPU.
Logs, tables and stores are left in results/gpu.  `--device cpu --size tiny` tries the same code
without a GPU.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch

from benchmark.gpu.extraction import extraction
from benchmark.gpu.networks import networks
from benchmark.gpu.plan import PLANS, Plan
from benchmark.gpu.training import epochs, profile

ROOT = Path(__file__).parent.parent.parent
TOTAL = 450.0  # seconds for all parts
WRITE_UP = "the write-up reports 14 minutes"


def run(options: argparse.Namespace) -> int:
    """Run the parts, or, in its own process, one of them; the last line is JSON."""
    if options.device == "cuda" and not torch.cuda.is_available():
        print("benchmark.gpu: torch sees no GPU here; --device cpu --size tiny tries the code")
        return 2
    device, folder = torch.device(options.device), Path(options.folder)
    if options.alone:
        work, _ = PARTS[options.parts[0]]
        print(json.dumps(work(PLANS[options.size], device, folder)))
        return 0
    begin = time.monotonic()
    found: dict[str, Any] = {"environment": environment(device)}
    for name, value in found["environment"].items():
        print(f"{name}: {value}", flush=True)
    failed: dict[str, str] = {}
    for name in options.parts:
        command = [
            sys.executable, "-u", "-m", "benchmark", "gpu", "--alone", "--parts", name,
            "--device", options.device, "--size", options.size, "--folder", str(folder),
        ]  # fmt: skip
        budget = min(PARTS[name][1], TOTAL - (time.monotonic() - begin))
        print(f"== {name} (at most {max(budget, 0):.0f} s)", flush=True)
        result, reason = run_part(command, folder / f"{name}.log", budget)
        if result is not None:
            found[name] = result
            reason = result.get("failed", "")
        if reason:
            failed[name] = reason
            print(f"{name} FAILED: {reason}", flush=True)
    if "epochs" in found and options.size == "msvd_qa":
        minutes = found["epochs"]["seconds"] / 60
        print(f"10 epochs at MSVD-QA size: {minutes:.1f} minutes here; {WRITE_UP}", flush=True)
    seconds = round(time.monotonic() - begin, 1)
    print(json.dumps(rounded({**found, "failed": failed, "seconds": seconds})))
    return 1 if failed else 0


def run_part(command: Sequence[str], log: Path, budget: float) -> tuple[dict[str, Any] | None, str]:
    """Run one part in a process of its own -> its JSON, or None and why there is none.

    Its lines are printed as they come; what it says on stderr goes to `log`.
    """
    if budget <= 0:
        return None, "no time left"
    log.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with log.open("w", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace",
            start_new_session=True,
        )  # fmt: skip
        reader = threading.Thread(target=_read, args=(process, lines))
        reader.start()
        try:
            process.wait(budget)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and what it started
            process.wait()
            reader.join()
            return None, f"took longer than {budget:.3g} s; see {log}"
        reader.join()
    if process.returncode:
        said = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
        reason = said[-1].strip()[:300] if said else f"exit code {process.returncode}"
        return None, f"{reason}; see {log}"
    return json.loads(lines[-1]), ""


def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if not line.startswith("{"):
            print(line, end="", flush=True)


def environment(device: torch.device) -> dict[str, Any]:
    """Card, driver and versions, and which numbers its float32 products use."""
    found: dict[str, Any] = {"torch": torch.__version__}
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        found |= {
            "card": card.name,
            "memory_gib": card.total_memory / 2**30,
            "capability": f"{card.major}.{card.minor}",
            "cuda": torch.version.cuda,
            "driver": _driver(),
            "cudnn": torch.backends.cudnn.version(),
        }
    found["float32_products"] = torch.get_float32_matmul_precision()
    found["float32_convolutions_tf32"] = torch.backends.cudnn.allow_tf32
    return found


def _driver() -> str:
    """The driver's version, as nvidia-smi says; "unknown" where there is none."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        return done.stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return "unknown"


def gpu_tests(plan: Plan, device: torch.device, folder: Path) -> dict[str, Any]:
    """`pytest -m gpu`: how many passed, failed and were skipped; "failed" names those that did."""
    report = folder.absolute() / "tests.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu", f"--junitxml={report}"],
        cwd=ROOT,
        stdout=sys.stderr,  # the log
    )
    cases = list(ElementTree.parse(report).iter("testcase"))  # pyright: ignore[reportUnknownArgumentType]
    bad = {
        f"{case.get('name')}: {' '.join((wrong.get('message') or '').split())[:200]}"
        for case in cases
        for wrong in (*case.iter("failure"), *case.iter("error"))
    }
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    found: dict[str, Any] = {
        "passed": len(cases) - len(bad) - len(skipped), "skipped": len(skipped)
    }  # fmt: skip
    print(f"pytest -m gpu: {found['passed']} passed, {len(bad)} failed, {len(skipped)} skipped")
    if not cases:
        bad = {"pytest found no test"}
    return {**found, "failed": "; ".join(sorted(bad))} if bad else found


def rounded(value: Any) -> Any:
    """Numbers to four significant digits."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


# Each part with the seconds it may take.
PARTS: dict[str, tuple[Callable[[Plan, torch.device, Path], dict[str, Any]], float]] = {
    "tests": (gpu_tests, 150.0),
    "epochs": (epochs, 200.0),
    "extraction": (extraction, 100.0),
    "networks": (networks, 90.0),
    "profile": (profile, 60.0),
}
