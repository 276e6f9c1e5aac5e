"""3D ResNeXt-101 for 16-frame clips (Hara, Kataoka, Satoh 2018: "Can spatiotemporal 3D CNNs ...").

Cardinality 32, shortcut type B.  Names and shapes of the state dict are those of the public
`resnext-101-kinetics.pth` without its `module.` prefix, so that file loads as it is.
"""

import torch
from torch import Tensor, nn

CARDINALITY = 32
EXPANSION = 2
BLOCKS = (3, 4, 23, 3)
WIDTHS = (128, 256, 512, 1024)
FEATURES = WIDTHS[-1] * EXPANSION


class Bottleneck(nn.Module):
    """1x1x1 -> 3x3x3 in 32 groups (with the stride) -> 1x1x1, twice as wide, plus the shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv3d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(
            width, width, 3, stride=stride, padding=1, groups=CARDINALITY, bias=False
        )
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, 2 width, T', H', W')."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn1(self.conv1(x)).relu()
        x = self.bn2(self.conv2(x)).relu()
        return (self.bn3(self.conv3(x)) + shortcut).relu()


class ResNeXt3d(nn.Module):
    """3D ResNeXt-101.  `features` is what extraction uses; `forward` adds the classifier."""

    def __init__(self, *, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        inputs = 64
        for stage, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), start=1):
            layer = []
            for block in range(blocks):
                layer.append(Bottleneck(inputs, width, 2 if block == 0 and stage > 1 else 1))
                inputs = width * EXPANSION
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
        self.fc = nn.Linear(FEATURES, classes)

    def features(self, x: Tensor) -> Tensor:
        """Clips (B, 3, F, H, W) -> (B, 2048), averaged over whatever positions are left.

        The average adapts: a larger crop or a longer clip does not make the feature wider.
        """
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        for stage in range(1, len(BLOCKS) + 1):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean(dim=(2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        """Clips (B, 3, F, H, W) -> class scores (B, classes)."""
        return self.fc(self.features(x))


def resnext101(*, classes: int = 400) -> ResNeXt3d:
    """The network with He initialisation of its convolutions (before any weights are loaded)."""
    network = ResNeXt3d(classes=classes)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return network
