"""What a run tells of the rows of a split: from its folder, or from a predictions file."""

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_loader.label.dataset import LabelData, join_labels
from data_loader.label.labels import Labels, LabelSplit, load_labels
from data_loader.label.steps import step_order, step_times
from data_loader.open import Stores, reopen_stores
from data_loader.store.frames import frame_numbers
from evaluation.label.calibration import fit_temperature
from evaluation.label.predictions import ClassPredictions
from evaluation.label.predictions_file import read_results
from evaluation.label.values import ValuePredictions
from inference.classification.split import class_scores, step_values
from inference.classification.temperature import keep_temperature
from inference.classification.views import check_crops
from inference.run import Run, load_run, open_run
from inference.run_files import is_packed, weights_file
from model.task.classification import Classification
from options.classification import SEE_FRAMES
from options.evaluation.labels import LabelRunOptions
from util.distributed import rank
from util.errors import UserError


class Teller:
    """A run whose data are open: it tells a split as often as is asked."""

    def __init__(self, path: str, options: LabelRunOptions) -> None:
        """Open run, labels and stores.

        Raises UserError for a run of another task, or labels or stores that do not fit it.
        """
        self.options = options
        self.run: Run[Classification] = open_run(
            path, Classification, checkpoint=options.checkpoint, device=options.device
        )
        check_crops(self.run.path, self.run.task, options.crops, self.run.clip_size)
        own = self.run.options
        labels = options.labels or own["labels"]
        if not options.labels and is_packed(path) and not Path(labels).is_file():
            raise UserError(
                f"{path} knows only the names of the files that it was trained on ({labels}): give "
                "--labels, and --appearance or --clips"
            )
        self.labels: Labels = load_labels(labels)
        if self.labels.classes != self.run.task.classes:
            raise UserError(
                f"{labels} has other classes than {path} was trained with: give --labels the run's "
                "own file, or train anew"
            )
        given = {"appearance": options.appearance, "motion": options.motion, "clips": options.clips}
        self.stores: Stores = reopen_stores(self.run.stores, self.run.path, given)

    def tell(self, *, video: Any, frames: Any) -> ClassPredictions | ValuePredictions:
        """What the run tells of the split; video and frames: what it is shown.

        Raises UserError where scores are no finite numbers.
        """
        data, train = self._data(self.options.split, video, frames), self._split("train")
        split, run, count = data.split, self.run, len(data)
        shown: dict[str, Any] = {
            "name": run.name,
            "sources": (str(run.path),),
            "steps": (run.step,),
            "seed": run.options["seed"],
            "split": self.options.split,
            "video": video,
            "frames": frames,
            "crops": self.options.crops,
            "ids": split.ids,
            "videos": split.videos,
            "groups": split.groups,
            "numbers": _frame_numbers(data, self.stores),
            "source": np.zeros(count, np.int64),
        }
        size, device = self.options.batch_size, run.device
        if not self.labels.classes:
            found = step_values(run.task, data, batch_size=size, device=device)
            self._check_finite(torch.cat([told for told, _ in found])[None])
            means = torch.cat(train.values).mean().item()
            store = self.stores.clips or self.stores.appearance
            assert store is not None
            return ValuePredictions(
                **shown,
                times=tuple(step_times(store, name) for name in split.videos),
                true=tuple(true.double().numpy() for _, true in found),
                predicted=tuple(told.double().numpy() for told, _ in found),
                constant=np.full(count, means),
            )
        begin = time.perf_counter()
        scores = class_scores(
            run.task, data, batch_size=size, device=device, crops=self.options.crops
        )
        seconds = time.perf_counter() - begin
        if rank() == 0:
            print(f"{run.name}: {count:,} rows at {count / seconds:,.0f} a second")
        self._check_finite(scores)
        ((commonest, _),) = Counter(train.target.tolist()).most_common(1)
        return ClassPredictions(
            **shown,
            classes=self.labels.classes,
            order_only=self.labels.order_only,
            alike=self.labels.alike,
            target=split.target.cpu().numpy(),
            constant=np.full(count, commonest, np.int64),
            logits=scores.numpy(),
            temperature=np.full(count, self._temperature(video, frames)),
        )

    def hides_order(self) -> bool:
        """Whether the run can be shown single or shuffled frames: no motion that tells order."""
        own = self.run.options
        if own["network"] in SEE_FRAMES:
            return True
        moves = own["channels"] != "appearance" and (own["motion"] or own["clips"])
        return not moves and own["motion_from"] != "difference"

    def _temperature(self, video: Any, frames: Any) -> float:
        """Fitted on the validation rows; 1: none was asked for, or there is none."""
        if not self.options.calibrate:
            return 1.0
        data = self._data("val", video, frames)
        scores = class_scores(
            self.run.task,
            data,
            batch_size=self.options.batch_size,
            device=self.run.device,
            crops=self.options.crops,
        )
        found = fit_temperature(scores.numpy(), data.split.target.cpu().numpy())
        if self._is_as_trained(video, frames) and rank() == 0:
            keep_temperature(self.run, found, crops=self.options.crops, rows=len(data))
        return found or 1.0

    def _is_as_trained(self, video: Any, frames: Any) -> bool:
        """Whether what is told is what predictions of new videos would tell: same weights, data."""
        own, options = self.run.options, self.options
        given = options.labels or options.appearance or options.motion or options.clips
        alike = (video, frames) == (own["video"], own["frames"]) and options.checkpoint == "best"
        return alike and (not given or is_packed(self.run.path))

    def _split(self, name: str) -> LabelSplit:
        fold = self.run.options["fold"]
        if fold is None:
            return self.labels.split(name, "--split")
        splits = self.labels.fold(fold)
        if name not in splits:
            raise UserError(
                f"--split {name}: a run of a fold has {', '.join(splits)}; give one of these"
            )
        return splits[name]

    def _data(self, name: str, video: Any, frames: Any) -> LabelData:
        if not self.stores.present() and video != "none":
            raise UserError(
                f"{self.run.path} was trained without any store: evaluate it with --video none"
            )
        (data,), _ = join_labels(
            [self._split(name)],
            self.stores,
            video=video,
            channels=self.run.options["channels"],
            seed=self.options.seed,
            features_in=self.options.features_in,
            device=self.run.device,
            frames=frames,
        )
        return data

    def _check_finite(self, scores: torch.Tensor) -> None:
        if not scores.isfinite().all():
            raise UserError(
                f"{self.run.path}: scores are no finite numbers; the run diverged (look at "
                "train/loss and val/ce), or the feature store holds numbers that are none"
            )


def _frame_numbers(data: LabelData, stores: Stores) -> tuple[tuple[int, ...], ...]:
    """Which frames of its video each row was shown, in the order shown; () where not known."""
    store, shown = stores.clips or stores.appearance, [data.shown[i] for i in data.video.tolist()]
    if store is None or not shown[0]:
        return ((),) * len(shown)
    found = []
    for name in shown:
        clips = frame_numbers(store, name)
        numbers = [] if clips is None else clips.flatten().tolist()
        if numbers and data.frames != "real":
            count = len(numbers)
            (order,) = step_order(data.frames, [name], np.array([count]), count, data.seed)
            numbers = [numbers[i] for i in order.tolist()]
        found.append(tuple(numbers))
    return tuple(found)


def tell_run(path: str, options: LabelRunOptions) -> tuple[Any, Teller | None]:
    """What a run, or a predictions file, tells of the split as asked; and the run, opened."""
    if Path(path).suffix == ".json":
        return read_results(path), None
    teller = Teller(path, options)
    own: Mapping[str, Any] = teller.run.options
    return teller.tell(
        video=options.video or own["video"], frames=options.frames or own["frames"]
    ), teller


def input_files(path: str, options: LabelRunOptions) -> dict[str, object]:
    """The files that telling a split reads, by option: no output may replace one of them."""
    if Path(path).suffix == ".json":
        return {"--run": path}
    own = load_run(path, options.checkpoint)["options"]
    names = ("labels", "appearance", "motion", "clips")
    given = {f"--{name}": getattr(options, name) or own.get(name) for name in names}
    return {"--run": weights_file(path, options.checkpoint), **given}
