"""assert_close: pairs of numbers, tensors, sequences and mappings of them, compared one by one."""

from __future__ import annotations

import cmath
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import tritonnn as torch
from tritonnn._compressed import BY_ROWS, NAMES
from tritonnn._sparse import Sparse, SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.dtypes import FLOAT8
from tritonnn.dtypes import dtype as DType

# dtype -> (relative, absolute) tolerance; every other type has to be equal.
TOLERANCES: dict[DType, tuple[float, float]] = {
    torch.float16: (1e-3, 1e-5), torch.bfloat16: (1.6e-2, 1e-5), torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7), torch.complex64: (1.3e-6, 1e-5), torch.complex128: (1e-7, 1e-7),
}  # fmt: skip
_EARLIER: dict[DType, tuple[float, float]] = {  # those of `assert_allclose`
    torch.float16: (1e-3, 1e-3), torch.float32: (1e-4, 1e-5), torch.float64: (1e-5, 1e-8),
}  # fmt: skip
# Promoted with nothing else; beside another dtype they are compared as int64, as in PyTorch.
_WIDE_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
_OF_PYTHON: dict[type, DType] = {int: torch.int64, float: torch.float64, complex: torch.complex128}


class _Options(NamedTuple):
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool


class _Unlike(Exception):
    """A pair that differs, or cannot be compared; completed with its place and raised as `kind`."""

    def __init__(self, text: str, kind: type[Exception] = AssertionError) -> None:
        super().__init__(text)
        self.kind = kind
        self.place: tuple = ()  # keys and positions that lead to the pair


def _at(place: tuple, step: Callable[..., Any], *args: object) -> Any:
    """What a step returns; what it raises has its place."""
    try:
        return step(*args)
    except _Unlike as unlike:
        unlike.place = place
        raise


def assert_close(
    actual: object,
    expected: object,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless `actual` and `expected` agree: |actual - expected| <= atol + rtol * |expected|.

    Args:
        actual: a tensor, an array or a number, None, or a sequence or mapping of such, nested as they may be.
        expected: what it should be, of the same structure.
        allow_subclasses: whether the two may be of different classes where one is a subclass of the other's.
        rtol: relative tolerance, and atol the absolute one; both or neither. By default they are those of the dtype,
            the larger ones where dtypes differ: float16 1e-3 and 1e-5, bfloat16 1.6e-2 and 1e-5, float32 1.3e-6 and
            1e-5, float64 1e-7 and 1e-7, complex types those of their parts, all others 0.
        atol: absolute tolerance.
        equal_nan: whether NaN agrees with NaN.
        check_device: whether devices have to agree; otherwise both are compared on the CPU.
        check_dtype: whether dtypes have to agree; otherwise both are promoted.
        check_layout: whether layouts have to agree.
        check_stride: whether strides have to agree.
        msg: what the error says instead, or a function of what it would have said.

    Raises:
        AssertionError: they differ.
        TypeError: of a pair that is neither numbers nor tensors.
        ValueError: only one of `rtol` and `atol` is given.

    >>> import tritonnn as torch
    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6]))
    >>> torch.testing.assert_close({"a": [1, 2]}, {"a": [1, 3]})
    Traceback (most recent call last):
    AssertionError: Scalars are not equal!
    <BLANKLINE>
    Expected 3 but got 2.
    Absolute difference: 1
    Relative difference: 0.3333333333333333
    <BLANKLINE>
    The failure occurred for item ['a'][1]
    """
    if not (msg is None or isinstance(msg, str) or callable(msg)):
        raise TypeError(f"assert_close(): argument 'msg' must be str or a function, not {type(msg).__name__}")
    options = _Options(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride
    )
    try:
        # All pairs are looked up before the first is compared: a structure that differs is said first.
        for place, compare in list(_pairs(actual, expected, options, ())):
            _at(place, compare)
    except _Unlike as unlike:
        text, kind = str(unlike), unlike.kind
        if unlike.place:
            text += f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in unlike.place)}"
    else:
        return
    if kind is AssertionError and msg is not None:
        text = msg if isinstance(msg, str) else msg(text)
    raise kind(text)


def _pairs(actual: Any, expected: Any, options: _Options, place: tuple) -> Iterator[tuple[tuple, Callable]]:
    """(place in the structure, comparison) of each pair of numbers or tensors."""
    if _are(Sequence, actual, expected) and not isinstance(actual, str) and not isinstance(expected, str):
        if len(actual) != len(expected):
            text = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
            _at(place, _same, False, text)
        for i in range(len(actual)):
            yield from _pairs(actual[i], expected[i], options, (*place, i))
    elif _are(Mapping, actual, expected):
        missing, more = expected.keys() - actual.keys(), actual.keys() - expected.keys()
        if missing or more:
            text = f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {_sorted(missing)}\n"
            _at(place, _same, False, f"{text}Additional keys in the actual mapping: {_sorted(more)}")
        for key in _sorted(actual):
            yield from _pairs(actual[key], expected[key], options, (*place, key))
    else:
        yield place, _at(place, _comparison, actual, expected, options)


def _sorted(keys: Any) -> list:
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def _are(kind: Any, *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _comparison(actual: object, expected: object, options: _Options) -> Callable[[], None]:
    """How two things that are no containers are compared."""
    if actual is None or expected is None:
        return lambda: _same(actual is expected, f"None mismatch: {actual} is not {expected}")
    if _are((bool, np.bool_), actual, expected):
        return lambda: _same(bool(actual) is bool(expected), f"Booleans mismatch: {actual} is not {expected}")
    plain = (int, float, complex, np.number)
    if _are(plain, actual, expected) and not isinstance(actual, bool) and not isinstance(expected, bool):
        first, second = [v.item() if isinstance(v, np.number) else v for v in (actual, expected)]
        limits = _tolerances(options, [_OF_PYTHON.get(type(v), torch.int64) for v in (first, second)])
        return lambda: _compare_numbers(first, second, limits, options)
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related if options.allow_subclasses else type(actual) is type(expected):
        a, b = _as_tensor(actual), _as_tensor(expected)
        if a is not None and b is not None:
            limits = _tolerances(options, [a.dtype, b.dtype])
            return lambda: _compare_tensors(a, b, limits, options)
    kinds = f"{type(actual)} and {type(expected)}"
    raise _Unlike(f"No comparison pair was able to handle inputs of type {kinds}.", TypeError)


def _as_tensor(value: object) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if not hasattr(value, "__array__") and not hasattr(value, "__dlpack__"):
        return None
    try:
        return torch.as_tensor(value)
    except Exception:  # whatever a foreign type says of its conversion
        return None


def _tolerances(options: _Options, kinds: Sequence[DType]) -> tuple[float, float]:
    rtol, atol = options.rtol, options.atol
    if (rtol is None) != (atol is None):
        name = "rtol" if rtol is None else "atol"
        text = f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {name}."
        raise _Unlike(text, ValueError)
    if rtol is not None and atol is not None:
        return rtol, atol
    known = [TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds]
    return max(r for r, _ in known), max(a for _, a in known)


def _same(holds: bool, text: str) -> None:
    if not holds:
        raise _Unlike(text)


# ---- numbers ----------------------------------------------------------------------------------------------------


def _compare_numbers(actual: Any, expected: Any, limits: tuple[float, float], options: _Options) -> None:
    if options.check_dtype and type(actual) is not type(expected):
        raise _Unlike(f"The (d)types do not match: {type(actual)} != {type(expected)}.")
    if actual == expected or (options.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    rtol, atol = limits
    difference = abs(actual - expected)
    if cmath.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return
    raise _Unlike(_numbers_differ(actual, expected, limits))


def _numbers_differ(actual: Any, expected: Any, limits: tuple[float, float]) -> str:
    rtol, atol = limits
    difference = abs(actual - expected)  # of truth values a number
    relative = difference / abs(expected) if expected != 0 else float("inf")
    equal, allowed_abs, allowed_rel = _allowance(rtol, atol)
    return (
        f"Scalars are not {equal}!\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{allowed_abs}\nRelative difference: {relative}{allowed_rel}"
    )


def _allowance(rtol: float, atol: float) -> tuple[str, str, str]:
    if not rtol and not atol:
        return "equal", "", ""
    return "close", f" (up to {atol} allowed)", f" (up to {rtol} allowed)"


# ---- tensors ----------------------------------------------------------------------------------------------------


def _compare_tensors(
    actual: Tensor, expected: Tensor, limits: tuple[float, float], options: _Options
) -> None:
    def agree(name: str, a: object, b: object) -> None:
        _same(a == b, f"The values for attribute '{name}' do not match: {a} != {b}.")

    agree("shape", actual.shape, expected.shape)
    if options.check_layout:
        agree("layout", actual.layout, expected.layout)
    if options.check_stride and not isinstance(actual, Sparse):
        agree("stride()", actual.stride(), expected.stride())
    if options.check_device:
        agree("device", actual.device, expected.device)
    if options.check_dtype:
        agree("dtype", actual.dtype, expected.dtype)
    if "meta" in (actual.device.type, expected.device.type):
        return  # there are no values
    a, b = actual.cpu(), expected.cpu()
    if a.is_nested:  # of one shape, and so of the same components
        a, b = a.values(), b.values()
    if isinstance(a, Sparse) or isinstance(b, Sparse):
        _compare_sparse(a, b, limits, options)
        return
    if a.dtype is not b.dtype:
        common = torch.promote_types(*(torch.int64 if d in _WIDE_UNSIGNED else d for d in (a.dtype, b.dtype)))
        a, b = a.to(common), b.to(common)
    if a.dtype in FLOAT8:
        _compare_bits(a, b)
        return
    if not a.dtype.kind >= 2 and a.dtype.name != "uint64":
        a, b = a.to(torch.int64), b.to(torch.int64)
    rtol, atol = limits
    matches = torch.isclose(a, b, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    if bool(matches.all()):
        return
    if not a.shape:
        raise _Unlike(_numbers_differ(actual.item(), expected.item(), limits))
    raise _Unlike(_tensors_differ(a, b, matches, limits))


def _compare_sparse(a: Any, b: Any, limits: tuple[float, float], options: _Options) -> None:
    """Part by part where both have the layout, else element by element."""
    if a.layout is not b.layout:
        _compare_tensors(a.to_dense(), b.to_dense(), limits, options)
        return
    names: tuple[str, ...]
    kind, names = a.layout.name.removeprefix("sparse_").upper(), NAMES[a.layout in BY_ROWS]
    if isinstance(a, SparseTensor):
        a, b, names = a.coalesce(), b.coalesce(), ("indices",)
    counts = a._nnz(), b._nnz()
    _same(
        counts[0] == counts[1],
        f"The number of specified values in sparse {kind} tensors does not match: {counts[0]} != {counts[1]}",
    )
    for name in names:
        try:
            _compare_tensors(getattr(a, name)(), getattr(b, name)(), (0.0, 0.0), options)
        except _Unlike as unlike:
            raise _Unlike(str(unlike).replace("Tensor-likes", f"Sparse {kind} {name}")) from None
    _compare_tensors(a.values(), b.values(), limits, options)


def _compare_bits(a: Tensor, b: Tensor) -> None:
    """Of float8, whose numbers nothing else computes with: equal or not."""
    unlike = a.float() != b.float()
    count = int(unlike.sum())
    if count:
        at = _index(int(unlike.flatten().to(torch.uint8).argmax()), a.shape)
        share = _share(count, a.numel())
        text = f"Tensor-likes are not 'equal'!\n\n{share}\nThe first mismatched element is at index {at}."
        raise _Unlike(text)


def _tensors_differ(a: Tensor, b: Tensor, matches: Tensor, limits: tuple[float, float]) -> str:
    equal, *allowed = _allowance(*limits)
    if a.dtype.name == "uint64":
        ours, theirs = a.numpy(), b.numpy()
        gap = torch.from_numpy(np.maximum(ours, theirs) - np.minimum(ours, theirs))
        relative = gap.float() / b.float()
    else:
        gap = (a - b).abs()
        relative = gap / b.abs()
    lines = [_share(int((~matches).sum()), a.numel())]
    for name, values, limit in (("absolute", gap, allowed[0]), ("relative", relative, allowed[1])):
        values = torch.where(matches, torch.zeros_like(values), values).flatten()
        worst = int(values.numpy().argmax()) if values.dtype.name == "uint64" else int(values.argmax())
        at = _index(worst, a.shape)
        lines.append(f"Greatest {name} difference: {values[worst].item()} at index {at}{limit}")
    return f"Tensor-likes are not {equal}!\n\n" + "\n".join(lines)


def _share(count: int, total: int) -> str:
    return f"Mismatched elements: {count} / {total} ({count / total:.1%})"


def _index(flat: int, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, tuple(shape)))


def assert_allclose(
    actual: object,
    expected: object,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """Deprecated: `assert_close` with larger tolerances, which takes what `torch.tensor` takes.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.testing.assert_allclose(torch.tensor([1.0]), [1.00001])
    """
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please "
        "use `torch.testing.assert_close()` instead.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, Tensor):
        actual = torch.tensor(actual)
    if not isinstance(expected, Tensor):
        expected = torch.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        known = [_EARLIER.get(kind, (0.0, 0.0)) for kind in (actual.dtype, expected.dtype)]
        rtol, atol = max(r for r, _ in known), max(a for _, a in known)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None
    )
