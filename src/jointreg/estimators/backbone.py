"""ResNet-50 without its last layer: the backbone of SPIN. VIBE and MEVA use it with SPIN's weights.

Source: He et al., Deep residual learning, CVPR 2016, with the stride in the 3x3 convolution. Names of
parameters are those of SPIN's checkpoint.
"""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

FEATURES = 2048
"""Length of the feature vector of one image."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation by which SPIN, VIBE and MEVA normalise RGB in 0-1."""

_LAYERS = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Width, blocks and stride of each layer; its output is four times as wide."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = nn.Sequential()
        if shortcut:
            self.downsample.append(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(4 * width))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, 4 width, H / stride, W / stride)."""
        hidden = self.bn1(self.conv1(value)).relu_()
        hidden = self.bn2(self.conv2(hidden)).relu_()
        return self.bn3(self.conv3(hidden)).add_(self.downsample(value)).relu_()


class Backbone(nn.Module):
    """Images (N, 3, 224, 224), RGB in 0-1, to features (N, 2048)."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (width, blocks, stride) in enumerate(_LAYERS, start=1):
            layer = nn.Sequential()
            for block in range(blocks):
                layer.append(Bottleneck(inputs, width, 1 if block else stride, shortcut=not block))
                inputs = 4 * width
            self.add_module(f"layer{number}", layer)
        with torch.device("cpu"):  # not on `meta`, where a checkpoint fills in the weights
            self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
            self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (N, 2048) of images (N, 3, 224, 224)."""
        value = ((images - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)
        value = self.bn1(self.conv1(value)).relu_()
        value = nn.functional.max_pool2d(value, 3, 2, padding=1)
        for number in range(1, len(_LAYERS) + 1):
            value = self.get_submodule(f"layer{number}")(value)
        return value.mean(dim=(2, 3))

    def for_inference(self) -> "Backbone":
        """The same function, faster on a CPU: batch norm folded, channels last in memory."""
        self.eval()
        for module in list(self.modules()):
            for number in (1, 2, 3):
                if isinstance(getattr(module, f"bn{number}", None), nn.BatchNorm2d):
                    pair = getattr(module, f"conv{number}"), getattr(module, f"bn{number}")
                    setattr(module, f"conv{number}", fuse_conv_bn_eval(*pair))
                    setattr(module, f"bn{number}", nn.Identity())
            if isinstance(module, Bottleneck) and len(module.downsample):
                module.downsample = nn.Sequential(fuse_conv_bn_eval(*module.downsample))
        return self.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
