"""What `out=` means to functions that make tensors."""

from __future__ import annotations

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.shape import Size


def agreed(op: str, out: Tensor | None, dtype: DType | None) -> None:
    """Refuse a dtype that is not that of the tensor to write into."""
    if out is not None and dtype is not None and out.dtype is not dtype:
        raise fail(
            op, f"dtype {dtype.name} does not match dtype of out parameter ({out.dtype.name})", out=out
        )


def into(out: Tensor | None, shape: Size, dtype: DType, device: Device) -> Tensor:
    if out is None:
        return allocate(shape, dtype, device)
    dispatch.check_out("", out, False, dtype, None)
    if out.shape != shape:
        dispatch.resize_out(out, shape)
    return out


def copy_out(out: Tensor | None, result: Tensor) -> Tensor:
    return result if out is None else into(out, result.shape, out.dtype, out.device).copy_(result)


def same_into(op: str, out: Tensor | None, result: Tensor) -> Tensor:
    """`copy_out` of a result that has a dtype, a device, and perhaps a graph, which `out` has to fit."""
    if out is not None:
        dispatch.check_out(op, out, result.requires_grad, result.dtype, result.device, exact=True)
    return copy_out(out, result)


def counted_into(out: Tensor | None, result: Tensor) -> Tensor:
    """`copy_out` of numbers in a row, into a tensor of as many elements in the shape that it has."""
    if out is not None and out.numel() == result.numel():
        result = result.reshape(out.shape)
    return copy_out(out, result)
