"""Contractions and products built on the matrix product."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import dimension, not_a_tensor, tensors_only
from tritonnn.ops._table import ANY, NUMERIC, Bad, Sample, composite
from tritonnn.ops.elementwise.arithmetic import mul
from tritonnn.ops.linalg.linalg import PRODUCTS, _ranked, dot, matmul, matmul_nd
from tritonnn.ops.shape.shape import expand_as_size, unsqueeze, view_or_copy
from tritonnn.recording.preserving import preserve
from tritonnn.shape import broadcast_shapes, numel, wrap_dim
from tritonnn.table.arguments import is_count, is_ints, is_tensors


@composite(
    api="torch tensor",
    dtypes=PRODUCTS,
    samples=lambda make: [
        Sample(make(3, 4), make(4)),
        Sample(make(2, 3), make(5, 3)),
        Sample(make(()), make(2)),
    ],
    reference=lambda input, other: np.inner(input, other),
    errors=lambda make: [Bad(make(2, 3), make(2), match="the last dimension must match")],
)
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sum of products over the last dimensions of both.

    Raises:
        RuntimeError: last dimensions of different extent.

    >>> import tritonnn as torch
    >>> torch.inner(torch.tensor([1, 2, 3]), torch.tensor([0, 2, 1]))
    tensor(7)
    """
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        tensors_only("inner", input=input, other=other)
    if not input.shape or not other.shape:
        return mul(input, other, out=out)
    if input.shape[-1] != other.shape[-1]:
        raise fail("inner", "the last dimension must match on both input tensors", input=input, other=other)
    if len(input.shape) == len(other.shape) == 1:
        return dot(input, other, out=out)
    return tensordot(input, other, ([-1], [-1]), out=out)


@composite(
    api="torch",
    dtypes=PRODUCTS,
    samples=lambda make: [
        Sample(make(2, 3, 4), make(3, 4, 5), 2),
        Sample(make(2, 3), make(4, 3), ([1], [1])),
        Sample(make(2), make(3), 0),
    ],
    reference=lambda a, b, dims: np.tensordot(a, b, dims),
    errors=lambda make: [
        Bad(make(2, 3), make(2, 3), 1, match="contracted dimensions need to match"),
        Bad(make(2, 3), make(2, 3), -1, match="expects dims >= 0"),
        Bad(make(2), make(2), 2, match="at most the number"),
        Bad(make(2, 3), make(2, 3), ([0], [2]), error=IndexError, match="Dimension out of range"),
    ],
)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sum of products over paired dimensions: the last `dims` of a with the first of b, or two listed sets.

    >>> import tritonnn as torch
    >>> a, b = torch.ones(2, 3, 4), torch.ones(3, 4, 5)
    >>> torch.tensordot(a, b, 2).shape, torch.tensordot(a, b, ([1], [0])).shape
    (torch.Size([2, 5]), torch.Size([2, 4, 4, 5]))
    """
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        tensors_only("tensordot", a=a, b=b)
    if is_count(dims):
        dims = int(dims)
    elif isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(len(a.shape), len(b.shape)):
            raise fail(
                "tensordot",
                f"expects dims >= 0 and at most the number of dimensions, but got dims={dims}",
                a=a,
                b=b,
            )
        dims = (list(range(len(a.shape) - dims, len(a.shape))), list(range(dims)))
    pair = isinstance(dims, (list, tuple))
    if not (pair and len(dims) == 2 and all(is_ints(d) for d in dims)):
        kind = (TypeError if len(dims) == 2 else ValueError) if pair else RuntimeError
        message = f"expects dims to be int or tuple[list[int], list[int]], but got dims={dims!r}"
        raise fail("tensordot", message, kind=kind, a=a, b=b)
    left, right = ([wrap_dim(d, len(t.shape)) for d in ds] for t, ds in zip((a, b), dims, strict=True))
    if len(left) != len(right):
        raise fail(
            "tensordot", f"both dimension lists should have same length, got {left} and {right}", a=a, b=b
        )
    for i, j in zip(left, right, strict=True):  # of extents 1 and n, the n are summed
        if a.shape[i] == 1 != b.shape[j]:
            b = b.sum(j, True, dtype=b.dtype)
        elif b.shape[j] == 1 != a.shape[i]:
            a = a.sum(i, True, dtype=a.dtype)
        elif a.shape[i] != b.shape[j]:
            raise fail(
                "tensordot", f"contracted dimensions need to match, got dims {left} and {right}", a=a, b=b
            )
    keep_a = [d for d in range(len(a.shape)) if d not in left]
    keep_b = [d for d in range(len(b.shape)) if d not in right]
    inner = numel(a.shape[d] for d in left)
    first = view_or_copy(a.permute((*keep_a, *left)), (numel(a.shape[d] for d in keep_a), inner))
    second = view_or_copy(b.permute((*right, *keep_b)), (inner, numel(b.shape[d] for d in keep_b)))
    shape = (*[a.shape[d] for d in keep_a], *[b.shape[d] for d in keep_b])
    result = view_or_copy(matmul_nd(first, second), shape)
    return result if out is None else dispatch.deliver("tensordot", out, result)


@composite(
    api="linalg",
    out=True,
    dtypes=PRODUCTS,
    samples=lambda make: [
        Sample([make(2, 3), make(3, 4), make(4, 2)]),
        Sample([make(3), make(3, 4), make(4)]),
        Sample([make(1, 3), make(3, 2), make(2, 2), make(2)]),
    ],
    reference=lambda tensors: functools.reduce(np.dot, tensors),
    errors=lambda make: [
        Bad([make(2, 3)], match="at least 2 tensors"),
        Bad([make(2, 3), make(2, 3)], match="cannot be multiplied"),
        Bad([make(2, 2, 2), make(2, 3)], match="1D or 2D but got 3D"),
        Bad([make(2, 2), make(2), make(2, 2)], match="must be 2D but got 1D"),
    ],
)
def multi_dot(tensors: Any) -> Tensor:
    """Product of several matrices, for three in the order that takes fewest operations, else from the left.

    Args:
        tensors: matrices; the first and the last may be vectors.

    Raises:
        RuntimeError: fewer than two, or extents that do not fit.

    >>> import tritonnn as torch
    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 4), torch.ones(4)])
    tensor([12., 12.])
    """
    if not is_tensors(tensors):
        raise TypeError(
            f"multi_dot(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    items = list(tensors)
    if len(items) < 2:
        raise fail("multi_dot", f"expected at least 2 tensors but got {len(items)}")
    for place, item in enumerate(items):
        if not isinstance(item, Tensor):
            raise not_a_tensor("multi_dot", f"tensors[{place}]", item)
        end = place in (0, len(items) - 1)
        if len(item.shape) != 2 and not (end and len(item.shape) == 1):
            raise fail(
                "multi_dot",
                f"tensor {place} must be {'1D or 2D' if end else '2D'} but got {len(item.shape)}D",
            )
    if (
        len(items) == 3
        and all(len(item.shape) == 2 for item in items)
        and items[1].shape[1] * items[2].shape[1] < items[0].shape[0] * items[1].shape[0]
    ):
        return matmul(items[0], matmul(items[1], items[2]))
    product = items[0]
    for matrix in items[1:]:
        product = matmul(product, matrix)
    return product


@composite(
    api="torch",
    out=True,
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(2, 3), make(3, 4))],
    reference=lambda *matrices: functools.reduce(np.dot, matrices),
    errors=lambda make: [Bad(make(2, 3), make(2, 3), match="cannot be multiplied")],
)
def chain_matmul(*matrices: Tensor) -> Tensor:
    """`linalg.multi_dot` of the arguments.

    >>> import tritonnn as torch
    >>> torch.chain_matmul(torch.ones(2, 3), torch.ones(3, 4), torch.ones(4, 1)).shape
    torch.Size([2, 1])
    """
    for matrix in matrices:
        tensors_only("chain_matmul", matrices=matrix)
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4))],
    reference=lambda input: sum(input[i, i] for i in range(min(input.shape))),
    errors=lambda make: [Bad(make(2), match="must be a matrix")],
)
def trace(input: Tensor) -> Tensor:
    """Sum of the diagonal of a matrix.

    Raises:
        RuntimeError: not 2 dimensions.

    >>> import tritonnn as torch
    >>> torch.trace(torch.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    _ranked("trace", 2, input=input)
    return input.diagonal().sum()


@composite(
    api="torch tensor",
    out=True,
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3), make(3, 2))],
    reference=lambda input, other: np.kron(input, other),
    errors=lambda make: [Bad(make(2), 3, error=TypeError, match="must be Tensor, not int")],
)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product.

    >>> import tritonnn as torch
    >>> torch.kron(torch.tensor([1, 2]), torch.tensor([1, 10]))
    tensor([ 1, 10,  2, 20])
    """
    for name, operand in (("input", input), ("other", other)):
        if not isinstance(operand, Tensor):
            raise TypeError(f"kron(): argument '{name}' must be Tensor, not {type(operand).__name__}")
    ndim = max(len(input.shape), len(other.shape))
    a = view_or_copy(input, (1,) * (ndim - len(input.shape)) + tuple(input.shape))
    b = view_or_copy(other, (1,) * (ndim - len(other.shape)) + tuple(other.shape))
    left = view_or_copy(a, [n for extent in a.shape for n in (extent, 1)])
    right = view_or_copy(b, [n for extent in b.shape for n in (1, extent)])
    product = preserve(left * right, "input", "other")
    return view_or_copy(product, [n * m for n, m in zip(a.shape, b.shape, strict=True)])


@composite(
    api="torch tensor",
    out=True,
    dtypes=NUMERIC,
    samples=lambda make: [Sample(make(2, 3), make(2, 3)), Sample(make(3, 2), make(3, 2), 0)],
    errors=lambda make: [Bad(make(2, 4), make(2, 4), match="3")],
    reference=lambda input, other, dim: np.cross(
        input, other, axis=input.shape.index(3) if dim is None else dim
    ),
)
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Cross product of vectors of three elements along `dim` (default: the first dimension of extent 3).

    Raises:
        RuntimeError: no dimension of extent 3, or `dim` is none.

    >>> import tritonnn as torch
    >>> torch.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        tensors_only("cross", input=input, other=other)
    if len(input.shape) != len(other.shape):
        raise fail("cross", "inputs must have the same number of dimensions", input=input, other=other)
    shape = broadcast_shapes(input.shape, other.shape)
    if dim is None:
        dim = next((d for d, extent in enumerate(shape) if extent == 3), None)
    if dim is not None:
        dim = dimension("cross", input, dim)
    if dim is None or shape[dim] != 3:
        raise fail("cross", "inputs dimension dim must have length 3", input=input, other=other)
    if input.dtype is dtypes.bool_:
        raise fail("cross", "not implemented for bool", kind=NotImplementedError, input=input)
    dim = wrap_dim(dim, len(shape))
    a, b = expand_as_size(input, tuple(shape)), expand_as_size(other, tuple(shape))
    from tritonnn.ops.joining.repeating import roll

    return roll(roll(a, -1, dim) * roll(b, -2, dim) - roll(a, -2, dim) * roll(b, -1, dim), 0, dim)


@composite(
    api="torch functional",
    samples=lambda make: [Sample(make(3, 4), make(3, 5), make(2, 4, 5), make(2)),
                          Sample(make(2, 3, 4), make(2, 3, 5), make(6, 4, 5))],
    errors=lambda make: [Bad(make(3, 4), make(3, 5), make(2, 4, 6), match="weight expects")],
    reference=lambda input1, input2, weight, bias: (
        np.einsum("...i,oij,...j->...o", input1, weight, input2) + (0 if bias is None else bias)),
)  # fmt: skip
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x1^T W_k x2 + b_k: (*, in1), (*, in2), (out, in1, in2) -> (*, out).

    >>> import tritonnn as torch
    >>> x, y = torch.tensor([[1., 2.]]), torch.tensor([[3., 4.]])
    >>> torch.nn.functional.bilinear(x, y, torch.ones(1, 2, 2))
    tensor([[21.]])
    """
    if not (isinstance(input1, Tensor) and isinstance(input2, Tensor) and isinstance(weight, Tensor)):
        tensors_only("bilinear", input1=input1, input2=input2, weight=weight)
    given: dict[str, Any] = {
        "input1": input1,
        "input2": input2,
        "weight": weight,
        **({} if bias is None else {"bias": bias}),
    }
    if len({tensor.dtype for tensor in given.values()}) > 1:
        kinds = ", ".join(f"{name}: {tensor.dtype.name}" for name, tensor in given.items())
        raise fail("bilinear", f"All tensors must have the same dtype, got {kinds}", **given)
    if not (input1.shape and input2.shape):
        text = "input1 and input2 must have a last dimension of features"
        kind = IndexError if len(input1.shape) == len(input2.shape) else RuntimeError
        raise fail("bilinear", text, kind=kind, input1=input1, input2=input2)
    if len(weight.shape) != 3 or input1.shape[-1] != weight.shape[1] or input2.shape[-1] != weight.shape[2]:
        raise fail(
            "bilinear",
            f"weight expects inputs of {list(weight.shape[1:])} features (weight is (out, in1, in2)), "
            f"got {input1.shape[-1]} and {input2.shape[-1]}",
            input1=input1,
            input2=input2,
            weight=weight,
        )
    if input1.shape[:-1] != input2.shape[:-1]:
        text = "input1 and input2 must agree in every dimension but the last"
        raise fail("bilinear", text, input1=input1, input2=input2)
    rows = numel(input1.shape[:-1])
    first, second = (
        view_or_copy(input1, (rows, input1.shape[-1])),
        view_or_copy(input2, (rows, input2.shape[-1])),
    )
    turned = matmul(unsqueeze(first, 0), weight)  # (out, rows, in2)
    output = view_or_copy(
        (turned * second).sum(-1, dtype=turned.dtype).transpose(0, 1), (*input1.shape[:-1], weight.shape[0])
    )
    output = output.contiguous()
    return output if bias is None else output + bias
