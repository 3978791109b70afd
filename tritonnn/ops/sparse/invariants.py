"""Whether the parts of sparse tensors are looked at where nobody says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _State:
    enabled: bool | None = None  # None: nobody has said


def checked_by_default(check_invariants: bool | None) -> bool:
    """What a constructor's argument says, or the switch of the program."""
    return bool(_State.enabled if check_invariants is None else check_invariants)


def unchecked(check_invariants: bool | None) -> bool:
    """Whether a program has said that nothing is to be looked at."""
    return (_State.enabled if check_invariants is None else check_invariants) is False


class check_sparse_tensor_invariants:
    """Whether constructors of sparse tensors look at the indices they are given; a switch, a context, a decorator.

    >>> import tritonnn as torch
    >>> with torch.sparse.check_sparse_tensor_invariants():
    ...     torch.sparse.check_sparse_tensor_invariants.is_enabled()
    True
    """

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.saved_state: list[bool | None] = []

    @staticmethod
    def is_enabled() -> bool:
        """Whether they look."""
        return bool(_State.enabled)

    @staticmethod
    def enable() -> None:
        """From now on they look."""
        _State.enabled = True

    @staticmethod
    def disable() -> None:
        """From now on they do not."""
        _State.enabled = False

    def __enter__(self) -> None:
        if not isinstance(self.state, bool):
            raise RuntimeError(
                f"check_sparse_tensor_invariants expects a bool or None, but got {type(self.state).__name__}"
            )
        if self.saved_state:
            raise RuntimeError(
                "This context manager instance is already activated. Use a different context manager."
            )
        self.saved_state = [_State.enabled]
        _State.enabled = self.state

    def __exit__(self, *exception: object) -> None:
        _State.enabled = self.saved_state.pop()

    def __call__(self, function: F) -> F:
        from functools import wraps

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return function(*args, **kwargs)

        return run  # type: ignore[return-value]
