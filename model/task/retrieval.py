"""Retrieval: videos and texts as vectors that are alike where a text tells of a video."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from data_loader.batch import Features, PairBatch
from data_loader.vocabulary import CaptionVocabulary
from model.retrieval.clip_encoder import ClipEmbedding
from model.retrieval.config import RetrievalConfig
from model.retrieval.loss import info_nce
from model.retrieval.text_encoder import TextEmbedding
from model.task.base import TaskModule
from model.task.features import channel_features
from options.data import MotionFrom
from options.flat import build, flat_values
from options.retrieval import RetrievalOptions
from util.errors import UserError

MOST_SCALE = math.log(100)  # of similarities, as CLIP limits it (Radford et al. 2021, section 2.5)


class Retrieval(TaskModule):
    """Both encoders with their loss."""

    losses = ("loss", "text_to_video", "video_to_text", "temperature")

    def __init__(
        self,
        retrieval: RetrievalOptions,
        *,
        vocabulary: CaptionVocabulary,
        word_width: int,
        appearance_width: int,
        motion_width: int,
        motion_from: MotionFrom = "store",
    ) -> None:
        """Options; sizes that the data decides.  A channel of width 0 there is not."""
        super().__init__()
        self.retrieval, self.vocabulary = retrieval, vocabulary
        self.motion_from: MotionFrom = motion_from
        self.widths = {"appearance": appearance_width, "motion": motion_width}
        sizes = {
            "vocabulary": len(vocabulary.words),
            "word_width": word_width,
            "appearance_width": appearance_width,
            "motion_width": motion_width,
        }
        config = build(RetrievalConfig, {**flat_values(retrieval), **sizes})
        self.clip_encoder = ClipEmbedding(config)
        self.text_encoder = TextEmbedding(config)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(retrieval.temperature)))
        if retrieval.freeze_words:
            self.text_encoder.embedding.requires_grad_(False)

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "Retrieval":
        """The trained task of a checkpoint, in evaluation mode.

        Raises UserError if the checkpoint is of another task.
        """
        if content["task"] != "retrieval":
            raise UserError(
                f"a run of the task {content['task']} embeds no texts: name one of the task "
                "retrieval (python train.py retrieval)"
            )
        options = content["options"]
        task = cls(
            build(RetrievalOptions, options),
            vocabulary=CaptionVocabulary(words=tuple(content["vocabulary"])),
            motion_from=options["motion_from"],
            **content["sizes"],
        )
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: PairBatch, parts: int = 1) -> tuple[dict[str, Tensor], None]:
        """Named losses (scalars); None: nothing is answered right or wrong.

        `parts`: of how many parts of a step's batch this is one.  Those of other processes are
        negatives too; parts of one process cannot be, and are refused (training/task).
        """
        assert isinstance(batch.visual, Features)
        videos = self.video(batch.visual)[1].index_select(0, batch.video)
        scale = self.log_scale.clamp(max=MOST_SCALE).exp()
        texts = self.text(batch.words, batch.length)
        to_video, to_text = info_nce(videos, texts, batch.segment, scale=scale)
        return {
            "loss": (to_video + to_text) / 2,
            "text_to_video": to_video,
            "video_to_text": to_text,
            "temperature": 1 / scale.detach(),
        }, None

    def video(self, visual: Features) -> tuple[Tensor, Tensor]:
        """Embeddings of V videos' clips (V, N, D), zeros past the last, and of videos (V, D).

        Each has length 1.
        """
        appearance, motion = channel_features(
            visual, None, self.widths, channels="both", motion_from=self.motion_from
        )
        return self.clip_encoder(appearance, motion, visual.clip_mask)

    def text(self, words: Tensor, length: Tensor) -> Tensor:
        """Embeddings of B texts.  words (B, L), length (B,) -> (B, D) of length 1."""
        return self.text_encoder(words, length)

    @torch.no_grad()
    def add_words(self, vectors: Tensor) -> None:
        """Append words to the vocabulary's, by their vectors (n, word_width).

        Their numbers follow those of the words that are there, whose texts stay what they are.
        """
        weight = self.text_encoder.embedding.weight
        grown = torch.cat([weight, vectors.to(weight)])
        self.text_encoder.embedding.weight = nn.Parameter(grown, requires_grad=False)
