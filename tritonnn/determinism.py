"""Whether only operations may run that give the same bits from the same inputs every time.

No kernel of the library adds floating numbers by atomics: sums are partial sums combined in a fixed order, and of
several writes to one place the last one wins. What `use_deterministic_algorithms` changes is therefore small: kernels
take the configurations of the tables, not those that `autotune` measured on this machine, and memory that nothing has
been written to is filled. An entry of the op table whose kernel does depend on the order of threads says so with
`nondeterministic=`, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from tritonnn.errors import warn

enabled = False
warn_only = False
fill_uninitialized_memory = True  # with `enabled`: `utils.deterministic` shows it
on_change: list[Callable[[], None]] = []  # what keeps decisions that depend on it forgets them here

_MODES = ("default", "warn", "error")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Refuse operations without a deterministic form; with `warn_only` only warn of them.

    >>> import tritonnn as torch
    >>> torch.use_deterministic_algorithms(True)
    >>> torch.are_deterministic_algorithms_enabled(), torch.empty(2)
    (True, tensor([nan, nan]))
    >>> torch.use_deterministic_algorithms(False)
    """
    for where, value in (("'mode' (position 1)", mode), ("'warn_only'", warn_only)):
        if not isinstance(value, bool):
            raise TypeError(
                f"use_deterministic_algorithms(): argument {where} must be bool, not {type(value).__name__}"
            )
    global enabled
    enabled = mode
    globals()["warn_only"] = warn_only
    for forget in on_change:
        forget()


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms(True)` was called.

    >>> import tritonnn as torch
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    return enabled


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether operations without a deterministic form are only warned of.

    >>> import tritonnn as torch
    >>> torch.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return warn_only


def set_deterministic_debug_mode(debug_mode: str | int) -> None:
    """`use_deterministic_algorithms` in one word: 'default' or 0 (off), 'warn' or 1, 'error' or 2.

    >>> import tritonnn as torch
    >>> torch.set_deterministic_debug_mode("warn")
    >>> torch.get_deterministic_debug_mode(), torch.is_deterministic_algorithms_warn_only_enabled()
    (1, True)
    >>> torch.set_deterministic_debug_mode(0)
    """
    if not isinstance(debug_mode, (str, int)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _MODES:
            raise RuntimeError(
                f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
            )
        debug_mode = _MODES.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode() -> int:
    """The setting as a number: 0 off, 1 warn, 2 refuse.

    >>> import tritonnn as torch
    >>> torch.get_deterministic_debug_mode()
    0
    """
    return 0 if not enabled else 1 if warn_only else 2


def fills() -> bool:
    """Whether memory that nothing has been written to is filled."""
    return enabled and fill_uninitialized_memory


def check(name: str, why: str) -> None:
    """Refuse an operation that is not deterministic, or warn of it, where that was asked for."""
    if not enabled:
        return
    mode = "True, warn_only=True" if warn_only else "True"
    text = f"{name} does not have a deterministic implementation, but you set "
    text += f"'torch.use_deterministic_algorithms({mode})'"
    if warn_only:
        warn(f"{text} ({why}).")
        return
    raise RuntimeError(
        f"{text}. You can turn off determinism just for this operation, or you can use the 'warn_only=True' option, "
        f"if that's acceptable for your application ({why})."
    )
