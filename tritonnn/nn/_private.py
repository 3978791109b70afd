"""Functions that other packages take from `torch.nn.functional` though PyTorch calls them its own."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.nn import functional as F
from tritonnn.nn._multi_head import canonical_mask


def _canonical_mask(
    mask: Tensor | None, mask_name: str, other_type: DType | None, other_name: str, target_type: DType | None,
    check_other: bool = True,
) -> Any:  # fmt: skip
    """A mask to be added: True of a bool mask becomes -inf; `other_type` is the type that it should have."""
    return canonical_mask(mask, mask_name, other_type if check_other else None, other_name, target_type)


def _none_or_dtype(input: Tensor | None) -> DType | None:
    if input is None:
        return None
    if isinstance(input, Tensor):
        return input.dtype
    raise RuntimeError("input to _none_or_dtype() must be None or torch.Tensor")


def _in_projection(
    q: Tensor, k: Tensor, v: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, b_q: Tensor | None = None,
    b_k: Tensor | None = None, b_v: Tensor | None = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Queries, keys and values, each by its own weights."""
    return F.linear(q, w_q, b_q), F.linear(k, w_k, b_k), F.linear(v, w_v, b_v)


def _in_projection_packed(q: Tensor, k: Tensor, v: Tensor, w: Tensor, b: Tensor | None = None) -> list[Any]:
    """Queries, keys and values by one matrix, in which their weights stand below each other."""
    biases: Any = (None, None, None) if b is None else b.chunk(3)
    return [
        F.linear(x, *pair) for x, pair in zip((q, k, v), zip(w.chunk(3), biases, strict=True), strict=True)
    ]


def _verify_batch_size(size: list[int]) -> None:
    """Refuse to normalise one value per channel."""
    count = size[0]
    for extent in size[2:]:
        count *= extent
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
