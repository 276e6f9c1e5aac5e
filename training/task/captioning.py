"""Captioning as the training loop sees it: its data, its task, its validation."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import CaptionBatch
from data_loader.caption.captions import Captions, load_captions, without_long
from data_loader.caption.dataset import join_captions
from data_loader.open import Stores, open_stores, origins_of
from data_loader.video_table import ClipTable
from inference.caption.split import caption_split, cross_entropy, texts
from inference.samples import show_captions
from model.caption.captioner import RelationCaptioner
from model.encoder.clip_encoder import ClipEncoder
from model.task.captioning import Captioning
from model.task.encoder import build_encoder, encoder_specs
from options.caption import SearchOptions
from options.task import CaptioningRunOptions
from training.run_folder import RunFolder
from training.task.base import TrainingTask, Validation
from training.task.initialise import (
    check_clips,
    fill_encoders,
    fit_norms,
    refuse_encoder_options,
    start_from,
)
from training.task.projection import widths_after_projection
from util.device import pick_device
from util.errors import UserError
from util.text_metrics.cider import CiderD
from util.text_metrics.ptb_tokens import tokenize
from util.text_metrics.references import References

GREEDY = SearchOptions(beam=1)


class CaptioningTask(TrainingTask):
    """Captioning on stored features or on clips."""

    options: CaptioningRunOptions
    module: Captioning
    name = "captioning"
    goal = "validation score (CIDEr-D, or log probability)"
    next_command = "python evaluate.py captions --run"
    types = ()

    def __init__(
        self, options: CaptioningRunOptions, *, checkpoint: Mapping[str, Any] | None
    ) -> None:
        """Open the data and build the module; `checkpoint`: what the run goes on from."""
        self.options = options
        data, caption, encoders, train = options
        if data.clips is None:
            refuse_encoder_options(encoders)
        else:
            encoder_specs(encoders)  # a wrong name is told before data are opened
        self._refuse_needless()
        self.captions = load_captions(data.captions)
        stores = open_stores(appearance=data.appearance, motion=data.motion, clips=data.clips)
        device = pick_device(train.device)
        splits = [self.captions.split("train"), self.captions.split("val")]
        splits[0] = without_long(splits[0], data.longest)
        (self.data, self.val), self.placement = join_captions(
            splits,
            stores,
            video=data.video,
            channels=data.channels,
            seed=train.seed,
            features_in=data.features_in,
            device=device,
        )
        of = self.data.split
        self.videos = [of.videos[i] for i in of.segment.tolist()]
        self.fingerprints = [store.fingerprint() for store in stores.present().values()]

        torch.manual_seed(train.seed)
        table, encoder = self.data.table, None
        if isinstance(table, ClipTable):
            check_clips(encoders, table.store)
            projected = widths_after_projection(encoders, train, checkpoint)
            encoder = build_encoder(encoders, projected=projected)
        self.on_features, self.topology = encoder is None, caption.topology
        widths = self._widths(stores, encoder)
        # of a channel that nobody looks at, and graphs that relate clips of zeros
        self.unused_parameters = encoder is not None and data.channels != "both"
        self.lr_scales: dict[nn.Module, float] = {}
        if encoder is not None:
            self.lr_scales[encoder] = encoders.encoder_lr
        sizes = {
            "word_width": _word_width(self.captions, options),
            **widths,
            "mean_length": 1 + self.data.lengths.mean().item(),
        }
        self.module = Captioning(
            caption,
            vocabulary=self.captions.vocabulary,
            encoder=encoder,
            channels=data.channels,
            motion_from=data.motion_from,
            **sizes,
        )
        if isinstance(self.module.model, RelationCaptioner):
            model = self.module.model
            for part in (model.video, model.units, model.fusion):
                self.lr_scales[part] = train.relation_lr
        self.note = ""
        if checkpoint is None:
            encoder_weights = self._initialise(device)
        else:
            encoder_weights = checkpoint["encoder_weights"]
            self._check_same_data(checkpoint, stores)
        split = self.val.split  # CIDEr's weights of n-grams are those of its own references
        self.cider = CiderD(
            References([[tokenize(t) for t in split.references(i)] for i in range(len(split))])
        )
        self.metadata = {
            "task": self.name,
            "vocabulary": list(self.captions.vocabulary.words),
            "word_vectors_source": self.captions.word_vectors_source,
            "dataset": self.captions.dataset,
            "split_ids": self.captions.split_ids,
            "sizes": sizes,
            "stores": {"appearance": None, "motion": None, "clips": None, **stores.origins()},
            "encoder_weights": encoder_weights,
        }

    def _refuse_needless(self) -> None:
        """Raise UserError for an option that this task does not have."""
        data, caption, _, train = self.options
        if train.cuda_graph:
            raise UserError(
                "--cuda_graph: captions differ in length too much to be captured; leave it out"
            )
        both = data.clips or data.motion or data.motion_from != "store" or data.video == "none"
        if caption.decoder == "dualvgr_lstm" and (data.channels != "both" or not both):
            raise UserError(
                "--decoder dualvgr_lstm: relates two channels; give --motion, --motion_from, or "
                "--clips, and leave --channels out"
            )

    def _widths(self, stores: Stores, encoder: ClipEncoder | None) -> dict[str, int]:
        """Features of both channels, 0 of one that there is not; 1 of a run without any."""
        data = self.options.data
        if data.video == "none":
            return {"appearance_width": 1, "motion_width": 1}
        widths = {"appearance": 0, "motion": 0}
        for channel in widths:
            if data.channels in ("both", channel):
                if encoder is not None:
                    widths[channel] = encoder.width(channel)
                elif channel in stores.present():
                    widths[channel] = getattr(stores, channel).width
                elif data.motion_from != "store":
                    assert stores.appearance is not None
                    widths[channel] = stores.appearance.width
        return {f"{channel}_width": width for channel, width in widths.items()}

    def _initialise(self, device: torch.device) -> dict[str, Any]:
        """Fill in what does not start at random; -> where the encoders' weights are from."""
        options, module, table, origin = self.options, self.module, self.data.table, {}
        vectors, embedding = self.captions.word_vectors, module.model.decoder.embedding
        if vectors is not None and embedding is not None:
            with torch.no_grad():
                embedding.weight.copy_(vectors)
        init_from = options.train.init_from
        if isinstance(table, ClipTable) and module.encoder is not None:
            origin = fill_encoders(module.encoder, options.encoders, table, init_from, device)
        if init_from is not None:
            self.note = start_from(init_from, module, self.name, options.train.init_part)
        if options.caption.feature_norm != "none" and options.data.video != "none":
            inputs = module.model.inputs
            fit_norms(
                (inputs.appearance_norm, inputs.motion_norm),
                options.caption.feature_norm,
                table,
                module.encoder,
                options.data.motion_from,
                device,
            )
        return origin

    def _check_same_data(self, checkpoint: Mapping[str, Any], stores: Stores) -> None:
        """Raise UserError if the checkpoint was trained with another vocabulary or store."""
        run = RunFolder(self.options.train.run).path
        if checkpoint["vocabulary"] != list(self.captions.vocabulary.words):
            raise UserError(
                f"{self.options.data.captions} is not the file that {run} was trained with "
                "(another vocabulary): give that one to resume, or take another name for --run"
            )
        stores.check_alike(origins_of(checkpoint["stores"]), run)

    def batch(self, rows: np.ndarray) -> CaptionBatch:
        """Gather training captions (B,) and their segments' videos."""
        return self.data.batch(rows)

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Caption the validation split, greedily; how likely its true captions are."""
        assert isinstance(model, Captioning)
        size = self.options.train.batch_size
        found = caption_split(model, self.val, GREEDY, batch_size=size, device=device)
        said = texts(model, found)
        cider = self.cider.score([tokenize(text) for text in said]).tolist()
        ce = cross_entropy(model, self.val, batch_size=size, device=device)
        mean = sum(cider) / len(cider)
        score = mean if self.options.caption.select_by == "cider" else -ce
        return Validation(
            score=score,
            scalars={
                "val/ce": ce,
                "val/CIDEr-D": mean,
                "val/distinct": len(set(said)) / len(said),
            },
            line=f"val CIDEr-D {mean:.4f}  ce {ce:.4f}  {len(set(said))} captions",
            show=partial(show_captions, task=model, data=self.val, said=said, scores=cider),
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


def _word_width(captions: Captions, options: CaptioningRunOptions) -> int:
    """Width of the word vectors: that of the caption file's, where it has some."""
    asked, vectors = options.caption.word_width, captions.word_vectors
    if vectors is None:
        if options.caption.freeze_words:
            raise UserError(
                f"--freeze_words: {captions.path} has no word vectors; make it with --glove "
                "(python -m preprocess.captions)"
            )
        return asked or options.caption.width
    if asked not in (None, vectors.shape[1]):
        raise UserError(
            f"--word_width {asked}: the word vectors of {captions.path} are {vectors.shape[1]} "
            "wide; leave it out, or make the file without --glove"
        )
    return vectors.shape[1]
