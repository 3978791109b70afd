"""Products of matrices, and convolutions."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batching.calls import Call, again, composed, rule
from tritonnn.batching.values import front, moved
from tritonnn.ops.activation.activation import relu
from tritonnn.ops.activation.smooth import gelu
from tritonnn.ops.linalg.linalg import matmul
from tritonnn.ops.shape.shape import transpose, unsqueeze, view_as_size, view_or_copy


@rule("linear")
def linear(c: Call) -> Any:
    """x Wᵀ + b: one product where the weight is the same for all samples, else one for each."""
    x, weight, bias = c.args
    if not c.any_of("weight", "bias"):
        return again(c.op, c.args)
    rows = front(x, c.flags[0], c.size)
    lead = tuple(rows._shape[1:-1])
    is_vector = c.rank(1) == 1
    if c.flags[1]:
        weight = unsqueeze(weight, 1) if is_vector else weight
        flat = view_or_copy(rows, (c.size, -1 if rows.numel() else _count(lead), rows._shape[-1]))
        product = matmul(flat, transpose(weight, -2, -1))
        product = view_or_copy(product, (c.size, *lead, *weight._shape[1 + is_vector : 2]))
    else:
        product = again(c.op, (rows, weight, None))
    if bias is None:
        return product
    if c.flags[2]:
        own = bias._shape[1:]
        bias = view_as_size(bias, (c.size, *(1,) * (len(product._shape) - 1 - len(own)), *own))
    return product + bias


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


@composed("addmm", "baddbmm")
def added(input: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta · input + alpha · mat1 mat2; nothing of the input where beta is 0."""
    product = matmul(mat1, mat2)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    return product + (input if beta == 1 else input * beta)


@composed("addmm_activation")
def activated(input: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any, use_gelu: bool) -> Tensor:
    """The same, and an activation."""
    result = added(input, mat1, mat2, beta, alpha)
    return gelu(result) if use_gelu else relu(result)


# ---- convolution ------------------------------------------------------------------------------------------


def _into(value: Tensor, dim: int) -> Tensor:
    """The batch as a part of a dimension of its samples, in front of what it has."""
    value = moved(value, 0, dim)
    shape = value._shape
    return view_or_copy(value, (*shape[:dim], shape[dim] * shape[dim + 1], *shape[dim + 2 :]))


def _out_of(value: Tensor, dim: int, size: int) -> Tensor:
    """The inverse of `_into`."""
    shape = value._shape
    return moved(view_as_size(value, (*shape[:dim], size, shape[dim] // size, *shape[dim + 1 :])), dim, 0)


@composed("convolution_relu")
def convolution_relu(
    input: Tensor, weight: Tensor, bias: Tensor | None, z: Tensor | None, alpha: float, *geometry: Any
) -> Tensor:
    """A convolution, and then the rest."""
    # a family that is imported when it is needed
    from tritonnn.ops.convolution.convolution import convolution

    stride, padding, dilation, groups = geometry
    sums = convolution(
        input, weight, bias, stride, padding, dilation, False, (0,) * (len(weight.shape) - 2), groups
    )
    return relu(sums if z is None else sums + alpha * z)


@rule("convolution")
def convolution(c: Call) -> Any:
    """One convolution of all samples where the weight is the same for them, else one with groups."""
    x, weight, bias, *rest, groups = c.args
    if not (c.flags[0] or c.flags[1]):
        result = unsqueeze(again(c.op, (x, weight, None, *rest, groups)), 0)
    elif not c.flags[1]:
        result = _out_of(again(c.op, (_into(x, 0), weight, None, *rest, groups)), 0, c.size)
    elif c.flags[0]:
        wide = again(c.op, (_into(x, 1), _into(weight, 0), None, *rest, groups * c.size))
        result = _out_of(wide, 1, c.size)
    elif groups == 1 and not rest[3]:  # the same input for all: more channels of the output
        result = _out_of(again(c.op, (x, _into(weight, 0), None, *rest, 1)), 1, c.size)
    else:
        wide = _into(front(x, False, c.size), 1)
        result = _out_of(again(c.op, (wide, _into(weight, 0), None, *rest, groups * c.size)), 1, c.size)
    if bias is None:
        return result
    bias = front(bias, c.flags[2], c.size) if c.flags[2] else unsqueeze(bias, 0)
    ones = (1,) * (len(result._shape) - 3)
    return result + view_as_size(bias, (bias._shape[0], 1, bias._shape[1], *ones))


@rule("convolution_weight_grad")
def weight_grad(c: Call) -> Any:
    """Each sample's own: a group of channels for each."""
    grad, x, *rest, groups = c.args
    grad = _into(front(grad, c.flags[0], c.size), 1)
    x = _into(front(x, c.flags[1], c.size), 1)
    return _out_of(again(c.op, (grad, x, *rest, groups * c.size)), 0, c.size)
