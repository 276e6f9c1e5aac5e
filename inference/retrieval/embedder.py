"""Vectors of videos and of texts, by a trained run of the task retrieval.

embedder = Embedder("results/msvd_549_retrieval")
clips, videos = embedder.clips(embedder.read_video("talk.mp4").visual)
videos @ embedder.text("a man talks")  # similarity, from -1 to 1
"""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from data_loader.batch import Features, Frames
from data_loader.open import StoreOrigin
from inference.retrieval.text import embed_text, surcharge, words_of
from inference.run import open_run
from inference.run_files import default_run
from inference.video import VideoReader, open_video_input
from inference.words import Words
from model.task.retrieval import Retrieval
from util.errors import UserError


class Embedder:
    """A trained run: features of clips in, or a text; vectors of one space out."""

    def __init__(
        self,
        run: str | Path | None = None,
        *,
        appearance_weights: str | None = None,
        motion_weights: str | None = None,
        device: str = "auto",
    ) -> None:
        """Load a run: its folder, or a packed file; None: the one that comes with the project.

        Raises UserError if it embeds no texts.
        """
        self.run = open_run(run or default_run("retrieval"), Retrieval, device=device)
        self.words = Words(self.run.task, self.run.word_vectors)
        self.width = self.run.task.retrieval.embedding  # D
        self._weights = {"appearance": appearance_weights, "motion": motion_weights}
        self._device = device
        self.fingerprint = self._fingerprint()  # before words are added

    @property
    def stores(self) -> dict[str, StoreOrigin]:
        """What its features need: how the stores that it was trained on were made, by channel."""
        return self.run.stores

    @cached_property
    def read_video(self) -> VideoReader:
        """What reads new videos: their backbones are loaded now.

        Raises UserError if the run was trained on imported features, or weights are missing.
        """
        return open_video_input(self.run, weights=self._weights, device=self._device)

    @torch.inference_mode()
    def clips(self, visual: Features | Frames) -> tuple[np.ndarray, np.ndarray]:
        """Embed V videos.

        -> clips (V, N, D), zeros past a video's last, and whole videos (V, D), float32 of length 1.
        Raises UserError for features of another width.
        """
        assert isinstance(visual, Features)
        task = self.run.task
        motion = task.widths["appearance" if task.motion_from != "store" else "motion"]
        for channel, wanted in (("appearance", task.widths["appearance"]), ("motion", motion)):
            found = getattr(visual, channel).shape[-1]
            if found not in (wanted, 0) or (channel == "appearance" and not found):
                raise UserError(
                    f"{channel} features are {found} wide, those of {self.run.path} {wanted}: "
                    "extract them with the backbone that it was trained on"
                )
        clips, videos = task.video(visual.to(self.run.device))
        return clips.cpu().numpy(), videos.cpu().numpy()

    def text(self, text: str) -> np.ndarray:
        """Embed a text: (D,) float32 of length 1.  Raises UserError for one without a word."""
        return embed_text(self.run, self.words, text)

    def surcharge(self, text: str) -> float:
        """The cosine that a text needs beyond the threshold: see `inference.retrieval.text`."""
        return surcharge(self.run.task.vocabulary, text)

    def note(self, text: str) -> str:
        """One line about the words of a text that training did not have; "" if it had all."""
        return self.words.note(words_of(text))

    def _fingerprint(self) -> str:
        """Tells other weights apart, and features made in another way: a hash in hexadecimal."""
        found = hashlib.sha256()
        for name, tensor in sorted(self.run.task.state_dict().items()):
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            found.update(tensor.cpu().contiguous().numpy().tobytes())
        for name, origin in sorted(self.stores.items()):
            found.update(f"{name} {origin.provenance.to_dict()} ".encode())
        found.update(f"{self.run.task.motion_from} {self.run.task.retrieval}".encode())
        return found.hexdigest()[:32]
