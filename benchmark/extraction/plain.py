"""Extraction as a short script would do it: one thing after another, the obvious way.

PyAV turns every frame of a video into RGB, Pillow resizes those that the clips need, and the
network sees one clip of 16 frames at a time.
"""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image
from torch import nn

from data_loader.store.clip_frames import clip_frames
from model.backbone.spec import NORMALISATIONS, BackboneSpec

CLIPS, FRAMES = 8, 16


@torch.inference_mode()
def extract(files: Sequence[Path], network: nn.Module, spec: BackboneSpec) -> list[np.ndarray]:
    """Features (N, F, W), or (N, W) of a "clip" network, of each video."""
    mean, std = (torch.tensor(v)[:, None, None] for v in NORMALISATIONS[spec.normalisations[0]])
    found = []
    for file in files:
        with av.open(str(file)) as container:
            images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        rows = []
        for clip in clip_frames(len(images), clips=CLIPS, frames=FRAMES):
            pictures = [
                Image.fromarray(images[i]).resize((spec.size, spec.size), Image.Resampling.BICUBIC)
                for i in clip
            ]
            x = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
            x = (x.permute(0, 3, 1, 2).float() - mean) / std
            if spec.kind == "clip":
                x = x.transpose(0, 1)[None]
            rows.append(spec.features(network, x).numpy())
        found.append(np.stack(rows))
    return found
