"""What ATen's call of a table call is: its operator's overload with its arguments, or the calls it is made of there.

A row stands for an entry whose name, overload or arguments differ. What has no row is named by `_aten.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dtypes import FLOAT8
from tritonnn.memory_format import contiguous_format
from tritonnn.recording.grad_mode import state
from tritonnn.shape import broadcast_shapes
from tritonnn.table import OPS, Op

#: (operator, overload, arguments by position, arguments by name)
Form = tuple[str, str, tuple, dict[str, Any]]


def _named(operator: str, overload: str = "default", keep: int | None = None) -> Callable[[tuple], Form]:
    """Another name or overload; only the first arguments where ATen has no others."""
    return lambda args: (operator, overload, args[:keep], {})


def _transposed(args: tuple) -> Form | None:
    input, *dims = args
    backward = state.current is not None  # formulas are written for any number of dimensions, ATen's are not
    return ("t", "default", (input,), {}) if input.ndim == 2 and (backward or dims == [0, 1]) else None


def _copied(args: tuple) -> Form:
    input, dtype, device, strides = args
    changed: dict[str, Any] = {"dtype": dtype} if dtype is not input.dtype else {}
    if device is not None and device != input.device:
        changed["device"] = device
    operator = "_to_copy" if changed else "clone"
    if strides is None and not input.is_contiguous():
        changed["memory_format"] = contiguous_format
    return operator, "default", (input,), changed


def _attended(args: tuple) -> Form:
    query, key, value, mask, dropout_p, seed, offset, is_causal, scale = args
    named = {} if mask is None else {"attn_mask": mask}
    if scale is not None:
        named["scale"] = scale
    if dropout_p:
        named.update(seed=seed, offset=offset)
    name = "_scaled_dot_product_flash_attention"
    name = f"{name}_for_cpu" if query.device.type == "cpu" else name
    return name, "default", (query, key, value, dropout_p, is_causal), named


def _summed(args: tuple) -> Form:
    input, dim, keepdim, dtype = args
    named = {} if dtype is None else {"dtype": dtype}
    if dim is None and not keepdim:
        return "sum", "default", (input,), named
    dims = [dim] if isinstance(dim, int) else dim
    return "sum", "dim_IntList", (input, dims, *([True] if keepdim else [])), named


def _averaged(args: tuple) -> Form:
    input, dim, keepdim, dtype = args
    named = {} if dtype is None else {"dtype": dtype}
    if dim is None and not keepdim:
        return "mean", "default", (input,), named
    dims = [dim] if isinstance(dim, int) else dim
    return "mean", "dim", (input, dims, *([True] if keepdim else [])), named


def _varied(name: str) -> Callable[[tuple], Form]:
    def form(args: tuple) -> Form:
        input, dim, correction, keepdim = args
        return name, "correction", (input, dim), {"correction": correction, "keepdim": keepdim}

    return form


def _divided(args: tuple) -> Form:
    input, other, mode = args
    if mode is None:
        return "div", "Tensor", (input, other), {}
    return "div", "Tensor_mode", (input, other), {"rounding_mode": mode}


def _split(args: tuple) -> Form | None:
    input, dim, lengths = args
    even = lengths and all(n == lengths[0] for n in lengths[:-1]) and lengths[-1] <= lengths[0]
    return ("split", "Tensor", (input, lengths[0], dim), {}) if even else None


def _sliced(args: tuple) -> Form:
    input, dim, start, count, step = args
    return "slice", "Tensor", (input, dim, start, start + count * step, *([step] if step != 1 else [])), {}


def _compared(name: str) -> Callable[[tuple], Form]:
    return lambda args: (name, "Tensor" if isinstance(args[1], Tensor) else "Scalar", args, {})


def _filled(args: tuple) -> Form:
    return "masked_fill", "Tensor" if isinstance(args[2], Tensor) else "Scalar", args, {}


def _normalized_back(name: str) -> Callable[[tuple], Form]:
    return lambda args: (name, "default", (*args, args[0].dtype), {})


FORMS: dict[str, Callable[[tuple], Form | None]] = {
    "transpose": _transposed,
    "to_copy": _copied,
    "attention": _attended,
    "sum": _summed,
    "mean": _averaged,
    "var_dims": _varied("var"),
    "div": _divided,
    "split_evenly": _split,
    "masked_fill": _filled,
    "softmax": lambda args: ("_softmax", "default", (*args, False), {}),
    "log_softmax": lambda args: ("_log_softmax", "default", (*args, False), {}),
    "softmax_backward": _normalized_back("_softmax_backward_data"),
    "log_softmax_backward": _normalized_back("_log_softmax_backward_data"),
    "select_dim": _named("select", "int"),
    "slice_dim": _sliced,
    "where": _named("where", "self"),
    "max_dim": _named("max", "dim"),
    "min_dim": _named("min", "dim"),
    "permute_dims": _named("permute"),
    "stack_contiguous": _named("stack"),
    **{name: _compared(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
}


# ---- calls that are several there --------------------------------------------------------------------------


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    transposed = weight.t()
    flat = input.ndim == 2
    rows = input if flat else input.reshape(prod(input.shape[:-1]), input.shape[-1])
    product = rows.mm(transposed) if bias is None else OPS["addmm"].function(bias, rows, transposed)
    return product if flat else product.view(*input.shape[:-1], weight.shape[0])


def _matmul(input: Tensor, other: Tensor) -> Tensor:
    (*_, rows, inner), columns = input.shape, other.shape[-1]
    if other.ndim == 2:
        batch = input.shape[:-2]
        return input.reshape(prod(batch) * rows, inner).mm(other).view(*batch, rows, columns)
    batch = broadcast_shapes(input.shape[:-2], other.shape[:-2])
    left = input.expand(*batch, rows, inner).reshape(prod(batch), rows, inner)
    right = other.expand(*batch, inner, columns).reshape(prod(batch), inner, columns)
    return left.bmm(right).view(*batch, rows, columns)


def parts_of(op: Op, args: tuple) -> Callable[..., Tensor] | None:
    """What makes the result of a call by the calls that ATen has for it; None where it is one call there."""
    input, other = args[0], args[1] if len(args) > 1 else None
    if op.name not in ("linear", "matmul_nd") or not (
        isinstance(input, Tensor) and isinstance(other, Tensor)
    ):
        return None
    if {input.dtype, other.dtype}.intersection(FLOAT8) or input.shape[-1:] != other.shape[_INNER[op.name] :][
        :1
    ]:
        return None  # for the entry itself to compute, or to refuse
    if op.name == "linear":
        bias = args[2]
        fits = other.ndim == 2 and (bias is None or (isinstance(bias, Tensor) and bias.ndim == 1))
        return _linear if fits and input.ndim else None
    ranks = input.ndim, other.ndim
    simple = ranks == (2, 2) or (ranks == (3, 3) and input.shape[0] == other.shape[0])
    return None if simple or min(ranks) < 2 else _matmul


#: where the weight, or the second factor, has the extent that is summed over
_INNER = {"linear": -1, "matmul_nd": -2}
