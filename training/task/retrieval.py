"""The embedding of videos and texts as the training loop sees it: data, task, validation."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import PairBatch
from data_loader.caption.captions import Captions, load_captions, without_long
from data_loader.caption.dataset import join_captions
from data_loader.open import Stores, open_stores, origins_of
from data_loader.video_table import FeatureTable
from inference.retrieval.ranks import summary
from inference.retrieval.show import show_found
from inference.retrieval.split import embed_split
from model.task.retrieval import Retrieval
from options.task import RetrievalRunOptions
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.initialise import fit_norms, start_from
from util.device import pick_device
from util.errors import UserError


class RetrievalTask(TrainingTask):
    """Retrieval on stored features."""

    options: RetrievalRunOptions
    module: Retrieval
    name = "retrieval"
    goal = "validation mean reciprocal rank, text to video"
    next_command = "python evaluate.py retrieval --run"
    types = ()
    on_features = True
    topology = "complete"  # there are no graphs
    unused_parameters = False

    def __init__(
        self, options: RetrievalRunOptions, *, checkpoint: Mapping[str, Any] | None
    ) -> None:
        """Open the data and build the module; `checkpoint`: what the run goes on from."""
        self.options = options
        data, retrieval, train = options
        self._refuse_needless()
        self.captions = load_captions(data.captions)
        stores = open_stores(appearance=data.appearance, motion=data.motion)
        device = pick_device(train.device)
        (self.data, self.val), self.placement = join_captions(
            [
                without_long(self.captions.split("train"), data.longest),
                self.captions.split("val"),
            ],
            stores,
            video="real",
            channels="both",
            seed=train.seed,
            features_in=data.features_in,
            device=device,
        )
        of = self.data.split
        self.videos = [of.videos[i] for i in of.segment.tolist()]
        self.fingerprints = [store.fingerprint() for store in stores.present().values()]
        assert stores.appearance is not None
        motion_width = stores.appearance.width if data.motion_from != "store" else 0
        sizes = {
            "word_width": _word_width(self.captions, options),
            "appearance_width": stores.appearance.width,
            "motion_width": motion_width if stores.motion is None else stores.motion.width,
        }
        torch.manual_seed(train.seed)
        self.module = Retrieval(
            retrieval,
            vocabulary=self.captions.vocabulary,
            motion_from=data.motion_from,
            **sizes,
        )
        self.lr_scales: dict[nn.Module, float] = {}
        self.note = ""
        if checkpoint is None:
            self._initialise(device)
        else:
            self._check_same_data(checkpoint, stores)
        self.metadata = {
            "task": self.name,
            "vocabulary": list(self.captions.vocabulary.words),
            "word_vectors_source": self.captions.word_vectors_source,
            "dataset": self.captions.dataset,
            "split_ids": self.captions.split_ids,
            "sizes": sizes,
            "stores": {"appearance": None, "motion": None, **stores.origins()},
            "encoder_weights": {},
        }

    def _refuse_needless(self) -> None:
        """Raise UserError for an option that this task does not have, or that spoils the loss."""
        train = self.options.train
        if train.cuda_graph:
            raise UserError(
                "--cuda_graph: captions differ in length too much to be captured; leave it out"
            )
        if train.accumulate != 1:
            raise UserError(
                f"--accumulate {train.accumulate}: every video of a batch is a negative of every "
                "other, so a batch cannot be cut; give --batch_size less, or processes (torchrun)"
            )
        if train.relation_lr != 1:
            raise UserError(
                f"--relation_lr {train.relation_lr:g}: there are no graphs; leave it out"
            )

    def _initialise(self, device: torch.device) -> None:
        """Fill in what does not start at random."""
        options, module, table = self.options, self.module, self.data.table
        assert isinstance(table, FeatureTable)
        if self.captions.word_vectors is not None:
            with torch.no_grad():
                module.text_encoder.embedding.weight.copy_(self.captions.word_vectors)
        if options.train.init_from is not None:
            self.note = start_from(
                options.train.init_from, module, self.name, options.train.init_part
            )
        if options.retrieval.feature_norm != "none":
            inputs = module.clip_encoder.inputs
            norms = (inputs.appearance_norm, inputs.motion_norm)
            kind, motion_from = options.retrieval.feature_norm, options.data.motion_from
            fit_norms(norms, kind, table, None, motion_from, device)

    def _check_same_data(self, checkpoint: Mapping[str, Any], stores: Stores) -> None:
        """Raise UserError if the checkpoint was trained with another vocabulary or store."""
        run = RunFolder(self.options.train.run).path
        if checkpoint["vocabulary"] != list(self.captions.vocabulary.words):
            raise UserError(
                f"{self.options.data.captions} is not the file that {run} was trained with "
                "(another vocabulary): give that one to resume, or take another name for --run"
            )
        stores.check_alike(origins_of(checkpoint["stores"]), run)

    def batch(self, rows: np.ndarray) -> PairBatch:
        """Gather training captions (B,) and their segments' videos."""
        found = self.data.batch(rows)
        segment = torch.from_numpy(self.data.segment[rows])
        return PairBatch(
            **{field.name: getattr(found, field.name) for field in fields(found)},
            segment=segment.to(found.row.device, non_blocking=True),
        )

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Search among the validation videos by their captions, and the other way."""
        assert isinstance(model, Retrieval)
        size = self.options.train.batch_size
        found = embed_split(model, self.val, batch_size=size, device=device)
        to_video, to_text = found.ranks()
        scores = {"text to video": summary(to_video), "video to text": summary(to_text)}
        one, other = scores.values()
        return Validation(
            score=one["MRR"],
            scalars={
                _tag(direction, name): value
                for direction, values in scores.items()
                for name, value in values.items()
            },
            line=(
                f"val MRR {one['MRR']:.4f}  R@1 {one['R@1']:.4f}  R@10 {one['R@10']:.4f}  "
                f"median rank {one['median rank']:g}  video to text MRR {other['MRR']:.4f}"
            ),
            show=partial(show_found, split=self.val.split, found=found),
        )

    def describe(self) -> str:
        """The data in a few words."""
        return (
            f"{len(self.data):,} training captions of {len(self.data.split):,} segments and "
            f"{len(self.val):,} of {len(self.val.split):,} for validation, "
            f"{len(self.captions.vocabulary.words):,} words"
            f"{f', {self.placement}' if self.placement else ''}"
        )

    def fingerprint(self) -> str:
        """Tells other data apart."""
        return "; ".join([self.data.fingerprint(), self.val.fingerprint(), *self.fingerprints])


def _tag(direction: str, name: str) -> str:
    """A metric's name as TensorBoard takes it: val/text_to_video/R1."""
    return f"val/{direction}/{name}".replace(" ", "_").replace("@", "")


def _word_width(captions: Captions, options: RetrievalRunOptions) -> int:
    """Width of the word vectors: that of the caption file's, where it has some."""
    asked, vectors = options.retrieval.word_width, captions.word_vectors
    if vectors is None:
        if options.retrieval.freeze_words:
            raise UserError(
                f"--freeze_words: {captions.path} has no word vectors; make it with --glove "
                "(python -m preprocess.captions)"
            )
        return asked or options.retrieval.embedding
    if asked not in (None, vectors.shape[1]):
        raise UserError(
            f"--word_width {asked}: the word vectors of {captions.path} are {vectors.shape[1]} "
            "wide; leave it out, or make the file without --glove"
        )
    return vectors.shape[1]
