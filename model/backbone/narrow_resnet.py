"""A narrow 2D ResNet, made to be trained."""

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock


class NarrowResNet(nn.Module):
    """A narrow ResNet of basic blocks, for small frames on a CPU."""

    def __init__(
        self,
        *,
        blocks: tuple[int, ...],
        widths: tuple[int, ...],
        stem_kernel: int,
        stem_stride: int,
        places: int,
        place_width: int,
    ) -> None:
        """`blocks` and `widths`: one a stage.  He initialisation, as torchvision's.

        `places`: side of the map that one more stage reads as a whole, with weights for each place,
        into `place_width` features: what is where then reaches them, which an average over places
        forgets; 0: no such stage.
        """
        super().__init__()
        inputs = widths[0]
        self.conv1 = nn.Conv2d(
            3, inputs, stem_kernel, stride=stem_stride, padding=stem_kernel // 2, bias=False
        )
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
            layer = []
            for block in range(count):
                stride = 2 if block == 0 and stage > 1 else 1
                shortcut = None
                if stride != 1 or inputs != width:
                    convolution = nn.Conv2d(inputs, width, 1, stride=stride, bias=False)
                    shortcut = nn.Sequential(convolution, nn.BatchNorm2d(width))
                layer.append(BasicBlock(inputs, width, stride, shortcut))
                inputs = width
            setattr(self, f"layer{stage}", nn.Sequential(*layer))
        if places:
            whole = nn.Conv2d(inputs, place_width, places, bias=False)
            last = nn.Sequential(whole, nn.BatchNorm2d(place_width))
            setattr(self, f"layer{len(blocks) + 1}", last)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Frames (B, 3, H, W) -> (B, width), averaged over whatever positions are left."""
        for child in self.children():
            x = child(x)
        return x.mean(dim=(2, 3))
