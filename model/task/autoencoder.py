"""The autoencoder of two-stage training: clips -> encoders -> relation graphs -> clips again."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from data_loader.batch import Frames
from model.autoencoder.decoders import DECODERS
from model.autoencoder.discriminator import ClipDiscriminator, adversarial
from model.autoencoder.errors import mean_over, reconstruction_loss, squared_error
from model.autoencoder.mask import hide, tube_mask, views_of
from model.dualvgr.config import RelationConfig
from model.dualvgr.dualvgr import RelationEncoder
from model.dualvgr.rebuild import ChannelRebuild
from model.encoder.clip_encoder import ClipEncoder
from model.layer.precision import as_trained, trained_convolutions
from model.task.base import TaskModule
from model.task.encoder import encoder_of
from options.autoencoder import AutoencoderOptions
from options.flat import build, flat_values
from options.model import ModelOptions

CHANNELS = ("appearance", "motion")


class Reconstructed(NamedTuple):
    """Clips and their reconstructions, (V, N, 3, F, h, w), and how they came about."""

    clips: Tensor  # 0..255
    appearance: Tensor  # 0..1, rebuilt from the appearance channel alone
    motion: Tensor  # 0..1, rebuilt from the motion channel alone
    # With option `mask`: which pixels were hidden, (V, N, h, w) bool, in all frames of a clip, and
    # the clips with those filled in, 0..255, as the encoders saw them.  All other pixels of the
    # reconstructions are then the clips' own.
    hidden: Tensor | None
    seen: Tensor
    vectors: tuple[Tensor, Tensor]  # both channels' clips before any graph, (V, N, D)


class Autoencoding(TaskModule):
    """Each channel's clip vectors, related by the graphs, must hold enough to rebuild the clips.

    No question is asked: every punishment is 1 (spec, section 8).  Encoders, video encoder and
    graphs carry the names that they have in QuestionAnswering, which starts from them.
    """

    def __init__(
        self,
        model: ModelOptions,
        autoencoder: AutoencoderOptions,
        *,
        encoder: ClipEncoder,
        frames: int,
        size: int,
    ) -> None:
        """Options; encoders; F and the side h = w in pixels of what they see."""
        super().__init__()
        self.options = autoencoder
        kinds = ["mse"]
        kinds += ["rebuild"] if autoencoder.rebuild else []
        kinds += ["adversarial", "discriminator"] if autoencoder.adversarial else []
        self.losses = ("loss", *(f"{kind}_{channel}" for kind in kinds for channel in CHANNELS))
        self.encoder = encoder
        widths = {
            "appearance_width": encoder.appearance.width,
            "motion_width": encoder.motion.width,
        }
        self.model = RelationEncoder(build(RelationConfig, {**flat_values(model), **widths}))
        decoder = DECODERS[autoencoder.decoder]
        self.decoders = nn.ModuleDict(
            {
                channel: decoder(
                    width=model.width, frames=frames, size=size, hidden=autoencoder.decoder_hidden
                )
                for channel in CHANNELS
            }
        )
        self.discriminators = nn.ModuleDict(
            {
                channel: ClipDiscriminator(hidden=autoencoder.discriminator_hidden)
                for channel in CHANNELS
                if autoencoder.adversarial
            }
        )
        self.rebuild = ChannelRebuild(width=model.width) if autoencoder.rebuild else None

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "Autoencoding":
        """The trained task of a checkpoint, in evaluation mode."""
        options, sizes = content["options"], content["sizes"]
        encoder = encoder_of(content)
        assert encoder is not None
        task = cls(
            build(ModelOptions, options),
            build(AutoencoderOptions, options),
            encoder=encoder,
            frames=sizes["frames"],
            size=sizes["size"],
        )
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: Frames, parts: int = 1) -> tuple[dict[str, Tensor], None]:
        """Named losses (scalars); None: nothing is answered right or wrong.

        `parts`: of how many parts of a step's batch this is one; all losses are means, and do not
        depend on it.

        "mse" is the squared error per pixel and colour on the 0..255 scale, of what was hidden if
        anything was; "loss" the mean of both
        channels' on the 0..1 scale, so that it depends neither on the batch nor on the size, plus
        the weighted adversarial losses, plus the discriminators' own.  "rebuild" is the squared
        error of a channel's clip vectors rebuilt from the other's, relative to their squares.
        """
        out = self.reconstruct(batch)
        losses, total = {}, torch.zeros((), device=out.clips.device)
        if self.rebuild is not None:
            found = self.rebuild.errors(*out.vectors)
            for channel, error in zip(CHANNELS, found, strict=True):
                losses[f"rebuild_{channel}"] = mean_over(error, batch.clip_mask)
                total = total + self.options.rebuild * losses[f"rebuild_{channel}"] / len(CHANNELS)
        for channel in CHANNELS:
            rebuilt = getattr(out, channel)
            mse = mean_over(squared_error(out.clips, rebuilt, out.hidden), batch.clip_mask)
            losses[f"mse_{channel}"] = mse
            total = total + reconstruction_loss(mse) / len(CHANNELS)
            if self.options.adversarial:
                discriminator, mask = self.discriminators[channel], batch.clip_mask.flatten()
                real, fake = out.clips.flatten(0, 1) / 255, rebuilt.flatten(0, 1)
                with trained_convolutions(out.clips):
                    generator_loss, own_loss = adversarial(discriminator, real, fake, mask)
                losses[f"adversarial_{channel}"] = generator_loss
                losses[f"discriminator_{channel}"] = own_loss
                total = total + self.options.adversarial * generator_loss + own_loss
        return {"loss": total, **losses}, None

    def reconstruct(self, batch: Frames) -> Reconstructed:
        """Rebuild the clips of V videos from either channel.

        With option `mask` other tubes are hidden at each step of training, and always the same of
        a row in evaluation mode.
        """
        views = self.encoder.views(batch.frames, batch.index)
        clips = views.of_clips(views.images).transpose(2, 3)  # (V, N, 3, F, h, w)
        hidden, seen = None, clips
        if self.options.mask:
            hidden = self._tubes(batch.row, clips)
            seen = hide(clips, hidden)
            views = views_of(seen)
        features = self.encoder(views)
        a, m = self.model.video(features.appearance, features.motion)
        last = self.model.relate(a, m, batch.clip_mask)[-1]
        with trained_convolutions(clips):
            rebuilt = [self.decoders[c](as_trained(getattr(last, c))) for c in CHANNELS]
        if hidden is not None:
            mask = hidden[:, :, None, None]
            rebuilt = [torch.where(mask, one, clips / 255) for one in rebuilt]
        return Reconstructed(clips, *rebuilt, hidden=hidden, seen=seen, vectors=(a, m))

    def _tubes(self, row: Tensor, clips: Tensor) -> Tensor:
        """Which pixels are hidden.  row (V,), clips (V, N, 3, F, h, w) -> (V, N, h, w)."""
        return tube_mask(
            row,
            clips.shape[1],
            share=self.options.mask,
            patch=self.options.mask_patch,
            size=(clips.shape[-2], clips.shape[-1]),
            salt=torch.randint(2**31, (), device=row.device) if self.training else 0,
        )
