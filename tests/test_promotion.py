"""The dtype of what two operands give: PyTorch's table, and what dimensions and numbers count."""

from __future__ import annotations

from typing import Any

import pytest

import tritonnn as torch

DEVICES = ("cpu", "cuda")
NAMES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128",
)  # fmt: skip
# A row per type in the order above, a letter per column.
LETTERS = dict(zip("bu1234hHfdFD", NAMES, strict=True))
TABLE = (
    "bu1234hHfdFD",
    "uu2234hHfdFD",
    "121234hHfdFD",
    "222234hHfdFD",
    "333334hHfdFD",
    "444444hHfdFD",
    "hhhhhhhffdFD",
    "HHHHHHfHfdFD",
    "fffffffffdFD",
    "ddddddddddDD",
    "FFFFFFFFFDFD",
    "DDDDDDDDDDDD",
)


@pytest.mark.parametrize("row", range(len(NAMES)), ids=NAMES)
def test_two_types_promote_as_in_pytorch(row: int) -> None:
    first = getattr(torch, NAMES[row])
    promoted = [torch.promote_types(first, getattr(torch, name)) for name in NAMES]
    assert promoted == [getattr(torch, LETTERS[letter]) for letter in TABLE[row]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("many", "none", "wanted"),
    [
        ("float16", "float32", "float16"), ("float32", "float64", "float32"),
        ("bfloat16", "float16", "bfloat16"),
        ("int8", "int64", "int8"), ("uint8", "int8", "uint8"), ("int64", "float16", "float16"),
        ("bool", "uint8", "uint8"),
    ],
)  # fmt: skip
def test_tensors_without_dimensions_count_by_their_kind_alone(
    many: str, none: str, wanted: str, device: str
) -> None:
    x = torch.ones(2, dtype=getattr(torch, many), device=device)
    y = torch.ones((), dtype=getattr(torch, none), device=device)
    for result in (x * y, y * x, x + y):
        assert result.dtype is getattr(torch, wanted)
    assert torch.result_type(x, y) is torch.result_type(y, x) is getattr(torch, wanted)


@pytest.mark.parametrize(
    ("dtype", "number", "wanted"),
    [
        ("int8", 300, "int8"), ("float16", 2.0, "float16"), ("uint8", 1.5, "float32"), ("bool", 2, "int64"),
        ("bool", True, "bool"), ("float64", 2j, "complex128"), ("int64", 2j, "complex64"),
    ],
)  # fmt: skip
def test_numbers_count_less_than_tensors(dtype: str, number: Any, wanted: str) -> None:
    for shape in ((), (2,)):
        x = torch.ones(shape, dtype=getattr(torch, dtype))
        assert torch.result_type(x, number) is getattr(torch, wanted)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_a_tensor_of_one_number(dtype, device):
    """The number keeps its digits until the result is rounded, as a Python number does."""
    x = torch.linspace(0.5, 3, 64).to(device, dtype)
    for other in (0.1234567, 70000.0):
        number = torch.tensor(other, device=device)
        wide = x.to(torch.float32)
        assert torch.equal(x * number, (wide * number).to(dtype))
        assert torch.equal(x / number, (wide / number).to(dtype))
