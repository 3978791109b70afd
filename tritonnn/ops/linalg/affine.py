"""Products with something added, in one pass: beta input + alpha (a @ b)."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import multiplied, real_factor
from tritonnn.ops._definitions import elementwise as definitions
from tritonnn.ops._table import FLOATING_AND_COMPLEX, Bad, Out, Sample, composite, primitive
from tritonnn.ops.activation.backward import gelu_backward
from tritonnn.ops.linalg.linalg import _adjoint, _ranked, _same_dtype, matmul_nd, outer
from tritonnn.ops.shape.shape import squeeze_dims, transpose, unsqueeze, view_or_copy
from tritonnn.table.types import Number

NUMBERS = (*dtypes.INTEGRAL, *FLOATING_AND_COMPLEX)


def _numbers_first(args: tuple, kwargs: dict[str, Any]) -> tuple:
    """`f(beta, input, alpha, a, b)` and `f(beta, input, a, b)`: numbers before tensors, as programs once wrote."""
    numbers = [a for a in args if not isinstance(a, Tensor)]
    tensors = tuple([a for a in args if isinstance(a, Tensor)])
    if len(tensors) != 3 or len(numbers) > 2:
        return args
    kwargs.update(zip(("beta", "alpha"), numbers, strict=False))
    return tensors


def _rule(input: Tensor, a: Tensor, b: Tensor, names: tuple[str, str], ndim: int, **factors: Any) -> Out:
    multiplied(a, b)
    left, right, added = tuple(a.shape), tuple(b.shape), tuple(input.shape)
    if len(left) != ndim or len(right) != ndim:
        kind = {2: "a matrix (2D)", 3: "a batch of matrices (3D)"}[ndim]
        name, rank = (names[0], len(left)) if len(left) != ndim else (names[1], len(right))
        raise Invalid(f"{name} must be {kind}, got {rank}D")
    if not input.dtype is a.dtype is b.dtype:
        _same_dtype(**dict(zip(("input", *names), (input, a, b), strict=True)))
    if left[:-2] != right[:-2]:
        raise Invalid(
            f"{names[0]} and {names[1]} must have same number of batches, got {left[0]} and {right[0]}"
        )
    if left[-1] != right[-2]:
        shapes = " and ".join("x".join(map(str, shape)) for shape in (left, right))
        raise Invalid(f"{names[0]} and {names[1]} shapes cannot be multiplied ({shapes})")
    shape = (*left[:-1], right[-1])
    if added != shape[ndim - len(added) :] and (
        len(added) > ndim
        or any(n not in (1, m) for n, m in zip(reversed(added), reversed(shape), strict=False))
    ):
        raise Invalid(
            f"input of shape {list(added)} does not broadcast to the product's {list(shape)}: the expanded "
            "size of the tensor must match the existing size"
        )
    for name, value in factors.items():
        real_factor(name, value, a.dtype)
    return Out(shape, a.dtype)


def _times(x: Tensor, number: Number) -> Tensor:
    return x if number == 1 else x * (number.conjugate() if isinstance(number, complex) else number)


@primitive(
    float8=True,
    api="torch tensor", dtypes=NUMBERS, inplace=True, aliasing=True, legacy=_numbers_first,
    grad={"input": lambda g, beta: _times(g, beta),
          "mat1": lambda g, mat2, alpha: _times(matmul_nd(g, _adjoint(mat2)), alpha),
          "mat2": lambda g, mat1, alpha: _times(matmul_nd(_adjoint(mat1), g), alpha)},
    samples=lambda make: [Sample(make(3, 2), make(3, 4), make(4, 2)), Sample(make(3, 1), make(3, 4), make(4, 2)),
                          Sample(make(2), make(3, 4), make(4, 2), beta=2, alpha=3),
                          Sample(make(()), make(3, 0), make(0, 2), beta=2),
                          Sample(make(20, 33), make(20, 70), make(70, 33), beta=0, alpha=2)],
    errors=lambda make: [Bad(make(5), make(3, 4), make(4, 2), match="does not broadcast"),
                         Bad(make(2), make(3, 4), make(3, 2), match="cannot be multiplied"),
                         Bad(make(2), make(4), make(4, 2), match="mat1 must be a matrix")],
    reference=lambda input, mat1, mat2, beta, alpha: beta * input + alpha * (mat1 @ mat2),
)  # fmt: skip
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Any:
    """beta input + alpha (mat1 @ mat2); `input` of any shape that broadcasts to (n, p).

    Args:
        input: what is added.
        mat1: (n, m).
        mat2: (m, p).
        beta, alpha: numbers; what is multiplied by 0 is ignored, NaN included.

    >>> import tritonnn as torch
    >>> torch.addmm(torch.ones(2), torch.eye(2), torch.ones(2, 2), beta=2)
    tensor([[3., 3.],
            [3., 3.]])
    """
    return _rule(input, mat1, mat2, ("mat1", "mat2"), 2, beta=beta, alpha=alpha)


@primitive(
    float8=True,
    api="torch tensor", dtypes=NUMBERS, inplace=True, aliasing=True, legacy=_numbers_first,
    grad={"input": lambda g, beta: _times(g, beta),
          "batch1": lambda g, batch2, alpha: _times(matmul_nd(g, _adjoint(batch2)), alpha),
          "batch2": lambda g, batch1, alpha: _times(matmul_nd(_adjoint(batch1), g), alpha)},
    samples=lambda make: [Sample(make(2, 3, 2), make(2, 3, 4), make(2, 4, 2), beta=2),
                          Sample(make(2, 1, 2), make(2, 3, 4), make(2, 4, 2), beta=2, alpha=3),
                          Sample(make(3, 2), make(2, 3, 4), make(2, 4, 2))],
    errors=lambda make: [Bad(make(2), make(2, 3, 4), make(3, 4, 2), match="batch"),
                         Bad(make(5), make(2, 3, 4), make(2, 4, 2), match="does not broadcast")],
    reference=lambda input, batch1, batch2, beta, alpha: beta * input + alpha * (batch1 @ batch2),
)  # fmt: skip
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Any:
    """beta input + alpha (batch1 @ batch2); `input` of any shape that broadcasts to (b, n, p).

    Args:
        input: what is added.
        batch1: (b, n, m).
        batch2: (b, m, p).
        beta, alpha: numbers; what is multiplied by 0 is ignored, NaN included.

    >>> import tritonnn as torch
    >>> torch.baddbmm(torch.ones(2), torch.ones(1, 1, 3), torch.ones(1, 3, 2), alpha=2)
    tensor([[[7., 7.]]])
    """
    return _rule(input, batch1, batch2, ("batch1", "batch2"), 3, beta=beta, alpha=alpha)


def _activated(input: Any, mat1: Any, mat2: Any, beta: Any, alpha: Any, use_gelu: bool) -> Any:
    """The definition in NumPy."""
    total = beta * input + alpha * (mat1 @ mat2)
    return definitions.gelu(total, "none") if use_gelu else total.clip(0)


def _activation_backward(
    g: Tensor,
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    beta: Number,
    alpha: Number,
    use_gelu: bool,
    needs: tuple,
) -> tuple:
    total = addmm(input, mat1, mat2, beta=beta, alpha=alpha)  # computed again instead of kept
    g = gelu_backward(g, total, "none") if use_gelu else g * (total > 0).to(g.dtype)
    return (
        _times(g, beta) if needs[0] else None,
        _times(matmul_nd(g, _adjoint(mat2)), alpha) if needs[1] else None,
        _times(matmul_nd(_adjoint(mat1), g), alpha) if needs[2] else None,
        None, None, None,
    )  # fmt: skip


@primitive(
    float8=True,
    api="torch", public="_addmm_activation", backward=_activation_backward,
    samples=lambda make: [Sample(make(3, 2), make(3, 4), make(4, 2)),
                          Sample(make(2), make(3, 4), make(4, 2), beta=2, alpha=3, use_gelu=True)],
    errors=lambda make: [Bad(make(2), make(3, 4), make(3, 2), match="cannot be multiplied")],
    reference=_activated,
)  # fmt: skip
def addmm_activation(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1, use_gelu: bool = False
) -> Any:
    """relu, or with `use_gelu` gelu, of beta input + alpha (mat1 @ mat2): `addmm` with the activation in its kernel.

    >>> import tritonnn as torch
    >>> torch._addmm_activation(torch.tensor([-5., 1.]), torch.ones(1, 3), torch.ones(3, 2))
    tensor([[0., 4.]])
    """
    return _rule(input, mat1, mat2, ("mat1", "mat2"), 2, beta=beta, alpha=alpha)


_COMPOSED: dict[str, Any] = dict(
    api="torch tensor", out=True, dtypes=NUMBERS, inplace=True, legacy=_numbers_first
)


@composite(
    **_COMPOSED,
    samples=lambda make: [Sample(make(3, 2), make(2, 3, 4), make(2, 4, 2)),
                          Sample(make(2), make(2, 3, 4), make(2, 4, 2), beta=2, alpha=3)],
    reference=lambda input, batch1, batch2, beta, alpha: beta * input + alpha * (batch1 @ batch2).sum(0),
    errors=lambda make: [Bad(make(2), make(2, 3, 4), make(2, 3, 2), match="inner dimension")],
)  # fmt: skip
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta input + alpha (sum over the batch of batch1 @ batch2); what is multiplied by 0 is ignored, NaN included.

    >>> import tritonnn as torch
    >>> torch.addbmm(torch.ones(2), torch.ones(5, 1, 3), torch.ones(5, 3, 2))
    tensor([[16., 16.]])
    """
    _ranked("addbmm", 3, batch1=batch1, batch2=batch2)
    count, rows, inner = batch1.shape
    if count != batch2.shape[0] or inner != batch2.shape[1]:
        raise fail("addbmm", "batch1 and batch2 must agree in batches and in the inner dimension",
                   batch1=batch1, batch2=batch2)  # fmt: skip
    # The sum over the batch is one product with a longer inner dimension.
    left = view_or_copy(transpose(batch1, 0, 1), (rows, count * inner))
    right = view_or_copy(batch2, (count * inner, batch2.shape[2]))
    return addmm(input, left, right, beta=beta, alpha=alpha)


@composite(
    **_COMPOSED,
    samples=lambda make: [Sample(make(3), make(3, 4), make(4)), Sample(make(1), make(3, 4), make(4), beta=2, alpha=3)],
    reference=lambda input, mat, vec, beta, alpha: beta * input + alpha * (mat * vec).sum(1),
    errors=lambda make: [Bad(make(3), make(3, 4), make(3), match="size mismatch")],
)  # fmt: skip
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta input + alpha (mat @ vec); what is multiplied by 0 is ignored, NaN included.

    >>> import tritonnn as torch
    >>> torch.addmv(torch.ones(2), torch.eye(2), torch.tensor([3., 4.]))
    tensor([4., 5.])
    """
    _ranked("addmv", 2, mat=mat)
    _ranked("addmv", 1, vec=vec)
    if len(input.shape) > 1 or mat.shape[1] != vec.shape[0]:
        raise fail("addmv", f"size mismatch, got input ({tuple(input.shape)}), mat ({tuple(mat.shape)}), "
                   f"vec ({tuple(vec.shape)}): the product of matrix and vector does not fit", input=input,
                   mat=mat, vec=vec)  # fmt: skip
    column = unsqueeze(input, -1) if input.shape else input
    return squeeze_dims(addmm(column, mat, unsqueeze(vec, 1), beta=beta, alpha=alpha), (1,))


@composite(
    **_COMPOSED,
    samples=lambda make: [Sample(make(3, 2), make(3), make(2)), Sample(make(2), make(3), make(2), beta=2, alpha=3)],
    reference=lambda input, vec1, vec2, beta, alpha: beta * input + alpha * vec1[:, None] * vec2,
    errors=lambda make: [Bad(make(2), make(3), make(4), match=r"must match the existing size"),
                         Bad(make(2), make(3, 3), make(4), match="addr: vec1 must be a vector"),
                         Bad(make(2, 2, 2), make(3), make(4), match="must broadcast to the product's")],
)  # fmt: skip
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta input + alpha outer(vec1, vec2); `beta=0` ignores `input`, NaN included.

    >>> import tritonnn as torch
    >>> torch.addr(torch.ones(2), torch.ones(1), torch.tensor([3., 4.]))
    tensor([[4., 5.]])
    """
    from tritonnn.ops.shape.shape import expand_as_size

    _ranked("addr", 1, vec1=vec1, vec2=vec2)
    shape = (vec1.shape[0], vec2.shape[0])
    if len(input.shape) > 2:
        raise fail("addr", f"input must broadcast to the product's {list(shape)}", input=input)
    kept = expand_as_size(input, shape)
    dtype = dispatch.result_type(kept, vec1, vec2)
    for name, factor in (("alpha", alpha), ("beta", beta)):
        if dtype.kind < 2 and isinstance(factor, (float, complex)):
            words = f"For integral input tensors, argument {name} must not be a floating point number, got {factor}"
            raise fail("addr", words, input=input, vec1=vec1, vec2=vec2)
        if isinstance(factor, bool) and dtype is not dtypes.bool_:
            words = f"Boolean {name} only supported for Boolean results."
            raise fail("addr", words, input=input, vec1=vec1, vec2=vec2)
    if dtype is dtypes.bool_:
        alpha, beta = bool(alpha), bool(beta)
    product = _times_plain(outer(vec1, vec2), alpha)
    # the input first: the result lies in memory as it does
    return product.to(dtype) if beta == 0 else _times_plain(kept, beta) + product


def _times_plain(x: Tensor, number: Any) -> Tensor:
    return x if number == 1 else x * number
