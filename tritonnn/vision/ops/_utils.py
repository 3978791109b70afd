"""What the operators share: regions out of lists of boxes, sums in wider types, parameters of normalisations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn.modules.utils import _pair


def pair(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    """One number for both dimensions, or one for each; ValueError names the argument where there are others."""
    both = tuple(_pair(value))
    if len(both) != 2:
        raise ValueError(f"{name} must be one number or two, got {value}")
    return both


def _cat(tensors: list[Tensor], dim: int = 0) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, dim)


def convert_boxes_to_roi_format(boxes: list[Tensor]) -> Tensor:
    """Boxes of each image as one tensor (K, 5) whose first column says of which image a box is.

    >>> import tritonnn as torch
    >>> torch.vision.ops._utils.convert_boxes_to_roi_format([torch.ones(1, 4), torch.zeros(1, 4)])
    tensor([[0., 1., 1., 1., 1.],
            [1., 0., 0., 0., 0.]])
    """
    numbers = [torch.full_like(of_image[:, :1], i) for i, of_image in enumerate(boxes)]
    return torch.cat([_cat(numbers), _cat(list(boxes))], dim=1)


def check_roi_boxes_shape(boxes: Tensor | list[Tensor]) -> None:
    """Refuse what is neither a tensor (K, 5) nor a list of tensors (L, 4), with an AssertionError.

    >>> import tritonnn as torch
    >>> torch.vision.ops._utils.check_roi_boxes_shape([torch.ones(1, 4)])
    """
    if isinstance(boxes, (list, tuple)):
        wrong = [tuple(b.shape) for b in boxes if b.size(1) != 4]
        if wrong:
            raise AssertionError(
                "The shape of the tensor in the boxes list is not correct as List[Tensor[L, 4]]: got shape "
                f"{wrong[0]}"
            )
    elif not isinstance(boxes, Tensor):
        raise AssertionError(
            f"boxes is expected to be a Tensor[L, 5] or a List[Tensor[K, 4]], got {type(boxes).__name__}"
        )
    elif boxes.size(1) != 5:
        raise AssertionError(
            f"The boxes tensor shape is not correct as Tensor[K, 5]: got shape {tuple(boxes.shape)}"
        )


def _regions(boxes: Tensor | list[Tensor]) -> Tensor:
    """What operators on regions are given, as a tensor (K, 5)."""
    check_roi_boxes_shape(boxes)
    return boxes if isinstance(boxes, Tensor) else convert_boxes_to_roi_format(boxes)


def split_normalization_params(
    model: nn.Module, norm_classes: list[type] | None = None
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The trained parameters of normalisations, and all others: for a weight decay that leaves the former out.

    Args:
        model: whose parameters.
        norm_classes: what counts as a normalisation; by default those of `nn`.

    >>> import tritonnn as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    >>> [len(part) for part in torch.vision.ops._utils.split_normalization_params(net)]
    [2, 2]

    Raises ValueError for a class that is no module.
    """
    classes: Sequence[type] = norm_classes or [
        nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm,
        nn.LocalResponseNorm,
    ]  # fmt: skip
    for kind in classes:
        if not issubclass(kind, nn.Module):
            raise ValueError(f"Class {kind} is not a subclass of nn.Module.")
    norms: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in model.modules():
        has_children = next(module.children(), None) is not None
        if has_children:
            others.extend([p for p in module.parameters(recurse=False) if p.requires_grad])
        else:
            target = norms if isinstance(module, tuple(classes)) else others
            target.extend([p for p in module.parameters() if p.requires_grad])
    return norms, others


def _upcast(t: Tensor) -> Tensor:
    """In a type in which products of coordinates do not overflow: float32 or int32 at least."""
    if t.is_floating_point():
        return t if t.dtype in (torch.float32, torch.float64) else t.float()
    return t if t.dtype in (torch.int32, torch.int64) else t.int()


def _upcast_non_float(t: Tensor) -> Tensor:
    """In float32, or in float64 where it is."""
    return t if t.dtype in (torch.float32, torch.float64) else t.float()


def _loss_inter_union(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Areas that pairs of boxes share and cover; a gradient flows into the former only where there is such an area."""
    x1, y1, x2, y2 = boxes1.unbind(dim=-1)
    x1g, y1g, x2g, y2g = boxes2.unbind(dim=-1)
    width = torch.min(x2, x2g) - torch.max(x1, x1g)
    height = torch.min(y2, y2g) - torch.max(y1, y1g)
    shared = torch.where((width > 0) & (height > 0), width * height, 0.0)
    return shared, (x2 - x1) * (y2 - y1) + (x2g - x1g) * (y2g - y1g) - shared


def _reduced(loss: Tensor, reduction: str, mean: Callable[[Tensor], Tensor] = torch.mean) -> Tensor:
    """A loss as 'none', 'mean' or 'sum' has it."""
    if reduction == "none":
        return loss
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return loss.sum()
    raise ValueError(
        f"Invalid Value for arg 'reduction': '{reduction} \n Supported reduction modes: 'none', 'mean', 'sum'"
    )


def _mean_or_zero(loss: Tensor) -> Tensor:
    """The mean, and 0 of no boxes."""
    return loss.mean() if loss.numel() > 0 else 0.0 * loss.sum()
