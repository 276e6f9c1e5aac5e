"""What other runs say of a library's videos, from the features that are there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch

from data_loader.batch import Features
from data_loader.open import StoreOrigin
from inference.caption.split import find_captions
from inference.classification.predictor import as_trained
from inference.classification.temperature import temperature_of
from inference.run import Run, open_run
from inference.run_files import weights_file
from inference.split import evaluating
from library.engine import Kind, TextFacts
from model.task.captioning import Captioning
from model.task.classification import Classification
from options.caption import SearchOptions
from util.errors import UserError
from util.files import sha256

LIKELY = 0.2  # probability from which a further action is kept
MOST = 3  # actions of a video


class Teller(Protocol):
    """A run that says something of a video."""

    kind: Kind
    source: str  # tells its weights from others'

    def tell(self, features: Features, name: str) -> list[TextFacts]:
        """Texts of a video (V = 1); `name`: its id."""
        ...


class Captions:
    """A captioner: the best caption of a video."""

    kind: Kind = "caption"

    def __init__(self, path: str, stores: Mapping[str, StoreOrigin], device: str) -> None:
        """Raises UserError for a run that is none, or whose features are others than `stores`."""
        self.run = open_run(path, Captioning, device=device)
        self.source = _source("--captions", self.run, stores)

    @torch.inference_mode()
    def tell(self, features: Features, name: str) -> list[TextFacts]:
        """The caption."""
        visual = features.to(self.run.device)
        with evaluating(self.run.task):
            ((best,),) = find_captions(self.run.task, visual, SearchOptions(), n_best=1)
        text = self.run.task.vocabulary.decode(best.words)
        return [TextFacts("caption", text, self.source, float(best.score))]


class Actions:
    """A classifier: the likeliest action of a video, and others that are likely."""

    kind: Kind = "action"

    def __init__(self, path: str, stores: Mapping[str, StoreOrigin], device: str) -> None:
        """Raises UserError for a run that is none, or whose features are others than `stores`."""
        self.run = open_run(path, Classification, device=device)
        self.source = _source("--actions", self.run, stores)
        self.temperature, _ = temperature_of(self.run, 1)
        if not self.run.task.classes:
            raise UserError(f"--actions {path}: tells values, not classes; name a classifier")

    @torch.inference_mode()
    def tell(self, features: Features, name: str) -> list[TextFacts]:
        """The actions, the likeliest first."""
        visual, _ = as_trained(features, self.run.options, name)
        with evaluating(self.run.task):
            scores = self.run.task.scores(visual.to(self.run.device)).float().cpu()
        share = (scores[0].double() / self.temperature).softmax(0)
        top = share.topk(min(MOST, len(share)))
        pairs = list(zip(top.indices.tolist(), top.values.tolist(), strict=True))
        return [
            TextFacts("action", self.run.task.classes[k], self.source, p)
            for rank, (k, p) in enumerate(pairs)
            if rank == 0 or p >= LIKELY
        ]


def _source(flag: str, run: Run, stores: Mapping[str, StoreOrigin]) -> str:
    """The name of a run and its weights' hash; UserError where it needs other features."""
    for name, origin in run.stores.items():
        if name not in stores:
            difference = ("store", name, " and ".join(stores))
        else:
            here, there = origin.provenance, stores[name].provenance
            difference = here.first_difference(there, decoder=False)
        if difference:
            key, wants, has = difference
            raise UserError(
                f"{flag} {run.path}: was trained on features of {key} {wants}, those of the "
                f"library have {has}; name a run of the same features as the embedder's"
            )
    return f"{run.name} {sha256(weights_file(Path(run.path)))[:12]}"
