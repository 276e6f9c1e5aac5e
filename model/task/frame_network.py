"""Networks that see a video's frames themselves: what they see, and how they are made."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from data_loader.batch import Frames
from model.backbone.spec import Normalisation
from model.encoder.clip_encoder import ClipViews
from model.task.encoder import build_views
from model.vivit.config import VivitConfig
from model.vivit.vivit import VIVITS, Vivit, VivitName, build_vivit
from options.classification import SEE_FRAMES, ClassificationOptions, VivitOptions
from options.encoder import EncoderOptions
from options.flat import build


class FrameNetwork(nn.Module):
    """A ViViT with the views that it takes of decoded clips."""

    def __init__(self, vivit: Vivit, views: ClipViews) -> None:
        """A network, and what is cut out and changed of its frames."""
        super().__init__()
        self.vivit, self.views = vivit, views

    def images(self, visual: Frames) -> Tensor:
        """All clips' frames in order, augmented in training: (V, T, 3, h, w), 0..255.

        A single frame is shown as often as there are frames.
        """
        views = self.views(visual.frames, visual.index)
        images = views.of_clips(views.images).flatten(1, 2)
        wanted = self.vivit.config.frames
        return images.expand(-1, wanted, -1, -1, -1) if images.shape[1] == 1 else images

    def forward(self, images: Tensor) -> Tensor:
        """Classify videos (V, T, 3, h, w), 0..255 -> logits (V, K)."""
        return self.vivit(images)


def build_network(
    classification: ClassificationOptions,
    vivit: VivitOptions,
    encoders: EncoderOptions,
    *,
    classes: int,
    frames: int,
    size: tuple[int, int],
    normalisation: Normalisation,
) -> FrameNetwork:
    """A network with random weights, by options and sizes of the data.

    `size`: of frames as it sees them.  Raises ValueError for sizes that do not fit.
    """
    config = VivitConfig(
        classes=classes,
        frames=frames,
        size=size,
        normalisation=normalisation,
        tubelet=(vivit.tubelet, vivit.patch),
        every_frame=vivit.tubelet_init != "uniform",
        time_positions=vivit.time_positions,
        width=classification.width,
        depth=vivit.depth,
        temporal_depth=vivit.temporal_depth,
        heads=classification.heads,
        mlp=vivit.mlp or 4 * classification.width,
        gelu=vivit.gelu,
        eps=1e-6,
        dropout=classification.dropout,
        drop_path=vivit.drop_path,
        checkpointing=encoders.checkpointing,
        repeats=vivit.repeats,
        head_mixing=vivit.head_mixing,
        mlp_transform=vivit.mlp_transform,
    )
    views = build_views(encoders, per_video=classification.clips_as == "sequence")
    return FrameNetwork(build_vivit(config, name_of(classification.network)), views)


def name_of(network: str) -> VivitName:
    """The name of a network that sees frames."""
    return next(name for name in VIVITS if name == network)


def network_of(content: dict[str, Any]) -> FrameNetwork | None:
    """The network of a checkpoint's run, without its weights; None: it sees features."""
    options = content["options"]
    if options["network"] not in SEE_FRAMES:
        return None
    mean, deviation = content["pixels"]["normalisation"]
    return build_network(
        build(ClassificationOptions, options),
        build(VivitOptions, options),
        build(EncoderOptions, options),
        classes=len(content["classes"]),
        frames=content["sizes"]["steps"],
        size=_pair(content["pixels"]["size"]),
        normalisation=(tuple(mean), tuple(deviation)),
    )


def _pair(size: Sequence[int]) -> tuple[int, int]:
    height, width = size
    return height, width
