"""The masks of Mask R-CNN: what a head's output means, its loss, and masks put into images."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional as F
from tritonnn.vision.ops.roi_align import roi_align

__all__ = [
    "expand_boxes", "expand_masks", "maskrcnn_inference", "maskrcnn_loss", "paste_mask_in_image",
    "paste_masks_in_image", "project_masks_on_boxes",
]  # fmt: skip


def maskrcnn_inference(x: Tensor, labels: list[Tensor]) -> list[Tensor]:
    """For each image, the probabilities of the mask of each box's class, [N, 1, M, M].

    Args:
        x: the head's output for the boxes of all images, [boxes, classes, M, M].
        labels: for each image, the classes of its boxes.
    """
    classes = torch.cat(labels)
    masks = x.sigmoid()[torch.arange(len(x), device=classes.device), classes][:, None]
    return list(masks.split([len(label) for label in labels]))


def project_masks_on_boxes(gt_masks: Tensor, boxes: Tensor, matched_idxs: Tensor, M: int) -> Tensor:
    """What a head should say of `boxes`: the part inside each of its true mask, at M x M points.

    Args:
        gt_masks: true masks, [true boxes, height, width].
        boxes: [N, 4].
        matched_idxs: the row of `gt_masks` of each.
        M: points along a side.
    """
    rois = torch.cat((matched_idxs[:, None].to(boxes), boxes), dim=1)
    return roi_align(gt_masks[:, None].to(rois), rois, (M, M), 1.0)[:, 0]


def maskrcnn_loss(
    mask_logits: Tensor, proposals: list[Tensor], gt_masks: list[Tensor], gt_labels: list[Tensor],
    mask_matched_idxs: list[Tensor],
) -> Tensor:  # fmt: skip
    """The binary cross entropy of the masks of the true classes; the masks of other classes are free.

    Args:
        mask_logits: of all positive proposals, [N, classes, M, M].
        proposals: those of each image.
        gt_masks: the true masks of each image.
        gt_labels: the true classes of each image.
        mask_matched_idxs: the true box of each proposal, for each image.
    """
    labels = torch.cat([label[matched] for label, matched in zip(gt_labels, mask_matched_idxs)])
    if labels.numel() == 0:
        return mask_logits.sum() * 0  # the head still gets gradients, which are 0
    size = mask_logits.shape[-1]
    targets = torch.cat(
        [
            project_masks_on_boxes(masks, boxes, matched, size)
            for masks, boxes, matched in zip(gt_masks, proposals, mask_matched_idxs)
        ]
    )
    of_class = mask_logits[torch.arange(len(labels), device=labels.device), labels]
    return F.binary_cross_entropy_with_logits(of_class, targets)


def expand_boxes(boxes: Tensor, scale: float) -> Tensor:
    """Boxes that are `scale` times as large around the same middles."""
    halves = (boxes[:, 2:] - boxes[:, :2]) * 0.5
    middles = (boxes[:, 2:] + boxes[:, :2]) * 0.5
    halves = halves * scale
    return torch.cat((middles - halves, middles + halves), dim=1)


def expand_masks(mask: Tensor, padding: int) -> tuple[Tensor, float]:
    """Masks, [..., M, M], with zeros around them, and how much larger they are."""
    size = mask.shape[-1]
    return F.pad(mask, (padding,) * 4), float(size + 2 * padding) / size


def paste_mask_in_image(mask: Tensor, box: Tensor, im_h: int, im_w: int) -> Tensor:
    """An image of zeros with a mask in it.

    Args:
        mask: [M, M].
        box: where it goes, four whole numbers; the corners belong to it. What lies outside the image is cut off.
        im_h: height of the image.
        im_w: width of the image.
    """
    image = torch.zeros(im_h, im_w, dtype=mask.dtype, device=mask.device)
    _paste(image, mask, box.tolist())
    return image


def _paste(image: Tensor, mask: Tensor, box: list[int]) -> None:
    """Write a mask into an image, in place."""
    x0, y0, x1, y1 = box
    left, top, right, bottom = (
        max(x0, 0),
        max(y0, 0),
        min(x1 + 1, image.shape[1]),
        min(y1 + 1, image.shape[0]),
    )
    if left >= right or top >= bottom:
        return
    resized = F.interpolate(
        mask[None, None], size=(y1 - y0 + 1, x1 - x0 + 1), mode="bilinear", align_corners=False
    )[0, 0]
    image[top:bottom, left:right] = resized[top - y0 : bottom - y0, left - x0 : right - x0]


def paste_masks_in_image(
    masks: Tensor, boxes: Tensor, img_shape: tuple[int, int], padding: int = 1
) -> Tensor:
    """An image for each mask, [N, 1, height, width], with it where its box is.

    Args:
        masks: [N, 1, M, M].
        boxes: [N, 4].
        img_shape: height and width.
        padding: zeros that are put around each mask, so that its edge is smooth.

    >>> import tritonnn as torch
    >>> pasted = paste_masks_in_image(torch.ones(1, 1, 28, 28), torch.tensor([[2.0, 2.0, 6.0, 6.0]]), (9, 9))
    >>> pasted[0, 0, 4]
    tensor([0., 1., 1., 1., 1., 1., 1., 0., 0.])
    """
    padded, scale = expand_masks(masks, padding)
    corners = expand_boxes(boxes, scale).to(torch.int64)
    images = masks.new_zeros((len(masks), 1, *img_shape))
    for i, box in enumerate(corners.tolist()):
        _paste(images[i, 0], padded[i, 0], box)
    return images
