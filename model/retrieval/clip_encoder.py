"""Stored features of a video's clips -> their embeddings, and the video's."""

from torch import Tensor, nn

from model.layer.positions import VideoPositions
from model.retrieval.config import RetrievalConfig
from model.retrieval.projection import Projection, unit


class ClipEmbedding(nn.Module):
    """Each clip on its own, both channels joined; a video is the mean of its clips.

    The mean pooling of CLIP4Clip (Luo et al. 2021, section 3.3), which has no weights: so a clip's
    embedding is compared with a text just as its video's is, and a search can tell which part of a
    video it found.
    """

    def __init__(self, config: RetrievalConfig) -> None:
        """Norms as in model/layer/positions.py: a task fits them."""
        super().__init__()
        self.inputs = VideoPositions(config, of_frames=False)
        self.projection = Projection(config, self.inputs.width)

    def forward(
        self, appearance: Tensor, motion: Tensor, clip_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Embed.

        appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips -> clips
        (V, N, D), zeros where there is none, and videos (V, D), of length 1.
        """
        clips = self.projection(self.inputs(appearance, motion, clip_mask)[0])
        clips = clips * clip_mask[..., None]
        return clips, unit(clips.sum(1))  # of a mean: the direction of the sum
