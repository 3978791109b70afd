"""Clipping of gradients, by their joint norm or by value."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.ops.elementwise.comparison import clamp
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.optimizer.foreach import REAL_FLOATS as LISTED
from tritonnn.ops.optimizer.foreach import _foreach_mul_, foreach_clamp, grouped, list_norms
from tritonnn.ops.reduction.norms import vector_norm
from tritonnn.recording.grad_mode import no_grad

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _tensors(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Any]:
    return [p.grad for p in _tensors(parameters) if p.grad is not None]


def _groups(tensors: list[Any]) -> list[list[Any]]:
    """The tensors by device and type."""
    return [[tensors[i] for i in places] for places in grouped(tensors)]


def _together(group: list[Any], foreach: bool | None) -> bool:
    """Whether the tensors of one device and type are taken in one call."""
    kind = group[0].device.type
    if foreach and kind == "meta":
        raise RuntimeError(f"foreach=True was passed, but can't use the foreach API on {kind} tensors")
    return foreach is not False and kind != "meta"


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors' elements taken as one vector.

    Args:
        tensors: one tensor or an iterable of them; on several devices, the result lies on the first one's.
        norm_type: p; `inf` gives the largest absolute value.
        error_if_nonfinite: raise RuntimeError where the norm is nan or infinite.
        foreach: False takes one tensor after another; None or True all of a device and type in one call.

    >>> import tritonnn as torch
    >>> torch.nn.utils.get_total_norm([torch.tensor([3.]), torch.tensor([4.])])
    tensor(5.)
    """
    norm_type = float(norm_type)
    tensors = _tensors(tensors)
    if not tensors:
        return make_tensor(0.0)
    device = tensors[0].device
    with no_grad():
        norms = []
        for group in _groups(tensors):
            if _together(group, foreach):
                norms.append(list_norms(group, norm_type))
            else:
                norms.extend(vector_norm(t, norm_type).reshape(1) for t in group)
        norms = [n if n.device == device else n.to(device) for n in norms]
        joined = norms[0] if len(norms) == 1 else cat(norms)
        # The norm of the norms is their list's: two launches whatever the order.
        total = list_norms([joined], norm_type).reshape(())
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, "
            "set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients in place by min(1, max_norm / (total_norm + 1e-6)).

    Args:
        parameters: whose gradients to scale.
        max_norm: the norm aimed at.
        total_norm: their joint norm, from `get_total_norm`.
        foreach: False takes one tensor after another; None or True all of a device and type in one call.
    """
    grads = _gradients(parameters)
    if not grads:
        return
    with no_grad():
        # Multiplying by 1 costs less than asking whether it is needed, which would wait for the GPU.
        factor = clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        for group in _groups(grads):
            here = factor.to(group[0].device)
            if _together(group, foreach):
                _foreach_mul_(group, here)
            else:
                for grad in group:
                    grad.mul_(here)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that their joint norm is at most `max_norm`; returns the norm before.

    Args:
        parameters: one tensor or an iterable of them; those without gradient are left out.
        max_norm: the largest norm allowed.
        norm_type: p; `inf` gives the largest absolute value.
        error_if_nonfinite: raise RuntimeError where the norm is nan or infinite.
        foreach: False takes one tensor after another; None or True all of a device and type in one call.

    >>> import tritonnn as torch
    >>> p = torch.nn.Parameter(torch.zeros(2))
    >>> p.grad = torch.tensor([3., 4.])
    >>> torch.nn.utils.clip_grad_norm_([p], max_norm=1.), p.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    given, parameters = parameters, _tensors(parameters)
    max_norm = float(max_norm)
    if isinstance(given, Generator) and not parameters:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Older name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of every gradient to [-clip_value, clip_value], in place.

    Args:
        parameters: one tensor or an iterable of them.
        clip_value: the largest absolute value allowed.
        foreach: False takes one tensor after another; None or True all of a device and type in one call.
    """
    bound = float(clip_value)
    with no_grad():
        for group in _groups(_gradients(parameters)):
            if _together(group, foreach) and group[0].dtype in LISTED:
                foreach_clamp(group, -bound, bound)
            else:
                for grad in group:
                    grad.clamp_(min=-bound, max=bound)
