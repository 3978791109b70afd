"""The entries: what rotary and its backward take and give, their derivatives, samples and definition."""

from __future__ import annotations

from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.library import FLOATING, Bad, Invalid, Out, Perf, Sample, primitive


def _rule(input: Tensor, cos: Tensor, sin: Tensor, interleaved: bool) -> Any:
    if len(input.shape) < 2 or input.shape[-1] % 2:
        raise Invalid(f"input must be (..., length, dim) with an even dim, got {tuple(input.shape)}")
    pairs = (*input.shape[:-1], input.shape[-1] // 2)
    for name, turns in (("cos", cos), ("sin", sin)):
        fits = len(turns.shape) <= len(pairs) and all(
            given in (1, extent) for given, extent in zip(turns.shape[::-1], pairs[::-1])
        )
        if not fits:
            raise Invalid(
                f"{name} must broadcast to {pairs}, a number for each pair, got {tuple(turns.shape)}"
            )
        if turns.dtype not in (input.dtype, torch.float32):
            raise Invalid(f"{name} must be float32 or {input.dtype.name} as input is, got {turns.dtype.name}")
    return Out(input.shape, input.dtype)


def _halves(x: Any, interleaved: bool) -> tuple[Any, Any]:
    """The first and the second number of each pair, of a tensor or of an array."""
    half = x.shape[-1] // 2
    return (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])


def _along(g: Tensor, x: Tensor, interleaved: bool) -> Tensor:
    """g . x by pair, the derivative by the cosine."""
    (g1, g2), (x1, x2) = _halves(g, interleaved), _halves(x, interleaved)
    return g1 * x1 + g2 * x2


def _across(g: Tensor, x: Tensor, interleaved: bool) -> Tensor:
    """g x turned by a right angle, by pair, the derivative by the sine."""
    (g1, g2), (x1, x2) = _halves(g, interleaved), _halves(x, interleaved)
    return g2 * x1 - g1 * x2


def _definition(input: np.ndarray, cos: np.ndarray, sin: np.ndarray, interleaved: bool) -> np.ndarray:
    """As a product of complex numbers."""
    first, second = _halves(input, interleaved)
    turned = (first + 1j * second) * (cos + 1j * sin)
    joined = np.stack([turned.real, turned.imag], -1 if interleaved else -2)
    return joined.reshape(input.shape)


def _batches(call: Any) -> Tensor:
    """vmap: the batch is one dimension more in front, also of what lacks dimensions that broadcast."""
    rank, (x, *turns) = call.rank(0), call.args[:3]
    x = x if call.flags[0] else x.expand(call.size, *x.shape)
    turns = [
        t.reshape(call.size, *[1] * (rank - len(t.shape) + 1), *t.shape[1:]) if batched else t
        for t, batched in zip(turns, call.flags[1:3])
    ]
    return call.op.function(x, *turns, call.args[3])


def _samples(make: Any) -> list[Sample]:
    return [
        Sample(make(3, 4), make(3, 2), make(3, 2)),
        Sample(make(2, 5, 8), make(5, 4), make(5, 4), True),
        Sample(make(2, 3, 5, 6), make(2, 1, 5, 3), make(5, 1), interleaved=True),
        Sample(make(4, 2), *[make(4, 1, dtype=torch.float32) for _ in range(2)]).constant("cos", "sin"),
        Sample(make(2, 0, 4), make(0, 2), make(0, 2)),
    ]


def _errors(make: Any) -> list[Bad]:
    return [
        Bad(make(4), make(2), make(2), match=r"input must be \(\.\.\., length, dim\) with an even dim, got \(4,\)"),
        Bad(make(3, 5), make(3, 2), make(3, 2), match=r"even dim, got \(3, 5\)"),
        Bad(make(3, 4), make(3, 3), make(3, 2), match=r"cos must broadcast to \(3, 2\).*got \(3, 3\)"),
        Bad(make(3, 4), make(3, 2), make(2, 3, 2), match=r"sin must broadcast to \(3, 2\).*got \(2, 3, 2\)"),
        Bad(make(3, 4), make(3, 2, dtype=torch.float16), make(3, 2), match="cos must be float32 or"),
    ]  # fmt: skip


_SHARED = {
    "dtypes": FLOATING, "samples": _samples, "errors": _errors, "vmap": _batches,
}  # fmt: skip


def _rows(make: Any) -> list[Perf]:
    x = make(8, 16, 1024, 128)
    angles = x.shape[-2], x.shape[-1] // 2  # from the tensor: a rehearsal makes it smaller
    return [Perf("8 x 16 x 1024 x 128", x, make(*angles), make(*angles), quick=True)]


@primitive(
    **_SHARED,
    reference=_definition,
    grad={
        "input": lambda g, cos, sin, interleaved: rotary_backward(g, cos, sin, interleaved),
        "cos": lambda g, input, interleaved: _along(g, input, interleaved),
        "sin": lambda g, input, interleaved: _across(g, input, interleaved),
    },
    perf=_rows,
)
def rotary(input: Tensor, cos: Tensor, sin: Tensor, interleaved: bool = False) -> Any:
    """Turn pairs of numbers by angles that depend on the position (J. Su et al., arXiv:2104.09864).

    Args:
        input: (..., length, dim), dim even.
        cos: of the angles: broadcasts to (..., length, dim / 2); float32, or as input.
        sin: the same of the sines.
        interleaved: whether pairs are neighbours, or halves of the last dimension.

    Raises:
        RuntimeError: the shapes or dtypes do not fit.

    >>> import tritonnn as torch
    >>> from tritonnn_rotary import rotary
    >>> rotary(torch.tensor([[1., 2., 3., 4.]]), torch.zeros(1, 2), torch.ones(1, 2))
    tensor([[-3., -4.,  1.,  2.]])
    """
    return _rule(input, cos, sin, interleaved)


@primitive(
    **_SHARED,
    reference=lambda input, cos, sin, interleaved: _definition(input, cos, -sin, interleaved),
    grad={
        "input": lambda g, cos, sin, interleaved: rotary(g, cos, sin, interleaved),
        "cos": lambda g, input, interleaved: _along(g, input, interleaved),
        "sin": lambda g, input, interleaved: _across(input, g, interleaved),
    },
)
def rotary_backward(input: Tensor, cos: Tensor, sin: Tensor, interleaved: bool = False) -> Any:
    """The turn back, which the gradient of `rotary` takes; arguments are those of `rotary`."""
    return _rule(input, cos, sin, interleaved)
