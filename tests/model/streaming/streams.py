"""Small streaming models, and frames for them."""

from typing import Any

import torch
from torch import Tensor

from model.backbone.table import find_trainable
from model.backbone.trainable import TrainableBackbone
from model.classifier.recurrent import RecurrentClassifier, RecurrentConfig
from model.streaming.classifier import StreamingClassifier

WIDTH, WINDOW = 5, 4


def classifier(**changed: Any) -> RecurrentClassifier:
    """A recurrent classifier of features of width 5, or as `changed` says."""
    torch.manual_seed(0)
    values: dict[str, Any] = {
        "appearance_width": WIDTH, "motion_width": 0, "outputs": 3, "values": False,
        "cell": "lstm", "layers": 2, "width": 6, "head_width": 7, "feature_norm": "none",
        "feature_dropout": 0.1, "dropout": 0.1, "tbptt": 0, "carry": 0.0,
    }  # fmt: skip
    model = RecurrentClassifier(RecurrentConfig(**{**values, **changed}))
    with torch.no_grad():  # as large as trained ones: untrained states hardly move
        for parameter in model.layers.parameters():
            parameter *= 2
    return model.eval()


def streaming(mode: Any = "stateful", encoder: Any = None, **changed: Any) -> StreamingClassifier:
    """A model that follows streams."""
    changed = {"appearance_width": WIDTH if encoder is None else encoder.width, **changed}
    network = classifier(**changed)
    return StreamingClassifier(
        network, mode=mode, width=changed["appearance_width"],
        motion_width=changed.get("motion_width", 0), window=WINDOW * (mode == "window"),
        warm_up=3, frame_encoder=encoder,
    ).eval()  # fmt: skip


def small_cnn() -> TrainableBackbone:
    """A CNN over small frames, random."""
    torch.manual_seed(3)
    spec = find_trainable("resnet_narrow", kind="frame", option="appearance_encoder")
    network = TrainableBackbone(spec=spec, policy="full", batch_norm="eval", checkpointing=False)
    images = torch.randint(0, 256, (8, 3, 32, 32)).float()
    network.calibrate([images])
    return network.eval()


class FrameEncoder(torch.nn.Module):
    """A CNN over frames as they are decoded, which counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn, self.width = small_cnn(), 128
        self.calls: list[int] = []

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (M, H, W, 3) uint8 -> (M, 128)."""
        self.calls.append(len(frames))
        return self.cnn(frames.permute(0, 3, 1, 2).float())


def frames(count: int, batch: int = 1, side: int = 32) -> Tensor:
    """Moving stripes, (B, T, H, W, 3) uint8."""
    step = torch.arange(batch * count).view(batch, count, 1, 1, 1)
    place = torch.arange(side).view(1, 1, side, 1, 1)
    across = torch.arange(side).view(1, 1, 1, side, 1)
    colour = torch.arange(1, 4).view(1, 1, 1, 1, 3)
    wave = torch.sin(0.05 * colour * (step * 1.7 + place) + 0.2 * across)
    return (127.5 + 127.5 * wave).to(torch.uint8)
