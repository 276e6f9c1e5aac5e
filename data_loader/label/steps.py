"""The steps of a video, its N clips x F frames in order: when each is shown, and in which order.

A step's time is that of its frame, in seconds from the video's first one.
"""

from dataclasses import replace
from typing import Literal
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import Features, Frames
from data_loader.store.frames import frame_seconds
from data_loader.store.open import Store
from util.errors import UserError

FramesShown = Literal["real", "middle", "shuffled"]
ROUNDING = 1e-6  # s: a step so much outside a series is still in it


def step_times(store: Store, video: str) -> np.ndarray:
    """When the steps of a video are shown -> (T,) float64, s.

    Of a store at a steady rate step i is at i / fps, of another at its frame's time
    (`data_loader.store.frames`).  Raises UserError where it is not known.
    """
    seconds = frame_seconds(store, video)
    if seconds is None:
        raise UserError(
            f"{store.path}: at what second its frames of {video} are shown is not known, so no "
            "value can be given to them; extract them with preprocess.videos --fps, or clips with "
            "--stride of at least 2, which keep it"
        )
    return seconds.flatten()


def aligned(steps: np.ndarray, times: Tensor, values: Tensor) -> Tensor:
    """A series of values at the times of steps, by linear interpolation.

    steps (T,) s, times (K,) s ascending, values (K,) -> (T,) float32, NaN before the first of
    `times` and after the last.
    """
    at, known = times.numpy(), values.numpy()
    found = np.interp(steps, at, known)
    outside = (steps < at[0] - ROUNDING) | (steps > at[-1] + ROUNDING)
    return torch.from_numpy(np.where(outside, np.nan, found)).float()


def padded(series: list[Tensor]) -> Tensor:
    """R of (T_r,) -> (R, T) float32, NaN after the end of each."""
    return torch.nn.utils.rnn.pad_sequence(series, batch_first=True, padding_value=float("nan"))


def step_order(
    frames: FramesShown, videos: list[str], steps: np.ndarray, longest: int, seed: int
) -> np.ndarray:
    """Which steps are shown of each of V videos.

    steps (V,) the number of each -> "middle": (V, 1), the middle one; "shuffled": (V, `longest`)
    int64, all in an order that follows from (`seed`, video); padding stays in its place.
    """
    if frames == "middle":
        return (steps // 2)[:, None]
    order = np.tile(np.arange(longest), (len(videos), 1))
    for row, video, number in zip(order, videos, steps.tolist(), strict=True):
        name = crc32(video.encode("utf-8", "surrogatepass"))
        row[:number] = np.random.default_rng([seed, name]).permutation(number)
    return order


def reordered(visual: Features | Frames, order: Tensor) -> Features | Frames:
    """The steps of V videos in another order; order (V, N F), or (V, 1): a single frame of each.

    There is no motion channel: its features are of several frames in their order.
    """
    single = order.shape[1] == 1
    if isinstance(visual, Frames):
        index = visual.index.flatten(1).gather(1, order)
        if not single:
            return replace(visual, index=index.view_as(visual.index))
        used, index = index.unique(return_inverse=True)
        return replace(
            visual,
            frames=visual.frames[used],
            index=index[:, :, None],
            clip_mask=visual.clip_mask[:, :1],
        )
    assert not visual.motion.shape[2], "join_labels refuses motion"
    clips = 1 if single else visual.appearance.shape[1]
    rows = torch.arange(len(order), device=order.device)[:, None]
    steps = visual.appearance.flatten(1, 2)[rows, order]
    return Features(
        appearance=steps.unflatten(1, (clips, -1)),
        motion=visual.motion[:, :clips],
        clip_mask=visual.clip_mask[:, :clips],
    )
