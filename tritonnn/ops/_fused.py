"""What fused ops share: dtypes of saved statistics, gradients on demand, the formulas that double backward
uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import Out
from tritonnn.recording.grad_mode import state
from tritonnn.shape import numel

Grads = tuple[Tensor | None, ...]

# How PyTorch's messages call the dtypes.
TYPE_NAMES = {
    dtypes.bool_: "Bool", dtypes.uint8: "Byte", dtypes.int8: "Char", dtypes.int16: "Short",
    dtypes.int32: "Int",
    dtypes.uint16: "UInt16", dtypes.uint32: "UInt32", dtypes.uint64: "UInt64",
    dtypes.int64: "Long", dtypes.float16: "Half", dtypes.bfloat16: "BFloat16", dtypes.float32: "Float",
    dtypes.float64: "Double", dtypes.complex64: "ComplexFloat", dtypes.complex128: "ComplexDouble",
}  # fmt: skip


def statistics_dtype(dtype: DType) -> DType:
    """The dtype of saved statistics: float32 at least."""
    return dtype if dtype.itemsize >= 4 else dtypes.float32


def no_slope(grad: Any, input: Any) -> Tensor:
    """The gradient of a map that is linear, at least in pieces, with the graph to the input that PyTorch's has.

    What goes through it are zeros: of an input that a gradient does not depend on there would be none at all.
    """
    if not state.enabled or not input.requires_grad:
        return grad
    return grad - input.narrow(0, 0, 0).sum()  # of no elements: 0, and no sign of a zero changes


def refuse_gradient(name: str, tensor: Tensor | None) -> None:
    """Refuse to record a call of which this argument would need a gradient."""
    if tensor is not None and state.enabled and tensor.requires_grad:
        raise Invalid(
            f"the function is not differentiable with respect to argument '{name}'. This input cannot have "
            "requires_grad True.",
            hint=f"{name}.detach()",
        )


def check_class_weight(weight: Tensor | None, input: Tensor | Out) -> None:
    """Refuse factors per class that need a gradient, or are of another dtype than the scores."""
    refuse_gradient("weight", weight)
    if weight is not None and weight.dtype is not input.dtype:
        wanted, given = (TYPE_NAMES.get(t.dtype, t.dtype.name) for t in (input, weight))
        raise Invalid(f"expected scalar type {wanted} but found {given}", hint="weight.to(input.dtype)")


def only_floating(input: Tensor, name: str = "input") -> None:
    """Refuse integers and complex numbers."""
    if not input._dtype.is_floating_point:
        kind = TYPE_NAMES.get(input.dtype, input.dtype.name)
        raise Invalid(
            f"not implemented for '{kind}': {name} must be a floating tensor",
            kind=NotImplementedError,
            hint="convert it with .float()",
        )


def on_demand(
    shapes: Sequence[Any],
    mask: Sequence[bool],
    kinds: Sequence[DType],
    strides: tuple[int, ...] | None = None,
) -> tuple[Out, ...]:
    """What a backward primitive allocates: nothing for the gradients that are not wanted.

    `strides` are those of the first one, None for row-major.
    """
    outs = [
        Out(shape, kind) if wanted else Out((0,), kind)
        for shape, wanted, kind in zip(shapes, mask, kinds, strict=True)
    ]
    if mask[0]:
        outs[0].strides = strides
    return tuple(outs)


def spread(results: Any, mask: Sequence[bool], places: Sequence[int], count: int) -> Grads:
    """The wanted results of a backward primitive at their arguments' places."""
    grads: list[Tensor | None] = [None] * count
    for place, tensor, wanted in zip(places, results, mask, strict=True):
        grads[place] = tensor if wanted else None
    return tuple(grads)


def raised(*tensors: Tensor | None) -> list[Any]:
    """Half precision as float32, for formulas of many steps."""
    return [t if t is None or t.dtype.itemsize >= 4 else t.to(dtypes.float32) for t in tensors]


def centred_grads(
    g: Tensor, x: Tensor, dims: Sequence[int], weight: Any, eps: float
) -> tuple[Tensor, Tensor]:
    """The gradient of w (x - mean) / std over `dims` and the normalised input, by ops that have
    derivatives.
    """
    d = x - x.mean(dims, True)
    rstd = ((d * d).mean(dims, True) + eps).rsqrt()
    normal = d * rstd
    gw = g if weight is None else g * weight
    return rstd * (gw - gw.mean(dims, True) - normal * (gw * normal).mean(dims, True)), normal


def statistics_grads(
    of_mean: Tensor | None, of_rstd: Tensor | None, input: Tensor, groups: int, eps: float
) -> Tensor | None:
    """(g_mean - g_rstd rstd^3 (x - mean)) / n: what both, of groups of channels, bring to the input, if anything."""
    if of_mean is None and of_rstd is None:
        return None
    count = numel(input.shape[1:]) // groups
    x = raised(input)[0].reshape(input.shape[0], groups, count)
    total = (
        x.new_zeros(x.shape) if of_mean is None else (of_mean.unsqueeze(-1) / max(1, count)).expand(x.shape)
    )
    if of_rstd is not None:
        d = x - x.mean(-1, True)
        rstd = ((d * d).mean(-1, True) + eps).rsqrt()
        total = total - d * (of_rstd.unsqueeze(-1) * (rstd * rstd * rstd) / max(1, count))
    return total.reshape(input.shape)


def leading_sum(x: Tensor, kept: int) -> Tensor:
    """Sum over all but the last `kept` dimensions."""
    lead = tuple(range(len(x.shape) - kept))
    return x.sum(lead) if lead else x


@overload
def per_channel(values: Tensor, rank: int) -> Tensor: ...
@overload
def per_channel(values: None, rank: int) -> None: ...
def per_channel(values: Tensor | None, rank: int) -> Tensor | None:
    """(C) as (C, 1, ...), to multiply (N, C, *) of this rank."""
    return None if values is None else values.view(-1, *[1] * (rank - 2))


def sum_to_channels(x: Tensor) -> Tensor:
    """Sum of (N, C, *) over all but the channels."""
    return x.sum((0, *range(2, len(x.shape))))


def check_parameters(input: Tensor, **parameters: Tensor | None) -> None:
    """Refuse parameters of another type than the input, but for float32 beside half precision."""
    kinds = {tensor.dtype for tensor in parameters.values() if tensor is not None}
    half = input.dtype is dtypes.float16 or input.dtype is dtypes.bfloat16
    if kinds and kinds != {input.dtype} and not (half and kinds == {dtypes.float32}):
        given = ", ".join(f"{name} {t.dtype.name}" for name, t in parameters.items() if t is not None)
        wanted = f"{input.dtype.name}, or float32," if half else input.dtype.name
        raise Invalid(
            f"mixed dtype: expected parameters of type {wanted} for an input of it, but got {given}"
        )


def check_channels(channels: int, **vectors: Tensor | None) -> None:
    """Refuse vectors of another length than the number of channels."""
    for name, tensor in vectors.items():
        if tensor is not None and tuple(tensor.shape) != (channels,):
            raise Invalid(f"{name} should contain {channels} elements not {tensor.numel()}")


def of_nothing(input: Tensor, *parameters: Tensor | None) -> Tensor:
    """What is made of a batch of nothing that has no channels, so that nothing belongs to them either."""
    for given in parameters:
        if given is not None and given.numel():
            raise fail(
                "batch_norm", f"running_mean and its like should contain 0 elements not {given.numel()}"
            )
    return input.clone()
