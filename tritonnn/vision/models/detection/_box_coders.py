"""Boxes as what a network predicts: offsets from a box that it starts with (an anchor or a proposal), and back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor

__all__ = ["BoxCoder", "BoxLinearCoder", "encode_boxes"]


def _centers_and_sizes(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """[..., 4] of corners as two [..., 2]."""
    sizes = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sizes, sizes


def encode_boxes(reference_boxes: Tensor, proposals: Tensor, weights: Tensor) -> Tensor:
    """How far `reference_boxes` are from `proposals`: see `BoxCoder`.

    Args:
        reference_boxes: the true boxes, [N, 4].
        proposals: what the network starts with, [N, 4].
        weights: four factors, of x, y, width and height.
    """
    centers, sizes = _centers_and_sizes(proposals)
    true_centers, true_sizes = _centers_and_sizes(reference_boxes)
    shifts = weights[:2] * (true_centers - centers) / sizes
    return torch.cat((shifts, weights[2:] * torch.log(true_sizes / sizes)), dim=1)


class BoxCoder:
    """The coding of R-CNN: the centre's way in units of the proposal's size, and the logarithm of how sizes differ.

    Args:
        weights: factors of the codes of x, y, width and height.
        bbox_xform_clip: the largest logarithm of a size that `decode` believes, so that `exp` stays finite.

    >>> import tritonnn as torch
    >>> coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    >>> proposals = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
    >>> code = coder.encode_single(torch.tensor([[1.0, 0.0, 5.0, 2.0]]), proposals)
    >>> code
    tensor([[0.2500, 0.0000, 0.0000, 0.0000]])
    >>> coder.decode_single(code, proposals)
    tensor([[1., 0., 5., 2.]])
    """

    __module__ = "tritonnn.vision.models.detection._utils"  # where torchvision has it

    def __init__(
        self, weights: tuple[float, float, float, float], bbox_xform_clip: float = math.log(1000.0 / 16)
    ) -> None:
        self.weights = weights
        self.bbox_xform_clip = bbox_xform_clip

    def encode(self, reference_boxes: Sequence[Tensor], proposals: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The codes of several images at once: a tensor for each."""
        codes = self.encode_single(torch.cat(reference_boxes), torch.cat(proposals))
        return codes.split([len(boxes) for boxes in reference_boxes])

    def encode_single(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        weights = torch.as_tensor(self.weights, dtype=reference_boxes.dtype, device=reference_boxes.device)
        return encode_boxes(reference_boxes, proposals, weights)

    def decode(self, rel_codes: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """The boxes of several images, [N, classes, 4], where each of all N proposals has a code for every class."""
        torch._assert(
            isinstance(boxes, (list, tuple)), f"decode: boxes: a list of tensors, not {type(boxes)}"
        )
        torch._assert(isinstance(rel_codes, Tensor), f"decode: rel_codes: a tensor, not {type(rel_codes)}")
        total = sum(len(one) for one in boxes)
        if total == 0:
            return self.decode_single(rel_codes, torch.cat(boxes))
        return self.decode_single(rel_codes.reshape(total, -1), torch.cat(boxes)).reshape(total, -1, 4)

    def decode_single(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """The boxes, [N, 4 * classes], of codes of that shape."""
        centers, sizes = (part[:, None] for part in _centers_and_sizes(boxes.to(rel_codes.dtype)))
        codes = rel_codes.unflatten(1, (-1, 4))
        wx, wy, ww, wh = self.weights
        shifts = torch.stack((codes[..., 0] / wx, codes[..., 1] / wy), dim=-1)
        logarithms = torch.stack((codes[..., 2] / ww, codes[..., 3] / wh), dim=-1)
        middles = shifts * sizes + centers
        halves = 0.5 * (torch.exp(logarithms.clamp(max=self.bbox_xform_clip)) * sizes)
        return torch.cat((middles - halves, middles + halves), dim=-1).flatten(1)


class BoxLinearCoder:
    """The coding of FCOS: how far the four sides are from the middle of the box that the network starts with.

    Args:
        normalize_by_size: count in units of that box's size.

    >>> import tritonnn as torch
    >>> coder = BoxLinearCoder(normalize_by_size=False)
    >>> anchors = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    >>> coder.encode(anchors, torch.tensor([[1.0, 1.0, 5.0, 6.0]]))
    tensor([[1., 1., 3., 4.]])
    """

    __module__ = "tritonnn.vision.models.detection._utils"  # where torchvision has it

    def __init__(self, normalize_by_size: bool = True) -> None:
        self.normalize_by_size = normalize_by_size

    def encode(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        """The distances of the sides of `proposals`, the true boxes, from the middles of `reference_boxes`."""
        middles = 0.5 * (reference_boxes[..., :2] + reference_boxes[..., 2:])
        distances = torch.cat((middles - proposals[..., :2], proposals[..., 2:] - middles), dim=-1)
        return distances / self._sizes(reference_boxes) if self.normalize_by_size else distances

    def decode(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """The boxes with sides as far from the middles of `boxes` as `rel_codes`, of the same length, say."""
        boxes = boxes.to(rel_codes.dtype)
        middles = 0.5 * (boxes[..., :2] + boxes[..., 2:])
        distances = rel_codes * self._sizes(boxes) if self.normalize_by_size else rel_codes
        return torch.cat((middles - distances[..., :2], middles + distances[..., 2:]), dim=-1)

    @staticmethod
    def _sizes(boxes: Tensor) -> Tensor:
        sizes = boxes[..., 2:] - boxes[..., :2]
        return torch.cat((sizes, sizes), dim=-1)
