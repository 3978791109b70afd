"""Writing results into tensors that exist: `out=`, copies, versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn import dtypes, memory
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor, make, make_view
from tritonnn.device import CPU, runtime
from tritonnn.device import device as Device
from tritonnn.dispatch._backend import check_present, fresh, run_backend
from tritonnn.dispatch._overlap import check_shared, refuse_repeated
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dispatch._watch import ON, entered, seen, surrounded, watchers
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete, warn
from tritonnn.recording.grad_mode import state
from tritonnn.recording.preserving import copy_saved
from tritonnn.recording.refusals import INFERENCE_WRITTEN
from tritonnn.shape import Size
from tritonnn.table.rules import BOOL

if TYPE_CHECKING:
    from tritonnn.dispatch._pointwise import Plan
    from tritonnn.table import Op


# Calls whose out= is of the result's own dtype; others convert to what they are given.
EXACT = frozenset(
    [
        "_addmm_activation", "_scaled_mm", "abs", "absolute", "addbmm", "addmm", "addmv", "all", "amax", "amin",
        "aminmax", "any", "argmax", "argmin", "as_strided_copy", "avg_pool2d", "avg_pool3d", "baddbmm",
        "bitwise_not", "bmm", "bucketize", "ceil", "chain_matmul", "complex", "conj_physical", "cross", "cummax",
        "cummin", "diag", "diagonal_copy", "dot", "expand_copy", "float_power", "floor", "frac", "gather", "gelu",
        "hardshrink", "heaviside", "histc", "histogram", "index_add", "index_copy", "index_reduce", "index_select",
        "isin", "isneginf", "isposinf", "kthvalue", "linear", "log_softmax", "logcumsumexp", "logsigmoid",
        "masked_select", "matmul", "max_dim", "median", "min_dim", "mm", "mode", "msort", "multi_dot",
        "multinomial", "mv", "nan_to_num", "nanmedian", "nanquantile", "neg", "nonzero", "nonzero_static", "norm",
        "permute_copy", "polar", "qr", "quantile", "renorm", "round", "scatter", "scatter_add", "scatter_reduce",
        "scatter_src", "search", "searchsorted", "sgn", "sign", "signbit", "slice_scatter", "softmax", "softplus",
        "softshrink", "sort", "split_with_sizes_copy", "squeeze_copy", "t_copy", "take", "take_along_dim",
        "tensordot", "topk", "transpose_copy", "tril", "triu", "trunc", "unbind_copy", "unfold_copy",
        "unsqueeze_copy", "vdot", "vector_norm", "view_copy", "where",
    ]
)  # fmt: skip
# Calls that refuse an out= which cannot hold the result with another exception than RuntimeError.
_REFUSED_WITH: dict[str, type[Exception]] = {
    **dict.fromkeys(("cat", "stack"), TypeError),
    **dict.fromkeys(("nanmean", "nansum", "normal"), NotImplementedError),
}
# Calls without a derivative, and such that look at nothing, whose out= may require grad.
_CONSTANT = frozenset(("histc", "split_copy", "split_with_sizes_copy"))
_TRUTHS = (dtypes.bool_, dtypes.uint8)


def into(
    op: Op, args: tuple, out: Tensor, edges: list | None, plan: Plan, run: Callable[[Tensor], None]
) -> Tensor:
    """Write a result into `out`, resizing it where needed."""
    shape, dtype = plan.shape, plan.result
    constant = op.result_rule is BOOL or bool(op.options.get("unrecorded"))
    check_out(op.public_name, out, edges is not None, dtype, plan.device, constant)
    shared = overlaps(out, args)
    if shared or out._stride is not None:
        refuse_repeated(op.public_name, out)  # elementwise ops look before they resize
        check_shared(op.public_name, op.names, out, args)
    if out._shape != shape and any(arg is out for arg in args):
        text = f"output with shape {list(out._shape)} doesn't match the broadcast shape {list(shape)}"
        raise RuntimeError(f"{op.public_name}: {text}: an operand is not resized")
    fit_out(op.public_name, out, shape, plan.strides)
    if out._dtype is dtype and not shared:
        run(out)
    else:
        result = fresh(op, shape, dtype, out._device)
        run(result)
        cast_into(out, result)
    wrote(out, op.name)
    if watchers:
        seen(op, args, out)
    return out


def check_out(
    name: str,
    out: object,
    recorded: bool,
    dtype: DType,
    device: object,
    constant: bool = False,
    exact: bool = False,
) -> None:
    """Refuse an `out=` that cannot take the result, before it is written.

    Args:
        recorded: whether an argument of the call requires grad.
        dtype: of the result.
        device: of the other tensors; None where there is none.
        name: of the call; empty where it is not known.
        constant: whether results of the call never require grad.
        exact: whether `out` has to be of the result's dtype, besides the calls whose names say so.
    """
    call, name = name, f"{name}(): " if name else ""
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}argument 'out' must be Tensor, not {type(out).__name__}")
    if recorded or (state.enabled and out.requires_grad and not (constant or call in _CONSTANT)):
        raise unrecordable(name)
    before_write(out)
    if device is not None and out._device is not device:
        raise RuntimeError(
            f"{name}Expected all tensors to be on the same device, but found at least two devices, {device} and "
            f"{out._device} of out!"
        )
    if (
        out._dtype is not dtype
        and (exact or call in EXACT)
        and not (call in ("all", "any") and out._dtype in _TRUTHS)
    ):
        raise RuntimeError(
            f"{name}expected out to have dtype {dtype.name}, but got {out._dtype.name} instead"
        )
    if not dtypes.can_cast(dtype, out._dtype):
        raise _REFUSED_WITH.get(call, RuntimeError)(
            f"{name}result type {dtype.name} can't be cast to the desired output type {out._dtype.name}"
        )


def unrecordable(name: str) -> RuntimeError:
    """What is said of a call that would be recorded and has `out=`."""
    return RuntimeError(
        f"{name}functions with out=... arguments don't support automatic differentiation, but one of the "
        "arguments requires grad."
    )


def before_write(tensor: Tensor, name: str = "copy_") -> None:
    """To be called before memory is written: what backward still needs of it is copied.

    Raises:
        RuntimeError: the tensor was made in inference mode, which has ended, or outside of the transform that runs.
    """
    block = tensor._storage
    if block.version < 0 and not state.inference:
        raise RuntimeError(INFERENCE_WRITTEN)
    if memory._inferring:
        memory.refuse_captured(block, name)
    if getattr(block, "savers", None):
        copy_saved(block, _dense_copy)


def _dense_copy(input: Tensor) -> Tensor:
    """The values in fresh memory, in the order in which they lay; no graph."""
    strides = input.stride() if shapes.is_dense(input.shape, input.stride()) else None
    result = allocate(input.shape, input.dtype, input.device, strides)
    copy_into(result, input)
    return result


def fit_out(name: str, out: Tensor, shape: Size, strides: tuple[int, ...] | None = None) -> None:
    """Give `out` the result's shape and layout, with PyTorch's warning where it held something else.

    Raises:
        RuntimeError: it has the shape, and an element of memory stands in it more than once.
    """
    if out._shape == shape:
        if out._stride is not None:
            refuse_repeated(name, out)
        return
    if out.numel():
        warn(
            f"An output with one or more elements was resized since it had shape {list(out._shape)}, which does not "
            f"match the required output shape {list(shape)}. This behavior is deprecated."
        )
    resize_out(out, shape)
    if strides is not None:
        out.as_strided_(shape, strides)


def typed_by_out(op: Op, args: tuple, out: object) -> tuple:
    """The arguments of a sum or product that is computed in the type of its `out=` where no other is named."""
    place = op.names.index("dtype")
    if not isinstance(out, Tensor) or len(args) <= place:
        return args
    if args[place] is None:
        return (*args[:place], out.dtype, *args[place + 1 :])
    if args[place] is not out.dtype:
        wanted = f"expected out to have dtype {args[place].name}, but got {out.dtype.name} instead"
        raise RuntimeError(f"{op.public_name}(): {wanted}")
    return args


def resize_out(out: Tensor, shape: Size) -> None:
    """Give `out` another shape where nothing is recorded: also what requires grad, which `resize_` itself refuses."""
    if out.requires_grad:
        resized = out.detach().resize_(shape)
        out._adopt(resized)
    else:
        out.resize_(shape)


def deliver(name: str, out: Any, result: Any) -> Any:
    """A composite's result as that of its call with `out=`: a tensor, or as many as there are results."""
    if isinstance(result, (tuple, list)):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            count = len(out) if isinstance(out, (tuple, list)) else type(out).__name__
            raise TypeError(f"{name}(): argument 'out' must be tuple of {len(result)} Tensors, got {count}")
        written = [deliver(name, target, part) for target, part in zip(out, result, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else type(result)(written)
    check_out(name, out, result.requires_grad, result._dtype, result._device)
    fit_out(name, out, result._shape)
    copy_into(out, result)
    wrote(out, name)
    return out


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


def run_into(op: Op, out: Tensor, args: tuple) -> None:
    """A table call that writes into a tensor that exists, as the caller has checked; no graph, no version."""
    if entered and (answer := surrounded(run_into, op, out, args)) is not ON:
        return answer
    buffers = [arg._buf if isinstance(arg, Tensor) else arg for arg in args]
    if out._device is CPU:
        run = op.cpu or op.implementation("cpu")
        token = quiet_set(QUIET)
        try:
            run(out._buf, *buffers)
        except Invalid as invalid:
            raise complete(op.public_name, (), (), invalid) from None
        finally:
            quiet_reset(token)
    elif out._device.type != "meta":
        check_present(op, (out, *args))
        run = op.gpu or op.implementation("cuda")
        run(out._buf, *buffers)
    if watchers:
        seen(op, args, out)


def copy_into(out: Tensor, source: Tensor) -> None:
    """Copy values with cast and broadcast, from another device too; no graph, no version."""
    if out._device.type != "meta":
        run_into(copying(), out, (to_device(source, out._device),))


def cast_into(out: Tensor, source: Tensor) -> None:
    """`copy_into` as the last part of another table call, which is watched as a whole."""
    if out._device.type != "meta":
        run_backend(copying(), (out,), (to_device(source, out._device),))


_copy: Op | None = None


def register_copy(op: Op) -> None:
    """Say which entry copies into a tensor that exists."""
    global _copy
    _copy = op


def copying() -> Op:
    """The entry that copies into a tensor that exists."""
    assert _copy is not None
    return _copy


def to_device(input: Tensor, device: Device) -> Tensor:
    """The values on another device, outside the graph."""
    if input._device is device:
        return input
    dense = input.detach()
    if dense._stride is not None or dense._offset or dense._storage.nbytes != dense.nbytes:
        dense = row_major(dense)
    result = allocate(dense._shape, dense._dtype, device)
    if not dense.numel() or device.type == "meta":
        return result
    if dense._device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    if device is CPU:
        runtime().download(result._buf, dense._buf.ptr, dense._device.index)
    elif dense._device is CPU:
        runtime().upload(result._buf.ptr, dense._buf, device.index)
    else:
        assert device.index is not None and dense._device.index is not None
        runtime().copy_device(
            result._buf.ptr, dense._buf.ptr, dense.nbytes, device.index, dense._device.index
        )
    return result


def row_major(input: Tensor) -> Tensor:
    """The values in fresh memory, row-major; no graph."""
    result = allocate(input._shape, input._dtype, input._device)
    copy_into(result, input)
    return result


def check_dtype(dtype: object) -> None:
    """Refuse what is no dtype."""
    if not isinstance(dtype, DType):
        raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")


def allocate(shape: Size, dtype: DType, device: Device, strides: tuple[int, ...] | None = None) -> Tensor:
    """An uninitialised tensor; `strides` (in elements) describe a dense permutation where they are not row-major."""
    if shape and min(shape) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    if strides is None or strides == shapes.contiguous_strides(shape):
        try:
            return make(*memory.empty(shape, dtype, device, "empty"), shape, dtype, device)
        except AttributeError:
            if dtype in dtypes.OF_PYTHON:
                return allocate(shape, dtypes.OF_PYTHON[dtype], device, strides)
            check_dtype(dtype)
            raise
    if min(strides, default=0) < 0:
        raise RuntimeError(f"negative strides are not supported, got {list(strides)}")
    flat = allocate(Size((shapes.extent_in_elements(shape, strides),)), dtype, device)
    return make_view(flat, shape, strides, 0)


def wrote(tensor: Tensor, op: str) -> None:
    """Note an in-place write."""
    block = tensor._storage
    block.version += 1
    block.writer = op
