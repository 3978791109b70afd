"""R-CNN with a region proposal network: proposals, then what is in them."""

from __future__ import annotations

from tritonnn import Tensor, nn
from tritonnn.vision.models.detection._detector import Detector
from tritonnn.vision.models.detection.image_list import ImageList

__all__ = ["GeneralizedRCNN"]

Target = dict[str, Tensor]


class GeneralizedRCNN(Detector):
    """A detector of two stages.

    Args:
        backbone: makes feature maps.
        rpn: makes proposals, and losses of its own.
        roi_heads: makes detections of those.
        transform: goes before, and back again behind.
    """

    def __init__(
        self, backbone: nn.Module, rpn: nn.Module, roi_heads: nn.Module, transform: nn.Module
    ) -> None:
        super().__init__()
        self.transform = transform
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

    def detect(
        self, images: ImageList, features: dict[str, Tensor], targets: list[Target] | None
    ) -> tuple[list[Target], dict[str, Tensor]]:
        proposals, proposal_losses = self.rpn(images, features, targets)
        detections, losses = self.roi_heads(features, proposals, images.image_sizes, targets)
        return detections, {**losses, **proposal_losses}
