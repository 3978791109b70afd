"""`no_grad` as users call it: within forward mode it records what forward mode alone sees."""

from __future__ import annotations

from tritonnn.recording import grad_mode
from tritonnn.recording.grad_mode import state, switch


class no_grad(grad_mode.no_grad):  # that of the library itself ends forward mode too
    """Record nothing inside: results do not require grad. Tangents of forward mode are computed all the same.

    >>> import tritonnn as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __enter__(self) -> None:
        self._before = state.enabled, state.hidden
        switch(False)
