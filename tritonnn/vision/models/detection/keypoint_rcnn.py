"""Keypoint R-CNN (https://arxiv.org/abs/1703.06870): Faster R-CNN with key points for each box."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.nn.functional import interpolate
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import _ovewrite_value_param, handle_legacy_interface, load_weights
from tritonnn.vision.models.detection._builders import resnet50_pyramid
from tritonnn.vision.models.detection._detector import channels_of, of_type
from tritonnn.vision.models.detection._utils import overwrite_eps
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.faster_rcnn import FasterRCNN
from tritonnn.vision.models.resnet import ResNet50_Weights
from tritonnn.vision.ops.poolers import MultiScaleRoIAlign

__all__ = ["KeypointRCNN", "KeypointRCNN_ResNet50_FPN_Weights", "keypointrcnn_resnet50_fpn"]


class KeypointRCNN(FasterRCNN):
    """`FasterRCNN` that also gives the key points of what is in each box.

    The arguments are those of `FasterRCNN`, of which `min_size` is 640 to 800 where it is None, and:

    Args:
        keypoint_roi_pool: default: 14 x 14 points of the first four maps. See `RoIHeads`.
        keypoint_head: default: KeypointRCNNHeads, eight layers.
        keypoint_predictor: default: KeypointRCNNPredictor.
        num_keypoints: default: 17. None where `keypoint_predictor` is given.

    Targets have "keypoints" as well: float32, [N, K, 3] of x, y and visibility. Detections have "keypoints" of that
    form, all visible, and "keypoints_scores", [N, K].
    """

    def __init__(
        self, backbone: nn.Module, num_classes: int | None = None, min_size: int | Sequence[int] | None = None,
        max_size: int = 1333, image_mean: list[float] | None = None, image_std: list[float] | None = None,
        rpn_anchor_generator: AnchorGenerator | None = None, rpn_head: nn.Module | None = None,
        rpn_pre_nms_top_n_train: int = 2000, rpn_pre_nms_top_n_test: int = 1000,
        rpn_post_nms_top_n_train: int = 2000, rpn_post_nms_top_n_test: int = 1000,
        rpn_nms_thresh: float = 0.7, rpn_fg_iou_thresh: float = 0.7, rpn_bg_iou_thresh: float = 0.3,
        rpn_batch_size_per_image: int = 256, rpn_positive_fraction: float = 0.5, rpn_score_thresh: float = 0.0,
        box_roi_pool: MultiScaleRoIAlign | None = None, box_head: nn.Module | None = None,
        box_predictor: nn.Module | None = None, box_score_thresh: float = 0.05, box_nms_thresh: float = 0.5,
        box_detections_per_img: int = 100, box_fg_iou_thresh: float = 0.5, box_bg_iou_thresh: float = 0.5,
        box_batch_size_per_image: int = 512, box_positive_fraction: float = 0.25,
        bbox_reg_weights: tuple[float, float, float, float] | None = None,
        keypoint_roi_pool: MultiScaleRoIAlign | None = None, keypoint_head: nn.Module | None = None,
        keypoint_predictor: nn.Module | None = None, num_keypoints: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        of_type("keypoint_roi_pool", keypoint_roi_pool, MultiScaleRoIAlign)
        if num_keypoints is not None and keypoint_predictor is not None:
            raise ValueError("num_keypoints should be None when keypoint_predictor is specified")
        super().__init__(
            backbone, num_classes, (640, 672, 704, 736, 768, 800) if min_size is None else min_size, max_size,
            image_mean, image_std, rpn_anchor_generator, rpn_head,
            rpn_pre_nms_top_n_train, rpn_pre_nms_top_n_test, rpn_post_nms_top_n_train, rpn_post_nms_top_n_test,
            rpn_nms_thresh, rpn_fg_iou_thresh, rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            rpn_score_thresh, box_roi_pool, box_head, box_predictor, box_score_thresh, box_nms_thresh,
            box_detections_per_img, box_fg_iou_thresh, box_bg_iou_thresh, box_batch_size_per_image,
            box_positive_fraction, bbox_reg_weights, **kwargs,
        )  # fmt: skip
        if keypoint_roi_pool is None:
            keypoint_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=14, sampling_ratio=2)
        if keypoint_head is None:
            keypoint_head = KeypointRCNNHeads(channels_of(backbone), (512,) * 8)
        if keypoint_predictor is None:
            keypoint_predictor = KeypointRCNNPredictor(512, 17 if num_keypoints is None else num_keypoints)
        self.roi_heads.keypoint_roi_pool = keypoint_roi_pool
        self.roi_heads.keypoint_head = keypoint_head
        self.roi_heads.keypoint_predictor = keypoint_predictor


class KeypointRCNNHeads(nn.Sequential):
    """3x3 convolutions.

    Args:
        in_channels: of the first.
        layers: the channels of each one's output.
    """

    def __init__(self, in_channels: int, layers: Sequence[int]) -> None:
        pairs = zip((in_channels, *layers), layers)
        convolutions = [nn.Conv2d(before, after, 3, stride=1, padding=1) for before, after in pairs]
        super().__init__(*chain.from_iterable((layer, nn.ReLU(inplace=True)) for layer in convolutions))
        for layer in convolutions:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.constant_(layer.bias, 0)


class KeypointRCNNPredictor(nn.Module):
    """A heat map for each key point, at four times the points.

    Args:
        in_channels: of the head's output.
        num_keypoints: how many.

    >>> import tritonnn as torch
    >>> KeypointRCNNPredictor(8, 5)(torch.rand(2, 8, 14, 14)).shape
    torch.Size([2, 5, 56, 56])
    """

    def __init__(self, in_channels: int, num_keypoints: int) -> None:
        super().__init__()
        self.kps_score_lowres = nn.ConvTranspose2d(in_channels, num_keypoints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(self.kps_score_lowres.weight, mode="fan_out", nonlinearity="relu")
        nn.init.constant_(self.kps_score_lowres.bias, 0)
        self.up_scale = 2
        self.out_channels = num_keypoints

    def forward(self, x: Tensor) -> Tensor:
        scores = self.kps_score_lowres(x)
        return interpolate(
            scores,
            scale_factor=float(self.up_scale),
            mode="bilinear",
            align_corners=False,
            recompute_scale_factor=False,
        )


class KeypointRCNN_ResNet50_FPN_Weights(WeightsEnum, data="detection.keypoint_rcnn"):
    """Weights of `keypointrcnn_resnet50_fpn`."""


def _published(kwargs: dict[str, Any]) -> KeypointRCNN_ResNet50_FPN_Weights:
    """What `pretrained=True` and `pretrained="legacy"` mean."""
    name = "COCO_LEGACY" if kwargs["pretrained"] == "legacy" else "COCO_V1"
    return KeypointRCNN_ResNet50_FPN_Weights[name]


@register_model()
@handle_legacy_interface(
    weights=("pretrained", _published),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def keypointrcnn_resnet50_fpn(
    *,
    weights: KeypointRCNN_ResNet50_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    num_keypoints: int | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> KeypointRCNN:
    """Keypoint R-CNN on a ResNet-50 with a feature pyramid.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 2.
        num_keypoints: default: the weights', or 17.
        weights_backbone: of the ResNet, where there are none of the whole.
        trainable_backbone_layers: how many of its 5 stages, from the last one, are trained; default: 3, or all where
            nothing is trained yet.
        kwargs: of `KeypointRCNN`.
    """
    weights, weights_backbone, classes = decided(
        (KeypointRCNN_ResNet50_FPN_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 2
    )
    points = num_keypoints
    if weights is not None:
        points = _ovewrite_value_param("num_keypoints", points, len(weights.meta["keypoint_names"]))
    backbone = resnet50_pyramid(weights, weights_backbone, trainable_backbone_layers, progress)
    model = KeypointRCNN(
        backbone, num_classes=classes, num_keypoints=17 if points is None else points, **kwargs
    )
    load_weights(model, weights, progress)
    if weights == KeypointRCNN_ResNet50_FPN_Weights.COCO_V1:
        overwrite_eps(model, 0.0)
    return model
