"""Small programs that run on both libraries: what they come to, and whether that is the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch as reference

import tritonnn

Names = Callable[[Any], dict[str, Any]]


def known(library: Any, device: str) -> dict[str, Any]:
    """What every program refers to; `t` makes a tensor on the device."""

    def t(values: Any, dtype: str | None = None) -> Any:
        return library.tensor(values, dtype=dtype and getattr(library, dtype), device=device)

    return {
        "torch": library, "F": library.nn.functional, "nn": library.nn, "np": np, "device": device, "t": t,
        "inf": float("inf"), "nan": float("nan"),
    }  # fmt: skip


def outcome(library: Any, code: str, device: str = "cpu", names: Names | None = None) -> Any:
    """The value of an expression, after the statements before the last semicolon; or the exception.

    Args:
        names: `names(library)` is what the program refers to besides; tensors that it, or the program, makes are on
            the device where nothing else is said. Without it, only those of `t` are.
    """
    before, _, expression = code.rpartition("; ")
    library.manual_seed(0)
    if names is not None and library is tritonnn:
        library.set_default_device(device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            space = {**known(library, device), **(names(library) if names else {})}
            exec(before, space)
            return eval(expression, space)
        except Exception as error:
            return error
        finally:
            tritonnn.set_default_device(None)


def hold(line: str, names: Names, device: str) -> None:
    """Hold a program on a device to PyTorch's outcome on the CPU, to the last bit."""
    same(outcome(tritonnn, line, device, names), outcome(reference, line, "cpu", names), exact=True)


def same(got: Any, wanted: Any, values: bool = True, exact: bool = False) -> None:
    """Equal values, dtypes and shapes; for errors, one that the same `except` catches.

    Args:
        values: False where they are random.
        exact: whether values are the same numbers, rather than such as differ by rounding.
    """
    if isinstance(wanted, Exception):
        kind = next(k for k in type(wanted).__mro__ if k.__module__ == "builtins")
        assert isinstance(got, kind), f"PyTorch raises {wanted!r}, got {got!r}"
    elif isinstance(wanted, reference.Tensor):
        assert isinstance(got, tritonnn.Tensor), f"got {got!r}, PyTorch {wanted!r}"
        assert str(got.dtype) == str(wanted.dtype)
        assert tuple(got.shape) == tuple(wanted.shape)
        if values and exact:  # as text NaN is NaN, and -0.0 is not 0.0
            assert str(got.detach().cpu().tolist()) == str(wanted.detach().tolist())
        elif values:
            half = wanted.dtype.itemsize == 2 and wanted.dtype.is_floating_point
            theirs = wanted.detach().float() if half else wanted.detach()
            found = got.detach().cpu().float() if half else got.detach().cpu()
            rtol = 1e-2 if half else 1e-5
            np.testing.assert_allclose(
                found.numpy(), theirs.resolve_conj().numpy(), rtol=rtol, atol=rtol / 10
            )
    elif isinstance(wanted, (tuple, list)):
        assert isinstance(got, (tuple, list)) and len(got) == len(wanted), f"got {got!r}, PyTorch {wanted!r}"
        for a, b in zip(got, wanted, strict=True):
            same(a, b, values, exact)
    else:
        assert not isinstance(got, Exception), repr(got)
        assert got == wanted or (not exact and str(got) == str(wanted)), f"got {got!r}, PyTorch {wanted!r}"


def explains(got: Any, *words: str) -> None:
    """An error names what it is about: op and argument."""
    assert isinstance(got, Exception), f"got {got!r}"
    assert not [word for word in words if word not in str(got)], f"{words} are not all in {str(got)!r}"
