"""A whole captioner: features of a video's clips in, what its decoder goes on from out."""

from dataclasses import replace
from typing import Literal

from torch import Tensor, nn

from model.caption.config import CaptionConfig
from model.caption.decoder import CaptionDecoder, Rows
from model.caption.ets_paddle import EtsPaddleDecoder
from model.caption.ets_yao2015 import EtsYaoDecoder
from model.caption.lstm import FrameAlignedDecoder, LstmDecoder
from model.caption.transformer import TransformerDecoder
from model.dualvgr.dualvgr import RelationEncoder, initialise
from model.dualvgr.fusion import FUSIONS
from model.dualvgr.video import VideoEncoder
from model.layer.norm import ClipBatchNorm
from model.layer.positions import VideoPositions

DecoderName = Literal["lstm", "ets_paddle", "ets_yao2015", "transformer", "dualvgr_lstm"]
DECODERS: dict[DecoderName, type[CaptionDecoder]] = {
    "lstm": LstmDecoder,
    "ets_paddle": EtsPaddleDecoder,
    "ets_yao2015": EtsYaoDecoder,
    "transformer": TransformerDecoder,
    "dualvgr_lstm": LstmDecoder,  # over the clips as DualVGR's graphs relate them
}


class Captioner(nn.Module):
    """A decoder over the features themselves."""

    def __init__(self, config: CaptionConfig, decoder: type[CaptionDecoder]) -> None:
        """Random weights; norms that a task fits are in `inputs`."""
        super().__init__()
        self.inputs = VideoPositions(config, of_frames=config.positions == "frames")
        self.decoder = decoder(config, self.inputs.width)

    def encode(
        self, appearance: Tensor, motion: Tensor, clip_mask: Tensor, captions: Tensor | None = None
    ) -> Rows:
        """What the decoder goes on from.

        appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips, captions
        (V,) how many of a training batch are of each video -> V rows.
        """
        return self.decoder.encode(*self.inputs(appearance, motion, clip_mask))


class RelationCaptioner(RelationEncoder):
    """A decoder over the clips as DualVGR relates them, both channels fused.

    `video` and `units` have the names that they have in DualVGR and in the autoencoder, from whose
    weights this may start.  Between fusion and decoder the clips are normalised over the batch:
    otherwise what all videos share grows until the decoder's first LSTM is saturated, and tells no
    video from another.
    """

    def __init__(self, config: CaptionConfig, decoder: type[CaptionDecoder]) -> None:
        """Random weights; norms that a task fits are in `inputs`."""
        # What the decoder drops of its words is far too much for graphs of a few clips.
        graphs = replace(config, dropout=config.graph_dropout)
        super().__init__(graphs)
        self.fusion = FUSIONS[config.fusion](graphs)
        initialise(self.fusion)
        norm = config.fused_norm == "batch"
        self.fused_norm = ClipBatchNorm(width=config.width) if norm else None
        self.decoder = decoder(config, config.width)

    @property
    def inputs(self) -> VideoEncoder:
        """Where the norms are."""
        return self.video

    def encode(
        self, appearance: Tensor, motion: Tensor, clip_mask: Tensor, captions: Tensor | None = None
    ) -> Rows:
        """As Captioner.encode; a channel left out is zeros of the width it is built for."""
        if self.units:
            last = self(appearance, motion, clip_mask)[-1]
            clips = self.fusion(last.appearance, last.motion)
        else:
            clips = self.fusion(*self.video(appearance, motion))
        if self.fused_norm is not None:
            clips = self.fused_norm(clips, clip_mask, captions)
        return self.decoder.encode(clips, clip_mask)


def build_captioner(config: CaptionConfig, decoder: DecoderName) -> Captioner | RelationCaptioner:
    """A captioner by the name of its decoder (which CaptionConfig does not hold).

    Raises ValueError for sizes that cannot be built.
    """
    kind = DECODERS[decoder]
    if config.legacy_frame_aligned and decoder == "lstm":
        kind = FrameAlignedDecoder
    return (RelationCaptioner if decoder == "dualvgr_lstm" else Captioner)(config, kind)
