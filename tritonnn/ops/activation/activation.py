"""Activation functions, their fused gradients, and their forms in `nn.functional`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import elementwise as definitions
from tritonnn.ops._table import FLOATING, NUMERIC, Bad, Sample, composite, expose, pointwise
from tritonnn.ops.activation._shared import bad_number, numbers, samples, with_inplace
from tritonnn.ops.activation.backward import (
    elu_backward,
    hardtanh_backward,
    leaky_relu_backward,
    threshold_backward,
)
from tritonnn.ops.elementwise import arithmetic as ar
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.random import Generator
from tritonnn.table.types import Number

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


# ---- rectifiers ---------------------------------------------------------------------------------------


@pointwise(
    dtypes=NUMERIC, samples=samples(), grad={"input": lambda g, result: threshold_backward(g, result, 0)},
    refuse={dtypes.bool_: "Boolean inputs not supported for relu"},
    errors=lambda make: [Bad(make.bool(2), match="Boolean inputs not supported for relu")],
    reference=lambda input: np.where(input > 0, input, 0),
)  # fmt: skip
def relu(input: Tensor) -> Any:
    """max(x, 0).

    >>> import tritonnn as torch
    >>> torch.relu(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """


@pointwise(
    api="", dtypes=NUMERIC, samples=samples(low=-8, high=8),
    grad={"input": lambda g, input: hardtanh_backward(g, input, 0.0, 6.0)},
    reference=lambda input: np.clip(input, 0, 6),
    errors=ew.refusals("relu6", NUMERIC),
)  # fmt: skip
def relu6(input: Tensor) -> Any:
    """min(max(x, 0), 6).

    >>> import tritonnn as torch
    >>> torch.nn.functional.relu6(torch.tensor([-1., 2., 8.]))
    tensor([0., 2., 6.])
    """


@pointwise(
    api="", dtypes=FLOATING, samples=samples((0.2,)), check=numbers("argument 'negative_slope'"),
    errors=bad_number,
    grad={"input": lambda g, input, negative_slope: leaky_relu_backward(g, input, negative_slope)},
    reference=lambda input, negative_slope: np.where(input > 0, input, negative_slope * input),
)  # fmt: skip
def leaky_relu(input: Tensor, negative_slope: Number = 0.01) -> Any:
    """x above 0, negative_slope * x below (A. Maas et al., 2013).

    >>> import tritonnn as torch
    >>> torch.nn.functional.leaky_relu(torch.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """


@pointwise(
    name="prelu", api="", inplace=False, dtypes=FLOATING,
    samples=lambda make: [Sample(make(3, 4), make(4, low=0, high=1)), Sample(make(2, 3, 2), make(3, 1))],
    grad={
        "input": lambda g, input, weight: ew.in_pieces(ew.choose(input > 0, g, g * weight), input),
        "weight": lambda g, input, weight: ew.in_pieces(ew.replaced(g * input, input > 0), weight),
    },
)  # fmt: skip
def _prelu(input: Tensor, weight: Tensor) -> Any:
    """x above 0, weight * x below; the weight broadcasts."""


@composite(
    name="public_prelu", public="prelu", api="torch tensor functional", dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(3, 4), make(4, low=0, high=1)), Sample(make(2, 3, 2), make(3)), Sample(make(2, 3), make(1)),
        Sample(make(3), make(())), Sample(make(()), make(1)),
    ],
    errors=lambda make: [
        Bad(make(2, 3), make(2), match="parameter numbers = 2 and channel size = 3"),
        Bad(make(()), make(2), match="Not allow zero-dim input tensor"),
        Bad(make(2, 2), make(1, 1), match="scalar or 1D tensor, but got: ndim = 2"),
        Bad(make(2, 2), make(2, dtype=dtypes.float16), match="Type promoting not supported"),
        Bad(make(2, 2), 0.1, error=TypeError, match="'weight' .*must be Tensor, not float"),
    ],
    reference=definitions.prelu,
)  # fmt: skip
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, weight * x below, with one weight, or one for each channel (K. He et al., arXiv:1502.01852).

    Args:
        input: channels in dimension 1 (the only dimension of a 1-d tensor counts as one channel).
        weight: one element or as many as channels.

    Raises:
        RuntimeError: the weight has another number of elements.

    >>> import tritonnn as torch
    >>> torch.prelu(torch.tensor([-1., 2.]), torch.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    if weight.dtype is not input.dtype:
        message = f"Type promoting not supported. Got {input.dtype.name} and {weight.dtype.name}"
        raise fail("prelu", message, input=input, weight=weight)
    count = weight.numel()
    if len(weight.shape) > 1:
        message = f"Expected `weight` to be a scalar or 1D tensor, but got: ndim = {len(weight.shape)}"
        raise fail("prelu", message, input=input, weight=weight)
    if count == 1 or not weight.shape:
        return _prelu(input, weight.reshape(()))
    if not input.shape:
        raise fail("prelu", "Not allow zero-dim input tensor.", input=input, weight=weight)
    channels = input.shape[1] if len(input.shape) > 1 else 1
    if count != channels:
        raise fail(
            "prelu",
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} and channel "
            f"size = {channels}.",
            input=input,
            weight=weight,
        )
    return _prelu(input, weight.reshape(count, *[1] * (len(input.shape) - 2)))


@pointwise(
    api="", dtypes=FLOATING, samples=samples((1.5,)), check=numbers("argument 'alpha'"), errors=bad_number,
    grad={"input": lambda g, input, alpha: elu_backward(g, input, alpha, 1.0, 1.0)},
    reference=definitions.elu,
)  # fmt: skip
def elu(input: Tensor, alpha: Number = 1.0) -> Any:
    """x above 0, alpha * (exp(x) - 1) below (D. Clevert et al., arXiv:1511.07289).

    >>> import tritonnn as torch
    >>> torch.nn.functional.elu(torch.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """


@pointwise(
    api="torch", dtypes=FLOATING, samples=samples(),
    grad={"input": lambda g, input: elu_backward(g, input, SELU_ALPHA, SELU_SCALE, 1.0)},
    reference=definitions.selu,
    errors=ew.refusals("selu", FLOATING),
)  # fmt: skip
def selu(input: Tensor) -> Any:
    """elu scaled so that mean 0 and variance 1 are kept (G. Klambauer et al., arXiv:1706.02515).

    >>> import tritonnn as torch
    >>> torch.selu(torch.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """


def _check_celu(input: Any, alpha: Any) -> None:
    numbers("argument 'alpha'")(input, alpha)
    if alpha == 0:
        raise Invalid("ZeroDivisionError: alpha cannot be 0 for CELU")


@pointwise(
    api="torch", dtypes=FLOATING, samples=samples((1.5,)), check=_check_celu,
    errors=lambda make: [Bad(make(2), 0.0, match="alpha cannot be 0"), *bad_number(make)],
    grad={"input": lambda g, input, alpha: elu_backward(g, input, alpha, 1.0, 1.0 / alpha)},
    reference=lambda input, alpha: np.maximum(input, 0) + np.minimum(0, alpha * (np.exp(input / alpha) - 1)),
)  # fmt: skip
def celu(input: Tensor, alpha: Number = 1.0) -> Any:
    """x above 0, alpha * (exp(x / alpha) - 1) below (J. Barron, arXiv:1704.07483).

    >>> import tritonnn as torch
    >>> torch.celu(torch.tensor([-1., 2.]), 2.)
    tensor([-0.7869,  2.0000])
    """


@pointwise(
    api="torch", dtypes=NUMERIC, samples=lambda make: [Sample(make(3, 5), 1, -3 if make.dtype.is_signed else 3)],
    check=numbers("arguments 'threshold' and 'value'"),
    errors=lambda make: [Bad(make(2), "a", 1, error=TypeError, match="must be Number, not str")],
    grad={"input": lambda g, input, threshold: threshold_backward(g, input, threshold)},
    reference=lambda input, threshold, value: np.where(input > threshold, input, value),
)  # fmt: skip
def threshold(input: Tensor, threshold: Number, value: Number) -> Any:
    """x above the threshold, else `value`.

    >>> import tritonnn as torch
    >>> torch.threshold(torch.tensor([-1., 2.]), 0.5, 9.)
    tensor([9., 2.])
    """


def _check_range(input: Any, min_val: Any, max_val: Any) -> None:
    numbers("arguments 'min_val' and 'max_val'")(input, min_val, max_val)
    if isinstance(input, Tensor) and not input.dtype.is_signed and min(min_val, max_val) < 0:
        raise Invalid("cannot do hardtanh on an unsigned type with negative limits")
    if min_val > max_val:
        raise Invalid("min_val cannot be greater than max_val", kind=ValueError)


_check_range.of_defaults = True  # type: ignore[attr-defined]  # unsigned numbers do not take them


@pointwise(
    api="", dtypes=NUMERIC, check=_check_range,
    samples=lambda make: samples((-2, 3))(make) if make.dtype.is_signed else [Sample(make(3, 5), 1, 3)],
    errors=lambda make: [Bad(make(2), 1.0, -1.0, error=ValueError, match="min_val cannot be greater than max_val")],
    grad={"input": lambda g, input, min_val, max_val: hardtanh_backward(g, input, min_val, max_val)},
    reference=lambda input, min_val, max_val: np.clip(input, min_val, max_val),
)  # fmt: skip
def hardtanh(input: Tensor, min_val: Number = -1.0, max_val: Number = 1.0) -> Any:
    """x cut to min_val..max_val.

    >>> import tritonnn as torch
    >>> torch.nn.functional.hardtanh(torch.tensor([-3., 0.5]))
    tensor([-1.0000,  0.5000])
    """


def _shrunk(g: Tensor, input: Tensor, lambd: Number) -> Tensor:
    return ew.in_pieces(ew.replaced(g, cp.le(ew.abs(input.detach()), lambd)), input)


@pointwise(
    api="torch tensor functional", inplace=False, dtypes=FLOATING, samples=samples((1.0,)),
    check=numbers("argument 'lambd'"), errors=bad_number,
    grad={"input": _shrunk},
    reference=lambda input, lambd: np.where(np.abs(input) > lambd, input, 0),
)  # fmt: skip
def hardshrink(input: Tensor, lambd: Number = 0.5) -> Any:
    """x, and 0 where |x| <= lambd.

    >>> import tritonnn as torch
    >>> torch.nn.functional.hardshrink(torch.tensor([-0.2, 2.]))
    tensor([0., 2.])
    """


def _check_softshrink(input: Any, lambd: Any) -> None:
    numbers("argument 'lambd'")(input, lambd)
    if not lambd >= 0:  # NaN neither
        raise Invalid(f"lambda must be greater or equal to 0, but found to be {lambd}.")


@pointwise(
    api="functional", out=True, inplace=False, dtypes=FLOATING, samples=samples((1.0,)), check=_check_softshrink,
    errors=lambda make: [Bad(make(2), -1.0, match="lambda must be greater or equal to 0")],
    grad={"input": _shrunk},
    reference=definitions.softshrink,
)  # fmt: skip
def softshrink(input: Tensor, lambd: Number = 0.5) -> Any:
    """x moved towards 0 by `lambd`, and 0 where |x| <= lambd.

    >>> import tritonnn as torch
    >>> torch.nn.functional.softshrink(torch.tensor([-0.2, 2.]))
    tensor([0.0000, 1.5000])
    """


# ---- gates and noise ----------------------------------------------------------------------------------


@composite(
    api="functional", samples=lambda make: [Sample(make(3, 4)), Sample(make(4, 3), 0), Sample(make(2, 2, 2), -2)],
    errors=lambda make: [
        Bad(make(3), match="Halving dimension must be even"), Bad(make(()), match="0-dimensional tensors"),
        Bad(make(2), 3, error=IndexError, match="Dimension out of range"),
        Bad(make.int(2), error=NotImplementedError, match="not implemented for int64"),
        Bad("a", error=TypeError, match="'input' .*must be Tensor, not str"),
    ],
    reference=definitions.glu,
)  # fmt: skip
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along `dim` times the sigmoid of the second (Y. Dauphin et al., arXiv:1612.08083).

    Raises:
        RuntimeError: the extent of `dim` is odd, or the tensor has no dimension.

    >>> import tritonnn as torch
    >>> torch.nn.functional.glu(torch.tensor([1., 2., 0., 0.]))
    tensor([0.5000, 1.0000])
    """
    if input.dtype.kind < 2:
        raise fail("glu", f"not implemented for {input.dtype.name}", kind=NotImplementedError, input=input)
    if not input.shape:
        raise fail("glu", "does not support 0-dimensional tensors", input=input)
    extent = input.size(dim)
    if extent % 2:
        raise fail(
            "glu", f"Halving dimension must be even, but dimension {dim} is size {extent}", input=input
        )
    first, second = input.chunk(2, dim)
    return first * ew.sigmoid(second)


def _slopes(
    input: Tensor, lower: Any, upper: Any, training: bool, generator: Generator | None
) -> Tensor | float:
    if lower > upper:
        raise fail(
            "rrelu", f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if not training:
        return (lower + upper) / 2
    from tritonnn.ops.creation.creation import empty_like

    noise = empty_like(input).uniform_(lower, upper, generator=generator)
    return ew.replaced(noise, input >= 0, 1.0)


@composite(
    api="torch functional", samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 0.1, 0.5)],
    errors=lambda make: [
        Bad(make(2), 2.0, 1.0, match="Lower bound should be less than or equal to the upper bound"),
        Bad("a", error=TypeError, match="'input' .*must be Tensor, not str"),
        Bad(make(2), "a", error=TypeError, match="'lower' .*must be Number, not str"),
        Bad(make.int(2), error=NotImplementedError, match="not implemented for int64"),
    ],
    reference=lambda input, lower, upper: np.where(input >= 0, input, input * (lower + upper) / 2),
)  # fmt: skip
def rrelu(
    input: Tensor,
    lower: Number = 1.0 / 8,
    upper: Number = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """leaky_relu with a slope drawn for every element in lower..upper, or their mean outside training.

    Source: B. Xu et al., arXiv:1505.00853.

    Raises:
        RuntimeError: lower > upper.

    >>> import tritonnn as torch
    >>> torch.nn.functional.rrelu(torch.tensor([-1., 2.]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    for name, bound in (("lower", lower), ("upper", upper)):
        if not isinstance(bound, (bool, int, float)):
            raise TypeError(f"rrelu(): argument '{name}' must be Number, not {type(bound).__name__}")
    slopes = _slopes(input, lower, upper, training, generator)
    if inplace:
        return functional_leaky_relu(input, slopes, True) if isinstance(slopes, float) else input.mul_(slopes)
    input = input.contiguous()
    return leaky_relu(input, slopes) if isinstance(slopes, float) else ar.mul(input, slopes.contiguous())


@expose("torch functional", of=rrelu)
def rrelu_(
    input: Tensor, lower: Number = 1.0 / 8, upper: Number = 1.0 / 3, training: bool = False,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """In-place version of `rrelu`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.rrelu_(torch.tensor([-1., 2.]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    return rrelu(input, lower, upper, training, inplace=True, generator=generator)


functional_relu, relu_ = with_inplace(relu)
functional_leaky_relu, leaky_relu_ = with_inplace(leaky_relu)
functional_elu, elu_ = with_inplace(elu)
functional_selu, selu_ = with_inplace(selu)
functional_celu, celu_ = with_inplace(celu)
functional_threshold, threshold_ = with_inplace(threshold)
functional_hardtanh, hardtanh_ = with_inplace(hardtanh)
functional_relu6, _ = with_inplace(relu6, named=False)
