"""How near the values are that a run told at each step of a video.  R rows, T steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from evaluation.format import Interval, grid
from evaluation.label.intervals import RowBootstrap, middle
from evaluation.label.told import Seeds, Told
from util.text import clipped


@dataclass(frozen=True, eq=False, kw_only=True)
class ValuePredictions(Told):
    """One model's values of R rows, at the T_r steps of each."""

    TEXTS: ClassVar[tuple[str, ...]] = (*Told.TEXTS, "times", "true", "predicted")
    ARRAYS: ClassVar[tuple[str, ...]] = ("constant", "source")

    # R of (T_r,): seconds; the true values, nan where there is none; what was told
    times: tuple[np.ndarray, ...]
    true: tuple[np.ndarray, ...]
    predicted: tuple[np.ndarray, ...]
    # (R,) mean value of the run's training rows
    constant: np.ndarray

    @cached_property
    def errors(self) -> tuple[np.ndarray, ...]:
        """R of (K_r,), at steps whose value is known: told less true."""
        pairs = zip(self.predicted, self.true, strict=True)
        return tuple((told - true)[np.isfinite(true)] for told, true in pairs)

    @cached_property
    def constant_errors(self) -> tuple[np.ndarray, ...]:
        """The same of the constant mean."""
        pairs = zip(self.constant.tolist(), self.true, strict=True)
        return tuple((mean - true)[np.isfinite(true)] for mean, true in pairs)

    def same_truth(self, other: "ValuePredictions") -> bool:
        """Whether steps and true values are the same."""
        return all(
            len(mine) == len(its) and np.array_equal(mine, its, equal_nan=True)
            for mine, its in zip(self.true, other.true, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Mean absolute and root mean squared error, each with its 95 % interval."""

    mae: float
    mae_interval: Interval
    rmse: float
    rmse_interval: Interval


@dataclass(frozen=True, eq=False, kw_only=True)
class ValueScore:
    """The measurements of a model's values."""

    model: Seeds[ValuePredictions]
    resampled: str  # groups or videos
    units: int  # of these
    known: int  # steps whose value is known
    errors: Errors  # means over seeds
    seeds: tuple[tuple[float, float], ...]  # mae and rmse of each
    constant: Errors
    gain: float  # by how much the mean absolute error is below the constant's
    gain_interval: Interval


def score_values(model: Seeds[ValuePredictions], *, resample: str = "groups") -> ValueScore:
    """Measure a model; every known step counts alike.  `resample`: what intervals draw."""
    first = model.first
    bootstrap = RowBootstrap(first.groups if resample == "groups" else first.videos)
    each = [_sums(one.errors) for one in model.each]
    constant = _sums(first.constant_errors)
    own = [_errors(sums, bootstrap) for sums in each]
    resampled = np.mean([_mae(sums, bootstrap) for sums in each], 0)
    errors = Errors(
        mae=float(np.mean([one.mae for one in own])),
        mae_interval=middle(resampled),
        rmse=float(np.mean([one.rmse for one in own])),
        rmse_interval=middle(np.mean([_rmse(sums, bootstrap) for sums in each], 0)),
    )
    beside = _errors(constant, bootstrap)
    return ValueScore(
        model=model,
        resampled=resample,
        units=bootstrap.groups,
        known=int(constant[:, 0].sum()),
        errors=errors,
        seeds=tuple((one.mae, one.rmse) for one in own),
        constant=beside,
        gain=beside.mae - errors.mae,
        gain_interval=middle(_mae(constant, bootstrap) - resampled),
    )


def _sums(errors: Sequence[np.ndarray]) -> np.ndarray:
    """Number of known steps, sums of absolute and of squared errors, of each row: (R, 3)."""
    return np.array([[len(e), np.abs(e).sum(), np.square(e).sum()] for e in errors])


def _errors(sums: np.ndarray, bootstrap: RowBootstrap) -> Errors:
    count, absolute, squared = sums.sum(0)
    return Errors(
        mae=float(absolute / count),
        mae_interval=middle(_mae(sums, bootstrap)),
        rmse=float((squared / count) ** 0.5),
        rmse_interval=middle(_rmse(sums, bootstrap)),
    )


def _mae(sums: np.ndarray, bootstrap: RowBootstrap) -> np.ndarray:
    drawn = bootstrap.sums(sums)
    return drawn[:, 1] / drawn[:, 0]


def _rmse(sums: np.ndarray, bootstrap: RowBootstrap) -> np.ndarray:
    drawn = bootstrap.sums(sums)
    return np.sqrt(drawn[:, 2] / drawn[:, 0])


def value_table(score: ValueScore) -> str:
    """The table for the terminal."""
    first = score.model.first
    units = score.resampled if score.units < len(first) else "videos"
    label = "this run" if len(score.seeds) == 1 else f"mean of {len(score.seeds)} seeds"
    rows = []
    for name, found in ((label, score.errors), ("constant mean of training", score.constant)):
        cells = [f"{found.mae:.4g}", _between(found.mae_interval), f"{found.rmse:.4g}"]
        rows.append((name, [*cells, _between(found.rmse_interval)]))
    if len(score.seeds) > 1:
        mae, rmse = (f"± {float(np.std(x, ddof=1)):.3g}" for x in zip(*score.seeds, strict=True))
        rows.insert(1, ("  deviation", [mae, "", rmse, ""]))
    return "\n".join(
        [
            f"{clipped(score.model.name, 200)}, split {first.split}: {score.known:,} known values "
            f"of {len(first):,} videos; intervals resample {score.units:,} {units}",
            grid(["MAE", "95 % interval", "RMSE", "95 % interval"], rows),
            f"gain over the constant mean {score.gain:.4g} [{_between(score.gain_interval)}] MAE",
        ]
    )


def value_summary(score: ValueScore) -> dict[str, Any]:
    """All numbers as plain types; each metric's name begins with the split's."""
    first, split = score.model.first, score.model.first.split
    out: dict[str, Any] = {
        "task": "classification",
        "run": score.model.name,
        "runs": [path for one in score.model.each for path in one.sources],
        "split": split,
        "video": first.video,
        "frames": first.frames,
        "crops": first.crops,
        "videos": len(first),
        "values": score.known,
        "resampled": score.resampled,
        "resampled_units": score.units,
    }
    for name, found in (("", score.errors), ("constant_", score.constant)):
        for metric in ("mae", "rmse"):
            out[f"{split}/{name}{metric}"] = getattr(found, metric)
            out[f"{split}/{name}{metric}_interval"] = getattr(found, f"{metric}_interval")
    if len(score.seeds) > 1:
        out[f"{split}/mae_seeds"] = [mae for mae, _ in score.seeds]
    out[f"{split}/mae_gain"] = score.gain
    out[f"{split}/mae_gain_interval"] = score.gain_interval
    return out


def value_records(said: ValuePredictions) -> list[dict[str, Any]]:
    """One plain dict a row; a value that is not known is None."""
    return [
        {
            "id": said.ids[i],
            "video": said.videos[i],
            "group": said.groups[i],
            "seconds": [round(t, 6) for t in said.times[i].tolist()],
            "true": [None if np.isnan(v) else v for v in said.true[i].tolist()],
            "predicted": said.predicted[i].tolist(),
            "frames": list(said.numbers[i]),
            "run": int(said.source[i]),
        }
        for i in range(len(said))
    ]


def _between(interval: Interval) -> str:
    low, high = interval
    return f"{low:.4g}..{high:.4g}"
