"""What a gradient scaler runs: unscaling gradients, and the update of the scale."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.ops._table import FLOATING, Bad, expose, writing
from tritonnn.ops.optimizer.foreach import REAL_FLOATS, grouped
from tritonnn.recording.grad_mode import no_grad
from tritonnn.table.arguments import is_int
from tritonnn.table.types import Tensors

UNSCALE = "_amp_foreach_non_finite_check_and_unscale_"
UPDATE = "_amp_update_scale_"


def _check_one(name: str, tensor: Tensor, dtype: DType, kind: str) -> None:
    if tensor.numel() != 1:
        raise Invalid(f"{name} must be a 1-element tensor.")
    if tensor.dtype is not dtype:
        raise Invalid(f"{name} must be {kind} tensor.")


@writing(
    dtypes=FLOATING, public=UNSCALE,
    errors=lambda make: [
        Bad([make(2)], make(2, dtype=dtypes.float32), make(1, dtype=dtypes.float32), match="found_inf must be a 1-ele"),
        Bad([make(2)], make(1, dtype=dtypes.float32), make(2, dtype=dtypes.float32), match="inv_scale must be a 1-ele"),
        Bad([make(2)], make.int(1), make(1, dtype=dtypes.float32), match="found_inf must be a float tensor"),
        Bad([make(2)], make(1, dtype=dtypes.float32), make.int(1), match="inv_scale must be a float tensor"),
        Bad([make(2)[:1].expand(3)], make(1, dtype=dtypes.float32), make(1, dtype=dtypes.float32),
            match="more than one element of the written-to tensor"),
    ],
)  # fmt: skip
def amp_unscale(grads: Tensors, found_inf: Tensor, inv_scale: Tensor) -> Any:
    """Every gradient times `inv_scale`, in place; `found_inf` becomes 1 where an element was not finite.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.amp import amp_unscale
    >>> grad, found = torch.tensor([2., float("inf")]), torch.zeros(1)
    >>> amp_unscale([grad], found, torch.tensor([0.5]))
    >>> grad, found
    (tensor([1., inf]), tensor([1.]))
    """
    _check_one("found_inf", found_inf, dtypes.float32, "a float")
    _check_one("inv_scale", inv_scale, dtypes.float32, "a float")
    for grad in grads:
        if grad.dtype not in REAL_FLOATS or grad.dtype is not grads[0].dtype:
            names = ", ".join(dict.fromkeys(t.dtype.name for t in grads))
            raise Invalid(f"expected tensors of one floating type, got {names}", kind=NotImplementedError)
    return [*grads, found_inf]


@writing(
    dtypes=(dtypes.float32,), public=UPDATE,
    errors=lambda make: [
        Bad(make(2), make.int(1, dtype=dtypes.int32), make(1), 2.0, 0.5, 2, match="current_scale must be a 1-element"),
        Bad(make(1), make.int(2, dtype=dtypes.int32), make(1), 2.0, 0.5, 2, match="growth_tracker must be a 1-element"),
        Bad(make(1), make.int(1, dtype=dtypes.int32), make(2), 2.0, 0.5, 2, match="found_inf must be a 1-element"),
        Bad(make.int(1), make.int(1, dtype=dtypes.int32), make(1), 2.0, 0.5, 2, match="current_scale must be a float"),
        Bad(make(1), make.int(1), make(1), 2.0, 0.5, 2, match="growth_tracker must be an int tensor"),
        Bad(make(1), make.int(1, dtype=dtypes.int32), make.int(1), 2.0, 0.5, 2, match="found_inf must be a float"),
    ],
)  # fmt: skip
def amp_update(
    scale: Tensor, growth_tracker: Tensor, found_inf: Tensor, growth: float, backoff: float, interval: int
) -> Any:
    """The scale and the number of good steps in a row, brought up to date in place.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.amp import amp_update
    >>> scale, good = torch.tensor(8.), torch.tensor(1, dtype=torch.int32)
    >>> amp_update(scale, good, torch.tensor(0.), 2.0, 0.5, 2)
    >>> scale, good
    (tensor(16.), tensor(0, dtype=torch.int32))
    """
    _check_one("growth_tracker", growth_tracker, dtypes.int32, "an int")
    _check_one("current_scale", scale, dtypes.float32, "a float")
    _check_one("found_inf", found_inf, dtypes.float32, "a float")
    return [scale, growth_tracker]


def _check_tensors(name: str, first: int, **given: object) -> None:
    for position, (argument, value) in enumerate(given.items(), first):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {type(value).__name__}"
            )


@expose("torch", of=amp_unscale)
def _amp_foreach_non_finite_check_and_unscale_(self: Tensors, found_inf: Tensor, inv_scale: Tensor) -> None:
    """Every tensor times `inv_scale`, in place; `found_inf` becomes 1 where an element was infinite or NaN.

    Tensors of one type share a launch, and nothing is waited for.

    Args:
        self: floating tensors of one device.
        found_inf: one element of float32; it stays as it is where all is finite.
        inv_scale: one element of float32.

    Raises:
        RuntimeError: `found_inf` or `inv_scale` is something else. NotImplementedError: a tensor is not floating.

    >>> import tritonnn as torch
    >>> grads, found = [torch.tensor([4.]), torch.ones(2)], torch.zeros(1)
    >>> torch._amp_foreach_non_finite_check_and_unscale_(grads, found, torch.tensor([0.5]))
    >>> grads, found
    ([tensor([2.]), tensor([0.5000, 0.5000])], tensor([0.]))
    """
    if not isinstance(self, (list, tuple)):
        raise TypeError(
            f"{UNSCALE}(): argument 'self' (position 1) must be tuple of Tensors, not {type(self).__name__}"
        )
    for i, tensor in enumerate(self):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{UNSCALE}(): expected Tensor as element {i} of self, not {type(tensor).__name__}"
            )
    _check_tensors(UNSCALE, 2, found_inf=found_inf, inv_scale=inv_scale)
    with no_grad():
        for places in grouped(list(self)):
            amp_unscale([self[i] for i in places], found_inf, inv_scale)


@expose("torch", of=amp_update)
def _amp_update_scale_(
    self: Tensor,
    growth_tracker: Tensor,
    found_inf: Tensor,
    scale_growth_factor: float,
    scale_backoff_factor: float,
    growth_interval: int,
) -> Tensor:
    """Bring a gradient scale up to date, in place and with no wait for the device.

    Args:
        self: the scale, one element of float32.
        growth_tracker: the number of good steps in a row, one element of int32.
        found_inf: one element of float32, not 0 where the step was left out.
        scale_growth_factor: times what the scale is after `growth_interval` good steps, unless that overflows.
        scale_backoff_factor: times what it is after a step that was left out.
        growth_interval: see above.

    Returns:
        `self`.

    Raises:
        RuntimeError: a tensor of another type or number of elements.

    >>> import tritonnn as torch
    >>> good = torch.zeros(1, dtype=torch.int32)
    >>> torch._amp_update_scale_(torch.tensor([8.]), good, torch.tensor([1.]), 2.0, 0.5, 100)
    tensor([4.])
    """
    _check_tensors(UPDATE, 1, self=self, growth_tracker=growth_tracker, found_inf=found_inf)
    if not is_int(growth_interval):
        raise TypeError(
            f"{UPDATE}(): argument 'growth_interval' (position 6) must be int, not {type(growth_interval).__name__}"
        )
    with no_grad():
        amp_update(
            self, growth_tracker, found_inf, scale_growth_factor, scale_backoff_factor, growth_interval
        )
    return self
