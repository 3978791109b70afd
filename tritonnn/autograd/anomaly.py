"""Anomaly mode: backward errors show where the forward op was called; NaN gradients are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn.errors import warn
from tritonnn.recording.grad_mode import state


class set_detect_anomaly:
    """Switch anomaly mode on or off, as a function or with `with`.

    Args:
        mode: on or off.
        check_nan: raise when a backward formula returns NaN.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = state.anomaly, state.check_nan
        _switch(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        state.anomaly, state.check_nan = self._before


class detect_anomaly:
    """Within the block, refuse NaN gradients, and warn with the forward call's traceback where backward fails.

    >>> import warnings
    >>> import tritonnn as torch
    >>> x = torch.tensor([0.], requires_grad=True)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     with torch.autograd.detect_anomaly():
    ...         y = (x / x).sum()
    ...         y.backward()
    Traceback (most recent call last):
    RuntimeError: Function 'DivBackward0' returned nan values in its 1th output.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging."
        )

    def __enter__(self) -> None:
        self._before = state.anomaly, state.check_nan
        _switch(True, self._check_nan)

    def __exit__(self, *exc_info: object) -> None:
        state.anomaly, state.check_nan = self._before


def _switch(mode: bool, check_nan: bool) -> None:
    for place, (name, value) in enumerate((("enabled", mode), ("check_nan", check_nan)), 1):
        if not isinstance(value, bool):
            kind = type(value).__name__
            raise TypeError(
                f"set_anomaly_enabled(): argument '{name}' (position {place}) must be bool, not {kind}"
            )
    state.anomaly, state.check_nan = mode, check_nan


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on in this thread.

    >>> import tritonnn as torch
    >>> torch.is_anomaly_enabled()
    False
    """
    return state.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode refuses NaN gradients.

    >>> import tritonnn as torch
    >>> torch.is_anomaly_check_nan_enabled()
    True
    """
    return state.check_nan


def refuse_nan(node: Any, results: Sequence[Any]) -> None:
    """Raise if a gradient this node returned has a NaN."""
    if not state.check_nan:
        return
    for place, grad in enumerate(results):
        if grad is not None and grad.dtype.kind >= 2 and _has_nan(grad.detach()):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {place}th output.")


def _has_nan(grad: Any) -> bool:
    grad = grad._values() if grad.is_sparse else grad
    parts = (grad.real, grad.imag) if grad.dtype.is_complex else (grad,)
    return any(bool((part != part).any()) for part in parts)


def explain_failure(node: Any) -> None:
    """Warn where the forward call of a node was made whose backward fails, and what induced it."""
    text = f"Error detected in {node.name()}. "
    if node.trace is None:
        text += "No forward pass information available. Enable detect anomaly during forward pass for more "
        text += "information."
    else:
        text += f"Traceback of forward call that caused the error:\n{''.join(node.trace.lines)}"
    warn(text + _induced_by(node))


def _induced_by(node: Any) -> str:
    """The tracebacks of the nodes whose backward made the call, of that one's, and so on."""
    text = ""
    while node.trace is not None and node.trace.parent is not None:
        node = node.trace.parent
        text += f"\n\nPrevious calculation was induced by {node.name()}. "
        if node.trace is None:
            return text + "No forward pass information available."
        text += "Traceback of forward call that induced the previous calculation:\n" + "".join(
            node.trace.lines
        )
    return text
