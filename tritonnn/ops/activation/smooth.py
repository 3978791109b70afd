"""Smooth activation functions, and their piecewise approximations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._definitions import elementwise as definitions
from tritonnn.ops._table import FLOAT, FLOATING, FLOATING_AND_COMPLEX, Bad, Sample, pointwise
from tritonnn.ops.activation._shared import bad_number, numbers, samples, with_inplace
from tritonnn.ops.activation.backward import (
    gelu_backward,
    hardsigmoid_backward,
    hardswish_backward,
    logsigmoid_backward,
    mish_backward,
    silu_backward,
    softplus_backward,
)
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise.elementwise import NUMERIC_AND_COMPLEX, conjugate
from tritonnn.table.types import Number


def _check_approximate(input: Any, approximate: Any) -> None:
    if approximate not in ("none", "tanh"):
        raise Invalid(f"approximate argument must be either none or tanh, got {approximate!r}")


@pointwise(
    api="functional", out=True, inplace=False, dtypes=FLOATING, check=_check_approximate,
    samples=lambda make: [Sample(make(3, 5, low=-4, high=4), approximate=a) for a in ("none", "tanh")],
    errors=lambda make: [Bad(make(2), approximate="erf", match="must be either none or tanh")],
    grad={"input": lambda g, input, approximate: gelu_backward(g, input, approximate)},
    reference=definitions.gelu,
)  # fmt: skip
def gelu(input: Tensor, *, approximate: str = "none") -> Any:
    """x times the normal distribution function of x (D. Hendrycks, K. Gimpel, arXiv:1606.08415).

    Args:
        approximate: 'none' for the error function, 'tanh' for 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    >>> import tritonnn as torch
    >>> torch.nn.functional.gelu(torch.tensor([-1., 2.]))
    tensor([-0.1587,  1.9545])
    """


def _silu_grad(g: Tensor, input: Tensor) -> Tensor:
    if not input.is_complex():
        return silu_backward(g, input)
    gate = ew.sigmoid(input)
    return g * conjugate(gate * (1 + input * (1 - gate)))


@pointwise(
    api="",
    dtypes=FLOATING_AND_COMPLEX,
    samples=samples(),
    grad={"input": _silu_grad},
    reference=lambda input: input / (1 + np.exp(-input)),
    errors=ew.refusals("silu", FLOATING_AND_COMPLEX),
)
def silu(input: Tensor) -> Any:
    """x * sigmoid(x) (S. Elfwing et al., arXiv:1702.03118).

    >>> import tritonnn as torch
    >>> torch.nn.functional.silu(torch.tensor([-1., 2.]))
    tensor([-0.2689,  1.7616])
    """


@pointwise(
    api="",
    dtypes=FLOATING,
    samples=samples(),
    grad={"input": lambda g, input: mish_backward(g, input)},
    reference=definitions.mish,
    errors=ew.refusals("mish", FLOATING),
)
def mish(input: Tensor) -> Any:
    """x * tanh(softplus(x)) (D. Misra, arXiv:1908.08681).

    >>> import tritonnn as torch
    >>> torch.nn.functional.mish(torch.tensor([-1., 2.]))
    tensor([-0.3034,  1.9440])
    """


@pointwise(
    api="functional", out=True, inplace=False, dtypes=FLOATING, samples=samples((2.0, 3.0)),
    check=numbers("arguments 'beta' and 'threshold'"), errors=bad_number,
    grad={"input": lambda g, input, beta, threshold: softplus_backward(g, input, beta, threshold)},
    reference=definitions.softplus,
)  # fmt: skip
def softplus(input: Tensor, beta: Number = 1.0, threshold: Number = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold.

    >>> import tritonnn as torch
    >>> torch.nn.functional.softplus(torch.tensor([-1., 2.]))
    tensor([0.3133, 2.1269])
    """


@pointwise(
    api="functional", out=True, inplace=False, dtypes=FLOATING, samples=samples(), order=lambda input: (),
    grad={"input": lambda g, input: logsigmoid_backward(g, input)},
    reference=lambda input: np.log(definitions.sigmoid(input)),
    errors=ew.refusals("logsigmoid", FLOATING),
)  # fmt: skip
def logsigmoid(input: Tensor) -> Any:
    """log(sigmoid(x)), accurate where sigmoid is small.

    >>> import tritonnn as torch
    >>> torch.nn.functional.logsigmoid(torch.tensor([-1., 2.]))
    tensor([-1.3133, -0.1269])
    """


@pointwise(
    api="", dtypes=FLOATING, samples=samples(), grad={"input": lambda g, input: hardsigmoid_backward(g, input)},
    reference=definitions.hardsigmoid,
    errors=ew.refusals("hardsigmoid", FLOATING),
)  # fmt: skip
def hardsigmoid(input: Tensor) -> Any:
    """min(max(x + 3, 0), 6) / 6.

    >>> import tritonnn as torch
    >>> torch.nn.functional.hardsigmoid(torch.tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """


@pointwise(
    api="", dtypes=FLOATING, samples=samples(), grad={"input": lambda g, input: hardswish_backward(g, input)},
    reference=lambda input: input * definitions.hardsigmoid(input),
    errors=ew.refusals("hardswish", FLOATING),
)  # fmt: skip
def hardswish(input: Tensor) -> Any:
    """x * min(max(x + 3, 0), 6) / 6 (A. Howard et al., arXiv:1905.02244).

    >>> import tritonnn as torch
    >>> torch.nn.functional.hardswish(torch.tensor([-1.5, 0., 1.5]))
    tensor([-0.3750,  0.0000,  1.1250])
    """


def _softsign_grad(g: Tensor, input: Tensor) -> Tensor:
    scale = ew.abs(input) + 1
    if input.is_complex():
        along = (g * conjugate(input)).real / (scale * scale)  # what the magnitude in the divisor adds
        return g / scale - ew.sgn(input) * along
    finite = input - input + 1  # the value at infinity is NaN, and so is the slope
    return g * finite / (scale * scale)


@pointwise(
    FLOAT, api="functional", inplace=False, dtypes=NUMERIC_AND_COMPLEX, samples=samples(),
    grad={"input": _softsign_grad},
    reference=lambda input: input / (1 + np.abs(input)),
    errors=ew.refusals("softsign", NUMERIC_AND_COMPLEX, FLOAT),
)  # fmt: skip
def softsign(input: Tensor) -> Any:
    """x / (1 + |x|).

    >>> import tritonnn as torch
    >>> torch.nn.functional.softsign(torch.tensor([-1., 3.]))
    tensor([-0.5000,  0.7500])
    """


def _tanhshrink_grad(g: Tensor, input: Tensor) -> Tensor:
    y = ew.tanh(input)
    return g * conjugate(y * y)


@pointwise(
    FLOAT, api="functional", inplace=False, dtypes=NUMERIC_AND_COMPLEX, samples=samples(),
    grad={"input": _tanhshrink_grad},
    preserved=("input",),
    reference=lambda input: input - np.tanh(input),
    errors=ew.refusals("tanhshrink", NUMERIC_AND_COMPLEX, FLOAT),
)  # fmt: skip
def tanhshrink(input: Tensor) -> Any:
    """x - tanh(x).

    >>> import tritonnn as torch
    >>> torch.nn.functional.tanhshrink(torch.tensor([-1., 2.]))
    tensor([-0.2384,  1.0360])
    """


functional_silu, _ = with_inplace(silu, named=False)
functional_mish, _ = with_inplace(mish, named=False)
functional_hardsigmoid, _ = with_inplace(hardsigmoid, named=False)
functional_hardswish, _ = with_inplace(hardswish, named=False)
