"""Captioning: a captioner, its losses and its captions."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from data_loader.batch import CaptionBatch, Features, Frames
from data_loader.vocabulary import BOS, EOS, PAD, CaptionVocabulary
from model.caption.captioner import build_captioner
from model.caption.config import CaptionConfig
from model.caption.decoder import Rows, take_rows
from model.caption.search import caption_log_prob
from model.encoder.clip_encoder import ClipEncoder
from model.layer.precision import at_least_float32
from model.task.base import TaskModule
from model.task.encoder import encoder_of
from model.task.features import channel_features
from options.caption import CaptionOptions
from options.data import Channels, MotionFrom
from options.flat import build, flat_values
from util.errors import UserError

BUCKETS = 8  # groups of captions of similar length that a CPU computes one after another,
ALIKE = 16  # of so many captions at least


class Captioning(TaskModule):
    """A captioner with its losses."""

    def __init__(
        self,
        caption: CaptionOptions,
        *,
        vocabulary: CaptionVocabulary,
        word_width: int,
        appearance_width: int,
        motion_width: int,
        mean_length: float,
        encoder: ClipEncoder | None = None,
        channels: Channels = "both",
        motion_from: MotionFrom = "store",
    ) -> None:
        """Options; sizes that the data decides.

        A channel of width 0 there is not.  `mean_length`: mean words of the training captions,
        `<EOS>` among them; `encoder`: what turns decoded clips into features, in runs that have
        any.
        """
        super().__init__()
        self.caption, self.vocabulary, self.mean_length = caption, vocabulary, mean_length
        self.channels: Channels = channels
        self.motion_from: MotionFrom = motion_from
        self.widths = {"appearance": appearance_width, "motion": motion_width}
        self.encoder = encoder
        self.losses = ("loss", "ce", *["attention_penalty"] * bool(caption.attention_penalty))
        values = {
            **flat_values(caption),
            "vocabulary": len(vocabulary.words),
            "word_width": word_width,
            "appearance_width": appearance_width,
            "motion_width": motion_width,
            "punish": "values",
            "state_dropout": 0.0,
        }
        self.model = build_captioner(build(CaptionConfig, values), caption.decoder)
        if caption.freeze_words and self.model.decoder.embedding is not None:
            self.model.decoder.embedding.requires_grad_(False)

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "Captioning":
        """The trained task of a checkpoint, in evaluation mode.

        Raises UserError if the checkpoint is of another task.
        """
        if content["task"] != "captioning":
            other = ", or ask it a --question (python predict.py)" * (content["task"] == "qa")
            raise UserError(
                f"a run of the task {content['task']} writes no captions: name one of the task "
                f"captioning (python train.py captioning){other}"
            )
        options, sizes = content["options"], content["sizes"]
        task = cls(
            build(CaptionOptions, {"fused_norm": "none", **options}),  # before there was one
            vocabulary=CaptionVocabulary(words=tuple(content["vocabulary"])),
            encoder=encoder_of(content),
            channels=options["channels"],
            motion_from=options["motion_from"],
            **sizes,
        )
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: CaptionBatch, parts: int = 1) -> tuple[dict[str, Tensor], None]:
        """Named losses (scalars); None: a caption is neither right nor wrong.

        `parts`: of how many parts of a step's batch this is one; all losses are means over
        captions, and do not depend on it.

        "ce" is the cross entropy per word: its sum over the batch, divided by captions times
        `mean_length` and not by the words that this batch happens to have, so that one process and
        several, and a batch in parts, have the same losses.
        """
        captions, ones = len(batch.row), torch.ones_like(batch.video)
        each = ones.new_zeros(len(batch.visual.clip_mask)).index_add(0, batch.video, ones)
        memory = self.encode(batch.visual, each)
        sums: dict[str, Tensor] = {}
        for rows in of_similar_length(batch.length):
            for name, value in self._sums(memory, batch, rows).items():
                sums[name] = sums[name] + value if name in sums else value
        losses = {"ce": sums["ce"] / (captions * self.mean_length)}
        losses["loss"] = (
            losses["ce"] if self.caption.reduction == "words" else sums["ce"] / captions
        )
        if self.caption.attention_penalty:
            losses["attention_penalty"] = sums["penalty"] / captions
            weight = self.caption.attention_penalty
            losses["loss"] = losses["loss"] + weight * losses["attention_penalty"]
        return losses, None

    def _sums(self, memory: Rows, batch: CaptionBatch, rows: Tensor) -> dict[str, Tensor]:
        """Sums over some captions of a batch.  rows (R,) int64, by ascending length."""
        memory = take_rows(memory, batch.video[rows])
        words, target = shifted(*without_padding(batch.words[rows], batch.length[rows]))
        out = self.model.decoder(memory, words)
        with torch.autocast(out.logits.device.type, enabled=False):  # sums of small differences
            found = {
                "ce": nn.functional.cross_entropy(
                    at_least_float32(out.logits).flatten(0, 1),
                    target.flatten(),
                    ignore_index=PAD,
                    reduction="sum",
                    label_smoothing=self.caption.label_smoothing,
                )
            }
            if self.caption.attention_penalty:
                assert out.attention is not None
                penalty = doubly_stochastic(out.attention, memory["mask"], target != PAD)
                found["penalty"] = penalty.sum()
        return found

    def encode(self, visual: Features | Frames, captions: Tensor | None = None) -> Rows:
        """What the decoder knows of V segments.  captions (V,): how many of a batch are of each."""
        appearance, motion = channel_features(
            visual, self.encoder, self.widths, channels=self.channels, motion_from=self.motion_from
        )
        return self.model.encode(appearance, motion, visual.clip_mask, captions)

    @torch.inference_mode()
    def cross_entropy(self, batch: CaptionBatch) -> Tensor:
        """Of each caption given its video, summed over its words and `<EOS>`: (B,) float32."""
        memory, parts = self.encode(batch.visual), []
        orders = list(of_similar_length(batch.length))
        for rows in orders:
            words, length = without_padding(batch.words[rows], batch.length[rows])
            of = take_rows(memory, batch.video[rows])
            parts.append(-caption_log_prob(self.model.decoder, of, words, length))
        return torch.cat(parts)[torch.cat(orders).argsort()]


def of_similar_length(length: Tensor) -> Sequence[Tensor]:
    """Rows of captions, those of similar length together: they share little padding.

    On a GPU all of them at once, as it would have to wait for the lengths.  length (B,) -> parts of
    (R,) int64, by ascending length.
    """
    if length.is_cuda:
        return (torch.arange(len(length), device=length.device),)
    return length.argsort(stable=True).chunk(min(BUCKETS, -(-len(length) // ALIKE)))


def without_padding(words: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Captions padded to the longest of them; the last one's length is that.  (R, L) -> (R, L')."""
    return (words, length) if words.is_cuda else (words[:, : int(length[-1])], length)


def shifted(words: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """What a decoder reads and what it is to say next: `<BOS>` first, `<EOS>` last, `<PAD>` after.

    words (B, L), length (B,) -> two of (B, L + 1).
    """
    first = torch.full_like(words[:, :1], BOS)
    target = nn.functional.pad(words, (0, 1), value=PAD)
    target = target.scatter(1, length[:, None], EOS)
    return torch.cat([first, words], 1), target


def doubly_stochastic(attention: Tensor, mask: Tensor, said: Tensor) -> Tensor:
    """Mean over a caption's positions of (1 - attention summed over words)^2.

    Of Xu et al. 2015, section 4.2.1, as Yao et al. 2015 take it over.  attention (B, L, M), mask
    (B, M) real positions, said (B, L) real words -> (B,).  Padded positions and words do not count.
    """
    total = (attention.float() * said[..., None]).sum(1)
    return ((1 - total).square() * mask).sum(1) / mask.sum(1)
