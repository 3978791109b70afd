"""Calls of functions from PyTorch's own table of operators: both libraries' outcome, and how they are compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import torch as reference
from torch.testing._internal.common_methods_invocations import op_db

import tritonnn as torch
from tritonnn._tensor import Tensor, host_array

RTOL = {"float64": 1e-9, "float32": 2e-5, "complex128": 1e-9, "complex64": 2e-5}
# Where PyTorch has no gradient and there is one here.
MORE_GRADIENTS = {"istft": "PyTorch's stops at some windows"}


@cache
def entries(*names: str) -> tuple[Any, ...]:
    """The table's entries of these names, or of those that start with one of them and a point."""
    return tuple(
        entry
        for entry in op_db
        if entry.name in names or entry.name.startswith(tuple(n + "." for n in names))
    )


def label(entry: Any) -> str:
    return entry.name + (f".{entry.variant_test_name}" if entry.variant_test_name else "")


def ours(value: Any) -> Any:
    """An argument in this library's types."""
    if isinstance(value, reference.Tensor):
        data = value.detach().resolve_conj().resolve_neg()
        if data.dtype is reference.bfloat16:
            made = torch.tensor(data.float().numpy()).to(torch.bfloat16)
        else:
            made = torch.from_numpy(np.array(data.numpy()))
        return made.requires_grad_() if value.requires_grad else made
    if isinstance(value, reference.dtype):
        return getattr(torch, str(value).removeprefix("torch."))
    if isinstance(value, reference.device):
        return torch.device(str(value))
    if isinstance(value, reference.layout):
        return getattr(torch, str(value).removeprefix("torch."))
    if isinstance(value, (list, tuple)):
        return type(value)([ours(item) for item in value])
    return value


def ours_of(args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """All arguments of a call."""
    return ours(args), {key: ours(value) for key, value in kwargs.items()}


def function(entry: Any, library: Any) -> Callable[..., Any]:
    found = library
    for part in entry.name.split("."):
        found = getattr(found, part)
    return found


def tensors(value: Any) -> list[Any]:
    if isinstance(value, (reference.Tensor, Tensor)):
        return [value]
    return [t for item in value for t in tensors(item)] if isinstance(value, (list, tuple)) else []


def arguments(sample: Any) -> tuple[tuple, dict[str, Any]]:
    return (sample.input, *sample.args), dict(sample.kwargs)


def samples(entry: Any, dtype: Any, requires_grad: bool = False) -> Iterator[Any]:
    reference.manual_seed(0)  # the same whatever ran before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in entry.sample_inputs("cpu", dtype, requires_grad=requires_grad):
            if entry.name != "histogramdd" or _rising(sample.args[0]):
                yield sample


def _rising(edges: Any) -> bool:
    """Whether edges of bins rise, as they have to."""
    return all([bool((edge.diff() >= 0).all()) for edge in tensors(edges)])


def outcome(run: Callable[..., Any], args: Any = (), kwargs: Any = None) -> Any:
    """What a call returns, or its exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run(*args, **(kwargs or {}))
        except Exception as error:
            return error


def array(tensor: Any) -> np.ndarray:
    if isinstance(tensor, Tensor):
        values = host_array(tensor.detach())
        return values.astype(np.float32) if values.dtype.kind == "V" else np.array(values)
    values = tensor.detach().resolve_conj().resolve_neg()
    return (values.float() if values.dtype is reference.bfloat16 else values).numpy()


def assert_alike(got: Any, wanted: Any, said: str, rtol: float | None = None, scale: bool = False) -> None:
    """Same structure, shapes and dtypes; numbers to `rtol`, of the largest one where `scale`."""
    got, wanted = tensors(got), tensors(wanted)
    assert len(got) == len(wanted), said
    for a, b in zip(got, wanted):
        assert tuple(a.shape) == tuple(b.shape), f"{said}: shape {tuple(a.shape)}, PyTorch {tuple(b.shape)}"
        assert str(a.dtype) == str(b.dtype), f"{said}: dtype {a.dtype}, PyTorch {b.dtype}"
        x, y = array(a), array(b)
        own = RTOL.get(y.dtype.name, 1e-2)
        tolerance = own if rtol is None else max(rtol, own)
        finite = np.abs(y[np.isfinite(y)])
        atol = tolerance * (max(1.0, float(finite.max())) if scale and finite.size else 1e-2)
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=atol, err_msg=said, equal_nan=True)


def compare(entry: Any, dtype: Any, rtol: float | None = None, scale: bool = False, most: int = 1000) -> int:
    """Values, shapes and dtypes of samples; how many there were."""
    count = 0
    for sample in samples(entry, dtype):
        args, kwargs = arguments(sample)
        wanted = outcome(function(entry, reference), args, kwargs)
        mine = ours_of(args, kwargs)
        got = outcome(function(entry, torch), *mine)
        said = f"{entry.name}{args}{kwargs}"[:500]
        if isinstance(wanted, Exception):
            assert isinstance(got, type(wanted)), f"{said}: {got!r}, PyTorch {wanted!r}"
            continue
        assert not isinstance(got, Exception), f"{said}: {got!r}"
        assert_alike(got, wanted, said, rtol, scale)
        count += 1
        if count == most:
            break
    return count


def _gradients(library: Any, call: Callable, args: Any, kwargs: Any, again: bool) -> list[Any]:
    """Gradients of a sum of the results with weights, and of a sum of those."""
    leaves = [t for t in tensors((args, list(kwargs.values()))) if t.requires_grad]
    results = [r for r in tensors(call(*args, **kwargs)) if r.requires_grad]

    def weighted(values: list[Any]) -> Any:
        total: Any = 0
        for value in values:
            if value is None:
                continue
            if value.is_complex():
                value = library.view_as_real(value.resolve_conj() if library is reference else value)
            weights = np.cos(np.arange(float(value.numel()))).reshape(tuple(value.shape)) + 1.5
            total = total + (value * library.tensor(weights, dtype=value.dtype)).sum()
        return total

    if not results or not leaves:
        return []
    first = library.autograd.grad(weighted(results), leaves, create_graph=again, allow_unused=True)
    if not again:
        return [*first]
    again_of = [g for g in first if g is not None and g.requires_grad]
    if not again_of:
        return [*first, *[None] * len(leaves)]
    return [*first, *library.autograd.grad(weighted(again_of), leaves, allow_unused=True)]


def compare_gradients(entry: Any, dtype: Any, again: bool, rtol: float = 1e-7, most: int = 40) -> int:
    """First, and second, derivatives of samples; how many there were."""
    count = 0
    for sample in samples(entry, dtype, requires_grad=True):
        if count == most:
            break
        args, kwargs = arguments(sample)
        wanted = outcome(_gradients, (reference, function(entry, reference), args, kwargs, again))
        if isinstance(wanted, Exception):
            continue
        mine = ours_of(args, kwargs)
        got = _gradients(torch, function(entry, torch), *mine, again)
        said = f"{entry.name}{args}{kwargs}"[:500]
        assert len(got) == len(wanted), said
        for a, b in zip(got, wanted):
            if a is None or b is None:  # None is a gradient of 0
                given = b if a is None else a
                known = b is None and entry.name in MORE_GRADIENTS
                assert known or given is None or not array(given).any(), said
            else:
                assert_alike(a, b, said, rtol, scale=True)
        count += 1
    return count


def compare_out(entry: Any, dtype: Any) -> int:
    """Results written into a tensor that is given; the first three samples."""
    count = 0
    for sample in samples(entry, dtype):
        args, kwargs = arguments(sample)
        plain = outcome(function(entry, reference), args, kwargs)
        if not isinstance(plain, reference.Tensor):
            continue
        mine = ours_of(args, kwargs)
        target = torch.empty(tuple(plain.shape), dtype=ours(plain.dtype))
        returned = function(entry, torch)(*mine[0], **mine[1], out=target)
        assert returned is target
        assert_alike(target, plain, f"{entry.name}{args}{kwargs} with out="[:500], scale=True)
        count += 1
        if count == 3:
            break
    return count


def compare_errors(entry: Any) -> int:
    """The table's bad calls: the same kind of exception as PyTorch's."""
    count = 0
    if entry.error_inputs_func is None:
        return count
    for bad in entry.error_inputs("cpu"):
        args, kwargs = arguments(bad.sample_input)
        wanted = outcome(function(entry, reference), args, kwargs)
        if not isinstance(wanted, Exception):
            continue
        mine = outcome(ours_of, (args, kwargs))
        if isinstance(mine, Exception):
            continue  # a kind of tensor that there is not
        got = outcome(function(entry, torch), *mine)
        said = f"{entry.name}{args}{kwargs}"[:300]
        assert isinstance(got, type(wanted)), f"{said}: {got!r}, PyTorch {wanted!r}"
        count += 1
    return count
