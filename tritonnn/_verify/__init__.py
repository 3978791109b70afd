"""Verify mode: every kernel's results held to those of its NumPy twin, and the first NaN found where it is made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tritonnn._call_site import call_site
from tritonnn._verify.call import Call, Difference, sites
from tritonnn.device import runtime
from tritonnn.dispatch._watch import watchers
from tritonnn.errors import warn
from tritonnn.table import Op, stand_between

__all__ = ["Difference", "VerificationError", "verify"]


class VerificationError(RuntimeError):
    """A kernel and its NumPy twin differ, or an operation made NaN or infinity out of finite numbers.

    >>> import tritonnn as torch
    >>> try:
    ...     with torch.verify():
    ...         torch.zeros(1).log()
    ... except torch.VerificationError as error:
    ...     print(str(error).splitlines()[0])
    log made inf out of finite numbers: 1 of 1 elements of 'result'
    """


class verify:
    """Within the block, run the NumPy twin of every GPU operation beside its kernel, and report what differs.

    That is each call of the op table on a GPU, forward and backward, in place, with `out=`, and the optimizers'. On
    every device, and so on the CPU as well, an operation is reported that makes NaN or infinity out of finite
    numbers. `TRITONNN_VERIFY=1` does it for a whole program. Calls captured into a CUDA graph are not looked at.

    Args:
        rtol_factor: times the relative difference that a dtype is allowed.
        atol_factor: times the absolute difference, which is the relative one of the result's root mean square.
        non_finite: whether NaN and infinity are looked for.
        on_difference: "raise" a VerificationError, or "warn" and go on.
        limit: after how many reports to stop looking; None never does.

    Entering gives the object itself, whose list `differences` has what was found.

    >>> import tritonnn as torch
    >>> with torch.verify():
    ...     y = torch.ones(2) / torch.zeros(2)
    Traceback (most recent call last):
    tritonnn._verify.VerificationError: div made inf out of finite numbers: 2 of 2 elements of 'result'
      ...
    """

    _active: list[verify] = []

    def __init__(
        self,
        *,
        rtol_factor: float = 1.0,
        atol_factor: float = 1.0,
        non_finite: bool = True,
        on_difference: str = "raise",
        limit: int | None = None,
    ) -> None:
        if on_difference not in ("raise", "warn"):
            raise ValueError(f"verify: on_difference must be 'raise' or 'warn', got {on_difference!r}")
        for name, factor in (("rtol_factor", rtol_factor), ("atol_factor", atol_factor)):
            if not isinstance(factor, (int, float)):
                raise TypeError(f"verify: {name} must be a number, not {type(factor).__name__}")
            if not factor >= 0:
                raise ValueError(f"verify: {name} must be a number of at least 0, got {factor!r}")
        if limit is not None and limit < 1:
            raise ValueError(f"verify: limit must be None or at least 1, got {limit!r}")
        self.rtol_factor, self.atol_factor = rtol_factor, atol_factor
        self.non_finite, self.on_difference, self.limit = non_finite, on_difference, limit
        self.differences: list[Difference] = []

    def __enter__(self) -> verify:
        if not verify._active:
            watchers.append(_note_site)
        verify._active.append(self)
        stand_between(_looked_at)
        return self

    def __exit__(self, *exc_info: object) -> None:
        verify._active.remove(self)
        if not verify._active:
            watchers.remove(_note_site)
            stand_between(None)

    @property
    def done(self) -> bool:
        """Whether as much has been reported as was asked for."""
        return self.limit is not None and len(self.differences) >= self.limit

    def report(self, difference: Difference) -> None:
        """Keep what was found, and raise it or warn."""
        self.differences.append(difference)
        if self.on_difference == "raise":
            raise VerificationError(difference.message)
        warn(difference.message)


def _looked_at(op: Op, device_type: str, function: Callable) -> Callable:
    """The backend's function with a look at what it is given and what it makes."""

    @functools.wraps(function)
    def run(*given: object, **options: object) -> Any:
        settings = verify._active[-1] if verify._active else None
        on_gpu = device_type == "cuda"
        if settings is None or settings.done or (on_gpu and runtime().is_capturing()):
            return function(*given, **options)
        call = Call(op, given, options, settings, on_gpu)
        results = function(*given, **options)
        call.look(results)
        return results

    return run


def _note_site(op: Op, args: tuple, results: tuple) -> None:
    node = next((node for t in results if (node := getattr(t, "_node", None)) is not None), None)
    if node is not None and node not in sites:
        sites[node] = call_site()
