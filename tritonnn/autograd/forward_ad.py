"""Forward-mode differentiation: tensors that carry a tangent, the derivative along a direction.

What is computed from a dual tensor is recorded as for backward; its tangent is computed when it is asked for
(`tritonnn/autograd/directions.py`), by custom functions' `jvp` where they have one.

>>> import tritonnn as torch, tritonnn.autograd.forward_ad as fwAD
>>> with fwAD.dual_level():
...     x = fwAD.make_dual(torch.tensor(3.), torch.tensor(1.))
...     fwAD.unpack_dual(x * x).tangent
tensor(6.)
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from tritonnn._tensor import Tensor
from tritonnn.autograd.directions import Pushing
from tritonnn.autograd.tracked import Tracked, apart, cut
from tritonnn.batching.values import levels_of
from tritonnn.recording.grad_mode import F, _decorate, state

__all__ = [
    "UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual",
]  # fmt: skip


class _Duals(threading.local):
    """What a thread has: the tensors of the level that it is within, each with its tangent; None outside."""

    pairs: list[tuple[Tracked, Tensor]] | None = None
    enabled = True


_duals = _Duals()


class UnpackedDualTensor(NamedTuple):
    """The two parts of a dual tensor; the tangent is None where there is none."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level, which is where dual tensors live; returns its number.

    Raises:
        RuntimeError: there is one already.
    """
    if _duals.pairs is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _duals.pairs = []
    state.tangents += 1
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; its tangents are gone.

    Raises:
        RuntimeError: it is not the last one that was entered.
    """
    if _duals.pairs is None:
        raise RuntimeError("Dual level must be a positive number.")
    if level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    _duals.pairs = None
    state.tangents -= 1


class dual_level:
    """A block, or a function, within a level."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc_info: object) -> None:
        exit_dual_level()

    def __call__(self, function: F) -> F:
        return _decorate(self, function)

    def clone(self) -> Any:
        return dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """The values of `tensor`, carrying a tangent.

    Raises:
        RuntimeError: there is no level, or the shapes differ. ValueError: not both are floating or complex.
    """
    if _duals.pairs is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, value in (("primal", tensor), ("tangent", tangent)):
        if not (value.is_floating_point() or value.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {value.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    if not _duals.enabled:
        return tensor.view_as(tensor)
    if _duals.pairs and tensor.requires_grad and unpack_dual(tensor).tangent is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not "
            "supported."
        )
    tangent = apart(tangent, [tensor])
    tracked = Tracked(tensor, levels_of(tensor)[0], writable=True)
    _duals.pairs.append((tracked, tangent))
    return tracked.sample


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(values, tangent) of a tensor; the tangent is None where it depends on no dual tensor."""
    pairs = _duals.pairs
    if not pairs or not (tensor.is_floating_point() or tensor.is_complex()):
        return UnpackedDualTensor(tensor, None)
    tracked = [item for item, _ in pairs]
    pushing = Pushing([tensor], tracked)
    tangent = pushing.along([direction for _, direction in pairs], state.enabled)[0]
    own = pushing.own
    primal = cut(tensor, own, state.enabled)
    return UnpackedDualTensor(primal, None if tangent is None else cut(tangent, own, state.enabled))


class _set_fwd_grad_enabled:
    """Whether tensors are given their tangents, at once and to the end of a block."""

    def __init__(self, mode: bool) -> None:
        self.before, _duals.enabled = _duals.enabled, mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        _duals.enabled = self.before


def _is_fwd_grad_enabled() -> bool:
    return _duals.enabled
