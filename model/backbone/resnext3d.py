"""3D ResNeXt (Hara, Kataoka, Satoh 2018: "Can spatiotemporal 3D CNNs ..."), shortcut type B.

`resnext101` is theirs: names and shapes of its state dict are those of the public
`resnext-101-kinetics.pth` without its `module.` prefix, so that file loads as it is.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EXPANSION = 2
FEATURES = 2048  # of resnext101


class Bottleneck(nn.Module):
    """1x1x1 -> 3x3x3 in groups (with the stride) -> 1x1x1, twice as wide, plus the shortcut."""

    def __init__(self, *, inputs: int, width: int, stride: int, cardinality: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv3d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(
            width, width, 3, stride=stride, padding=1, groups=cardinality, bias=False
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
    """3D ResNeXt.  `features` is what extraction uses; `forward` adds the classifier.

    Its children `conv1`, `bn1`, `relu`, `maxpool`, `layer1`, ... run in this order.
    """

    def __init__(
        self,
        *,
        blocks: Sequence[int],
        widths: Sequence[int],
        cardinality: int,
        stem_kernel: int,
        stem_stride: int,
        stem_width: int,
        stem_pool: int | tuple[int, int, int],
        places: int,
        place_width: int,
        classes: int,
    ) -> None:
        """He initialisation of the convolutions.

        `blocks` and `widths` (of the 3x3x3 convolutions): one a stage; `cardinality`: groups, which
        must divide every width; `stem_kernel`: odd; `stem_stride`: in space alone; `stem_pool`:
        stride of the pooling after it, one or (time, height, width); `places`, `place_width`: side
        of the map that one more stage reads as a whole, with weights for each place and two
        moments, into so many features, or 0 for no such stage; `classes`: 0 for no classifier.
        """
        super().__init__()
        self.width = place_width if places else widths[-1] * EXPANSION
        self.stages = len(blocks) + bool(places)
        self.conv1 = nn.Conv3d(
            3,
            stem_width,
            stem_kernel,
            stride=(1, stem_stride, stem_stride),
            padding=stem_kernel // 2,
            bias=False,
        )
        self.bn1 = nn.BatchNorm3d(stem_width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=stem_pool, padding=1)
        inputs = stem_width
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
            layer = []
            for block in range(count):
                stride = 2 if block == 0 and stage > 1 else 1
                layer.append(
                    Bottleneck(inputs=inputs, width=width, stride=stride, cardinality=cardinality)
                )
                inputs = width * EXPANSION
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
        if places:
            kernel = (2, places, places)
            whole = nn.Conv3d(inputs, place_width, kernel, padding=(1, 0, 0), bias=False)
            setattr(self, f"layer{self.stages}", nn.Sequential(whole, nn.BatchNorm3d(place_width)))
        self.fc = nn.Linear(self.width, classes) if classes else None
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Conv3d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def features(self, x: Tensor) -> Tensor:
        """Clips (B, 3, F, H, W) -> (B, width), averaged over whatever positions are left.

        The average adapts: a larger crop or a longer clip does not make the feature wider.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean(dim=(2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        """Clips (B, 3, F, H, W) -> class scores (B, classes), or features without a classifier."""
        x = self.features(x)
        return x if self.fc is None else self.fc(x)


def resnext101(*, classes: int = 400) -> ResNeXt3d:
    """The network of the Kinetics weights; 0 `classes`: without classifier."""
    return ResNeXt3d(
        blocks=(3, 4, 23, 3),
        widths=(128, 256, 512, 1024),
        cardinality=32,
        stem_kernel=7,
        stem_stride=2,
        stem_width=64,
        stem_pool=2,
        places=0,
        place_width=0,
        classes=classes,
    )
