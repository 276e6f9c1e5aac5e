"""DualVGR's relation encoder as a classifier: the graphs relate the clips, no question is asked."""

from dataclasses import replace

from torch import Tensor, nn

from model.classifier.config import ClassifierConfig
from model.classifier.linear import mean_of_real
from model.dualvgr.dualvgr import RelationEncoder, initialise
from model.dualvgr.fusion import FUSIONS
from model.dualvgr.video import VideoEncoder
from model.layer.dropout import Dropout


class RelationClassifier(RelationEncoder):
    """The clips of both channels as DualVGR (Wang et al. 2021) relates them, fused; their mean.

    `video` and `units` have the names that they have in DualVGR and in the autoencoder, from whose
    weights this may start.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        """Random weights; norms that a task fits are in `inputs`."""
        graphs = replace(config, dropout=config.graph_dropout)
        super().__init__(graphs)
        self.fusion = FUSIONS[config.fusion](graphs)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.outputs)
        initialise(self.fusion)
        initialise(self.head)

    @property
    def inputs(self) -> VideoEncoder:
        """Where the norms are."""
        return self.video

    def forward(self, appearance: Tensor, motion: Tensor, mask: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Classify.

        appearance (V, N, F, Da), motion (V, N, Dm), mask (V, N) True on real clips -> (V, K).
        """
        if self.units:
            last = super().forward(appearance, motion, mask)[-1]
            clips = self.fusion(last.appearance, last.motion)
        else:
            clips = self.fusion(*self.video(appearance, motion))
        return self.head(self.dropout(mean_of_real(clips, mask)))
