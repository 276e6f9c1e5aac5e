"""Which clips of a video each word of a caption came from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.vocabulary import BOS
from model.caption.search import word_log_probs
from model.task.captioning import Captioning

ROWS = 32  # videos with a clip left out that pass together


@dataclass(frozen=True, kw_only=True)
class WordClips:
    """A caption's words, `<EOS>` last (L + 1 of them), against a video's N clips."""

    words: list[str]
    # (L + 1, N) weight of each clip, of its frames together where the decoder reads frames; None:
    # the decoder attends to nothing.
    attention: np.ndarray | None
    # (L + 1, N) by how much the logarithm of a word's probability falls without a clip, the words
    # before it as they are; None: the video has one clip.
    drop: np.ndarray | None


@torch.inference_mode()
def word_clips(task: Captioning, visual: Features | Frames, words: list[int]) -> WordClips:
    """Ask each clip of a video (V = 1) for its part in a caption; `task` in evaluation mode.

    words: of the caption, without special tokens.
    """
    visual = _as_features(task, visual)
    mask = visual.clip_mask[0]
    clips = torch.nonzero(mask)[:, 0]  # the real ones
    number = torch.tensor([words], dtype=torch.int64, device=mask.device)
    begin = number.new_full((1, 1), BOS)
    memory = task.encode(visual)
    attention = task.model.decoder(memory, torch.cat([begin, number], 1)).attention
    drop = None
    if len(clips) > 1:
        without = [_log_probs(task, part, number) for part in _each_left_out(visual, clips)]
        drop = (_log_probs(task, visual, number) - torch.cat(without)).T.float().cpu().numpy()
    if attention is not None:
        of_clips = attention[0].float().unflatten(1, (len(mask), -1)).sum(2)
        attention = of_clips[:, clips].cpu()
    said = [task.vocabulary.words[i] for i in words]
    return WordClips(
        words=[*said, "<EOS>"],
        attention=None if attention is None else attention.numpy(),
        drop=drop,
    )


def _as_features(task: Captioning, visual: Features | Frames) -> Features:
    """Features of decoded clips, so that the encoders run once."""
    if isinstance(visual, Features):
        return visual
    assert task.encoder is not None
    encoded = task.encoder(task.encoder.views(visual.frames, visual.index))
    return Features(
        appearance=encoded.appearance, motion=encoded.motion, clip_mask=visual.clip_mask
    )


def _each_left_out(visual: Features, clips: Tensor) -> Iterator[Features]:
    """The video without its first clip, without its second, ...: `ROWS` of them at a time."""
    for some in clips.split(ROWS):
        mask = visual.clip_mask.repeat(len(some), 1)
        mask[torch.arange(len(some)), some] = False
        yield Features(
            appearance=visual.appearance.expand(len(some), -1, -1, -1),
            motion=visual.motion.expand(len(some), -1, -1),
            clip_mask=mask,
        )


def _log_probs(task: Captioning, visual: Features, words: Tensor) -> Tensor:
    """Of a caption's words and `<EOS>`, given each of V videos: (V, L + 1)."""
    memory, videos = task.encode(visual), len(visual.clip_mask)
    length = torch.full((videos,), words.shape[1], device=words.device)
    return word_log_probs(task.model.decoder, memory, words.expand(videos, -1), length)
