"""The captions of a run: of a split of its caption file, or of another."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_loader.caption.captions import Captions, CaptionSplit, load_captions
from data_loader.caption.dataset import join_captions
from data_loader.open import reopen_stores
from evaluation.caption.reference_file import check_split_ids
from inference.caption.split import caption_split
from inference.run import Run, load_run, open_run
from inference.run_files import weights_file
from model.caption.search import Caption
from model.task.captioning import Captioning
from options.caption import SearchOptions
from options.data import Video
from options.evaluation.captions import CaptionRunOptions
from util.errors import UserError


@dataclass(frozen=True, eq=False, kw_only=True)
class RunCaptions:
    """What a run says of each segment of a split."""

    run: Run[Captioning]
    # what it was shown
    video: Video
    # the file with the references, and its segments that have features
    file: Captions
    split: CaptionSplit
    # segments that have none, in words; "" where all have some
    note: str
    # of each segment, by its id, best first
    found: dict[str, list[Caption]]

    @property
    def best(self) -> dict[str, str]:
        """The best caption of each segment as text."""
        return {name: self._text(captions[0]) for name, captions in self.found.items()}

    @property
    def n_best(self) -> dict[str, list[tuple[str, float]]]:
        """Captions of each segment as text, with their scores."""
        return {
            name: [(self._text(caption), caption.score) for caption in captions]
            for name, captions in self.found.items()
        }

    def _text(self, caption: Caption) -> str:
        return self.run.task.vocabulary.decode(caption.words)


def caption_run(
    folder: str, options: CaptionRunOptions, search: SearchOptions, *, video: Video | None
) -> RunCaptions:
    """Caption the split by one run; `video`: what it is shown, None as it was trained.

    Raises UserError for a run of another task or one that diverged, stores or captions that do not
    fit, and captions that are cut into splits in another way than those it was trained on.
    """
    run = open_run(folder, Captioning, checkpoint=options.checkpoint, device=options.device)
    file = load_captions(options.captions or run.options["captions"])
    check_split_ids(file, dataset=run.dataset, split_ids=run.split_ids, run=folder)
    shown: Video = video or run.options["video"]
    given = {name: getattr(options, name) for name in ("appearance", "motion", "clips")}
    stores = reopen_stores(run.stores, run.path, given)
    if not stores.present() and shown != "none":
        raise UserError(f"{run.path} was trained without any store: evaluate it with --video none")
    (data,), note = join_captions(
        [file.split(options.split, "--split")],
        stores,
        video=shown,
        channels=run.options["channels"],
        seed=options.seed,
        features_in=options.features_in,
        device=run.device,
    )
    found = caption_split(
        run.task,
        data,
        search,
        batch_size=options.batch_size,
        device=run.device,
        n_best=options.n_best,
    )
    if bad := sum(not math.isfinite(captions[0].log_prob) for captions in found):
        raise UserError(
            f"{run.path}: the logits of {bad} of {len(found)} segments of split {options.split} "
            "are no finite numbers; the run diverged (look at train/loss and val/ce), or the "
            "feature store holds numbers that are none"
        )
    return RunCaptions(
        run=run,
        video=shown,
        file=file,
        split=data.split,
        note=note.partition("; ")[2],
        found=dict(zip(data.split.ids, found, strict=True)),
    )


def input_files(folder: str, options: CaptionRunOptions) -> dict[str, object]:
    """The files that captioning a split reads, by option: no output may replace one of them."""
    own: dict[str, Any] = load_run(folder, options.checkpoint)["options"]
    names = ("captions", "appearance", "motion", "clips")
    read = {f"--{name}": getattr(options, name) or own.get(name) for name in names}
    return {"--run": weights_file(folder, options.checkpoint), **read}


def results_file(folder: Path, split: str, video: str) -> Path:
    """Where the captions of a run lie, in the official form."""
    return folder / f"captions-{split}-{video}.json"
