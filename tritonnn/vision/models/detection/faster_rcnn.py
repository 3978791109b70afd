"""Faster R-CNN (https://arxiv.org/abs/1506.01497), on feature pyramids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.detection._box_heads import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from tritonnn.vision.models.detection._builders import resnet50_pyramid
from tritonnn.vision.models.detection._detector import channels_of, imagenet, of_type
from tritonnn.vision.models.detection._utils import overwrite_eps
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.backbone_utils import (
    BackboneWithFPN,
    _mobilenet_extractor,
    _resnet_fpn_extractor,
    _validate_trainable_layers,
)
from tritonnn.vision.models.detection.generalized_rcnn import GeneralizedRCNN
from tritonnn.vision.models.detection.roi_heads import RoIHeads
from tritonnn.vision.models.detection.rpn import RegionProposalNetwork, RPNHead
from tritonnn.vision.models.detection.transform import GeneralizedRCNNTransform
from tritonnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from tritonnn.vision.models.resnet import ResNet50_Weights, resnet50
from tritonnn.vision.ops.misc import FrozenBatchNorm2d
from tritonnn.vision.ops.poolers import MultiScaleRoIAlign

__all__ = [
    "FasterRCNN",
    "FasterRCNN_ResNet50_FPN_Weights",
    "FasterRCNN_ResNet50_FPN_V2_Weights",
    "FasterRCNN_MobileNet_V3_Large_FPN_Weights",
    "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
]


def _default_anchorgen() -> AnchorGenerator:
    return AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)


class FasterRCNN(GeneralizedRCNN):
    """Finds things in images: boxes, classes and scores.

    Args:
        backbone: makes feature maps, all with `backbone.out_channels`.
        num_classes: with the background, which is class 0. None where `box_predictor` is given.
        min_size: see `GeneralizedRCNNTransform`, like the next three.
        max_size: of the longer side.
        image_mean: default: ImageNet's.
        image_std: default: ImageNet's.
        rpn_anchor_generator: default: five maps, anchors of 32 to 512 pixels.
        rpn_head: default: RPNHead.
        rpn_pre_nms_top_n_train: see `RegionProposalNetwork`, like all that begin with rpn.
        rpn_pre_nms_top_n_test: of each map, in evaluation.
        rpn_post_nms_top_n_train: of an image, in training.
        rpn_post_nms_top_n_test: of an image, in evaluation.
        rpn_nms_thresh: IoU.
        rpn_fg_iou_thresh: IoU.
        rpn_bg_iou_thresh: IoU.
        rpn_batch_size_per_image: anchors in the loss.
        rpn_positive_fraction: of them.
        rpn_score_thresh: of proposals.
        box_roi_pool: default: 7 x 7 points of the first four maps. See `RoIHeads`, like all that begin with box.
        box_head: default: TwoMLPHead.
        box_predictor: default: FastRCNNPredictor.
        box_score_thresh: of detections.
        box_nms_thresh: IoU.
        box_detections_per_img: at most.
        box_fg_iou_thresh: IoU.
        box_bg_iou_thresh: IoU.
        box_batch_size_per_image: proposals in the loss.
        box_positive_fraction: of them.
        bbox_reg_weights: of the coding.
        kwargs: of `GeneralizedRCNNTransform`.

    In training it is called with images and targets ("boxes" of x1, y1, x2, y2 and int64 "labels" for each image), and
    returns losses; in evaluation with images, and returns "boxes", "labels" and "scores" for each.

    >>> import tritonnn as torch
    >>> from tritonnn import nn
    >>> backbone = nn.Conv2d(3, 8, 3, stride=16)
    >>> backbone.out_channels = 8
    >>> anchors = AnchorGenerator(((16, 32),), ((1.0,),))
    >>> pool = MultiScaleRoIAlign(["0"], 7, 2)
    >>> model = FasterRCNN(backbone, 2, 64, 64, rpn_anchor_generator=anchors, box_roi_pool=pool)
    >>> sorted(model.eval()([torch.rand(3, 50, 60)])[0])
    ['boxes', 'labels', 'scores']
    """

    def __init__(
        self, backbone: nn.Module, num_classes: int | None = None, min_size: int | Sequence[int] = 800,
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
        bbox_reg_weights: tuple[float, float, float, float] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        out_channels = channels_of(backbone)
        of_type("rpn_anchor_generator", rpn_anchor_generator, AnchorGenerator)
        of_type("box_roi_pool", box_roi_pool, MultiScaleRoIAlign)
        if num_classes is not None and box_predictor is not None:
            raise ValueError("num_classes should be None when box_predictor is specified")
        if num_classes is None and box_predictor is None:
            raise ValueError("num_classes should not be None when box_predictor is not specified")
        transform = GeneralizedRCNNTransform(min_size, max_size, *imagenet(image_mean, image_std), **kwargs)
        anchors = _default_anchorgen() if rpn_anchor_generator is None else rpn_anchor_generator
        if rpn_head is None:
            rpn_head = RPNHead(out_channels, anchors.num_anchors_per_location()[0])
        rpn = RegionProposalNetwork(
            anchors, rpn_head,
            rpn_fg_iou_thresh, rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            {"training": rpn_pre_nms_top_n_train, "testing": rpn_pre_nms_top_n_test},
            {"training": rpn_post_nms_top_n_train, "testing": rpn_post_nms_top_n_test},
            rpn_nms_thresh, score_thresh=rpn_score_thresh,
        )  # fmt: skip
        if box_roi_pool is None:
            box_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=7, sampling_ratio=2)
        if box_head is None:
            box_head = TwoMLPHead(out_channels * box_roi_pool.output_size[0] ** 2, 1024)
        if box_predictor is None:
            assert num_classes is not None
            box_predictor = FastRCNNPredictor(1024, num_classes)
        roi_heads = RoIHeads(
            box_roi_pool, box_head, box_predictor, box_fg_iou_thresh, box_bg_iou_thresh, box_batch_size_per_image,
            box_positive_fraction, bbox_reg_weights, box_score_thresh, box_nms_thresh, box_detections_per_img,
        )  # fmt: skip
        super().__init__(backbone, rpn, roi_heads, transform)


class FasterRCNN_ResNet50_FPN_Weights(WeightsEnum, data="detection.faster_rcnn"):
    """Weights of `fasterrcnn_resnet50_fpn`."""


class FasterRCNN_ResNet50_FPN_V2_Weights(WeightsEnum, data="detection.faster_rcnn"):
    """Weights of `fasterrcnn_resnet50_fpn_v2`."""


class FasterRCNN_MobileNet_V3_Large_FPN_Weights(WeightsEnum, data="detection.faster_rcnn"):
    """Weights of `fasterrcnn_mobilenet_v3_large_fpn`."""


class FasterRCNN_MobileNet_V3_Large_320_FPN_Weights(WeightsEnum, data="detection.faster_rcnn"):
    """Weights of `fasterrcnn_mobilenet_v3_large_320_fpn`."""


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FasterRCNN_ResNet50_FPN_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def fasterrcnn_resnet50_fpn(
    *,
    weights: FasterRCNN_ResNet50_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on a ResNet-50 with a feature pyramid.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 91.
        weights_backbone: of the ResNet, where there are none of the whole.
        trainable_backbone_layers: how many of its 5 stages, from the last one, are trained; default: 3, or all where
            nothing is trained yet.
        kwargs: of `FasterRCNN`.
    """
    weights, weights_backbone, classes = decided(
        (FasterRCNN_ResNet50_FPN_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    backbone = resnet50_pyramid(weights, weights_backbone, trainable_backbone_layers, progress)
    model = load_weights(FasterRCNN(backbone, num_classes=classes, **kwargs), weights, progress)
    if weights == FasterRCNN_ResNet50_FPN_Weights.COCO_V1:
        overwrite_eps(model, 0.0)
    return model


def improved(
    weights: WeightsEnum | None,
    weights_backbone: ResNet50_Weights | None,
    trainable_backbone_layers: int | None,
    progress: bool,
) -> tuple[BackboneWithFPN, dict[str, Any]]:
    """The backbone and the heads of version 2 (https://arxiv.org/abs/2111.11429): all of them with batch statistics."""
    is_trained = weights is not None or weights_backbone is not None
    trained = _validate_trainable_layers(is_trained, trainable_backbone_layers, 5, 3)
    resnet = resnet50(weights=weights_backbone, progress=progress)
    backbone = _resnet_fpn_extractor(resnet, trained, norm_layer=nn.BatchNorm2d)
    anchors = _default_anchorgen()
    return backbone, {
        "rpn_anchor_generator": anchors,
        "rpn_head": RPNHead(backbone.out_channels, anchors.num_anchors_per_location()[0], conv_depth=2),
        "box_head": FastRCNNConvFCHead(
            (backbone.out_channels, 7, 7), [256] * 4, [1024], norm_layer=nn.BatchNorm2d
        ),
    }


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def fasterrcnn_resnet50_fpn_v2(
    *,
    weights: FasterRCNN_ResNet50_FPN_V2_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = None,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on a ResNet-50 with a feature pyramid, with deeper heads; the arguments of the first version."""
    weights, weights_backbone, classes = decided(
        (FasterRCNN_ResNet50_FPN_V2_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    backbone, heads = improved(weights, weights_backbone, trainable_backbone_layers, progress)
    return load_weights(FasterRCNN(backbone, num_classes=classes, **heads, **kwargs), weights, progress)


def _fasterrcnn_mobilenet_v3_large_fpn(
    *,
    weights: WeightsEnum | None,
    progress: bool,
    num_classes: int | None,
    weights_backbone: MobileNet_V3_Large_Weights | None,
    trainable_backbone_layers: int | None,
    **kwargs: Any,
) -> FasterRCNN:
    """Of either resolution; the weights' enumeration has been asked already."""
    weights, weights_backbone, classes = decided(
        (WeightsEnum, weights), (MobileNet_V3_Large_Weights, weights_backbone), num_classes, 91
    )
    is_trained = weights is not None or weights_backbone is not None
    trained = _validate_trainable_layers(is_trained, trainable_backbone_layers, 6, 3)
    norm_layer = FrozenBatchNorm2d if is_trained else nn.BatchNorm2d
    mobilenet = mobilenet_v3_large(weights=weights_backbone, progress=progress, norm_layer=norm_layer)
    anchors = AnchorGenerator(((32, 64, 128, 256, 512),) * 3, ((0.5, 1.0, 2.0),) * 3)
    model = FasterRCNN(
        _mobilenet_extractor(mobilenet, True, trained), classes, rpn_anchor_generator=anchors, **kwargs
    )
    return load_weights(model, weights, progress)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", MobileNet_V3_Large_Weights.IMAGENET1K_V1),
)
def fasterrcnn_mobilenet_v3_large_320_fpn(
    *,
    weights: FasterRCNN_MobileNet_V3_Large_320_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on a MobileNetV3-Large with a feature pyramid, for small images: 320 to 640 pixels.

    The arguments are those of `fasterrcnn_resnet50_fpn`; the backbone has 6 stages.
    """
    small = {
        "min_size": 320, "max_size": 640, "rpn_pre_nms_top_n_test": 150, "rpn_post_nms_top_n_test": 150,
        "rpn_score_thresh": 0.05,
    }  # fmt: skip
    return _fasterrcnn_mobilenet_v3_large_fpn(
        weights=FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.verify(weights),
        progress=progress,
        num_classes=num_classes,
        weights_backbone=weights_backbone,
        trainable_backbone_layers=trainable_backbone_layers,
        **{**small, **kwargs},
    )


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", MobileNet_V3_Large_Weights.IMAGENET1K_V1),
)
def fasterrcnn_mobilenet_v3_large_fpn(
    *,
    weights: FasterRCNN_MobileNet_V3_Large_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FasterRCNN:
    """Faster R-CNN on a MobileNetV3-Large with a feature pyramid.

    The arguments are those of `fasterrcnn_resnet50_fpn`; the backbone has 6 stages.
    """
    return _fasterrcnn_mobilenet_v3_large_fpn(
        weights=FasterRCNN_MobileNet_V3_Large_FPN_Weights.verify(weights),
        progress=progress,
        num_classes=num_classes,
        weights_backbone=weights_backbone,
        trainable_backbone_layers=trainable_backbone_layers,
        **{"rpn_score_thresh": 0.05, **kwargs},
    )
