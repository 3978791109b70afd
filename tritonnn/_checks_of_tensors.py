"""Conditions on tensors that stop a program, by the names that packages call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import _tensor
from tritonnn._symbolic import _check_with
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device


def _assert_async(input: Tensor, assert_msg: str = "") -> None:
    """Raise RuntimeError where the only element is zero. The GPU is waited for, where PyTorch would raise later.

    >>> import tritonnn as torch
    >>> torch._assert_async(torch.tensor(1))
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("_assert_async", "input", "Tensor", input)
    if not input.is_nonzero():
        raise RuntimeError(assert_msg or "Expected Tensor with single nonzero value, but got zero")


def _assert_scalar(self: float, assert_msg: str) -> None:
    """Raise RuntimeError where a number is zero."""
    if not self:
        raise RuntimeError(assert_msg)


def _assert_tensor_metadata(
    a: Tensor,
    size: Sequence[int] | None = None,
    stride: Sequence[int] | None = None,
    dtype: Any = None,
    *,
    device: Any = None,
    layout: Any = None,
) -> None:
    """Raise RuntimeError where a tensor has another shape, strides, dtype, device or layout than those given.

    >>> import tritonnn as torch
    >>> torch._assert_tensor_metadata(torch.ones(2), [2], dtype=torch.float32)
    """
    wanted: dict[str, Any] = {
        "sizes": size,
        "strides": stride,
        "dtype": dtype,
        "device": device,
        "layout": layout,
    }
    wanted["device"] = None if device is None else Device(device)
    found: dict[str, Any] = {
        "sizes": tuple(a.shape),
        "dtype": a.dtype,
        "device": a.device,
        "layout": a.layout,
    }
    if stride is not None:
        found["strides"] = tuple(a.stride())
    for name, value in wanted.items():
        value = tuple(value) if name in ("sizes", "strides") and value is not None else value
        if value is not None and value != found[name]:
            raise RuntimeError(f"Tensor {name} mismatch! Expected: {value}, Got: {found[name]}")


def _check_tensor_all_with(
    kind: type[Exception], cond: Tensor, message: Callable[[], object] | None = None
) -> None:
    """Raise `kind`, with the text that `message()` returns, where not all elements are true."""
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if str(cond.dtype) != "torch.bool":
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(kind, bool(cond.all().item()), message, "_check_tensor_all_with")


def _check_tensor_all(cond: Tensor, message: Callable[[], object] | None = None) -> None:
    """Raise RuntimeError where not all elements are true.

    >>> import tritonnn as torch
    >>> torch._check_tensor_all(torch.tensor([True]))
    """
    _check_tensor_all_with(RuntimeError, cond, message)


def spmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, `torch.mm`, by an older name.

    >>> import tritonnn as torch
    >>> torch.spmm(torch.eye(2), torch.ones(2, 1))
    tensor([[1.],
            [1.]])
    """
    return input.mm(mat2)


def dsmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, `torch.mm`, by an older name.

    >>> import tritonnn as torch
    >>> torch.dsmm(torch.eye(2), torch.ones(2, 1)).shape
    torch.Size([2, 1])
    """
    return input.mm(mat2)
