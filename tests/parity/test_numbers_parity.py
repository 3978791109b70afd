"""Python numbers written into tensors: what fits, what wraps, what is refused. PyTorch is the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch as reference

import tritonnn

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip
NUMBERS = (
    True, 3, -1, -128, -129, -255, -256, 255, 256, 2**31, -(2**31) - 1, 2**63 - 1, 2**64, -(2**63) - 1, -0.5, -1.5,
    127.9, 255.5, 465.0, 500.0, 61440.0, 65519.0, 65520.0, 1e10, 1e19, 3.5e38, 1e300, math.inf, -math.inf, math.nan,
    1j, 1 + 0j, complex(1e300, 0),
)  # fmt: skip


def wide(lib, value):
    """A dtype that holds the number, where there is one."""
    return (
        lib.complex128
        if isinstance(value, complex)
        else lib.float64
        if isinstance(value, float)
        else lib.int64
    )


def assigned(t, value):
    """A copy with every element assigned."""
    t = t.clone()
    t[:] = value
    return t


WRITES = {
    "full": lambda lib, t, value: lib.full((2,), value, dtype=t.dtype, device=t.device),
    "full_like": lambda lib, t, value: lib.full_like(t, value),
    "new_full": lambda lib, t, value: t.new_full((2,), value),
    "tensor": lambda lib, t, value: lib.tensor([value, value], dtype=t.dtype, device=t.device),
    "fill_": lambda lib, t, value: t.fill_(value),
    "fill_ one": lambda lib, t, value: t[:1].fill_(value),
    "fill_ none": lambda lib, t, value: t[:0].fill_(value),
    "setitem": lambda lib, t, value: assigned(t, value),
    "masked_fill": lambda lib, t, value: t.masked_fill(lib.tensor([True, False], device=t.device), value),
    "masked_fill tensor": lambda lib, t, value: t.cpu().masked_fill(
        lib.tensor([True, False]), lib.tensor(value, dtype=wide(lib, value))
    ),
    "index_fill": lambda lib, t, value: t.index_fill(0, lib.tensor([1], device=t.device), value),
    "scatter": lambda lib, t, value: t.scatter(0, lib.tensor([1], device=t.device), value),
}


def outcome(lib, device, write, dtype, value):
    try:
        result = WRITES[write](lib, lib.zeros(2, dtype=getattr(lib, dtype), device=device), value)
    except Exception as error:
        words = str(error).partition("\n")[0]
        words = words.partition(". Hint")[0]
        return type(error).__name__, words[words.find("value cannot") :] if "value cannot" in words else ""
    assert str(result.dtype) == f"torch.{dtype}"
    wide = result.cpu().to(lib.complex128 if dtype == "complex64" else lib.float64)
    return wide.numpy().tolist() if dtype != "int64" else result.tolist()


def calls():
    """Every way into every dtype: float8 is refused by these three whatever the number, complex on the GPU."""
    for device in ("cpu", "cuda"):
        for write in WRITES:
            for dtype in DTYPES:
                picks = write in ("masked_fill", "index_fill", "scatter")
                if not (
                    picks and (dtype.startswith("float8") or (device == "cuda" and dtype == "complex64"))
                ):
                    yield device, write, dtype


@pytest.mark.parametrize(("device", "write", "dtype"), list(calls()))
def test_numbers_in_tensors(device, write, dtype):
    for value in NUMBERS:
        if write == "index_fill" and isinstance(value, complex) and dtype != "complex64":
            continue  # all refused there; here only with an imaginary part
        if write == "setitem" and (isinstance(value, complex) or value in (2**64, -(2**63) - 1)):
            continue  # refused there by its own checks, in other words
        got = outcome(tritonnn, device, write, dtype, value)
        wanted = outcome(reference, "cpu", write, dtype, value)
        if isinstance(wanted, list):
            np.testing.assert_array_equal(got, wanted, err_msg=repr(value))
        else:
            assert got == wanted, repr(value)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_complex_numbers_as_bool(device):
    """True where either part is not 0, of any layout."""
    values = np.array([[1j, 0j, 1 + 0j], [0j, complex(0, math.nan), -2 - 1j]])
    for turn in (False, True):
        got, wanted = (lib.from_numpy(values.copy()) for lib in (tritonnn, reference))
        if turn:
            got, wanted = got.t(), wanted.t()
        got = got.to(device).to(tritonnn.bool).cpu()
        np.testing.assert_array_equal(got.numpy(), wanted.to(reference.bool).numpy())
