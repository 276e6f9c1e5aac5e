"""The small model beside which every larger one is measured: no clips, no order, no graphs."""

from torch import Tensor, nn

from model.dualvgr.config import DualVGRConfig
from model.dualvgr.dualvgr import DualVGROutput, initialise, product_head
from model.dualvgr.text import BagOfWords
from model.dualvgr.video import LinearClips
from model.layer.gather import gather_rows
from model.layer.norm import feature_norm


class Norms(nn.Module):
    """The norms of both channels' features."""

    def __init__(self, config: DualVGRConfig) -> None:
        """Under the names that they have in DualVGR."""
        super().__init__()
        self.appearance_norm = feature_norm(config.feature_norm, config.appearance_width)
        self.motion_norm = feature_norm(config.feature_norm, config.motion_width)


class Words(nn.Module):
    """Word vectors and a bag of words."""

    def __init__(self, config: DualVGRConfig) -> None:
        """Word vectors start at random; a task fills in its own."""
        super().__init__()
        self.embedding = nn.Embedding(config.vocabulary, config.word_width)
        self.summary = BagOfWords(config)


class LowRank(nn.Module):
    """Bag of words times the tanh of a linear map of a video's mean features."""

    def __init__(self, config: DualVGRConfig) -> None:
        """Random weights."""
        super().__init__()
        self.question = Words(config)
        self.video = Norms(config)
        self.values = LinearClips(config)
        self.head = product_head(config)
        initialise(self)

    def forward(
        self,
        appearance: Tensor,
        motion: Tensor,
        clip_mask: Tensor,
        video: Tensor,
        words: Tensor,
        length: Tensor,
    ) -> DualVGROutput:
        """Answer B questions about V videos; arguments as DualVGR.forward's.

        Every clip weighs the same in `readout`, and no unit has anything to tell.
        """
        norms = self.video
        clips = self.values(norms.appearance_norm(appearance), norms.motion_norm(motion))
        question = self.question.summary(words, self.question.embedding(words))
        weight = clip_mask / clip_mask.sum(1, keepdim=True)
        mean = (weight[:, None].to(clips) @ clips).squeeze(1)
        weight, mask = weight[video], clip_mask[video]
        return DualVGROutput(self.head(gather_rows(mean, video), question), (), weight, mask)
