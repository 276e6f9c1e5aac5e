"""The one door to the stores of a run: for training, evaluation and prediction.

Training opens what its options name; evaluation opens what a run was trained on again, or what is
given in its place.  `data_loader.join` then joins questions with the videos of the stores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.label.labels import load_labels
from data_loader.questions import load_questions
from data_loader.store.clips import ClipStore, open_clip_store
from data_loader.store.features import FeatureStore, open_store
from data_loader.store.match import check_provenance
from data_loader.store.provenance import Provenance
from data_loader.video_table import ClipTable
from options.data import ClipOptions
from util.errors import UserError


@dataclass(frozen=True, kw_only=True)
class StoreOrigin:
    """What a checkpoint remembers of a store that its run was trained on."""

    path: str
    provenance: Provenance


@dataclass(frozen=True, kw_only=True)
class Stores:
    """The opened stores of a run: of both channels, or of clips; none, if it sees no video."""

    appearance: FeatureStore | None = None
    motion: FeatureStore | None = None
    clips: ClipStore | None = None  # of a run that has its own encoders

    def present(self) -> dict[str, FeatureStore | ClipStore]:
        """Those that the run has, by the option that names each."""
        every = {"appearance": self.appearance, "motion": self.motion, "clips": self.clips}
        return {name: store for name, store in every.items() if store is not None}

    def origins(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint is to remember of them, in plain types; `origins_of` reads it."""
        return {
            name: {"path": str(store.path), "provenance": store.provenance.to_dict()}
            for name, store in self.present().items()
        }

    def check_alike(self, origins: Mapping[str, StoreOrigin], run: str | Path) -> None:
        """Raise UserError if one was made in another way than that which `run` was trained on."""
        for name, store in self.present().items():
            check_provenance(origins[name].provenance, store, run)


def open_stores(
    *, appearance: str | None = None, motion: str | None = None, clips: str | None = None
) -> Stores:
    """Open the stores at these paths.  Raises UserError for a file that is no such store."""
    return Stores(
        appearance=None if appearance is None else open_store(appearance),
        motion=None if motion is None else open_store(motion),
        clips=None if clips is None else open_clip_store(clips),
    )


def reopen_stores(
    origins: Mapping[str, StoreOrigin], run: Path, given: Mapping[str, str | None]
) -> Stores:
    """Open the stores that `run` was trained on, or those `given` in their place.

    Raises UserError for a store of a kind that the run does not have, or one made in another way.
    """
    for name, path in given.items():
        if path and name not in origins:
            kinds = " and ".join(f"--{kind}" for kind in origins)
            cure = "" if kinds else ", and evaluate it with --video none"
            raise UserError(
                f"{run} was trained {f'on {kinds}' if kinds else 'without any store'}: leave out "
                f"--{name}{cure}"
            )
    stores = open_stores(**{name: given[name] or was.path for name, was in origins.items()})
    stores.check_alike(origins, run)
    return stores


def origins_of(stores: Mapping[str, Any]) -> dict[str, StoreOrigin]:
    """The stores that a checkpoint lists, by the option that names each."""
    return {
        name: StoreOrigin(path=store["path"], provenance=Provenance.from_dict(store["provenance"]))
        for name, store in stores.items()
        if store is not None
    }


def clip_tables(store: ClipStore, data: ClipOptions, *, seed: int) -> tuple[ClipTable, ClipTable]:
    """Training and validation videos of a store: those of the splits of a file, or drawn.

    Raises UserError if either would be empty, or a video of the file has no clips.
    """
    file = data.questions or data.labels
    if file is not None:
        splits = (load_questions if data.questions else load_labels)(file).splits
        training, validation = (
            sorted(set(splits[name].videos)) if name in splits else [] for name in ("train", "val")
        )
        missing = [video for video in training + validation if video not in store]
        if missing:
            raise UserError(
                f"{store.path}: no clips for {len(missing)} videos of {file}, first "
                f"{', '.join(missing[:3])}; extract them, or make that file with --videos_in and "
                "this store"
            )
    else:
        count = round(data.val_share * len(store.ids))
        order = np.random.default_rng([seed, len(store.ids)]).permutation(len(store.ids))
        training, validation = (
            [store.ids[i] for i in np.sort(part)] for part in (order[count:], order[:count])
        )
    for name, videos in (("training", training), ("validation", validation)):
        if not videos:
            raise UserError(
                f"{file or store.path}: no {name} videos; give more videos, or another "
                f"--val_share than {data.val_share}"
            )
    table = partial(ClipTable, store=store)
    return table(ids=tuple(training)), table(ids=tuple(validation))
