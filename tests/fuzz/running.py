"""Running a program, a list of Python lines, in two libraries and comparing what comes out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

# What PyTorch refuses at backward because of what it saved, where the formulas here do not need it.
_OVERWRITTEN = re.compile(
    "modified by an inplace op|has been detached in-place|element of the written-to tensor"
    "|backward through the graph a second time|view of its base has been modified inplace"
)
NAME = re.compile(r"\bv\d+\b")
#: how far numbers may be apart, relative to the largest of a tensor, by the least precise type that a program holds
TOLERANCE = {
    "float64": 1e-9, "complex128": 1e-9, "float32": 2e-4, "complex64": 2e-4, "float16": 8e-3, "bfloat16": 0.06,
}  # fmt: skip


def leaf_maker(library: Any, device: str) -> Callable[..., Any]:
    """`leaf(seed, shape, dtype, requires_grad)`: the same numbers in every library."""

    def leaf(seed: int, shape: tuple[int, ...], dtype: str, requires_grad: bool = False) -> Any:
        rng = np.random.default_rng(seed)
        values = rng.integers(-8, 9, shape) / 4
        if dtype.startswith("complex"):
            values = values + 1j * rng.integers(-8, 9, shape) / 4
        elif dtype == "bool":
            values = values > 0
        elif not dtype.startswith(("float", "bfloat")):
            values = rng.integers(0 if dtype == "uint8" else -4, 5, shape)
        tensor = library.tensor(np.asarray(values).tolist(), dtype=getattr(library, dtype)).reshape(shape)
        return tensor.to(device).detach().requires_grad_(requires_grad)

    return leaf


@lru_cache(maxsize=1000)
def compiled(line: str) -> Any:
    """A line's code."""
    return compile(line, "<program>", "exec")


class Run:
    """A library's variables while it runs a program."""

    def __init__(self, library: Any, device: str = "cpu") -> None:
        self.names: dict[str, Any] = {
            "torch": library, "leaf": leaf_maker(library, device), "quietly": library.no_grad()(lambda f: f()),
        }  # fmt: skip

    def step(self, line: str) -> Exception | None:
        """Run one line; what it raised."""
        try:
            exec(compiled(line), self.names)
        except Exception as error:  # every refusal is compared
            return error
        return None

    def tensors(self) -> dict[str, Any]:
        """The variables by name, in the order they were made."""
        return {name: value for name, value in self.names.items() if NAME.fullmatch(name)}

    def backward(self) -> Exception | None:
        """Gradients of the sum of all that can be differentiated."""
        parts = [v for v in self.tensors().values() if facts(v).get("requires_grad") and v.numel()]
        if not parts:
            return None
        try:
            sum(((v.real if v.is_complex() else v) * 1.0).double().sum() for v in parts).backward()
        except Exception as error:
            return error
        return None


def facts(tensor: Any) -> dict[str, Any]:
    """What is compared of a tensor beside its values."""
    try:
        leaf = tensor.is_leaf
    except RuntimeError as error:  # one of several views of memory that was written
        return {"is_leaf": type(error).__name__}
    shape = tuple(tensor.shape)
    strides = [s for s, n in zip(tensor.stride(), shape, strict=True) if n > 1] if tensor.numel() else []
    return {
        "dtype": str(tensor.dtype), "shape": shape, "stride": strides, "requires_grad": tensor.requires_grad,
        "is_leaf": leaf, "storage_offset": tensor.storage_offset() if tensor.numel() else 0,
    }  # fmt: skip


def values_of(tensor: Any) -> np.ndarray:
    """The numbers as NumPy has them."""
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) in ("torch.bfloat16", "torch.float16"):
        tensor = tensor.float()
    elif str(tensor.dtype) == "torch.complex32":
        tensor = tensor.cfloat()
    if hasattr(tensor, "resolve_conj"):
        tensor = tensor.resolve_conj().resolve_neg()
    return np.asarray(tensor.clone().numpy())  # PyTorch resizes no memory that NumPy has seen


def differ(name: str, expected: Any, got: Any, tolerance: float) -> str | None:
    """What is different between two tensors, in words; None where nothing is."""
    if expected is None or got is None:
        wanted = None if expected is None else "a tensor"
        return None if expected is got else f"{name}: {wanted} expected, got {got}"
    known, have = facts(expected), facts(got)
    for what, wanted in known.items():
        if wanted != have.get(what):
            return f"{name}.{what}: {wanted} expected, got {have.get(what)}"
    if "shape" not in known:
        return None
    a, b = values_of(expected), values_of(got)
    if a.dtype.kind == "c":  # a product with NaN or infinity in one part may have it in both
        a, b = np.where(np.isfinite(a), a, np.nan), np.where(np.isfinite(b), b, np.nan)
    tolerance = 0.0 if a.dtype.kind in "biu" else tolerance
    scale = float(np.max(np.abs(a[np.isfinite(a)]), initial=0)) if a.dtype.kind in "fc" else 0
    with np.errstate(all="ignore"):
        if np.allclose(a, b, rtol=tolerance, atol=tolerance * max(scale, 1), equal_nan=True):
            return None
    return f"{name}: {a.tolist()} expected, got {b.tolist()}"


def kinds(error: Exception | None) -> set[str]:
    """The names of an error's types, without those of all errors."""
    return {kind.__name__ for kind in type(error).__mro__} - {"Exception", "BaseException", "object"}


def refusals(where: str, first: Exception | None, second: Exception | None) -> str | None:
    """How two outcomes differ; None where both refused with the same type, or neither did."""
    if kinds(first) & {type(second).__name__} or kinds(second) & {type(first).__name__}:
        return None  # of the same type, or a special case of it, as NotImplementedError is of RuntimeError
    said = [
        f"{type(e).__name__} ({(str(e).splitlines() or [''])[0][:160]})" if e else "no error"
        for e in (first, second)
    ]
    return f"{where}: {said[0]} expected, got {said[1]}"


def compare(lines: list[str], truth: Any, library: Any, device: str = "cpu") -> str | None:
    """The first difference that a program shows; None where there is none, or where it lacks a variable."""
    expected, got = Run(truth), Run(library, device)
    tolerance = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in lines:
            used = NAME.findall(line)
            if any(name not in expected.names for name in NAME.findall(line.split(" = ", 1)[-1])):
                return None
            for (
                name
            ) in used:  # PyTorch follows a write to the base of a view when it is next asked for its history
                if name in expected.names:
                    facts(expected.names[name])
            first, second = expected.step(line), got.step(line)
            if second is None and str(first).startswith("Can't detach views"):
                return None  # what PyTorch composes of others may be a view of what nobody sees
            if second is None and ("grad" in line or "backward" in line) and _OVERWRITTEN.search(str(first)):
                return None
            if text := refusals(f"`{line}`", first, second):
                return text
            if first is not None and "out=" in line:
                return None  # a call that is refused may have resized it
            if used[0] in expected.names and expected.names[used[0]] is None:
                return None  # a gradient that is not there
            if used[0] in expected.names:
                precision = str(expected.names[used[0]].dtype).removeprefix("torch.")
                tolerance = max(tolerance, TOLERANCE.get(precision, 0.0))
            for name in dict.fromkeys(used):
                if name not in expected.names:
                    continue
                if text := differ(name, expected.names[name], got.names.get(name), tolerance):
                    return f"`{line}`: {text}" if first is None else None  # PyTorch may refuse halfway
        for name, tensor in expected.tensors().items():
            if text := differ(name, tensor, got.names[name], tolerance):
                return f"at the end: {text}"
        first, second = expected.backward(), got.backward()
        if second is None and first is not None and _OVERWRITTEN.search(str(first)):
            return None
        if text := refusals("backward", first, second):
            return text
        if first is not None:
            return None  # both stopped, where in the graph is not said
        for name, tensor in expected.tensors().items():
            if facts(tensor)["is_leaf"] is not True and not tensor.retains_grad:
                continue
            if text := differ(f"{name}.grad", tensor.grad, got.names[name].grad, tolerance):
                return text
    return None


def shrunk(lines: list[str], fails: Callable[[list[str]], bool]) -> list[str]:
    """The program without the lines that it fails without."""
    size = len(lines) // 2
    while size:
        start = len(lines)
        while start > 0:
            start = max(start - size, 0)
            fewer = lines[:start] + lines[start + size :]
            if fewer and fails(fewer):
                lines = fewer
        size //= 2
    return lines
