"""Products of float8 matrices with their scales."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import not_a_tensor
from tritonnn.ops._table import Bad, Out, Sample, composite, expose, primitive
from tritonnn.shape import wrap_dim
from tritonnn.table import Make

FLOAT8 = dtypes.FLOAT8
RESULTS = (*FLOAT8, dtypes.float16, dtypes.bfloat16, dtypes.float32)


@expose("functional")
class ScalingType(Enum):
    """Which elements of a float8 matrix share a scale.

    >>> import tritonnn as torch
    >>> torch.nn.functional.ScalingType.RowWise.name
    'RowWise'
    """

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


@expose("functional")
class SwizzleType(Enum):
    """In which order the scales of blocks lie in memory.

    >>> import tritonnn as torch
    >>> torch.nn.functional.SwizzleType.NO_SWIZZLE.name
    'NO_SWIZZLE'
    """

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1


def _check_scales(a: Tensor, b: Tensor, scale_a: Tensor, scale_b: Tensor) -> None:
    single = scale_a.numel() == 1 == scale_b.numel()
    rows = single or (scale_a.shape == (a.shape[0], 1) and scale_b.shape == (1, b.shape[1]))
    whole = scale_a.dtype is dtypes.float32 is scale_b.dtype
    if whole and a.dtype in FLOAT8 and b.dtype in FLOAT8 and rows:
        return
    blocks = len(scale_a.shape) == 2 and scale_a.shape[1] == -(-a.shape[1] // 128) > 1
    if whole and blocks and len(scale_b.shape) == 2 and scale_b.shape[0] == scale_a.shape[1]:
        raise Invalid("scales of blocks of 128 elements are not supported", kind=NotImplementedError,
                      hint="one scale a tensor, or one for each row of input and column of mat2")  # fmt: skip
    raise Invalid(
        f"Invalid scaling configuration: float8 matrices take one float32 scale each, or scale_a of shape "
        f"({a.shape[0]}, 1) and scale_b of shape (1, {b.shape[1]}); got {a.dtype.name} with {scale_a.dtype.name} "
        f"{tuple(scale_a.shape)}, and {b.dtype.name} with {scale_b.dtype.name} {tuple(scale_b.shape)}",
        kind=ValueError,
    )


def _float8(make: Make, *shape: int, kind: DType = dtypes.float8_e4m3fn) -> Tensor:
    return make(*shape).to(kind)


def _definition(input: Any, mat2: Any, scale_a: Any, scale_b: Any, bias: Any) -> Any:
    """Each row and column times its scale."""
    product = np.einsum(
        "ij,jk->ik", input * np.reshape(scale_a, (-1, 1)), mat2 * np.reshape(scale_b, (1, -1))
    )
    return product if bias is None else product + bias


@primitive(
    float8=True,
    api="torch", public="_scaled_mm", dtypes=(dtypes.float32,), no_derivative=True,
    samples=lambda make: [
        Sample(_float8(make, 5, 7), _float8(make, 7, 3), make(()), make(()), out_dtype=dtypes.float32),
        Sample(_float8(make, 20, 40), _float8(make, 33, 40).t(), make(20, 1), make(1, 33), make(33),
               out_dtype=dtypes.float32),
        Sample(_float8(make, 20, 40, kind=dtypes.float8_e5m2), _float8(make, 40, 33), make(1), make(1, 1),
               out_dtype=dtypes.float32, use_fast_accum=True),
        Sample(_float8(make, 3, 0), _float8(make, 0, 4), make(()), make(()), make(4), out_dtype=dtypes.float32)],
    errors=lambda make: [
        Bad(make(2, 3), make(3, 4), make(()), make(()), error=ValueError, match="Invalid scaling configuration"),
        Bad(_float8(make, 2, 3), _float8(make, 3, 4), make(2), make(4), error=ValueError,
            match=r"scale_a of shape \(2, 1\)"),
        Bad(_float8(make, 2, 300), _float8(make, 300, 4), make(2, 3), make(3, 4), error=NotImplementedError,
            match="blocks of 128"),
        Bad(_float8(make, 2, 3), _float8(make, 4, 4), make(()), make(()), match="cannot be multiplied"),
        Bad(_float8(make, 2, 3), _float8(make, 3, 4), make(()), make(()), make(3), match="Bias must be size 4")],
    reference=_definition,
)  # fmt: skip
def scaled_product(
    input: Tensor, mat2: Tensor, scale_a: Tensor, scale_b: Tensor, bias: Tensor | None = None,
    scale_result: Tensor | None = None, out_dtype: DType | None = None, use_fast_accum: bool = False,
) -> Any:  # fmt: skip
    """(scale_a (input @ mat2) scale_b + bias) / scale_result for float8 matrices, in one kernel.

    Args:
        input: (m, k), float8_e4m3fn or float8_e5m2.
        mat2: (k, n), likewise; fastest where its columns are contiguous.
        scale_a: float32, one element, or (m, 1).
        scale_b: float32, one element, or (1, n).
        bias: (n,).
        scale_result: one element; read only where the result is float8.
        out_dtype: float8, float16, bfloat16 or float32; by default the type of `input`.
        use_fast_accum: let sm_90 sum with the fewer bits of its matrix units, instead of adding to float32
            every 128 products.

    Raises:
        ValueError: other types or shapes of the scales.
        NotImplementedError: scales of blocks.

    >>> import tritonnn as torch
    >>> x = torch.eye(2).to(torch.float8_e4m3fn)
    >>> torch._scaled_mm(x, x, torch.tensor(3.), torch.tensor(.5), out_dtype=torch.float32)
    tensor([[1.5000, 0.0000],
            [0.0000, 1.5000]])
    """
    left, right = tuple(input.shape), tuple(mat2.shape)
    for name, shape in (("input", left), ("mat2", right)):
        if len(shape) != 2:
            raise Invalid(f"{name} must be a matrix, got {len(shape)}D")
    rows, columns = left[0], right[1]
    if left[1] != right[0]:
        shapes = " and ".join("x".join(map(str, shape)) for shape in (left, right))
        raise Invalid(f"mat_a and mat_b shapes cannot be multiplied ({shapes})")
    _check_scales(input, mat2, scale_a, scale_b)
    if bias is not None and bias.shape != (columns,):
        raise Invalid(f"Bias must be size {columns} but got {bias.numel()}")
    if scale_result is not None and (scale_result.numel() != 1 or scale_result.dtype is not dtypes.float32):
        raise Invalid("scale_result must be a float scalar")
    dtype = input.dtype if out_dtype is None else out_dtype
    if dtype not in RESULTS:
        raise Invalid(f"out_dtype must be one of {', '.join(d.name for d in RESULTS)}, got {dtype.name}")
    if dtype not in FLOAT8:
        scale_result = None
    return Out((rows, columns), dtype), (
        input, mat2, scale_a, scale_b, bias, scale_result, out_dtype, use_fast_accum,
    )  # fmt: skip


def _only(name: str, value: Any) -> Any:
    """The one element of what may be a list."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if len(items) != 1:
        raise NotImplementedError(
            f"scaled_mm: {name} with {len(items)} entries (scales of scales) is not supported"
        )
    return items[0]


def _check_matrices(mat_a: Tensor, mat_b: Tensor, bias: Tensor | None) -> None:
    left, right = tuple(mat_a.shape), tuple(mat_b.shape)
    wrong = ""
    if len(left) != 2 or len(right) != 2:
        name, shape = ("mat_b", right) if len(left) == 2 else ("mat_a", left)
        wrong = f"{name} must be a matrix, got {len(shape)}D"
    elif left[1] != right[0]:
        shapes = " and ".join("x".join(map(str, shape)) for shape in (left, right))
        wrong = f"mat_a and mat_b shapes cannot be multiplied ({shapes})"
    elif bias is not None and bias.shape != right[1:]:
        wrong = f"Bias must be size {right[1]} but got {bias.numel()}"
    if wrong:
        raise fail("scaled_mm", wrong, kind=ValueError, mat_a=mat_a, mat_b=mat_b)


def _recipes(make: Make) -> list[Sample]:
    one, rows = [ScalingType.TensorWise], ScalingType.RowWise
    x, y = _float8(make, 5, 7), _float8(make, 7, 3)
    return [
        Sample(x, y, make(()), one, make(1), one, output_dtype=dtypes.float32),
        Sample(x, y, make(5, 1), rows, make(1, 3), rows, bias=make(3), output_dtype=dtypes.float32),
    ]


def _recipe_errors(make: Make) -> list[Bad]:
    one, rows, blocks = ScalingType.TensorWise, ScalingType.RowWise, ScalingType.BlockWise1x32
    x, y, s = _float8(make, 5, 7), _float8(make, 7, 3), make(())
    swizzle = SwizzleType.SWIZZLE_32_4_4
    return [
        Bad(x, y, s, blocks, s, blocks, error=NotImplementedError, match="TensorWise and RowWise are"),
        Bad(x, y, s, rows, s, rows, error=ValueError, match="scale_a must have 5 Float elements"),
        Bad(x, s, s, one, s, one, error=ValueError, match="mat_b must be a matrix, got 0D"),
        Bad(x, x, s, one, s, one, error=ValueError, match="shapes cannot be multiplied .5x7 and 5x7."),
        Bad(x, y, s, one, s, one, bias=make(4), error=ValueError, match="Bias must be size 3 but got 4"),
        Bad(x, y, [s, s], one, s, one, error=NotImplementedError, match="scale_a with 2 entries"),
        Bad(x, y, s, one, s, one, swizzle, error=NotImplementedError, match="swizzled scales"),
        Bad(x, y, s, one, s, one, contraction_dim=(0, 1), error=NotImplementedError, match="contraction_dim"),
    ]


@composite(
    api="functional", dtypes=(dtypes.float32,), samples=_recipes, errors=_recipe_errors,
    reference=lambda mat_a, mat_b, scale_a, scale_b, bias: _definition(mat_a, mat_b, scale_a, scale_b, bias),
)  # fmt: skip
def scaled_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    scale_a: Any,
    scale_recipe_a: Any,
    scale_b: Any,
    scale_recipe_b: Any,
    swizzle_a: Any = None,
    swizzle_b: Any = None,
    bias: Tensor | None = None,
    output_dtype: DType | None = dtypes.bfloat16,
    contraction_dim: Any = (),
    use_fast_accum: bool = False,
) -> Tensor:
    """The product of two scaled float8 matrices: (m, k) and (k, n).

    Args:
        mat_a, mat_b, bias, use_fast_accum: as of `torch._scaled_mm`.
        scale_a, scale_b: a tensor each, or a list of one.
        scale_recipe_a, scale_recipe_b: `ScalingType.TensorWise` or `RowWise`, the same for both.
        swizzle_a, swizzle_b: `SwizzleType.NO_SWIZZLE`, or None.
        output_dtype: type of the result; with None that of mat_a.
        contraction_dim: nothing, or (1, 0).

    Raises:
        NotImplementedError: scales of blocks, swizzled scales, other dimensions to contract.
        ValueError: operands, bias or scales whose shapes do not fit.

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> x, one, recipe = torch.eye(2).to(torch.float8_e5m2), torch.tensor(1.), F.ScalingType.TensorWise
    >>> F.scaled_mm(x, x, one, recipe, one, recipe)
    tensor([[1., 0.],
            [0., 1.]], dtype=torch.bfloat16)
    """
    for name, swizzle in (("swizzle_a", swizzle_a), ("swizzle_b", swizzle_b)):
        if swizzle is not None and _only(name, swizzle) is not SwizzleType.NO_SWIZZLE:
            raise NotImplementedError(
                f"scaled_mm: swizzled scales are not supported ({name}={_only(name, swizzle)})"
            )
    _check_matrices(mat_a, mat_b, bias)
    scales = []
    for name, scale, recipe, matrix, along in (
        ("a", scale_a, scale_recipe_a, mat_a, 0), ("b", scale_b, scale_recipe_b, mat_b, 1)
    ):  # fmt: skip
        scale, recipe = _only(f"scale_{name}", scale), _only(f"scale_recipe_{name}", recipe)
        if recipe not in (ScalingType.TensorWise, ScalingType.RowWise):
            raise NotImplementedError(
                f"scaled_mm: scale_recipe_{name}={recipe} is not supported: TensorWise and RowWise are"
            )
        wanted = matrix.shape[along] if recipe is ScalingType.RowWise else 1
        if not isinstance(scale, Tensor):
            raise not_a_tensor("scaled_mm", f"scale_{name}", scale)
        if scale.numel() != wanted:
            raise fail("scaled_mm", f"scale_{name} must have {wanted} Float element{'s' * (wanted != 1)}",
                       kind=ValueError, scale=scale)  # fmt: skip
        scales.append(scale)
    if not isinstance(contraction_dim, (list, tuple)) or not all(isinstance(d, int) for d in contraction_dim):
        raise TypeError(
            f"scaled_mm(): argument 'contraction_dim' must be tuple of ints, not {contraction_dim!r}"
        )
    if tuple(contraction_dim) and [wrap_dim(d, 2) for d in contraction_dim] != [1, 0]:
        raise NotImplementedError(f"scaled_mm: contraction_dim={contraction_dim} is not supported: (1, 0) is")
    first, second = scales
    return scaled_product(mat_a, mat_b, first, second, bias, None, output_dtype, use_fast_accum)
