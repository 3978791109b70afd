"""Softmax and its relatives along one dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, warn
from tritonnn.ops._definitions import order as define
from tritonnn.ops._fused import only_floating
from tritonnn.ops._table import NUMERIC, Bad, Out, Sample, composite, primitive
from tritonnn.ops.elementwise.elementwise import conjugate
from tritonnn.ops.reduction.reduction import reduced_shape, restore
from tritonnn.recording.grad_mode import state
from tritonnn.shape import wrap_dim, wrap_dims
from tritonnn.table import Make


def _samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), 1), Sample(make(3, 4), 0), Sample(make(2, 3, 4), -2), Sample(make(()), 0),
        Sample(make(2, 300), 1), Sample(make(3, 40, 20), 1), Sample(make(0, 3), 1), Sample(make(2, 0), 1),
        Sample(make(5, 7, low=-90, high=90), 1),
    ]  # fmt: skip


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
        Bad(make.int(2, 3), 1, match="floating"),
    ]


def _along(input: Tensor, dim: int) -> Any:
    """Of nothing there is a softmax whatever its type, as in PyTorch."""
    shape, dtype = input._shape, input._dtype
    dim = wrap_dim(dim, len(shape))
    if 0 not in shape:
        only_floating(input)
        if dtype in dtypes.FLOAT8:
            raise Invalid(
                f"not implemented for {dtype.name}",
                hint="convert with .to(torch.float32) first",
                kind=NotImplementedError,
            )
    if dtype.is_complex and state.enabled and input.requires_grad:
        raise Invalid("does not support automatic differentiation for outputs with complex dtype")
    return Out(shape, dtype), (input, dim)


@primitive(
    float8=True, samples=_samples, errors=_errors,
    grad={"input": lambda g, result, dim: softmax_backward(g, result, dim)},
)  # fmt: skip
def softmax(input: Tensor, dim: int) -> Any:
    """exp(x) / Σ exp(x) along `dim`."""
    return _along(input, dim)


@primitive(
    float8=True, samples=_samples, errors=_errors,
    grad={"input": lambda g, result, dim: log_softmax_backward(g, result, dim)},
)  # fmt: skip
def log_softmax(input: Tensor, dim: int) -> Any:
    """x - log Σ exp(x) along `dim`."""
    return _along(input, dim)


def _pairs(make: Make) -> list[Sample]:
    return [Sample(make(3, 4), make(3, 4), 1), Sample(make(2, 30, 20), make(2, 30, 20), 1)]


@primitive(
    samples=_pairs,
    grad={"grad": lambda g, result, dim: softmax_backward(g, result, dim),
          "result": lambda g, grad, result, dim: g * (grad - (grad * result).sum(dim, True))
          - grad * (g * result).sum(dim, True)},
    results=("grad_input",),
)  # fmt: skip
def softmax_backward(grad: Tensor, result: Tensor, dim: int) -> Any:
    """y (g - Σ g y) along `dim`: the gradient of softmax with result y."""
    return Out(result.shape, result.dtype)


@primitive(
    samples=_pairs,
    grad={"grad": lambda g, result, dim: g - (g * result.exp()).sum(dim, True),
          "result": lambda g, grad, result, dim: -g * result.exp() * grad.sum(dim, True)},
    results=("grad_input",),
)  # fmt: skip
def log_softmax_backward(grad: Tensor, result: Tensor, dim: int) -> Any:
    """g - exp(y) Σ g along `dim`: the gradient of log_softmax with result y."""
    return Out(result.shape, result.dtype)


@primitive(
    public="logsumexp",
    samples=lambda make: [Sample(make(3, 4), (1,), False), Sample(make(3, 4), (0, 1), True),
                          Sample(make(4, 3, 5), (0, 2), False), Sample(make(0, 3), (0,), False)],
    grad={"input": lambda g, input, dim, keepdim, result: restore(g, input.shape, dim, keepdim)
          * conjugate((input - _finite(restore(result, input.shape, dim, keepdim))).exp())},
)  # fmt: skip
def logsumexp_dims(input: Tensor, dim: int | Sequence[int], keepdim: bool) -> Any:
    """log Σ exp(x) over several dimensions."""
    dims = wrap_dims(dim, len(input.shape))
    return Out(reduced_shape(input.shape, dims, keepdim), input.dtype), (input, dims, bool(keepdim))


def _finite(result: Tensor) -> Tensor:
    """An infinite logsumexp would turn exp(x - result) into NaN where all x are -inf."""
    return result.masked_fill(result == float("-inf"), 0.0)


@composite(
    api="torch tensor special", dtypes=(*NUMERIC, *dtypes.COMPLEX),
    samples=lambda make: [Sample(make(3, 4), 1), Sample(make(3, 4), (0, 1), True), Sample(make(()), 0)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range")],
    reference=define.logsumexp,
)  # fmt: skip
def logsumexp(
    input: Tensor, dim: int | Sequence[int], keepdim: bool = False, *, out: Tensor | None = None
) -> Tensor:
    """log Σ exp(x) over `dim`, without overflow; integers count as the default floating dtype.

    >>> import tritonnn as torch
    >>> torch.logsumexp(torch.tensor([1000., 1000.]), 0)
    tensor(1000.6932)
    """
    if not input.dtype.is_floating_point:
        if input.dtype.is_complex:
            result = _complex_logsumexp(input, dim, keepdim)
            return result if out is None else dispatch.deliver("logsumexp", out, result)
        input = input.to(dtypes.get_default_dtype())
    if out is not None:
        return logsumexp_dims(input, dim, keepdim, out=out)
    return logsumexp_dims(input, dim, keepdim)


def _complex_logsumexp(input: Tensor, dim: int | Sequence[int], keepdim: bool) -> Tensor:
    """log Σ exp(x), with the greatest real part taken out."""
    dims = wrap_dims(dim, len(input.shape))
    if 0 in [input.shape[dim] for dim in dims]:
        return input.exp().sum(dims, keepdim).log()
    shift = input.real.detach().amax(dims, True)
    shift = shift.masked_fill(shift.abs() == float("inf"), 0.0)
    result = (input - shift).exp().sum(dims, True).log() + shift
    return result if keepdim or not input.shape else result.squeeze(dims)


# ---- what users call --------------------------------------------------------------------------------------


def _in_dtype(input: Tensor, dtype: DType | None) -> Tensor:
    return input if dtype is None else input.to(dtype)


def _implicit_dim(name: str, ndim: int) -> int:
    """The dimension that old programs meant by none: 0 for up to one and for three dimensions, else 1."""
    warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
        "argument."
    )
    return 0 if ndim in (0, 1, 3) else 1


_CALL_SAMPLES = lambda make: [
    Sample(make(3, 4), 1), Sample(make(2, 3, 4), 0), Sample(make(3, 4), dim=-1, dtype=dtypes.float64),
]  # fmt: skip


@composite(
    api="torch tensor special",
    public="softmax",
    samples=_CALL_SAMPLES,
    errors=_errors,
    reference=define.softmax,
)
def torch_softmax(
    input: Tensor, dim: int, dtype: DType | None = None, *, out: Tensor | None = None
) -> Tensor:
    """exp(x) / Σ exp(x) along `dim`: positive numbers that sum to one.

    Args:
        input: any shape.
        dim: the dimension that sums to one.
        dtype: compute in and return this dtype; the cast happens first, which prevents overflow.
        out: where to write.

    Raises:
        IndexError: there is no dimension `dim`.
        RuntimeError: the input is not floating and no dtype is given.

    >>> import tritonnn as torch
    >>> torch.softmax(torch.tensor([0., 0.]), 0)
    tensor([0.5000, 0.5000])
    """
    if dtype is not None:
        input = _in_dtype(input, dtype)
    return softmax(input, dim) if out is None else softmax(input, dim, out=out)


@composite(
    api="torch tensor special",
    public="log_softmax",
    samples=_CALL_SAMPLES,
    errors=_errors,
    reference=define.log_softmax,
)
def torch_log_softmax(
    input: Tensor, dim: int, dtype: DType | None = None, *, out: Tensor | None = None
) -> Tensor:
    """log(softmax(x)) along `dim`, computed as x - max - log Σ exp(x - max).

    Args and errors as of `softmax`.

    >>> import tritonnn as torch
    >>> torch.log_softmax(torch.tensor([0., 0.]), 0)
    tensor([-0.6931, -0.6931])
    """
    input = _in_dtype(input, dtype)
    return log_softmax(input, dim) if out is None else log_softmax(input, dim, out=out)


@composite(
    api="functional", public="softmax", samples=_CALL_SAMPLES, errors=_errors, reference=define.softmax
)
def functional_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """exp(x) / Σ exp(x) along `dim`; see `torch.softmax`.

    Without `dim` the dimension is guessed (0 for up to one and for three dimensions, else 1), with a warning.

    >>> import tritonnn as torch
    >>> torch.nn.functional.softmax(torch.tensor([[0., 0.]]), dim=1)
    tensor([[0.5000, 0.5000]])
    """
    if dim is None:
        dim = _implicit_dim("softmax", len(input.shape))
    return softmax(_in_dtype(input, dtype), dim)


@composite(
    api="functional",
    public="log_softmax",
    samples=_CALL_SAMPLES,
    errors=_errors,
    reference=define.log_softmax,
)
def functional_log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """log(softmax(x)) along `dim`; see `torch.log_softmax` and, for no `dim`, `softmax`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.log_softmax(torch.tensor([[0., 0.]]), dim=1)
    tensor([[-0.6931, -0.6931]])
    """
    if dim is None:
        dim = _implicit_dim("log_softmax", len(input.shape))
    return log_softmax(_in_dtype(input, dtype), dim)


@composite(api="functional", samples=_CALL_SAMPLES, errors=_errors, reference=define.softmin)
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """softmax(-x) along `dim`: the smallest element gets the largest share.

    >>> import tritonnn as torch
    >>> torch.nn.functional.softmin(torch.tensor([0., 1.]), dim=0)
    tensor([0.7311, 0.2689])
    """
    if dim is None:
        dim = _implicit_dim("softmin", len(input.shape))
    return softmax(_in_dtype(-input, dtype), dim)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4)), Sample(make(2, 3), 0.5, True, dim=0)],
    errors=lambda make: [
        Bad(make(2, 3), dim=2, error=IndexError, match="Dimension out of range"),
        Bad(make.int(2, 3), match="floating"),
    ],
)
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """softmax((logits + Gumbel noise) / tau) along `dim` (Jang et al. 2017).

    Args:
        logits: unnormalised log-probabilities.
        tau: temperature.
        hard: return one-hot vectors whose gradient is that of the soft ones.
        eps: only for old programs; a value other than the default is warned about and has no effect.
        dim: the dimension that sums to one.

    >>> import tritonnn as torch
    >>> torch.nn.functional.gumbel_softmax(torch.zeros(2, 3), hard=True).sum(-1)
    tensor([1., 1.])
    """
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    noise = -logits.new_empty(logits.shape).exponential_().log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    index = soft.argmax(dim, True)
    one_hot = soft.detach().new_zeros(soft.shape).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
