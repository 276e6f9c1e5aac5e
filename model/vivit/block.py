"""A pre-norm transformer block that may run several times, with parts of its own for each time.

The weight multiplexing of MiniViT (Zhang et al. 2022, section 3): attention's and the MLP's
matrices are shared by all repeats; norms, head mixing and MLP transform are not.  The repeat's
number is an argument, so that nothing of a pass is stored in the module.
"""

from typing import Any

import torch
from torch import Tensor, nn

from model.layer.dropout import Dropout
from model.vivit.config import VivitConfig

WINDOW = 7  # side of the MLP transform's kernel


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, config: VivitConfig) -> None:
        """Xavier weights."""
        super().__init__()
        width, heads = config.width, config.heads
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        for weight in (*self.qkv.weight.data.chunk(3), self.proj.weight):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.proj.bias)
        self.scores = self.weights = None
        if config.head_mixing != "none":
            self.scores, self.weights = (
                nn.Parameter(_mixing(config.head_mixing, config.repeats, heads)) for _ in range(2)
            )

    def forward(self, x: Tensor, repeat: int, *, first_only: bool) -> Tensor:
        """What each token takes of all.  x (B, M, D) -> same; `first_only`: (B, 1, D), its own."""
        if first_only:
            width = x.shape[-1]
            weights, biases = (
                part.split([width, 2 * width]) for part in (self.qkv.weight, self.qkv.bias)
            )
            q = nn.functional.linear(x[:, :1], weights[0], biases[0])
            k, v = nn.functional.linear(x, weights[1], biases[1]).chunk(2, -1)
        else:
            q, k, v = self.qkv(x).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        if self.scores is None or self.weights is None:
            out = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            score = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)  # (B, H, M, M)
            weight = _mixed(score, self.scores[repeat]).softmax(-1)
            out = _mixed(weight, self.weights[repeat]) @ v
        return self.proj(out.transpose(1, 2).flatten(2))


def _mixing(how: str, repeats: int, heads: int) -> Tensor:
    """Weights of 1x1 convolutions over heads (repeats, H, H): identity, or random as released."""
    if how == "identity":
        return torch.eye(heads).repeat(repeats, 1, 1)
    return nn.init.trunc_normal_(torch.empty(repeats, heads, heads), std=0.02)


def _mixed(x: Tensor, weight: Tensor) -> Tensor:
    """Heads as sums over heads.  x (B, H, M, N), weight (H, H) -> (B, H, M, N)."""
    # One large product; a small one for each row is slower on a CPU.
    return torch.einsum("hg,bgmn->bhmn", weight, x)


class MlpTransform(nn.Module):
    """A depthwise convolution over the tokens of a grid, which the class token passes by.

    As of Mini-Swin, which replaces tokens by their norm: `released`.  `identity` adds the
    convolution of the norm to the tokens, and starts from zero.
    """

    def __init__(self, config: VivitConfig, grid: tuple[int, ...]) -> None:
        """Of tokens that lie in a `grid` of one or two dimensions, the last of all."""
        super().__init__()
        self.grid, self.replaces = grid, config.mlp_transform == "released"
        self.norm = nn.LayerNorm(config.width, config.eps)
        kind: Any = {1: nn.Conv1d, 2: nn.Conv2d}[len(grid)]
        width = config.width
        self.conv = kind(width, width, WINDOW, padding=WINDOW // 2, groups=width)
        nn.init.zeros_(self.conv.bias)
        if self.replaces:
            nn.init.trunc_normal_(self.conv.weight, std=0.02)
        else:
            nn.init.zeros_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, 1 + G M, D), of G grids of M tokens -> same."""
        normed = self.norm(x)
        grids = normed[:, 1:].unflatten(1, (-1, *self.grid)).flatten(0, 1)
        found = self.conv(grids.movedim(-1, 1)).movedim(1, -1).reshape_as(normed[:, 1:])
        return (normed if self.replaces else x) + nn.functional.pad(found, (0, 0, 1, 0))


class Block(nn.Module):
    """Attention, then an MLP, each over a norm and added to what there was."""

    def __init__(
        self, config: VivitConfig, drop_path: list[float], grid: tuple[int, ...] | None
    ) -> None:
        """Xavier weights, MLP's biases N(0, 1e-6).

        `drop_path`: the chance for each repeat that a row skips a half; `grid`: of the tokens that
        the MLP transform convolves; None: it has none.
        """
        super().__init__()
        self.drop_path, repeats, width = drop_path, config.repeats, config.width
        self.attention = Attention(config)
        self.mlp = nn.Sequential(
            nn.Linear(width, config.mlp),
            nn.GELU(approximate="tanh" if config.gelu == "tanh" else "none"),
            Dropout(config.dropout),
            nn.Linear(config.mlp, width),
        )
        for layer in (self.mlp[0], self.mlp[3]):
            assert isinstance(layer, nn.Linear)
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)
        self.norm1, self.norm2 = (
            nn.ModuleList(nn.LayerNorm(width, config.eps) for _ in range(repeats)) for _ in range(2)
        )
        self.transform = None
        if config.mlp_transform != "none" and grid is not None:
            self.transform = nn.ModuleList(MlpTransform(config, grid) for _ in range(repeats))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, repeat: int, *, first_only: bool = False) -> Tensor:
        """Tokens (B, M, D) -> same; `first_only`: the first alone (B, 1, D), at its own cost."""
        attended = self.attention(self.norm1[repeat](x), repeat, first_only=first_only)
        if first_only:
            x = x[:, :1]
        x = x + self._dropped(attended, repeat)
        if self.transform is not None:
            x = self.transform[repeat](x)
        return x + self._dropped(self.mlp(self.norm2[repeat](x)), repeat)

    def _dropped(self, x: Tensor, repeat: int) -> Tensor:
        """Dropout, and drop path of whole rows (B, M, D)."""
        x, chance = self.dropout(x), self.drop_path[repeat]
        if not self.training or not chance:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= chance
        return x * (kept / (1 - chance)).to(x.dtype)


def rising(highest: float, count: int) -> list[float]:
    """Chances from 0 to `highest` in a line, for so many blocks."""
    return [highest * i / max(count - 1, 1) for i in range(count)]
