"""The heads of Faster R-CNN: a vector of what was cut out of the feature maps, and scores and codes of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["FastRCNNConvFCHead", "FastRCNNPredictor", "TwoMLPHead"]


class TwoMLPHead(nn.Module):
    """Two linear layers over all that was cut out of the feature maps.

    Args:
        in_channels: channels times points.
        representation_size: of the output.
    """

    __module__ = "tritonnn.vision.models.detection.faster_rcnn"  # where torchvision has it

    def __init__(self, in_channels: int, representation_size: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(in_channels, representation_size)
        self.fc7 = nn.Linear(representation_size, representation_size)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc7(F.relu(self.fc6(x.flatten(start_dim=1)))))


class FastRCNNConvFCHead(nn.Sequential):
    """3x3 convolutions, then linear layers.

    Args:
        input_size: channels, height and width.
        conv_layers: the channels of each convolution.
        fc_layers: the size of each linear layer.
        norm_layer: behind each convolution; default: none.
    """

    __module__ = "tritonnn.vision.models.detection.faster_rcnn"  # where torchvision has it

    def __init__(
        self,
        input_size: tuple[int, int, int],
        conv_layers: list[int],
        fc_layers: list[int],
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__(*self._layers(input_size, conv_layers, fc_layers, norm_layer))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    @staticmethod
    def _layers(
        input_size: tuple[int, int, int],
        convolutions: list[int],
        linear: list[int],
        norm_layer: Callable[..., nn.Module] | None,
    ) -> Iterator[nn.Module]:
        channels, height, width = input_size
        for out in convolutions:
            yield Conv2dNormActivation(channels, out, norm_layer=norm_layer)
            channels = out
        yield nn.Flatten()
        channels *= height * width
        for out in linear:
            yield nn.Linear(channels, out)
            yield nn.ReLU(inplace=True)
            channels = out


class FastRCNNPredictor(nn.Module):
    """Scores of the classes, and a code of the box for each class.

    Args:
        in_channels: of the head's output.
        num_classes: with the background.

    >>> import tritonnn as torch
    >>> scores, codes = FastRCNNPredictor(8, 3)(torch.rand(5, 8))
    >>> scores.shape, codes.shape
    (torch.Size([5, 3]), torch.Size([5, 12]))
    """

    __module__ = "tritonnn.vision.models.detection.faster_rcnn"  # where torchvision has it

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, num_classes * 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.dim() == 4:
            torch._assert(
                list(x.shape[2:]) == [1, 1],
                f"x has the wrong shape, expecting the last two dimensions to be [1,1] instead of {list(x.shape[2:])}",
            )
        x = x.flatten(start_dim=1)
        return self.cls_score(x), self.bbox_pred(x)
