"""Strided nested tensors out of padded ones: by a mask of what is no padding, or by the shapes of the components."""

from __future__ import annotations

from operator import gt

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.nested._making import strided_of

__all__ = ["_nested_from_padded", "_nested_tensor_from_mask", "_nested_tensor_from_mask_left_aligned"]


def _check(name: str, t: Tensor, mask: Tensor) -> None:
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(f"{name}: Expected mask to be of ScalarType Bool, but got {mask.dtype} instead.")
    if mask.dim() != 2 or t.dim() != 3 or t.shape[:2] != mask.shape:
        raise RuntimeError(
            f"{name}: expected a tensor (N, L, E) and a mask (N, L), got {tuple(t.shape)} and {tuple(mask.shape)}"
        )


def _nested_tensor_from_mask_left_aligned(t: Tensor, mask: Tensor) -> bool:
    """Whether in each row of a mask (N, L) all that is True comes first.

    >>> import tritonnn as torch
    >>> torch._nested_tensor_from_mask_left_aligned(torch.ones(1, 2, 3), torch.tensor([[False, True]]))
    False
    """
    _check("_nested_tensor_from_mask_left_aligned", t, mask)
    return not bool((mask[:, 1:] & mask[:, :-1].logical_not()).any())


def _nested_tensor_from_mask(t: Tensor, mask: Tensor, mask_check: bool = True) -> Tensor:
    """A nested tensor of the rows of a padded one (N, L, E): as many of each as the mask (N, L) has True.

    Raises:
        RuntimeError: something else than the padding at the end is masked, and `mask_check`.

    >>> import tritonnn as torch
    >>> torch._nested_tensor_from_mask(torch.ones(2, 2, 1), torch.tensor([[True, False], [True, True]])).unbind()
    (tensor([[1.]]), tensor([[1.],
            [1.]]))
    """
    _check("_nested_tensor_from_mask", t, mask)
    if mask_check and not _nested_tensor_from_mask_left_aligned(t, mask):
        raise RuntimeError("_nested_tensor_from_mask: Mask must be left-aligned without gaps")
    lengths = mask.sum(1).tolist()
    return strided_of([row[:length] for row, length in zip(t.unbind(0), lengths, strict=True)])


def _nested_from_padded(padded: Tensor, cpu_nested_shape_example: Tensor) -> Tensor:
    """A nested tensor of the corners of a padded one (N, ...), of the shapes that a tensor (N, dimensions) lists.

    >>> import tritonnn as torch
    >>> torch._nested_from_padded(torch.ones(1, 2, 2), torch.tensor([[1, 2]])).unbind()
    (tensor([[1., 1.]]),)
    """
    shapes = cpu_nested_shape_example.tolist()
    if cpu_nested_shape_example.dim() != 2 or len(shapes) != padded.shape[0]:
        raise RuntimeError(
            f"_nested_from_padded: expected shapes of {padded.shape[0]} components, got a tensor of shape "
            f"{tuple(cpu_nested_shape_example.shape)}"
        )
    extents = padded.shape[1:]
    if any(len(shape) != len(extents) or any(map(gt, shape, extents)) for shape in shapes):
        raise RuntimeError(f"_nested_from_padded: shapes {shapes} do not fit into {tuple(padded.shape)}")
    parts = [row[tuple(slice(n) for n in shape)] for row, shape in zip(padded.unbind(0), shapes, strict=True)]
    return strided_of(parts)
