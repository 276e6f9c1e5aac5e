"""The discriminator of an adversarial term, and its losses."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from model.autoencoder.errors import mean_over


class ClipDiscriminator(nn.Module):
    """Is a clip real or rebuilt?  3D convolutions, averaged over the clip.

    Its receptive field is 22 x 22 pixels and a few frames, so it judges sharpness and motion rather
    than what the clip shows (Isola et al. 2017).  Spectral norm bounds its slope, so that the
    generator's gradient neither explodes nor vanishes (Miyato et al. 2018).
    """

    def __init__(self, *, hidden: int) -> None:
        """`hidden` channels after the first convolution, twice and four times as many later."""
        super().__init__()
        widths = (3, hidden, 2 * hidden, 4 * hidden)
        self.stages = nn.ModuleList(
            spectral_norm(
                nn.Conv3d(inputs, outputs, (3, 4, 4), stride=(1 if i == 0 else 2, 2, 2), padding=1)
            )
            for i, (inputs, outputs) in enumerate(pairwise(widths))
        )
        self.head = spectral_norm(nn.Linear(widths[-1], 1))

    def forward(self, clips: Tensor) -> Tensor:
        """Classify clips.  clips (B, 3, F, h, w), 0 to 1, F >= 1, h and w >= 16 -> logits (B,)."""
        x = 2 * clips - 1
        for stage in self.stages:
            x = nn.functional.leaky_relu(stage(x), 0.2)
        return self.head(x.mean((2, 3, 4)))[:, 0]


def adversarial(
    discriminator: nn.Module, real: Tensor, fake: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Non-saturating logistic losses of generator and discriminator (Goodfellow et al. 2014).

    real, fake (B, 3, F, h, w), 0..1, mask (B,) of the clips that count -> two scalars, for one
    backward of their sum (weighted or not): the generator's loss has gradients only for what made
    `fake`, the discriminator's only for the discriminator, as if each had a backward of its own.
    Untrained they are about ln 2 and 2 ln 2.
    """
    detached = {name: p.detach() for name, p in discriminator.named_parameters()}
    # Spectral norm updates its buffers at every call in training.  This call updates copies, so
    # both calls see the same weights, and the buffers are updated once a step.
    copies = {name: b.clone() for name, b in discriminator.named_buffers()}
    logits = functional_call(discriminator, {**detached, **copies}, (fake,))
    softplus = nn.functional.softplus
    generator = mean_over(softplus(-logits), mask)
    both = discriminator(torch.cat([real.to(fake.dtype), fake.detach()]))
    of_real, of_fake = both.split([len(real), len(fake)])
    return generator, mean_over(softplus(-of_real), mask) + mean_over(softplus(of_fake), mask)
