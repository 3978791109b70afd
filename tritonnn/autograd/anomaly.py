"""Anomaly mode: backward errors show where the forward op was called; NaN gradients are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tritonnn.recording.grad_mode import state


class set_detect_anomaly:
    """Switch anomaly mode on or off, as a function or with `with`.

    Args:
        mode: on or off.
        check_nan: raise when a backward formula returns NaN.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = state.anomaly, state.check_nan
        state.anomaly, state.check_nan = mode, check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        state.anomaly, state.check_nan = self._before


class detect_anomaly(set_detect_anomaly):
    """Within the block: `set_detect_anomaly(True)`.

    >>> import tritonnn as torch
    >>> x = torch.tensor([0.], requires_grad=True)
    >>> with torch.autograd.detect_anomaly():
    ...     y = (x / x).sum()
    ...     try:
    ...         y.backward()
    ...     except RuntimeError as error:
    ...         print(str(error).splitlines()[0])
    Function 'DivBackward0' returned nan values in its 1th output.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on in this thread."""
    return state.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode refuses NaN gradients."""
    return state.check_nan


def refuse_nan(node: Any, results: Sequence[Any]) -> None:
    """Raise if a gradient this node returned has a NaN."""
    if not state.check_nan:
        return
    for place, grad in enumerate(results):
        if grad is not None and grad.dtype.is_floating_point and bool((grad != grad).any()):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {place}th output.")


@contextmanager
def explain_failure(node: Any) -> Iterator[None]:
    """Add the forward call's traceback to an error raised while this node runs."""
    try:
        yield
    except Exception as error:
        if node.trace:
            where = "".join(node.trace)
            note = f"Error detected in {node.name()}. Traceback of the forward call that caused the error:\n{where}"
            error.args = (f"{error.args[0] if error.args else ''}\n{note}", *error.args[1:])
        raise
