"""Mask R-CNN (https://arxiv.org/abs/1703.06870): Faster R-CNN with a mask for each box."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.detection._builders import resnet50_pyramid
from tritonnn.vision.models.detection._detector import channels_of, of_type
from tritonnn.vision.models.detection._utils import overwrite_eps
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.faster_rcnn import FasterRCNN, improved
from tritonnn.vision.models.resnet import ResNet50_Weights
from tritonnn.vision.ops.misc import Conv2dNormActivation
from tritonnn.vision.ops.poolers import MultiScaleRoIAlign

__all__ = [
    "MaskRCNN",
    "MaskRCNN_ResNet50_FPN_Weights",
    "MaskRCNN_ResNet50_FPN_V2_Weights",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
]


class MaskRCNN(FasterRCNN):
    """`FasterRCNN` that also gives the mask of what is in each box.

    The arguments are those of `FasterRCNN`, and:

    Args:
        mask_roi_pool: default: 14 x 14 points of the first four maps. See `RoIHeads`.
        mask_head: default: MaskRCNNHeads, four layers.
        mask_predictor: default: MaskRCNNPredictor; `num_classes` is None where it is given.

    Targets have "masks" as well: uint8, [N, height, width]. Detections have "masks", [N, 1, height, width]:
    probabilities.
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
        bbox_reg_weights: tuple[float, float, float, float] | None = None,
        mask_roi_pool: MultiScaleRoIAlign | None = None, mask_head: nn.Module | None = None,
        mask_predictor: nn.Module | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        of_type("mask_roi_pool", mask_roi_pool, MultiScaleRoIAlign)
        if num_classes is not None and mask_predictor is not None:
            raise ValueError("num_classes should be None when mask_predictor is specified")
        if num_classes is None and mask_predictor is None:
            raise ValueError("num_classes should not be None when mask_predictor is not specified")
        super().__init__(
            backbone, num_classes, min_size, max_size, image_mean, image_std, rpn_anchor_generator, rpn_head,
            rpn_pre_nms_top_n_train, rpn_pre_nms_top_n_test, rpn_post_nms_top_n_train, rpn_post_nms_top_n_test,
            rpn_nms_thresh, rpn_fg_iou_thresh, rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            rpn_score_thresh, box_roi_pool, box_head, box_predictor, box_score_thresh, box_nms_thresh,
            box_detections_per_img, box_fg_iou_thresh, box_bg_iou_thresh, box_batch_size_per_image,
            box_positive_fraction, bbox_reg_weights, **kwargs,
        )  # fmt: skip
        if mask_roi_pool is None:
            mask_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=14, sampling_ratio=2)
        if mask_head is None:
            mask_head = MaskRCNNHeads(channels_of(backbone), (256,) * 4, 1)
        if mask_predictor is None:
            assert num_classes is not None
            mask_predictor = MaskRCNNPredictor(256, 256, num_classes)
        self.roi_heads.mask_roi_pool = mask_roi_pool
        self.roi_heads.mask_head = mask_head
        self.roi_heads.mask_predictor = mask_predictor


class MaskRCNNHeads(nn.Sequential):
    """3x3 convolutions.

    Args:
        in_channels: of the first.
        layers: the channels of each one's output.
        dilation: of all.
        norm_layer: behind each; default: none.
    """

    _version = 2

    def __init__(
        self,
        in_channels: int,
        layers: Sequence[int],
        dilation: int,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__(
            *(
                Conv2dNormActivation(
                    before, after, 3, stride=1, padding=dilation, dilation=dilation, norm_layer=norm_layer
                )
                for before, after in zip((in_channels, *layers), layers)
            )
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        """In version 1 the layers were called mask_fcn1, mask_fcn2, ..."""
        if (local_metadata.get("version") or 1) < 2:
            for i in range(len(self)):
                for kind in ("weight", "bias"):
                    if f"{prefix}mask_fcn{i + 1}.{kind}" in state_dict:
                        state_dict[f"{prefix}{i}.0.{kind}"] = state_dict.pop(
                            f"{prefix}mask_fcn{i + 1}.{kind}"
                        )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class MaskRCNNPredictor(nn.Sequential):
    """A mask for each class, at twice the points.

    Args:
        in_channels: of the head's output.
        dim_reduced: channels in between.
        num_classes: with the background.

    >>> import tritonnn as torch
    >>> MaskRCNNPredictor(8, 4, 3)(torch.rand(5, 8, 14, 14)).shape
    torch.Size([5, 3, 28, 28])
    """

    def __init__(self, in_channels: int, dim_reduced: int, num_classes: int) -> None:
        super().__init__(
            OrderedDict(
                conv5_mask=nn.ConvTranspose2d(in_channels, dim_reduced, 2, 2, 0),
                relu=nn.ReLU(inplace=True),
                mask_fcn_logits=nn.Conv2d(dim_reduced, num_classes, 1, 1, 0),
            )
        )
        for name, parameter in self.named_parameters():
            if "weight" in name:
                nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")


class MaskRCNN_ResNet50_FPN_Weights(WeightsEnum, data="detection.mask_rcnn"):
    """Weights of `maskrcnn_resnet50_fpn`."""


class MaskRCNN_ResNet50_FPN_V2_Weights(WeightsEnum, data="detection.mask_rcnn"):
    """Weights of `maskrcnn_resnet50_fpn_v2`."""


@register_model()
@handle_legacy_interface(
    weights=("pretrained", MaskRCNN_ResNet50_FPN_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def maskrcnn_resnet50_fpn(
    *,
    weights: MaskRCNN_ResNet50_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> MaskRCNN:
    """Mask R-CNN on a ResNet-50 with a feature pyramid.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 91.
        weights_backbone: of the ResNet, where there are none of the whole.
        trainable_backbone_layers: how many of its 5 stages, from the last one, are trained; default: 3, or all where
            nothing is trained yet.
        kwargs: of `MaskRCNN`.
    """
    weights, weights_backbone, classes = decided(
        (MaskRCNN_ResNet50_FPN_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    backbone = resnet50_pyramid(weights, weights_backbone, trainable_backbone_layers, progress)
    model = load_weights(MaskRCNN(backbone, num_classes=classes, **kwargs), weights, progress)
    if weights == MaskRCNN_ResNet50_FPN_Weights.COCO_V1:
        overwrite_eps(model, 0.0)
    return model


@register_model()
@handle_legacy_interface(
    weights=("pretrained", MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def maskrcnn_resnet50_fpn_v2(
    *,
    weights: MaskRCNN_ResNet50_FPN_V2_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = None,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> MaskRCNN:
    """Mask R-CNN on a ResNet-50 with a feature pyramid, with deeper heads; the arguments of the first version."""
    weights, weights_backbone, classes = decided(
        (MaskRCNN_ResNet50_FPN_V2_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    backbone, heads = improved(weights, weights_backbone, trainable_backbone_layers, progress)
    heads["mask_head"] = MaskRCNNHeads(backbone.out_channels, [256] * 4, 1, norm_layer=nn.BatchNorm2d)
    return load_weights(MaskRCNN(backbone, num_classes=classes, **heads, **kwargs), weights, progress)
