"""`torch.autotune`: a call whose kernels are measured, where there are kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tritonnn.runtime import needed

T = TypeVar("T")


def autotune(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call `function` and, on the way, measure the configurations of every tunable kernel it launches.

    While `use_deterministic_algorithms` is on nothing is measured, and the tables' configurations are taken.
    The result is the function's. What was measured is kept in the cache directory, so one call with tensors
    of the shapes that matter is enough, for this process and later ones. Without Triton there are no kernels, and
    nothing is measured.

    Args:
        function: a training step, say.

    Raises:
        RuntimeError: a CUDA graph is being captured.

    >>> import tritonnn as torch
    >>> torch.autotune(torch.add, torch.ones(2), torch.ones(2))
    tensor([2., 2.])
    """
    if needed.missing(needed.SIMULATED):
        return function(*args, **kwargs)
    from tritonnn.kernels.launch.autotune import tuning

    with tuning():
        return function(*args, **kwargs)
