"""Drawing gamma, Dirichlet and binomial variates."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.softmax import softmax
from tritonnn.ops.variates.sampling import philox_binomial, philox_gamma
from tritonnn.random import Generator, generator_for
from tritonnn.shape import Size
from tritonnn.table import Make


def _place(generator: Generator | None, like: Tensor, count: int) -> tuple[int, int]:
    """A counter for each number."""
    generator = generator_for(like.device) if generator is None else generator
    return generator.reserve(4 * count)


def _floating(name: str, argument: str, value: Tensor, kind: type[Exception] = NotImplementedError) -> None:
    if not value.dtype.is_floating_point:
        message = f"expected a floating dtype for {argument}, got {value.dtype.name}"
        raise fail(name, message, kind=kind, **dict[str, Any]({argument: value}))


def _refused(make: Make) -> list[Bad]:
    return [
        Bad(3, error=TypeError, match="must be Tensor, not int"),
        Bad(make.int(2), error=NotImplementedError, match="floating dtype for self"),
    ]


@composite(
    name="standard_gamma", public="_standard_gamma", api="torch", dtypes=FLOATING, errors=_refused,
    samples=lambda make: [Sample(make(3, 4, positive=True)), Sample(make((), positive=True))],
)  # fmt: skip
def _standard_gamma(self: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma variates of the concentrations `self` and of rate 1, with a gradient.

    >>> import tritonnn as torch
    >>> torch._standard_gamma(torch.ones(2)).shape
    torch.Size([2])
    """
    _floating("_standard_gamma", "self", self)
    return philox_gamma(self, False, *_place(generator, self, self.numel()))


@composite(
    name="sample_dirichlet", public="_sample_dirichlet", api="torch", dtypes=FLOATING,
    errors=_refused, samples=lambda make: [Sample(make(3, 4, positive=True)), Sample(make(5, positive=True))],
)  # fmt: skip
def _sample_dirichlet(self: Tensor, generator: Generator | None = None) -> Tensor:
    """Dirichlet variates of the concentrations along the last dimension of `self`, without a gradient.

    >>> import tritonnn as torch
    >>> torch._sample_dirichlet(torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    _floating("_sample_dirichlet", "self", self)
    concentration = self.detach().to(dtypes.float64)
    # of logarithms: all variates of small concentrations may be too small for a number
    log_gamma = philox_gamma(concentration, True, *_place(generator, self, self.numel()))
    return softmax(log_gamma, -1).to(self.dtype).clamp(min=dtypes.finfo(self.dtype).tiny)


@composite(
    api="torch", dtypes=FLOATING,
    samples=lambda make: [Sample(make.int(3, 4).to(make.dtype), make(4, low=0, high=1))],
    errors=lambda make: [
        Bad(make.int(2), make(2, low=0, high=1), error=ValueError, match="floating dtype for count"),
        Bad(make(2, positive=True), make.int(2), error=ValueError, match="floating dtype for prob"),
        Bad(make(2, positive=True), make(3, low=0, high=1), match="must match the size"),
        Bad(3, make(2), error=TypeError, match="must be Tensor, not int"),
    ],
)  # fmt: skip
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Numbers of successes in `count` trials of probability `prob`, without a gradient.

    Raises:
        ValueError: a tensor is not floating.

    >>> import tritonnn as torch
    >>> torch.binomial(torch.tensor([10., 10.]), torch.tensor([0., 1.]))
    tensor([ 0., 10.])
    """
    _floating("binomial", "count", count, ValueError)
    _floating("binomial", "prob", prob, ValueError)
    shape = shapes.broadcast_shapes(count.shape, prob.shape)
    place = _place(generator, count, Size(shape).numel())
    return philox_binomial(count.detach(), prob.detach(), *place)
