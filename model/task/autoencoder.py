"""The autoencoder of two-stage training: clips -> encoders -> relation graphs -> clips again."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from data_loader.batch import Frames
from model.autoencoder.decoders import DECODERS
from model.autoencoder.discriminator import ClipDiscriminator, adversarial
from model.autoencoder.errors import mean_over, reconstruction_loss, squared_error
from model.dualvgr.config import RelationConfig
from model.dualvgr.dualvgr import RelationEncoder
from model.encoder.clip_encoder import ClipEncoder
from model.layer.precision import as_trained, trained_convolutions
from model.task.base import TaskModule
from model.task.encoder import encoder_of
from options.autoencoder import AutoencoderOptions
from options.flat import build, flat_values
from options.model import ModelOptions

CHANNELS = ("appearance", "motion")


class Reconstructed(NamedTuple):
    """Clips and their reconstructions; all (V, N, 3, F, h, w)."""

    clips: Tensor  # 0..255
    appearance: Tensor  # 0..1, rebuilt from the appearance channel alone
    motion: Tensor  # 0..1, rebuilt from the motion channel alone


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
        kinds = ("mse", "adversarial", "discriminator") if autoencoder.adversarial else ("mse",)
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

        "mse" is the squared error per pixel and colour on the 0..255 scale; "loss" the mean of both
        channels' on the 0..1 scale, so that it depends neither on the batch nor on the size, plus
        the weighted adversarial losses, plus the discriminators' own.
        """
        out = self.reconstruct(batch)
        losses, total = {}, torch.zeros((), device=out.clips.device)
        for channel in CHANNELS:
            rebuilt = getattr(out, channel)
            mse = mean_over(squared_error(out.clips, rebuilt), batch.clip_mask)
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
        """Rebuild the clips of V videos from either channel."""
        views = self.encoder.views(batch.frames, batch.index)
        features = self.encoder(views)
        last = self.model(features.appearance, features.motion, batch.clip_mask)[-1]
        clips = views.of_clips(views.images).transpose(2, 3)  # (V, N, 3, F, h, w)
        with trained_convolutions(clips):
            rebuilt = [self.decoders[c](as_trained(getattr(last, c))) for c in CHANNELS]
        return Reconstructed(clips, *rebuilt)
