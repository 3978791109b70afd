"""What a pooling function's arguments must be, checked in the name of the public function."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete
from tritonnn.ops._table import FLOATING, Bad
from tritonnn.ops._windows import as_ints, window_count
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts, Ints

_COUNTS = {1: "one int", 2: "two ints", 3: "three ints"}


def _windows_argument(label: str, value: Any, n: int) -> Ints:
    numbers = as_ints(label, value, n)
    if numbers is None:
        kind = "be omitted, a single int," if label == "stride" else "be a single int,"
        raise Invalid(f"{label} must either {kind} or a tuple of {_COUNTS[n]}, but got {list(value)}")
    return numbers


def _check_window(kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> None:
    if min(kernel) <= 0:
        raise Invalid(f"kernel_size must be greater than zero, but got {list(kernel)}")
    if min(stride) <= 0:
        raise Invalid(f"stride should not be zero (or negative), but got {list(stride)}")
    if min(dilation) <= 0:
        raise Invalid(f"dilation should be greater than zero, but got {list(dilation)}")
    for k, p in zip(kernel, padding):
        if p < 0:
            raise Invalid(f"pad must be non-negative, but got pad: {p}")
        if p > k // 2:  # whatever the dilation
            raise Invalid(f"pad should be at most half of kernel size, but got pad={p} and kernel_size={k}")


def _check_rank(shape: Sequence[int], n: int) -> None:
    """(N, C, *spatial) or (C, *spatial), only N may be 0."""
    if len(shape) not in (n + 1, n + 2) or 0 in shape[len(shape) - n - 1 :]:
        raise Invalid(
            f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, "
            f"but got:{list(shape)}"
        )


def _check_sizes(shape: Sequence[int], sizes: Sequence[int]) -> None:
    if min(sizes) < 1:
        before = "x".join(map(str, shape[-len(sizes) - 1 :]))
        after = "x".join(map(str, [shape[-len(sizes) - 1], *[max(s, 0) for s in sizes]]))
        raise Invalid(
            f"Given input size: ({before}). Calculated output size: ({after}). Output size is too small"
        )


def pooling_window(
    name: str,
    n: int,
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: bool,
    dtypes: tuple,
) -> tuple[Ints, Ints, Ints, Ints, bool]:
    """The window arguments of a primitive; an omitted stride is the kernel's size."""
    check_tensor(name, input)
    window = [tuple(v) if v.__class__ is list else v for v in (kernel_size, stride, padding, dilation)]
    try:
        check_dtype(input, dtypes)
        return _checked_window(input.shape, n, *window, ceil_mode)
    except Invalid as invalid:
        raise complete(name, ("input",), (input,), invalid) from None


@lru_cache(maxsize=1024, typed=True)
def _checked_window(
    shape: Sequence[int],
    n: int,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: bool,
) -> tuple[Ints, Ints, Ints, Ints, bool]:
    kernel = _windows_argument("kernel_size", kernel_size, n)
    step = kernel if stride is None or stride == () else _windows_argument("stride", stride, n)
    pad, spread = _windows_argument("padding", padding, n), _windows_argument("dilation", dilation, n)
    _check_rank(shape, n)
    _check_window(kernel, step, pad, spread)
    _check_sizes(shape, window_counts(shape, kernel, step, pad, spread, ceil_mode))
    return kernel, step, pad, spread, bool(ceil_mode)


def window_counts(
    shape: Sequence[int], kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> list[int]:
    """How many windows fit, for the last dimensions of `shape`."""
    spatial = shape[len(shape) - len(kernel) :]
    return [window_count(*each, ceil_mode) for each in zip(spatial, kernel, stride, padding, dilation)]


def adaptive_size(name: str, n: int, input: Tensor, output_size: Any) -> Ints:
    """The checked output size of an adaptive pooling; None keeps a dimension's size (not in 1-d)."""
    check_tensor(name, input)
    try:
        check_dtype(input, FLOATING)
        listed = isinstance(output_size, (tuple, list))
        if n > 1 and listed and len(output_size) == n:
            if None in output_size and len(input.shape) < n + 1:
                text = f"Input dimension should be at least {n + 1} where output_size has None"
                raise Invalid(f"{text}, got {len(input.shape)}", kind=ValueError)
            spatial = input.shape[len(input.shape) - n :]
            output_size = [spatial[i] if o is None else o for i, o in enumerate(output_size)]
        size = as_ints("output_size", output_size, n)
        if size is None:
            if len(input.shape) < n:
                raise Invalid(
                    f"Expected {n + 1} to {n + 2} dimensions, but got {len(input.shape)}-dimensional tensor"
                )
            raise Invalid(f"output_size must be {n}: {_COUNTS[n]}, but got {list(output_size)}")
        shape = list(input.shape)
        if len(shape) not in (n + 1, n + 2):
            text = f"Expected {n + 1} to {n + 2} dimensions, but got {len(shape)}-dimensional tensor"
            # of a list, PyTorch's functions of more dimensions look at the input before the operator does
            short = n > 1 and listed and len(shape) <= n
            raise (
                Invalid(f"Input dimension should be at least {n + 1}: {text}", kind=ValueError)
                if short
                else Invalid(text)
            )
        if min(size) < 0:
            raise Invalid(f"elements of output_size must be greater than or equal to 0, got {list(size)}")
        for dim in range(len(shape) - n, len(shape)):
            if shape[dim] == 0:
                raise Invalid(
                    "Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                    f"{shape} with dimension {dim} being empty"
                )
    except Invalid as invalid:
        raise complete(name, ("input",), (input,), invalid) from None
    return size


def check_tensor(name: str, input: Any) -> None:
    """Refuse what is no tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")


def check_dtype(input: Tensor, dtypes: tuple) -> None:
    """Refuse element types that the op does not compute in."""
    if input.dtype not in dtypes:
        given, known = input.dtype.name, ", ".join(d.name for d in dtypes)
        raise Invalid(f"not implemented for {given}; implemented for {known}", kind=NotImplementedError)


def pool_errors(n: int, dilated: bool = False) -> Any:
    """What every pooling over n dimensions refuses."""

    def errors(make: Make) -> list[Bad]:
        x = make(1, 1, *[4] * n)
        cases = [
            Bad(x, 5, match="Output size is too small"),
            Bad(x, 0, match="kernel_size must be greater than zero"),
            Bad(x, 2, stride=0, match="stride should not be zero"),
            Bad(x, 2, padding=-1, match="pad must be non-negative"),
            Bad(x, 2, padding=2, match="pad should be at most half of kernel size"),
            Bad(x, [2] * (n + 1), match="kernel_size must either be a single int"),
            Bad(x, 2, [1] * (n + 1), match="stride must either be omitted, a single int"),
            Bad(x, 2.0, error=TypeError, match=r"'kernel_size' .*must be tuple of ints, not float"),
            Bad(make(4), 2, match=rf"Expected {n + 1}D or {n + 2}D \(batch mode\)"),
            Bad(make(1, 0, *[4] * n), 2, match="with optional 0 dim batch size"),
            Bad(1, 2, error=TypeError, match="argument 'input' .* must be Tensor, not int"),
        ]
        if dilated:
            cases.append(Bad(x, 2, dilation=0, match="dilation should be greater than zero"))
        return cases

    return errors


def adaptive_errors(n: int) -> Any:
    """What every adaptive pooling over n dimensions refuses."""

    def errors(make: Make) -> list[Bad]:
        x = make(1, 2, *[4] * n)
        return [
            Bad(x, -1, match="greater than or equal to 0"),
            Bad(x, [2] * (n + 1), match=f"output_size must be {n}"),
            Bad(x, 2.0, error=TypeError, match=r"'output_size' .*must be tuple of ints, not float"),
            Bad(make(4), 2, match=f"Expected {n + 1} to {n + 2} dimensions"),
            Bad(make(1, 2, *[0] * n), 2, match="non-zero size for non-batch dimensions"),
            Bad(make.int(1, 2, *[4] * n), 2, error=NotImplementedError, match="not implemented for int64"),
        ]

    return errors
