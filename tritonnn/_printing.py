"""How tensors print: PyTorch's layout, so that a program's output is the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn._compressed import BY_ROWS, NAMES, CompressedTensor
from tritonnn._overriding import overrides
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor, host_array, numbers
from tritonnn.dtypes import (
    bool_,
    complex64,
    complex128,
    float4_e2m1fn_x2,
    float8_e8m0fnu,
    float64,
    get_default_dtype,
    int64,
)


class _Options:
    precision = 4
    threshold = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


options = _Options()
_PROFILES = {
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, math.inf, 3, 80),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print.

    Args:
        precision: digits after the point (4).
        threshold: number of elements above which the middle is left out (1000).
        edgeitems: elements kept at each end of a dimension then (3).
        linewidth: characters a line (80).
        profile: 'default', 'short' or 'full' sets all of them.
        sci_mode: force or forbid scientific notation; None decides by the values.

    >>> import tritonnn as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([3.14159])
    tensor([3.14])
    >>> torch.set_printoptions(profile="default")
    """
    if profile is not None:
        options.precision, options.threshold, options.edgeitems, options.linewidth = _PROFILES[profile]  # type: ignore[assignment]
    for name, value in dict(
        precision=precision, threshold=threshold, edgeitems=edgeitems, linewidth=linewidth
    ).items():
        if value is not None:
            setattr(options, name, value)
    options.sci_mode = sci_mode


class _Formatter:
    """Formats every number of a tensor in one width."""

    def __init__(self, values: np.ndarray, zero: float = 0.0) -> None:
        self.floating = values.dtype.kind == "f"
        self.whole = self.scientific = False
        flat = values.reshape(-1)
        if self.floating:
            nonzero = np.abs(flat[np.isfinite(flat) & (flat != zero)]).astype(np.float64)
            if nonzero.size:
                self._choose(nonzero)
            else:
                self.whole = True
            flat = flat[np.isfinite(flat) & (flat != 0)]  # zeros, infinities and NaN do not widen the column
        self.width = max((len(self._text(v)) for v in flat.tolist()), default=0)

    def _choose(self, magnitudes: np.ndarray) -> None:
        high, low = float(magnitudes.max()), float(magnitudes.min())
        self.whole = bool((magnitudes == np.ceil(magnitudes)).all())
        wide = high / low > 1000.0 or high > 1.0e8
        self.scientific = wide if self.whole else wide or low < 1.0e-4
        if options.sci_mode is not None:
            self.scientific = options.sci_mode

    def _text(self, value: Any) -> str:
        if not self.floating:
            return str(value)
        if self.scientific:
            return f"{value:.{options.precision}e}"
        if self.whole:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self._text(value).rjust(self.width)


class _ComplexFormatter:
    """A formatter for each part."""

    def __init__(self, values: np.ndarray) -> None:
        self.real = _Formatter(np.ascontiguousarray(values.real))
        self.imag = _Formatter(np.ascontiguousarray(values.imag))
        self.width = self.real.width + self.imag.width + 2

    def __call__(self, value: complex) -> str:
        sign = "-" if math.copysign(1, value.imag) < 0 else "+"
        imag = self.imag(abs(value.imag)).lstrip() if value.imag == value.imag else "nan"
        return f"{self.real(value.real)}{sign}{imag}j"


def _vector(values: np.ndarray, indent: int, summarize: bool, formatter: Any) -> str:
    per_line = max(1, (options.linewidth - indent) // (formatter.width + 2))
    edge = options.edgeitems
    if summarize and not edge:
        words = ["..."]
    elif summarize and len(values) > 2 * edge:
        words = [formatter(v) for v in values[:edge].tolist()] + [" ..."]
        words += [formatter(v) for v in values[-edge:].tolist()]
    else:
        words = [formatter(v) for v in values.tolist()]
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(values: np.ndarray, indent: int, summarize: bool, formatter: Any) -> str:
    if values.ndim == 0:
        return formatter(values.item())
    if values.ndim == 1:
        return _vector(values, indent, summarize, formatter)
    edge = options.edgeitems
    if summarize and len(values) > 2 * edge:
        rows = [_nested(v, indent + 1, summarize, formatter) for v in values[:edge]] + ["..."]
        rows += [_nested(v, indent + 1, summarize, formatter) for v in values[len(values) - edge :]]
    else:
        rows = [_nested(v, indent + 1, summarize, formatter) for v in values]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def _shown(values: np.ndarray) -> np.ndarray:
    """The elements that are printed, which alone decide the format."""
    edge = options.edgeitems
    for dim, extent in enumerate(values.shape):
        if extent > 2 * edge:
            keep = [*range(edge), *range(extent - edge, extent)]
            values = values.take(keep, axis=dim)
    return values


def _ends(tensor: Tensor) -> np.ndarray:
    """The values; of a dimension whose middle is left out, its ends and one element between them.

    An expanded tensor may have more elements than there is memory for, and one on a GPU is copied.
    """
    edge = options.edgeitems
    for dim, extent in enumerate(tensor.shape):
        if extent > 2 * edge + 1:
            first, last = tensor.narrow(dim, 0, edge + 1), tensor.narrow(dim, extent - edge, edge)
            return np.concatenate([_ends(first), _ends(last)], axis=dim)
    return _numbers(tensor)


def _numbers(tensor: Tensor) -> np.ndarray:
    """The numbers to print: of bytes that are two numbers each, the bytes."""
    if tensor.dtype is float4_e2m1fn_x2 and tensor.shape:
        return host_array(tensor).astype(np.float32)
    return numbers(tensor)


def _implied() -> tuple:
    """The dtypes that are not named."""
    default = get_default_dtype()
    return default, complex128 if default is float64 else complex64, int64, bool_


def _suffixes(tensor: Tensor) -> list[str]:
    suffixes = []
    if tensor.device.type != "cpu":
        suffixes.append(f"device='{tensor.device}'")
    if tensor.numel() == 0 and tensor.dim() != 1:
        suffixes.append(f"size={tuple(tensor.shape)}")
    implied = _implied()
    if tensor.device.type == "meta":
        suffixes.append(f"size={tuple(tensor.shape)}")
    if tensor.dtype not in implied or (tensor.numel() == 0 and tensor.dtype is not get_default_dtype()):
        suffixes.append(f"dtype={tensor.dtype}")
    try:
        node = tensor.grad_fn
        name = None if node is None else node.name()
    except RuntimeError:  # one of several views of memory that was written has none that holds
        name = "Invalid"
    if name is not None:
        suffixes.append(f"grad_fn=<{name.rpartition('::')[2]}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def contents(tensor: Tensor, indent: int) -> str:
    """The numbers of a tensor, continued lines indented."""
    if tensor.device.type == "meta":
        return "..."
    if tensor.numel() == 0:
        return "[]"
    summarize = tensor.numel() > options.threshold
    values = _ends(tensor.detach()) if summarize else _numbers(tensor.detach())
    if values.dtype.kind == "V" or values.dtype == np.float16:
        values = values.astype(np.float32)
    shown = _shown(values) if summarize else values
    # of powers of 2 the smallest is what 0 is converted to, and compares equal to it
    zero = 2.0**-127 if tensor.dtype is float8_e8m0fnu else 0.0
    formatter: Any = _ComplexFormatter(shown) if values.dtype.kind == "c" else _Formatter(shown, zero)
    return _nested(values, indent, summarize, formatter)


def _named_parts(tensor: Sparse) -> dict[str, Tensor]:
    values = tensor._entries.detach()
    if isinstance(tensor, CompressedTensor):
        first, second = NAMES[tensor.layout in BY_ROWS]
        return {first: tensor._starts, second: tensor._places, "values": values}
    return {"indices": tensor._places, "values": values}


def _parts(tensor: Sparse, prefix: str) -> str:
    """The indices and values of a sparse tensor, below each other."""
    lines = []
    for name, part in _named_parts(tensor).items():
        start = f"{name}=tensor("
        size = f", size={tuple(part.shape)}" if not part.numel() else ""
        lines.append(f"{start}{contents(part, len(prefix) + len(start))}{size})")
    return prefix + (",\n" + " " * len(prefix)).join(lines)


def _sparse_suffixes(tensor: Sparse) -> list[str]:
    suffixes = [] if tensor.device.type == "cpu" else [f"device='{tensor.device}'"]
    suffixes += [f"size={tuple(tensor.shape)}", f"nnz={tensor._nnz()}"]
    if tensor.dtype not in _implied():
        suffixes.append(f"dtype={tensor.dtype}")
    suffixes.append(f"layout={tensor.layout}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def tensor_str(tensor: Tensor) -> str:
    """`repr(tensor)`."""
    kind = type(tensor)
    prefix = "tensor(" if not overrides(kind) else f"{kind.__name__}("
    if isinstance(tensor, Sparse):
        text, suffixes = _parts(tensor, prefix), _sparse_suffixes(tensor)
    else:
        text, suffixes = prefix + contents(tensor, len(prefix)), _suffixes(tensor)
    last = len(text) - text.rfind("\n") + 1  # two more than there are, as PyTorch counts
    if tensor.is_sparse:
        last = options.linewidth  # so that they begin a line
    for suffix in suffixes:
        if last + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * len(prefix) + suffix
            last = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"
