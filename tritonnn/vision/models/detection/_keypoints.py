"""The key points of Keypoint R-CNN: as heat maps, which a head predicts, and back."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional as F

__all__ = ["heatmaps_to_keypoints", "keypointrcnn_inference", "keypointrcnn_loss", "keypoints_to_heatmap"]


def keypoints_to_heatmap(keypoints: Tensor, rois: Tensor, heatmap_size: int) -> tuple[Tensor, Tensor]:
    """Where in a heat map each key point lies, and whether it is a target: visible, and inside its box.

    Args:
        keypoints: [N, K, 3] of x, y and visibility.
        rois: the box of each, [N, 4].
        heatmap_size: points along a side.

    Returns:
        Two int64 tensors, [N, K]: the place, row by row, and 1 where it counts.
    """
    upper_left, lower_right = rois[:, None, :2], rois[:, None, 2:]
    points = keypoints[..., :2]
    cells = ((points - upper_left) * (heatmap_size / (lower_right - upper_left))).floor().long()
    cells = torch.where(points == lower_right, heatmap_size - 1, cells)  # the far edges belong to the box
    inside = ((cells >= 0) & (cells < heatmap_size)).all(dim=-1)
    valid = (inside & (keypoints[..., 2] > 0)).long()
    return (cells[..., 1] * heatmap_size + cells[..., 0]) * valid, valid


def heatmaps_to_keypoints(maps: Tensor, rois: Tensor) -> tuple[Tensor, Tensor]:
    """The key points of predicted heat maps, [N, K, 3] of x, y and 1, and their scores, [N, K].

    Args:
        maps: [N, K, M, M].
        rois: the box of each, [N, 4].

    Each map is resized to its box, and its highest place taken.
    """
    sizes = (rois[:, 2:] - rois[:, :2]).clamp(min=1)
    whole = sizes.ceil()
    scale = sizes / whole
    points = torch.ones(len(rois), maps.shape[1], 3, dtype=torch.float32, device=maps.device)
    scores = torch.zeros(len(rois), maps.shape[1], dtype=torch.float32, device=maps.device)
    for i, (width, height) in enumerate(whole.long().tolist()):
        resized = F.interpolate(maps[i][:, None], size=(height, width), mode="bicubic", align_corners=False)
        scores[i], place = resized.flatten(1).max(dim=1)
        cells = torch.stack((place % width, place // width), dim=-1)
        points[i, :, :2] = (cells.float() + 0.5) * scale[i] + rois[i, :2]
    return points, scores


def keypointrcnn_loss(
    keypoint_logits: Tensor, proposals: list[Tensor], gt_keypoints: list[Tensor],
    keypoint_matched_idxs: list[Tensor],
) -> Tensor:  # fmt: skip
    """The cross entropy of where each key point lies.

    Args:
        keypoint_logits: the heat maps of all positive proposals, [N, K, M, M].
        proposals: those of each image.
        gt_keypoints: the true key points of each image.
        keypoint_matched_idxs: the true box of each proposal, for each image.
    """
    N, K, H, W = keypoint_logits.shape
    if H != W:
        raise ValueError(
            "keypoint_logits height and width (last two elements of shape) should be equal. "
            f"Instead got H = {H} and W = {W}"
        )
    targets, valid = [], []
    for boxes, points, matched in zip(proposals, gt_keypoints, keypoint_matched_idxs):
        places, counts = keypoints_to_heatmap(points[matched], boxes, H)
        targets.append(places.flatten())
        valid.append(counts.flatten())
    kept = torch.where(torch.cat(valid))[0]
    if len(kept) == 0:
        return keypoint_logits.sum() * 0  # the head still gets gradients, which are 0
    return F.cross_entropy(keypoint_logits.view(N * K, H * W)[kept], torch.cat(targets)[kept])


def keypointrcnn_inference(x: Tensor, boxes: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The key points and their scores, for each image.

    Args:
        x: the heat maps of the boxes of all images.
        boxes: those of each image.
    """
    maps = x.split([len(one) for one in boxes])
    found = [heatmaps_to_keypoints(*pair) for pair in zip(maps, boxes)]
    return [points for points, _ in found], [scores for _, scores in found]
