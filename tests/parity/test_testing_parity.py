"""torch.testing: the same pairs pass and fail as PyTorch's, with the same type of exception and the same words."""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs

import tritonnn as ours

NAN, INF = float("nan"), float("inf")
FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
OTHERS = ("bool", "uint8", "int8", "int16", "int32", "int64", "float8_e4m3fn", "float8_e5m2")


def close(a: Callable, b: Callable, **options: Any) -> Callable:
    """A comparison of what two functions of a library make, as a function of the library."""
    return lambda t: t.testing.assert_close(a(t), b(t), **options)


def tensor(values: Any, dtype: str | None = None, **options: Any) -> Callable:
    return lambda t: t.tensor(values, dtype=None if dtype is None else getattr(t, dtype), **options)


def plain(value: Any) -> Callable:
    return lambda t: value


def cast(values: Any, dtype: str) -> Callable:
    return lambda t: t.tensor(values).to(getattr(t, dtype))


one, two = tensor([1.0]), tensor([2.0])
CASES: dict[str, Callable] = {
    "equal": close(tensor([1.0, 2]), tensor([1.0, 2])),
    "one of three": close(tensor([1.0, 2, 3]), tensor([1.0, 2.1, 3])),
    "matrix": close(tensor([[1.0, 2, 3], [4, 5, 6]]), tensor([[1.0, 2.1, 3], [4, 5, 7]])),
    "whole": close(tensor([1, 2]), tensor([1, 3])),
    "whole, tolerated": close(tensor([1, 2]), tensor([1, 3]), rtol=0, atol=1),
    "bool": close(tensor([True, False]), tensor([True, True])),
    "0-d bool": close(tensor(True), tensor(False)),
    "0-d": close(tensor(1.0), tensor(2.0)),
    "0-d half": close(tensor(1.0, "float16"), tensor(1.1, "float16")),
    "0-d of zero": close(tensor(1.0), tensor(0.0)),
    "numbers": close(plain(1.0), plain(2.0)),
    "whole numbers": close(plain(1), plain(2)),
    "number of zero": close(plain(1), plain(0)),
    "numbers, tolerances": close(plain(1.0), plain(2.0), rtol=0.1, atol=0.1),
    "numbers, tolerated": close(plain(1.0), plain(2.0), rtol=0.5, atol=0),
    "numbers, none": close(plain(1.0), plain(1.1), rtol=0, atol=0),
    "int and float": close(plain(1), plain(1.0)),
    "int and float, unchecked": close(plain(1), plain(1.0), check_dtype=False),
    "truths": close(plain(True), plain(False)),
    "NumPy truth": close(plain(np.bool_(True)), plain(True)),
    "complex": close(plain(1 + 1j), plain(1 + 2j)),
    "complex tensor": close(tensor([1 + 1j, 2]), tensor([1 + 2j, 2])),
    "NaN": close(tensor([NAN]), tensor([NAN])),
    "NaN equal": close(tensor([NAN]), tensor([NAN]), equal_nan=True),
    "NaN number": close(plain(NAN), plain(NAN)),
    "NaN number equal": close(plain(NAN), plain(NAN), equal_nan=True),
    "NaN among others": close(tensor([1.0, NAN, 5.0]), tensor([2.0, 3.0, NAN])),
    "infinity": close(tensor([INF, 1]), tensor([1.0, 1])),
    "infinities": close(tensor([INF, 1]), tensor([INF, 1])),
    "infinite tolerance": close(plain(INF), plain(1.0), rtol=0, atol=INF),
    "a larger difference is tolerated": close(tensor([1e6 + 0.5, 0.0]), tensor([1e6, 0.1])),
    "overflow": close(tensor([1e38]), tensor([-3e38])),
    "relative to zero": close(tensor([1.0, 2.0]), tensor([0.0, 3.0])),
    "bytes": close(tensor([0, 255], "uint8"), tensor([255, 0], "uint8")),
    "int32 ends": close(tensor([2**31 - 1], "int32"), tensor([-(2**31)], "int32")),
    "int64 large": close(tensor([2**62 + 1]), tensor([2**62])),
    "shape": close(tensor([1.0, 2]), tensor([1.0])),
    "shape of nothing": close(lambda t: t.empty(0, 1), lambda t: t.empty(0)),
    "nothing": close(lambda t: t.empty(0), lambda t: t.empty(0)),
    "dtype": close(one, tensor([1.0], "float64")),
    "dtype, unchecked": close(one, tensor([1.1], "float64"), check_dtype=False),
    "halves, unchecked": close(tensor([1.0], "float16"), tensor([1.1], "bfloat16"), check_dtype=False),
    "whole and float, unchecked": close(tensor([1]), tensor([1.1]), check_dtype=False),
    "device": close(one, tensor([1.0], device="meta")),
    "device, unchecked": close(one, tensor([1.0], device="meta"), check_device=False),
    "meta": close(tensor([1.0], device="meta"), tensor([2.0], device="meta")),
    "stride": close(lambda t: t.ones(2, 3), lambda t: t.ones(3, 2).t(), check_stride=True),
    "stride, unchecked": close(lambda t: t.ones(2, 3), lambda t: t.ones(3, 2).t()),
    "tensor and list": close(one, plain([1.0])),
    "tensor and number": close(tensor(1.0), plain(1.0)),
    "tensor and array": close(one, plain(np.array([1.0]))),
    "arrays": close(plain(np.array([1.0])), plain(np.array([1.1]))),
    "arrays of text": close(plain(np.array(["a"])), plain(np.array(["a"]))),
    "NumPy numbers": close(plain(np.float32(1)), plain(np.float32(1.1))),
    "text": close(plain("a"), plain("a")),
    "texts": close(plain(["a"]), plain(["a"])),
    "text and list": close(plain("abc"), plain(["a"])),
    "None": close(plain(None), plain(None)),
    "None and tensor": close(plain(None), tensor(1.0)),
    "objects": close(plain(...), plain(...)),
    "sets": close(plain({1}), plain({1})),
    "sequence": close(lambda t: [one(t), two(t)], lambda t: [one(t), tensor([3.0])(t)]),
    "first of a sequence": close(lambda t: [one(t), two(t)], lambda t: [two(t), one(t)]),
    "length": close(lambda t: [one(t)], lambda t: [one(t), two(t)]),
    "length within": close(plain([1, [2]]), plain([5, [2, 3]])),
    "list and tuple": close(lambda t: [one(t)], lambda t: (one(t),)),
    "range": close(plain(range(3)), plain([0, 1, 2])),
    "empty": close(plain([]), plain([])),
    "mapping": close(lambda t: {"a": one(t)}, lambda t: {"a": two(t)}),
    "mapping in another order": close(plain({"a": 1, "b": 2}), plain(OrderedDict(b=2, a=1))),
    "first key": close(plain({"b": 1, "a": 1}), plain({"b": 2, "a": 2})),
    "keys": close(plain({"a": 1}), plain({"b": 1})),
    "more keys": close(plain({"a": 1, "c": 1}), plain({"b": 1})),
    "list and mapping": close(plain([1]), plain({0: 1})),
    "nested": close(lambda t: {"a": [one(t), {"b": tensor(1.0)(t)}]}, lambda t: {"a": [one(t), {"b": tensor(2.0)(t)}]}),
    "nested numbers": close(plain([[1.0, 2.0]]), plain([[1.0, 2.5]])),
    "nested text": close(plain([[1.0, "a"]]), plain([[1.0, "a"]])),
    "message": close(one, two, msg="mine"),
    "message of a sequence": close(lambda t: [one(t)], lambda t: [two(t)], msg="mine"),
    "message by a function": close(lambda t: [one(t)], lambda t: [two(t)], msg=lambda m: f"before\n{m}\nafter"),
    "only rtol": close(one, one, rtol=1),
    "only atol": close(plain(1), plain(1), atol=1),
    "only atol, within": close(plain([1]), plain([1]), atol=1),
    "no tolerance": close(one, tensor([1.1]), rtol=0, atol=0),
    "relative alone": close(one, tensor([1.1]), rtol=0.01, atol=0),
    "subclass": close(lambda t: t.nn.Parameter(one(t)), one),
    "subclass refused": close(lambda t: t.nn.Parameter(one(t)), one, allow_subclasses=False),
    "numbers without subclasses": close(plain(1), plain(1), allow_subclasses=False),
    "requires grad": close(tensor([1.0], requires_grad=True), two),
    "float8": close(lambda t: one(t).to(t.float8_e5m2), lambda t: two(t).to(t.float8_e5m2)),
    "tolerances by position": lambda t: t.testing.assert_close(one(t), one(t), 1e-3, 1e-3),
    "allclose": lambda t: t.testing.assert_allclose(one(t), [1.1]),
    "allclose of lists": lambda t: t.testing.assert_allclose([1.0], [1.00005]),
    "allclose of doubles": lambda t: t.testing.assert_allclose(tensor([1.0], "float64")(t), [1.00002]),
}  # fmt: skip


def outcome(run: Callable, library: Any) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(library)
    except Exception as error:
        text = re.sub(r"<class '(?:torch|tritonnn)[\w.]*\.(\w+)'>", r"<class 'torch.\1'>", str(error))
        return type(error).__name__, text
    return "", ""


@pytest.mark.parametrize("case", CASES)
def test_assert_close(case: str) -> None:
    assert outcome(CASES[case], ours) == outcome(CASES[case], theirs)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 100.0])
def test_tolerances_of_dtypes(name: str, size: float) -> None:
    """At which distance a pair stops to be close."""
    for distance in np.geomspace(1e-9, 1.0, 60):
        run = close(tensor([size + distance], name), tensor([size], name))
        assert outcome(run, ours)[0] == outcome(run, theirs)[0], distance


@pytest.mark.parametrize("name", OTHERS)
def test_dtypes_without_a_tolerance(name: str) -> None:
    for other in (1, 0):
        run = close(cast([1.0, 1.0], name), cast([1.0, other], name))
        assert outcome(run, ours) == outcome(run, theirs)


def drawn(*shape: Any, dtype: str = "float32", **options: Any) -> Callable:
    def run(t: Any) -> Any:
        named = {k: getattr(t, v) if k == "memory_format" else v for k, v in options.items()}
        return t.testing.make_tensor(*shape, dtype=getattr(t, dtype), device="cpu", **named)

    return run


MADE = {
    "in line": drawn(2, 3), "tuple": drawn((2, 3)), "list": drawn([2, 3]), "nothing": drawn(0), "0-d": drawn(()),
    "gaps": drawn(2, 3, noncontiguous=True), "gaps of one": drawn(1, noncontiguous=True),
    "gaps of 0-d": drawn((), noncontiguous=True), "gaps of a column": drawn(3, 1, noncontiguous=True),
    "channels last": drawn(1, 2, 3, 4, memory_format="channels_last"), "grad": drawn(3, requires_grad=True),
    "one number": drawn(3, low=2, high=2), "far outside": drawn(3, low=-INF, high=INF),
    "bits": drawn(3, dtype="bool", low=1), "no zero": drawn(4, dtype="int64", low=0, high=1, exclude_zero=True),
    "no zero bit": drawn(4, dtype="bool", low=0, high=1, exclude_zero=True), "complex": drawn(3, dtype="complex64"),
    "float8": drawn(3, dtype="float8_e4m3fn"), "fractions as limits": drawn(3, dtype="int64", low=1, high=1.5),
    "every byte": drawn(3, dtype="int8", low=-1000, high=1000),
    "low above high": drawn(3, high=-20), "NaN": drawn(3, low=NAN), "low over high": drawn(3, low=3, high=2),
    "no whole number": drawn(3, low=2, high=2, dtype="int64"),
    "grad of whole numbers": drawn(3, dtype="int64", requires_grad=True),
    "gaps and format": drawn(1, 2, 3, 4, memory_format="channels_last", noncontiguous=True),
    "beyond the dtype": drawn(3, dtype="uint8", low=300, high=400),
    "rank of format": drawn(2, memory_format="channels_last"),
    "no dtype": lambda t: t.testing.make_tensor(2, device="cpu"), "negative": drawn(2, -3),
}  # fmt: skip


def description(run: Callable, library: Any) -> tuple:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tensor = run(library)
    except (ValueError, TypeError, RuntimeError) as error:
        return type(error).__name__, str(error) if type(error) is ValueError else ""
    return (
        tuple(tensor.shape),
        tensor.stride(),
        str(tensor.dtype),
        tensor.requires_grad,
    )


@pytest.mark.parametrize("case", MADE)
def test_make_tensor(case: str) -> None:
    assert description(MADE[case], ours) == description(MADE[case], theirs)


@pytest.mark.parametrize(
    "name", ["bool", "uint8", "int8", "int64", "float16", "bfloat16", "float32", "float64"]
)
@pytest.mark.parametrize(
    "limits", [{}, {"low": 1}, {"low": -2.5, "high": 3.5}, {"low": 0, "high": 2, "exclude_zero": True}]
)
def test_range_of_make_tensor(name: str, limits: dict) -> None:
    """Both libraries reach the same ends, near enough, and never leave them."""
    ends = []
    for library in (ours, theirs):
        try:
            values = drawn(4000, dtype=name, **limits)(library).double()
        except ValueError as error:
            ends.append(str(error))
            continue
        ends.append([float(values.min()), float(values.max())])
    width = 0.02 * (limits.get("high", 9) - limits.get("low", -9))
    assert ends[0] == (ends[1] if isinstance(ends[1], str) else pytest.approx(ends[1], abs=width))
