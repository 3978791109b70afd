"""Writing results into tensors that exist: `out=`, copies, versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn import dtypes, storage
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor, make, make_view
from tritonnn.device import CPU, runtime
from tritonnn.device import device as Device
from tritonnn.dispatch._backend import fresh
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dtypes import dtype as DType
from tritonnn.recording.grad_mode import state
from tritonnn.shape import Size

if TYPE_CHECKING:
    from tritonnn.table import Op


def into(
    op: Op, args: tuple, out: Tensor, edges: list | None, shape: Size, dtype: DType, run: Callable
) -> Tensor:
    """Write a result into `out`, resizing it where needed."""
    check_out(op, out, edges, dtype)
    if out.shape != shape:
        resize_out(op, out, shape)
    if out.dtype is dtype and not overlaps(out, args):
        run(out)
    else:
        made = fresh(op, shape, dtype, out.device)
        run(made)
        copy_into(out, made)
    wrote(out, op.name)
    return out


def check_out(op: Op, out: Any, edges: list | None, dtype: DType) -> None:
    """Refuse an `out=` that cannot take the result, before anything is computed."""
    if not isinstance(out, Tensor):
        raise TypeError(f"{op.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if edges is not None or (state.enabled and out.requires_grad):
        raise RuntimeError(
            f"{op.name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    if not dtypes.can_cast(dtype, out.dtype):
        raise RuntimeError(
            f"result type {dtype.name} can't be cast to the desired output type {out.dtype.name}"
        )


def resize_out(op: Op, out: Tensor, shape: Size) -> None:
    """Give `out` the result's shape, with PyTorch's warning where it held something else."""
    if out.numel():
        import warnings

        warnings.warn(
            f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
            f"match the required output shape {list(shape)}. This behavior is deprecated.",
            stacklevel=5,
        )
    out.resize_(shape)


def overlaps(out: Tensor, args: tuple) -> bool:
    """Whether an argument shares memory with `out` other than element for element."""
    for arg in args:
        for tensor in arg if isinstance(arg, (list, tuple)) else (arg,):
            if (
                isinstance(tensor, Tensor)
                and tensor._storage.block is out._storage.block
                and tensor is not out
            ):
                return True
    return False


def copy_into(out: Tensor, source: Tensor) -> None:
    """Copy values with cast and broadcast; no graph, no version."""
    if out.device.type == "meta":
        return
    if out.device is not source.device:
        source = to_device(source, out.device)
    if out.device is CPU:
        from tritonnn.cpu_fallback.shape import copy

        token = quiet_set(QUIET)
        copy(out._buf, source._buf)
        quiet_reset(token)
    else:
        from tritonnn.kernels.device.moving import copy as copy_kernel

        buffer = source._buf
        if source.shape != out.shape:
            buffer = buffer.as_strided(
                tuple(out.shape), shapes.expanded_strides(source.shape, source.stride(), out.shape)
            )
        copy_kernel(out._buf, buffer)


def to_device(input: Tensor, device: Device) -> Tensor:
    """The values on another device, outside the graph."""
    if input.device is device:
        return input
    dense = input.detach()
    if dense._stride is not None or dense._offset or dense._storage.nbytes != dense.nbytes:
        dense = row_major(dense)
    made = allocate(dense.shape, dense.dtype, device)
    if not dense.numel() or device.type == "meta":
        return made
    if dense.device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    if device is CPU:
        runtime().download(made._buf, dense._buf.ptr, dense.device.index)
    elif dense.device is CPU:
        runtime().upload(made._buf.ptr, dense._buf, device.index)
    else:
        assert device.index is not None and dense.device.index is not None
        runtime().copy_device(made._buf.ptr, dense._buf.ptr, dense.nbytes, device.index, dense.device.index)
    return made


def row_major(input: Tensor) -> Tensor:
    """The values in fresh memory, row-major; no graph."""
    made = allocate(input.shape, input.dtype, input.device)
    copy_into(made, input)
    return made


def allocate(shape: Size, dtype: DType, device: Device, strides: tuple[int, ...] | None = None) -> Tensor:
    """An uninitialised tensor; `strides` (in elements) describe a dense permutation where they are not row-major."""
    if shape and min(shape) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    if strides is None or strides == shapes.contiguous_strides(shape):
        return make(*storage.empty(shape, dtype, device, "empty"), shape, dtype, device)
    flat = allocate(Size((shapes.extent_in_elements(shape, strides),)), dtype, device)
    return make_view(flat, shape, strides, 0)


def wrote(tensor: Tensor, op: str) -> None:
    """Note an in-place write."""
    block = tensor._storage
    block.version += 1
    block.writer = op
