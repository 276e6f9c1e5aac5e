"""A stack of transformer blocks that reads a class token out."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.layer.dropout import Dropout
from model.vivit.block import Block, rising
from model.vivit.config import VivitConfig


class Stack(nn.Module):
    """Class token, positions, blocks, norm: what an image ViT is after its patch embedding."""

    def __init__(
        self,
        config: VivitConfig,
        *,
        depth: int,
        positions: int,
        grid: tuple[int, ...] | None,
    ) -> None:
        """Random weights; a class token of zeros.

        `depth`: blocks as run; `positions`: that are learned, the class token's included, or 0;
        `grid`: of the tokens that the MLP transform convolves, or None.
        """
        super().__init__()
        self.class_embedding = nn.Parameter(torch.zeros(1, 1, config.width))
        self.position_embedding = None
        if positions:
            self.position_embedding = nn.Parameter(torch.empty(1, positions, config.width))
            nn.init.normal_(self.position_embedding, std=0.02)
        self.repeats, self.checkpointing = config.repeats, config.checkpointing
        chances = rising(config.drop_path, depth)
        self.blocks = nn.ModuleList(
            Block(config, chances[i : i + config.repeats], grid)
            for i in range(0, depth, config.repeats)
        )
        self.norm = nn.LayerNorm(config.width, config.eps)
        self.dropout = Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, M, D) -> what the class token has become (B, D).

        Of M tokens for fewer positions (a grid for each frame) the positions come again and again.
        The last block computes the class token alone, which is all that is read of it.
        """
        x = torch.cat([self.class_embedding.expand(len(tokens), -1, -1), tokens], 1)
        places = self.position_embedding
        if places is not None:
            times = tokens.shape[1] // (places.shape[1] - 1)
            x = x + torch.cat([places[:, :1], places[:, 1:].repeat(1, times, 1)], 1)
        x = self.dropout(x)
        last = len(self.blocks) - 1
        for i, block in enumerate(self.blocks):
            for repeat in range(self.repeats):
                first_only = (i, repeat) == (last, self.repeats - 1) and block.transform is None
                x = self._run(block, x, repeat, first_only)
        return self.norm(x[:, 0])

    def _run(self, block: nn.Module, x: Tensor, repeat: int, first_only: bool) -> Tensor:
        """One block once; its activations are kept, or computed again in the backward pass."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(block, x, repeat, first_only=first_only, use_reentrant=False)
        return block(x, repeat, first_only=first_only)
