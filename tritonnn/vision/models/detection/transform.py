"""What happens to images before a detector sees them, and to its boxes, masks and key points afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn.functional import interpolate
from tritonnn.vision.models.detection._masks import paste_masks_in_image
from tritonnn.vision.models.detection.image_list import ImageList

__all__ = ["GeneralizedRCNNTransform", "resize_boxes", "resize_keypoints"]

Target = dict[str, Tensor]


class GeneralizedRCNNTransform(nn.Module):
    """Normalises images, resizes them and their targets, and pads them to a batch.

    Args:
        min_size: what the shorter side becomes; of several, training draws one and evaluation takes the last.
        max_size: what the longer side stays below; then the shorter one becomes less.
        image_mean: of each channel, subtracted.
        image_std: of each channel, divided by.
        size_divisible: the sides of the batch are padded to multiples of this.
        fixed_size: width and height that every image gets instead, whatever its aspect ratio.
        _skip_resize: in training, leave the images as they are.

    >>> import tritonnn as torch
    >>> transform = GeneralizedRCNNTransform(40, 64, [0.5] * 3, [0.5] * 3).eval()
    >>> images, _ = transform([torch.rand(3, 20, 30), torch.rand(3, 60, 30)])
    >>> images.tensors.shape, images.image_sizes
    (torch.Size([2, 3, 64, 64]), [(40, 60), (64, 32)])
    """

    def __init__(
        self,
        min_size: int | Sequence[int],
        max_size: int,
        image_mean: list[float],
        image_std: list[float],
        size_divisible: int = 32,
        fixed_size: tuple[int, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.min_size = min_size if isinstance(min_size, (list, tuple)) else (min_size,)
        self.max_size = max_size
        self.image_mean = image_mean
        self.image_std = image_std
        self.size_divisible = size_divisible
        self.fixed_size = fixed_size
        self._skip_resize = kwargs.pop("_skip_resize", False)
        if kwargs:
            raise TypeError(f"unexpected keyword arguments of the model: {', '.join(sorted(kwargs))}")

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[Target] | None = None
    ) -> tuple[ImageList, list[Target] | None]:
        """The batch and the targets in its pixels; what came in is not changed."""
        resized = []
        moved = None if targets is None else [dict(target) for target in targets]
        for i, image in enumerate(images):
            if image.dim() != 3:
                raise ValueError(
                    f"images is expected to be a list of 3d tensors of shape [C, H, W], got {image.shape}"
                )
            image, target = self.resize(self.normalize(image), None if moved is None else moved[i])
            resized.append(image)
            if moved is not None and target is not None:
                moved[i] = target
        sizes = [(int(image.shape[-2]), int(image.shape[-1])) for image in resized]
        return ImageList(self.batch_images(resized, self.size_divisible), sizes), moved

    def normalize(self, image: Tensor) -> Tensor:
        if not image.is_floating_point():
            raise TypeError(
                f"Expected input images to be of floating type (in range [0, 1]), but found type {image.dtype} instead"
            )
        mean, std = (
            torch.as_tensor(numbers, dtype=image.dtype, device=image.device)[:, None, None]
            for numbers in (self.image_mean, self.image_std)
        )
        return (image - mean) / std

    def torch_choice(self, k: Sequence[int]) -> int:
        """One of `k`, drawn with the generator of tensors, which `manual_seed` sets."""
        return k[int(torch.empty(1).uniform_(0.0, float(len(k))).item())]

    def resize(self, image: Tensor, target: Target | None = None) -> tuple[Tensor, Target | None]:
        if self.training and self._skip_resize:
            return image, target
        size = self.torch_choice(self.min_size) if self.training else self.min_size[-1]
        before = image.shape[-2:]
        image, target = _resize_image_and_masks(image, size, self.max_size, target, self.fixed_size)
        if target is not None:
            target["boxes"] = resize_boxes(target["boxes"], before, image.shape[-2:])
            if "keypoints" in target:
                target["keypoints"] = resize_keypoints(target["keypoints"], before, image.shape[-2:])
        return image, target

    def max_by_axis(self, the_list: Sequence[Sequence[int]]) -> list[int]:
        """The largest of each column."""
        return [max(column) for column in zip(*the_list)]

    def batch_images(self, images: Sequence[Tensor], size_divisible: int = 32) -> Tensor:
        """One tensor of images, which lie in the upper left corners; the rest is 0."""
        channels, *sides = self.max_by_axis([image.shape for image in images])
        height, width = (math.ceil(side / size_divisible) * size_divisible for side in sides)
        batch = images[0].new_full((len(images), channels, height, width), 0)
        for i, image in enumerate(images):
            batch[i, : image.shape[0], : image.shape[1], : image.shape[2]] = image
        return batch

    def postprocess(
        self,
        result: list[Target],
        image_shapes: Sequence[tuple[int, int]],
        original_image_sizes: Sequence[tuple[int, int]],
    ) -> list[Target]:
        """Detections in the pixels of the images that came in; `result` itself is changed.

        Args:
            result: a dict for each image.
            image_shapes: heights and widths as the network saw them.
            original_image_sizes: heights and widths before `resize`.
        """
        if self.training:
            return result
        for detections, seen, original in zip(result, image_shapes, original_image_sizes):
            detections["boxes"] = resize_boxes(detections["boxes"], seen, original)
            if "masks" in detections:
                detections["masks"] = paste_masks_in_image(detections["masks"], detections["boxes"], original)
            if "keypoints" in detections:
                detections["keypoints"] = resize_keypoints(detections["keypoints"], seen, original)
        return result

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(\n    Normalize(mean={self.image_mean}, std={self.image_std})"
            f"\n    Resize(min_size={self.min_size}, max_size={self.max_size}, mode='bilinear')\n)"
        )


def _resize_image_and_masks(
    image: Tensor,
    self_min_size: float,
    self_max_size: float,
    target: Target | None = None,
    fixed_size: tuple[int, int] | None = None,
) -> tuple[Tensor, Target | None]:
    """The image and the target's masks, resized; the boxes are not."""
    height, width = image.shape[-2:]
    if fixed_size is not None:
        how: dict[str, Any] = {"size": (fixed_size[1], fixed_size[0])}
    else:
        scale = min(self_min_size / min(height, width), self_max_size / max(height, width))
        how = {"scale_factor": scale, "recompute_scale_factor": True}
    image = interpolate(image[None], **how, mode="bilinear", align_corners=False)[0]
    if target is not None and "masks" in target:
        target["masks"] = interpolate(target["masks"][:, None].float(), **how)[:, 0].byte()
    return image, target


def _ratios(original_size: Sequence[int], new_size: Sequence[int], like: Tensor) -> Tensor:
    """How much x and y grow."""
    down, right = (
        torch.tensor(new, dtype=torch.float32) / torch.tensor(old, dtype=torch.float32)
        for new, old in zip(new_size, original_size)
    )
    return torch.stack((right, down)).to(device=like.device)


def resize_keypoints(keypoints: Tensor, original_size: Sequence[int], new_size: Sequence[int]) -> Tensor:
    """Key points, [N, K, 3] of x, y and visibility, of an image whose height and width change."""
    ratios = _ratios(original_size, new_size, keypoints)
    return torch.cat((keypoints[..., :2] * ratios, keypoints[..., 2:]), dim=-1)


def resize_boxes(boxes: Tensor, original_size: Sequence[int], new_size: Sequence[int]) -> Tensor:
    """Boxes, [N, 4], of an image whose height and width change.

    >>> import tritonnn as torch
    >>> resize_boxes(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), (10, 10), (20, 30))
    tensor([[3., 4., 9., 8.]])
    """
    return boxes * _ratios(original_size, new_size, boxes).repeat(2)
