"""Products of vectors, matrices and batches of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._levels import Batched
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import multiplied, tensors_only
from tritonnn.ops._table import FLOATING_AND_COMPLEX, NUMERIC, Bad, Out, Sample, attach, composite, primitive
from tritonnn.ops.elementwise.elementwise import conjugate
from tritonnn.ops.shape.shape import expand_as_size, squeeze_dims, transpose, unsqueeze, view_or_copy
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.recording.preserving import preserve
from tritonnn.shape import broadcast_shapes, numel

PRODUCTS = (*NUMERIC, *dtypes.COMPLEX)  # of truth values there are none


def _same_dtype(**tensors: Tensor) -> None:
    dtype_of = {name: t.dtype for name, t in tensors.items()}
    if len(set(dtype_of.values())) > 1:
        text = ", ".join(f"{name} is {d.name}" for name, d in dtype_of.items())
        raise Invalid(
            f"expected m1 and m2 to have the same dtype, but {text}", hint="convert one with .to(dtype)"
        )


def _adjoint(x: Tensor) -> Tensor:
    turned = transpose(x, -2, -1)
    return conjugate(turned)


@primitive(
    float8=True,
    public="matmul",
    dtypes=PRODUCTS,
    grad={"input": lambda g, other: matmul_nd(g, _adjoint(other)),
          "other": lambda g, input: matmul_nd(_adjoint(input), g)},
    samples=lambda make: [Sample(make(3, 4), make(4, 2)), Sample(make(2, 3, 4), make(2, 4, 5)),
                          Sample(make(3, 2).transpose(0, 1), make(3, 5)), Sample(make(2, 1, 3, 4), make(5, 4, 2)),
                          Sample(make(3, 0), make(0, 2)), Sample(make(20, 70), make(70, 33))],
    errors=lambda make: [Bad(make(2, 3), make(4, 5), match="cannot be multiplied")],
)  # fmt: skip
def matmul_nd(input: Tensor, other: Tensor) -> Any:
    """Matrix product of the last two dimensions; leading dimensions broadcast."""
    dtype = input._dtype
    if dtype is not other._dtype:
        _same_dtype(input=input, other=other)
    multiplied(input, other)
    left, right = tuple(input._shape), tuple(other._shape)
    if left[-1] != right[-2]:
        raise Invalid(
            f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, left))} and "
            f"{'x'.join(map(str, right))}): input has {left[-1]} columns but other has {right[-2]} rows"
        )
    if len(left) == 2 == len(right):
        return Out((left[0], right[1]), dtype)
    batch = broadcast_shapes(left[:-2], right[:-2])
    return Out((*batch, left[-2], right[-1]), dtype)


@composite(
    api="torch tensor", dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(3), make(3)), Sample(make(3, 4), make(4)), Sample(make(4), make(4, 2)),
                          Sample(make(2, 3, 4), make(4, 5)), Sample(make(2, 3, 4), make(4)),
                          Sample(make(4), make(2, 4, 3)), Sample(make(3, 4), make(2, 4, 5))],
    errors=lambda make: [Bad(make(2, 3), make(4, 5), match="cannot be multiplied"),
                         Bad(make(()), make(2), match="both arguments to matmul need to be at least 1D")],
    reference=lambda input, other: np.matmul(input, other),
)  # fmt: skip
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product; vectors are rows (first operand) or columns (second), leading dimensions broadcast.

    >>> import tritonnn as torch
    >>> torch.matmul(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([1., 1.]))
    tensor([3., 7.])
    """
    if len(input._shape) == 2 and len(other._shape) == 2:
        return matmul_nd(input, other) if out is None else matmul_nd(input, other, out=out)
    if not input.shape or not other.shape:
        raise fail(
            "matmul",
            "both arguments to matmul need to be at least 1D, but they are "
            f"{len(input.shape)}D and {len(other.shape)}D",
            input=input,
            other=other,
        )
    if state.enabled and out is None and len(other.shape) == 1 and len(input.shape) <= 2:
        edges = [edge_of(input), edge_of(other)]
        # (samples inside vmap are recorded as what their batch is computed with)
        if edges != [None, None] and Batched not in (input.__class__, other.__class__):
            product = matmul(input.detach(), other.detach())
            record((dot_of if len(input.shape) == 1 else mv_of).op, (input, other), (product,), edges)
            return product
    left = unsqueeze(input, 0) if len(input.shape) == 1 else input
    right = unsqueeze(other, 1) if len(other.shape) == 1 else other
    if len(left.shape) > 2 and len(right.shape) == 2:  # one product of all rows
        flat = matmul_nd(view_or_copy(left, (-1, left.shape[-1])) if left.numel() else left, right)
        product = view_or_copy(flat, (*left.shape[:-1], right.shape[-1]))
    else:
        product = matmul_nd(left, right)
        if len(left.shape) == 2 < len(right.shape):  # here PyTorch lays the other operand out anew
            preserve(product, "other")
    if len(input.shape) == 1:
        product = squeeze_dims(product, (-2,))
    if len(other.shape) == 1:
        product = squeeze_dims(product, (-1,))
    return product if out is None else dispatch.deliver("matmul", out, product)


# Products with a vector save their operands, not views of them: as in PyTorch, an operand that is given other `.data`
# between forward and backward is seen with that.
@primitive(
    public="dot", dtypes=PRODUCTS, recorded=True,
    grad={"input": lambda g, tensor: g * conjugate(tensor), "tensor": lambda g, input: g * conjugate(input)},
)  # fmt: skip
def dot_of(input: Tensor, tensor: Tensor) -> Out:
    """History of the product of two vectors; recorded, never run."""
    return Out((), input.dtype)


@primitive(
    public="mv", dtypes=PRODUCTS, recorded=True,
    grad={"input": lambda g, vec: unsqueeze(g, 1) * conjugate(vec),
          "vec": lambda g, input: matmul(conjugate(input).t(), g)},
)  # fmt: skip
def mv_of(input: Tensor, vec: Tensor) -> Out:
    """History of the product of a matrix and a vector; recorded, never run."""
    return Out((input.shape[0],), input.dtype)


def _ranked(op: str, ndim: int, **tensors: Any) -> None:
    for name, value in tensors.items():
        if len(value.shape) != ndim:
            kind = {1: "a vector (1D)", 2: "a matrix (2D)", 3: "a batch of matrices (3D)"}[ndim]
            raise fail(op, f"{name} must be {kind}, got {len(value.shape)}D", **tensors)


@composite(
    api="torch tensor",
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(3, 4), make(4, 2))],
    errors=lambda make: [
        Bad(make(2, 3), make(4, 5), match="cannot be multiplied"),
        Bad(make(2), make(2, 2), match="must be a matrix"),
    ],
    reference=lambda input, mat2: input @ mat2,
)
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of two matrices.

    >>> import tritonnn as torch
    >>> torch.mm(torch.eye(2), torch.ones(2, 1))
    tensor([[1.],
            [1.]])
    """
    _ranked("mm", 2, input=input, mat2=mat2)
    return matmul_nd(input, mat2) if out is None else matmul_nd(input, mat2, out=out)


@composite(
    api="torch tensor",
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(2, 3, 4), make(2, 4, 2))],
    errors=lambda make: [Bad(make(2, 2, 3), make(3, 3, 2), match="batch")],
    reference=lambda input, mat2: np.einsum("bij,bjk->bik", input, mat2),
)
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Products of two batches of matrices, (b, n, m) @ (b, m, p).

    Raises:
        RuntimeError: no batches of matrices, or extents that do not fit.

    >>> import tritonnn as torch
    >>> torch.bmm(torch.ones(3, 2, 4), torch.ones(3, 4, 5)).shape
    torch.Size([3, 2, 5])
    """
    _ranked("bmm", 3, input=input, mat2=mat2)
    if input.shape[0] != mat2.shape[0]:
        raise fail(
            "bmm",
            f"batch1 and batch2 must have same number of batches, got {input.shape[0]} and {mat2.shape[0]}",
            input=input,
            mat2=mat2,
        )
    return matmul_nd(input, mat2) if out is None else matmul_nd(input, mat2, out=out)


@composite(
    api="torch tensor",
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(3, 4), make(4))],
    reference=lambda input, vec: (input * vec).sum(1),
    errors=lambda make: [
        Bad(make(2, 3), make(2), match="cannot be multiplied"),
        Bad(make(2), make(2), match="input must be a matrix"),
        Bad(make(2, 3), make(3, 1), match="vec must be a vector"),
        Bad(make(2, 3), 3, error=TypeError, match="not int"),
    ],
)
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of a matrix and a vector.

    Raises:
        RuntimeError: other numbers of dimensions, or extents that do not fit.

    >>> import tritonnn as torch
    >>> torch.mv(torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 10]))
    tensor([21, 43])
    """
    _ranked("mv", 2, input=input)
    _ranked("mv", 1, vec=vec)
    return matmul(input, vec, out=out)


@composite(
    api="torch tensor",
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(3), make(3))],
    errors=lambda make: [Bad(make(3), make(2), match="inconsistent tensor size")],
    reference=lambda input, tensor: (input * tensor).sum(),
)
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner product of two vectors of one length.

    >>> import tritonnn as torch
    >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
    tensor(7)
    """
    _ranked("dot", 1, input=input, tensor=tensor)
    if input.shape != tensor.shape:
        raise fail(
            "dot",
            f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src [{tensor.shape[0]}] "
            "to have the same number of elements",
            input=input,
            tensor=tensor,
        )
    return matmul(input, tensor, out=out)


@composite(
    api="torch tensor",
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(3), make(3))],
    reference=lambda input, other: np.vdot(input, other),
    errors=lambda make: [
        Bad(make(2), make(3), match="inconsistent tensor size"),
        Bad(make(2, 2), make(2), match="must be a vector"),
    ],
)
def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner product of two vectors, the first conjugated.

    Raises:
        RuntimeError: no vectors, or of different lengths.

    >>> import tritonnn as torch
    >>> torch.vdot(torch.tensor([1 + 1j, 2]), torch.tensor([1 + 1j, 3]))
    tensor(8.+0.j)
    """
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        tensors_only("vdot", input=input, other=other)
    return dot(conjugate(input), other, out=out)


@composite(
    api="torch tensor",
    out=True,
    dtypes=PRODUCTS,
    alias=("ger",),
    samples=lambda make: [Sample(make(3), make(2))],
    errors=lambda make: [Bad(make(2, 2), make(2), match="must be a vector")],
    reference=lambda input, vec2: np.multiply.outer(input, vec2),
)
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Outer product of two vectors: out[i, j] = input[i] vec2[j].

    >>> import tritonnn as torch
    >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    _ranked("outer", 1, input=input, vec2=vec2)
    return unsqueeze(input, 1) * vec2


@primitive(
    float8=True,
    api="functional", out=True, dtypes=FLOATING_AND_COMPLEX,
    grad={"input": lambda g, weight: _input_grad(g, weight),
          "weight": lambda g, input, weight: _weight_grad(g, input, weight),
          "bias": lambda g: g},
    samples=lambda make: [Sample(make(3, 4), make(2, 4), make(2)), Sample(make(2, 3, 4), make(5, 4)),
                          Sample(make(2, 3, 4), make(4)), Sample(make(4), make(4)),
                          Sample(make(4), make(2, 4), make(2)), Sample(make(0, 4), make(2, 4), make(2))],
    errors=lambda make: [Bad(make(2, 3), make(4, 8),
                             match="input has 3 features in its last dimension but weight expects 8"),
                         Bad(make(2, 3), make(4, 3), make(5), match="bias has 5 elements but weight has 4 rows")],
    reference=lambda input, weight, bias: (
        np.einsum("...i,oi->...o" if weight.ndim == 2 else "...i,i->...", input, weight)
        + (0 if bias is None else bias)),
)  # fmt: skip
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """y = x W^T + b over the last dimension: (*, in) x (out, in) -> (*, out), or without b (*, in) x (in) -> (*).

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> F.linear(torch.ones(1, 2), torch.tensor([[1., 2.]]), torch.tensor([3.]))
    tensor([[6.]])
    """
    multiplied(input, weight)
    if len(weight._shape) == 2 == len(input._shape) and bias is not None:  # the usual case, checked at once
        rows, features = input._shape
        outputs, expected = weight._shape
        kind = input._dtype
        if features == expected and bias._shape == (outputs,) and kind is weight._dtype is bias._dtype:
            return Out((rows, outputs), kind)
    if len(weight.shape) == 1 and bias is not None:
        raise Invalid(
            "weight must be a matrix (out_features, in_features) beside a bias, got a vector",
            hint="weight.unsqueeze(0)",
        )
    if len(weight.shape) not in (1, 2):
        raise Invalid(f"weight must be a matrix (out_features, in_features), got {len(weight.shape)}D")
    if not input.shape or input.shape[-1] != weight.shape[-1]:
        width = str(input.shape[-1]) if input.shape else "no"
        outputs = weight.shape[0] if len(weight.shape) == 2 else 1
        raise Invalid(
            f"input has {width} features in its last dimension but weight expects {weight.shape[-1]}. "
            f"(mat1 and mat2 shapes cannot be multiplied ({numel(input.shape[:-1])}x{width} and "
            f"{weight.shape[-1]}x{outputs}))"
        )
    if bias is None:
        _same_dtype(input=input, weight=weight)
        if len(weight.shape) == 1:
            return Out(input.shape[:-1], input.dtype), (input, weight, bias)
    else:
        _same_dtype(input=input, weight=weight, bias=bias)
        if len(bias.shape) > 1 or bias.shape not in ((weight.shape[0],), (1,), ()):
            raise Invalid(f"bias has {bias.numel()} elements but weight has {weight.shape[0]} rows")
        if bias.shape != (weight.shape[0],):
            bias = expand_as_size(bias, (weight.shape[0],))
    return Out((*input.shape[:-1], weight.shape[0]), input.dtype), (input, weight, bias)


def _as_matrix(x: Tensor) -> Tensor:
    """All but the last dimension as one."""
    return x if len(x.shape) == 2 else view_or_copy(x, (numel(x.shape[:-1]), x.shape[-1]))


def _input_grad(g: Tensor, weight: Tensor) -> Any:
    if len(weight.shape) == 1:
        g, weight = unsqueeze(g, -1), unsqueeze(weight, 0)
    return matmul(g, conjugate(weight))


def _weight_grad(g: Tensor, input: Tensor, weight: Tensor) -> Any:
    if len(weight.shape) == 1:
        return _matrix_grad(unsqueeze(g, -1), input).reshape(weight.shape)
    return _matrix_grad(g, input)


def _matrix_grad(g: Tensor, input: Tensor) -> Any:
    rows, grads = _as_matrix(input), _as_matrix(g)
    return (
        matmul_nd(_adjoint(grads), rows)
        if not rows.dtype.is_complex
        else matmul_nd(transpose(grads, 0, 1), conjugate(rows))
    )


def _swapped_matmul(self: Tensor, other: Tensor) -> Tensor:
    return matmul(other, self)


attach(__matmul__=vars(Tensor)["matmul"], __rmatmul__=_swapped_matmul)
