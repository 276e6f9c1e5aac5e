"""The temperature of a run's probabilities: written by the evaluation, used by predictions.

A file in the run's folder, as it was fitted after training; a packed run carries it along.
"""

import json
import math
from pathlib import Path
from typing import Any

from inference.run import Run
from inference.run_files import weights_file
from util.files import sha256, whole_file

NAME = "temperature.json"


def keep_temperature(run: Run[Any], temperature: float | None, *, crops: int, rows: int) -> None:
    """Keep what was fitted on `rows` validation rows; None: none was, an earlier one is gone.

    Those of other weights than the best of the run are gone, too.
    """
    path, weights = run.folder / NAME, sha256(weights_file(run.path))
    known = _read(path, weights)
    known.pop(str(crops), None)
    if temperature is not None:
        known[str(crops)] = temperature
    if not known:
        path.unlink(missing_ok=True)
        return
    content = {"weights": weights, "temperature_by_crops": known, "validation_rows": rows}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content) + "\n", encoding="utf-8")


def kept_temperatures(folder: Path, weights: Path) -> dict[str, float]:
    """What a folder keeps of the weights of a file, by the number of crops; {}: nothing.

    A file that is damaged, or of other weights, is passed over: probabilities are then as trained.
    """
    path = folder / NAME
    return _read(path, sha256(weights)) if path.is_file() else {}


def temperature_of(run: Run[Any], crops: int) -> tuple[float, str]:
    """The temperature of a run's probabilities, and in words where it is from."""
    kept = kept_temperatures(run.folder, weights_file(run.path)) or run.temperatures
    found = kept.get(str(crops))
    if found is None:
        command = "python evaluate.py classification" + (f" --crops {crops}" if crops > 1 else "")
        return 1.0, f"probabilities as trained: no temperature is fitted ({command} fits one)"
    return found, f"probabilities at temperature {found:.3g}, fitted on the validation videos"


def _read(path: Path, weights: str) -> dict[str, float]:
    """The temperatures of a file, if it is of these weights."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["weights"] != weights:
            return {}
        found = {str(k): float(v) for k, v in content["temperature_by_crops"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {k: v for k, v in found.items() if math.isfinite(v) and v > 0}
