"""The projection head of SimCLR: features of a clip -> the embedding that is contrasted."""

from itertools import pairwise
from typing import Self

from torch import Tensor, nn

from model.backbone.spec import BatchNorm, Policy
from model.layer.norm import GlobalBatchNorm
from model.layer.precision import as_trained, trained_convolutions

PARTS = 3  # modules of a layer: its matrix, its norm, its ReLU


class ProjectionHead(nn.Module):
    """Layers of Linear (no bias) and batch norm, ReLU between them (SimCLR v2, section 2).

    The last norm has a scale and no shift, as in the official code.  Weights are N(0, 0.01).
    """

    def __init__(self, *, width: int, hidden: int, embedding: int, layers: int) -> None:
        """`width` of the features, `hidden` of layers between, `embedding` of the last."""
        super().__init__()
        widths = [width, *[hidden] * (layers - 1), embedding]
        parts: list[nn.Module] = []
        for before, after in pairwise(widths):
            linear = nn.Linear(before, after, bias=False)
            nn.init.normal_(linear.weight, std=0.01)
            parts += [linear, GlobalBatchNorm(after), nn.ReLU()]
        parts.pop()  # no ReLU at the end
        last = parts[-1]
        assert isinstance(last, GlobalBatchNorm)
        last.bias.requires_grad_(False)  # stays 0
        self.layers = nn.Sequential(*parts)

    def forward(self, features: Tensor) -> Tensor:
        """Project.  features (C, width) -> (C, embedding)."""
        return self.layers(features)


class KeptProjection(nn.Module):
    """The first layers of a projection head, that stay on an encoder which is fine-tuned.

    SimCLR v2 (Chen et al. 2020, section 2, "Fine-tuning from a middle layer of the projection
    head"); with as many layers kept, of names and numbers as `ProjectionHead` has them.
    """

    def __init__(
        self, *, width: int, hidden: int, layers: int, policy: Policy, batch_norm: BatchNorm
    ) -> None:
        """`width` of the features, `hidden` of the layers; the rest as of `TrainableBackbone`."""
        super().__init__()
        whole = ProjectionHead(width=width, hidden=hidden, embedding=2, layers=layers + 1)
        self.layers = whole.layers[: PARTS * layers]
        self.width, self.policy, self.batch_norm = hidden, policy, batch_norm
        self.requires_grad_(policy != "frozen")

    def train(self, mode: bool = True) -> Self:
        """Training mode for what trains, and for its batch norms only if told so."""
        super().train(mode and self.policy != "frozen")
        if self.batch_norm == "eval":
            for module in self.layers:
                if isinstance(module, GlobalBatchNorm):
                    module.eval()
        return self

    def forward(self, features: Tensor) -> Tensor:
        """Project.  features (C, width) -> (C, hidden)."""
        with trained_convolutions(features):
            return self.layers(as_trained(features))
