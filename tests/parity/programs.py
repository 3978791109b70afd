"""Small programs that run on both libraries: what they come to, and whether that is the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch as reference

import tritonnn


def names(library: Any, device: str) -> dict[str, Any]:
    """What programs refer to; `t` makes a tensor on the device."""

    def t(values: Any, dtype: str | None = None) -> Any:
        return library.tensor(values, dtype=dtype and getattr(library, dtype), device=device)

    return {
        "torch": library, "F": library.nn.functional, "nn": library.nn, "np": np, "device": device, "t": t,
        "inf": float("inf"), "nan": float("nan"),
    }  # fmt: skip


def outcome(library: Any, code: str, device: str = "cpu") -> Any:
    """The value of an expression, after the statements before the last semicolon; or the exception."""
    space = names(library, device)
    before, _, expression = code.rpartition("; ")
    library.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(before, space)
            return eval(expression, space)
        except Exception as error:
            return error


def same(got: Any, wanted: Any, values: bool = True) -> None:
    """Equal values, dtypes and shapes; for errors, one that the same `except` catches.

    Args:
        values: False where they are random.
    """
    if isinstance(wanted, Exception):
        assert isinstance(got, Exception), f"PyTorch raises {wanted!r}, got {got!r}"
        assert isinstance(got, type(wanted)), f"PyTorch raises {wanted!r}, got {got!r}"
    elif isinstance(wanted, reference.Tensor):
        assert isinstance(got, tritonnn.Tensor), f"got {got!r}"
        assert str(got.dtype) == str(wanted.dtype)
        assert tuple(got.shape) == tuple(wanted.shape)
        if values:
            half = wanted.dtype.itemsize == 2 and wanted.dtype.is_floating_point
            theirs = wanted.detach().float() if half else wanted.detach()
            found = got.detach().cpu().float() if half else got.detach().cpu()
            rtol = 1e-2 if half else 1e-5
            np.testing.assert_allclose(
                found.numpy(), theirs.resolve_conj().numpy(), rtol=rtol, atol=rtol / 10
            )
    elif isinstance(wanted, (tuple, list)):
        assert isinstance(got, (tuple, list)) and len(got) == len(wanted), f"got {got!r}"
        for a, b in zip(got, wanted, strict=True):
            same(a, b, values)
    else:
        assert not isinstance(got, Exception), repr(got)
        assert got == wanted or str(got) == str(wanted)


def explains(got: Any, *words: str) -> None:
    """An error names what it is about: op and argument."""
    assert isinstance(got, Exception), f"got {got!r}"
    assert not [word for word in words if word not in str(got)], f"{words} are not all in {str(got)!r}"
