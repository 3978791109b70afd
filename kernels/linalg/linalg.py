"""Matrix products; the kernels are in `_kernels.py`, how they are used in `_plan.py`, configurations in
`tables/gemm.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import precision
from tritonnn.buffer import Buffer
from tritonnn.kernels import activation
from tritonnn.kernels.launch.launch import planned
from tritonnn.kernels.linalg._complex import complex_product
from tritonnn.kernels.linalg._plan import Product, plan_product, with_batch
from tritonnn.kernels.tables.pointwise import broadcast_strides


def matmul_nd(out: Buffer, input: Buffer, other: Buffer) -> None:
    """out[..., i, j] = sum over k of input[..., i, k] other[..., k, j]; leading dimensions broadcast."""
    if out.dtype.is_complex:
        return complex_product(_real_product, out, input, other)
    _matmul(out, input, other, precision.kernel_precision(), not (out.ptr | input.ptr | other.ptr) & 15)


def linear(out: Buffer, input: Buffer, weight: Buffer, bias: Buffer | None) -> None:
    """out = input @ weight.T + bias over the last dimension."""
    if out.dtype.is_complex:
        return complex_product(_real_product, *_as_matrices(out, input, weight), bias)
    _linear(
        out, input, weight, bias, precision.kernel_precision(), not (out.ptr | input.ptr | weight.ptr) & 15
    )


@planned
def _matmul(out: Buffer, input: Buffer, other: Buffer, precise: str, aligned: bool) -> Callable[..., None]:
    batch = out.shape[:-2]
    product = Product(out, with_batch(input, batch), with_batch(other, batch), precise=precise)
    return plan_product(product, aligned)


@planned
def _linear(
    out: Buffer, input: Buffer, weight: Buffer, bias: Buffer | None, precise: str, aligned: bool
) -> Callable[..., None]:
    out, input, turned = _as_matrices(out, input, weight)
    turned = with_batch(turned, out.shape[:-2])
    return plan_product(Product(out, input, turned, _spread(bias, out), precise=precise), aligned)


def _as_matrices(out: Buffer, input: Buffer, weight: Buffer) -> tuple[Buffer, Buffer, Buffer]:
    """The operands of `linear` as those of a product: vectors as matrices, and the weight turned."""
    if weight.ndim == 1:  # one output, without a dimension of its own
        weight = weight.as_strided((1, *weight.shape), (0, *weight.strides))
        out = out.as_strided((*out.shape, 1), (*out.strides, 1))
    if input.ndim == 1:
        input = input.as_strided((1, *input.shape), (0, *input.strides))
        out = out.as_strided((1, *out.shape), (0, *out.strides))
    return out, input, weight.as_strided(weight.shape[::-1], weight.strides[::-1])


def _real_product(out: Buffer, a: Buffer, b: Buffer, addend: Buffer | None) -> None:
    aligned = not (out.ptr | a.ptr | b.ptr) & 15
    _sum_of_products(out, a, b, addend, None, precision.kernel_precision(), aligned)


def _spread(addend: Buffer | None, out: Buffer) -> Buffer | None:
    return None if addend is None else addend.as_strided(out.shape, broadcast_strides(addend, out.shape))


def addmm(out: Buffer, input: Buffer, mat1: Buffer, mat2: Buffer, beta: Any, alpha: Any) -> None:
    """out = beta input + alpha mat1 @ mat2."""
    _affine(out, input, mat1, mat2, beta, alpha, None)


baddbmm = addmm


def addmm_activation(
    out: Buffer, input: Buffer, mat1: Buffer, mat2: Buffer, beta: Any, alpha: Any, use_gelu: bool
) -> None:
    """out = relu or gelu of beta input + alpha mat1 @ mat2."""
    _affine(out, input, mat1, mat2, beta, alpha, activation.gelu_erf if use_gelu else activation.relu)


def _without_columns(a: Buffer) -> Buffer:
    return a.as_strided((*a.shape[:-1], 0), a.strides)


def _without_rows(b: Buffer) -> Buffer:
    return b.as_strided((*b.shape[:-2], 0, b.shape[-1]), b.strides)


def _affine(out: Buffer, input: Buffer, a: Buffer, b: Buffer, beta: Any, alpha: Any, epilogue: Any) -> None:
    aligned = not (out.ptr | a.ptr | b.ptr) & 15
    # as in BLAS, a factor of 0 ignores what it multiplies, its NaN included
    if alpha == 0:
        a, b = _without_columns(a), _without_rows(b)
    if out.dtype.is_complex:
        return complex_product(_real_product, out, a, b, None if beta == 0 else input, alpha, beta)
    geometry = (out, a, b, None if beta == 0 else input, epilogue, precision.kernel_precision(), aligned)
    # no factors: a plan that takes none, and no products with them in its epilogue
    if alpha == 1 and beta in (0, 1):
        return _sum_of_products(*geometry)
    number = float if out.dtype.is_floating_point else int
    _weighted_sum_of_products(*geometry, number(alpha), number(beta))


@planned
def _sum_of_products(
    out: Buffer, a: Buffer, b: Buffer, addend: Buffer | None, epilogue: Any, precise: str, aligned: bool
) -> Callable[..., None]:
    product = Product(out, a, b, _spread(addend, out), epilogue=epilogue, precise=precise)
    return plan_product(product, aligned)


@planned(numbers=2)
def _weighted_sum_of_products(
    out: Buffer, a: Buffer, b: Buffer, addend: Buffer | None, epilogue: Any, precise: str, aligned: bool,
    alpha: float, beta: float,
) -> Callable[..., None]:  # fmt: skip
    product = Product(out, a, b, _spread(addend, out), affine=True, epilogue=epilogue, precise=precise)
    return plan_product(product, aligned)


def scaled_product(
    out: Buffer, input: Buffer, mat2: Buffer, scale_a: Buffer, scale_b: Buffer, bias: Buffer | None,
    scale_result: Buffer | None, out_dtype: Any, fast: bool,
) -> None:  # fmt: skip
    """out = (scale_a (input @ mat2) scale_b + bias) / scale_result, of float8; all else in float32."""
    aligned = not (out.ptr | input.ptr | mat2.ptr) & 15
    _scaled(out, input, mat2, bias, scale_a, scale_b, scale_result, fast, aligned)


@planned
def _scaled(
    out: Buffer, a: Buffer, b: Buffer, bias: Buffer | None, scale_a: Buffer, scale_b: Buffer,
    scale_result: Buffer | None, fast: bool, aligned: bool,
) -> Callable[..., None]:  # fmt: skip
    scales = [_vector(x) for x in (scale_a, scale_b, scale_result) if x is not None]
    return plan_product(Product(out, a, b, _spread(bias, out), tuple(scales), fast=fast), aligned)


def _vector(scales: Buffer) -> Buffer:
    """The scales as a vector: of a matrix the dimension that is not 1."""
    steps = [s for n, s in zip(scales.shape, scales.strides, strict=True) if n != 1] or [1]
    return scales.as_strided((scales.numel,), tuple(steps[:1]))
