"""The videos that are searched and the captions that search them; how alike a run makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_loader.caption.captions import CaptionSplit, load_captions
from data_loader.caption.dataset import CaptionData, join_captions
from data_loader.open import Stores, reopen_stores
from evaluation.caption.reference_file import check_split_ids
from inference.retrieval.split import SplitEmbeddings, embed_split
from inference.run import Run, load_run, open_run
from inference.run_files import is_packed, weights_file
from model.task.retrieval import Retrieval
from options.evaluation.retrieval import RetrievalScoreOptions
from util.errors import UserError

VALIDATION = "val"


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchSet:
    """V videos, or parts of videos, of one or more splits, and the Q captions of one split."""

    split: str
    among: tuple[CaptionData, ...]  # the splits that are searched, this one among them
    queries: np.ndarray  # (Q,) int64, which of the split's captions search

    @cached_property
    def own(self) -> CaptionSplit:
        """The split whose captions are the queries."""
        return next(data.split for data in self.among if data.split.name == self.split)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Q queries."""
        return tuple(self.own.texts[i] for i in self.queries.tolist())

    @cached_property
    def segment(self) -> np.ndarray:
        """(Q,) int64, the place of each query's own video among the V."""
        return self.own.segment.numpy()[self.queries] + self._first(self.split)

    @cached_property
    def videos(self) -> tuple[str, ...]:
        """The name of each query's own video: what intervals draw."""
        return tuple(self.own.videos[i] for i in self.own.segment[self.queries].tolist())

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """V, as the caption file names what is searched."""
        return tuple(name for data in self.among for name in data.split.ids)

    @cached_property
    def every_text(self) -> tuple[str, ...]:
        """All C captions of what is searched."""
        return tuple(text for data in self.among for text in data.split.texts)

    @cached_property
    def text_segment(self) -> np.ndarray:
        """(C,) int64, the place of each caption's video among the V."""
        return np.concatenate(
            [data.split.segment.numpy() + self._first(data.split.name) for data in self.among]
        )

    def _first(self, split: str) -> int:
        names = [data.split.name for data in self.among]
        return sum(len(data.split) for data in self.among[: names.index(split)])


@dataclass(frozen=True, eq=False, kw_only=True)
class Searched:
    """An open run, and the embeddings of the splits that are looked at."""

    run: Run[Retrieval]
    stores: Stores
    splits: dict[str, CaptionData]
    embedded: dict[str, SplitEmbeddings]

    def to_video(self, of: SearchSet) -> Tensor:
        """How alike each query is to each video: (Q, V) float32."""
        texts = self.embedded[of.split].texts[torch.from_numpy(of.queries)]
        return texts @ self._videos(of).T

    def to_text(self, of: SearchSet) -> Tensor:
        """How alike each of the split's own videos is to each caption that is there: (S, C)."""
        texts = torch.cat([self.embedded[data.split.name].texts for data in of.among])
        return self.embedded[of.split].videos @ texts.T

    def clips(self, of: SearchSet) -> tuple[Tensor, Tensor]:
        """Embeddings of all K clips of the videos (K, D), and the place of each's video (K,)."""
        found, segment, first = [], [], 0
        for data in of.among:
            here = self.embedded[data.split.name]
            found.append(here.clips)
            segment.append(here.clip_segment + first)
            first += len(data.split)
        return torch.cat(found), torch.cat(segment)

    def _videos(self, of: SearchSet) -> Tensor:
        return torch.cat([self.embedded[data.split.name].videos for data in of.among])


def open_searched(path: str, options: RetrievalScoreOptions, *, validation: bool) -> Searched:
    """Open a run with its data, and embed the splits that are looked at; processes share the work.

    `validation`: the validation split is looked at too, where there is one.  Raises UserError for a
    run of another task, and captions or stores that do not fit it.
    """
    run: Run[Retrieval] = open_run(
        path, Retrieval, checkpoint=options.checkpoint, device=options.device
    )
    named = options.captions or run.options["captions"]
    if not options.captions and is_packed(path) and not Path(named).is_file():
        raise UserError(
            f"{path} knows only the names of the files that it was trained on ({named}): give "
            "--captions and --appearance"
        )
    file = load_captions(named)
    check_split_ids(file, dataset=run.dataset, split_ids=run.split_ids, run=path)
    if file.vocabulary.words != run.task.vocabulary.words:
        raise UserError(
            f"{file.path} has another vocabulary than {path} was trained with: give --captions the "
            "run's own file, or train anew"
        )
    file.split(options.split, "--split")
    names = [options.split]
    if options.among == "all":
        names += [name for name in file.splits if name != options.split]
    elif validation and VALIDATION in file.splits and options.split != VALIDATION:
        names.append(VALIDATION)
    given = {"appearance": options.appearance, "motion": options.motion}
    stores = reopen_stores(run.stores, run.path, given)
    joined, _ = join_captions(
        [file.split(name) for name in names],
        stores,
        video="real",
        channels="both",
        seed=options.seed,
        features_in=options.features_in,
        device=run.device,
    )
    embedded = {
        data.split.name: embed_split(
            run.task, data, batch_size=options.batch_size, device=run.device
        )
        for data in joined
    }
    for found in embedded.values():
        if not (found.videos.isfinite().all() and found.texts.isfinite().all()):
            raise UserError(
                f"{path}: its embeddings are no finite numbers; the run diverged (look at "
                "train/loss), or the feature store holds numbers that are none"
            )
    splits = {data.split.name: data for data in joined}
    return Searched(run=run, stores=stores, splits=splits, embedded=embedded)


def search_set(searched: Searched, split: str, options: RetrievalScoreOptions) -> SearchSet:
    """What a split's captions search, by options `among` and `protocol`."""
    data = searched.splits[split]
    among = tuple(searched.splits.values()) if options.among == "all" else (data,)
    queries = np.arange(len(data.split.texts))
    if options.protocol == "videos":
        queries = _one_each(data.split, options.seed)
    return SearchSet(split=split, among=among, queries=queries)


def _one_each(split: CaptionSplit, seed: int) -> np.ndarray:
    """One caption of each segment that has some, drawn: ascending."""
    draws = np.random.default_rng([seed, len(split.texts)])
    order = draws.permutation(len(split.texts))
    _, first = np.unique(split.segment.numpy()[order], return_index=True)
    return np.sort(order[first])


def check_same(every: Sequence[Searched]) -> None:
    """Raise UserError where runs search other videos, or by other captions, than the first."""
    first = every[0]
    for other in every[1:]:
        for name, data in first.splits.items():
            its = other.splits[name].split if name in other.splits else None
            if its is None or (its.ids, its.texts) != (data.split.ids, data.split.texts):
                raise UserError(
                    f"--run {other.run.path}: has other captions or videos in split {name} than "
                    f"{first.run.path}; evaluate them apart"
                )


def input_files(path: str, options: RetrievalScoreOptions) -> dict[str, object]:
    """The files that evaluating a run reads, by option: no output may replace one of them."""
    own = load_run(path, options.checkpoint)["options"]
    names = ("captions", "appearance", "motion")
    read = {f"--{name}": getattr(options, name) or own.get(name) for name in names}
    return {
        "--run": weights_file(path, options.checkpoint),
        "--foreign": options.foreign,
        **read,
    }
