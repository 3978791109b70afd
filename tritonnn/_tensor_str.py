"""How tensors are printed, by the names that packages which print tensors of their own use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn import _printing
from tritonnn._printing import options as PRINT_OPTS
from tritonnn._printing import set_printoptions
from tritonnn._tensor import Tensor

__all__ = ["PRINT_OPTS", "get_printoptions", "printoptions", "set_printoptions"]
_NAMES = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")


def get_printoptions() -> dict[str, Any]:
    """The options by name."""
    return {name: getattr(PRINT_OPTS, name) for name in _NAMES}


@contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """A block with other options.

    >>> import tritonnn as torch
    >>> from tritonnn._tensor_str import printoptions
    >>> with printoptions(precision=2):
    ...     print(torch.tensor([1.2345]))
    tensor([1.23])
    """
    before = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**{name: value for name, value in before.items() if name != "sci_mode"})
        PRINT_OPTS.sci_mode = before["sci_mode"]


def _tensor_str(self: Tensor, indent: int) -> str:
    """The numbers, continued lines indented."""
    return _printing.contents(self, indent)


def _str(self: Tensor, *, tensor_contents: str | None = None) -> str:
    """`repr(tensor)`, with a text in the place of the numbers where one is given."""
    if tensor_contents is None:
        return _printing.tensor_str(self)
    prefix = "tensor(" if type(self) is Tensor else f"{type(self).__name__}("
    return _add_suffixes(prefix + tensor_contents, _printing._suffixes(self), len(prefix), self.is_sparse)


_str_intern = _str


def _add_suffixes(tensor_str: str, suffixes: list[str], indent: int, force_newline: bool) -> str:
    """A text with what follows the numbers, on lines of their own where the line is full."""
    parts, last = [tensor_str], len(tensor_str) - tensor_str.rfind("\n") + 1
    for suffix in suffixes:
        if force_newline or last + len(suffix) + 2 > PRINT_OPTS.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            last, force_newline = indent + len(suffix), False
        else:
            parts.append(", " + suffix)
            last += len(suffix) + 2
    return "".join([*parts, ")"])
