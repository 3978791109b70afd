"""The default dtype, and what in-place ops do with results of another dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tritonnn as torch

device = pytest.mark.parametrize("device", ("cpu", "cuda"))


@pytest.fixture(params=("float64", "bfloat16", "float16", "float32"))
def default(request: Any) -> Iterator[Any]:
    before = torch.get_default_dtype()
    dtype = getattr(torch, request.param)
    torch.set_default_dtype(dtype)
    yield dtype
    torch.set_default_dtype(before)


# What takes the default dtype; `i` is a tensor of integers, `b` of bools, `d` the device.
DEFAULT = (
    "torch.tensor([1.0], device=d)", "torch.tensor(1.5, device=d)", "torch.tensor([[1, 2.0]], device=d)",
    "torch.tensor([], device=d)", "torch.as_tensor([1.5])", "torch.zeros(2, device=d)", "torch.ones(2, device=d)",
    "torch.empty(2, device=d)", "torch.full((2,), 1.5, device=d)", "torch.arange(0.0, 2.0, device=d)",
    "torch.linspace(0, 1, 3, device=d)", "torch.logspace(0, 1, 3, device=d)", "torch.eye(2, device=d)",
    "torch.rand(2, device=d)", "torch.randn(2, device=d)", "torch.normal(0.0, 1.0, (2,), device=d)",
    "torch.logsumexp(i, 0)", "torch.empty_strided((2,), (1,), device=d)", "torch.Tensor([1, 2])",
    "nn.Transformer.generate_square_subsequent_mask(2)", "torch.rand_like(torch.zeros(2, device=d))",
    "torch.Tensor(torch.ones(2))", "torch.Tensor(2)",
    # of integers and bools
    "i / 2", "i / i", "b / 2", "i + 1.5", "1.5 - i", "i * 2.0", "i**0.5", "b + 1.5", "i.sqrt()", "torch.exp(i)",
    "torch.log1p(i)", "torch.sigmoid(i)", "torch.reciprocal(i)", "torch.rsqrt(i)", "torch.erf(i)",
    "torch.atan2(i, i)", "torch.asin(b)", "torch.where(i > 1, 1.0, 0.0)", "torch.where(i > 1, i, 0.5)",
    "i.sum() / 2", "i.clamp(min=0.5)", "torch.special.expit(i)", "torch.cat([i, torch.ones(1, device=d)])",
    # layers
    "nn.Linear(2, 2, device=d).weight", "nn.Embedding(2, 2, device=d).weight", "nn.LayerNorm(2, device=d).weight",
    "nn.BatchNorm1d(2, device=d).running_mean", "nn.Conv2d(1, 1, 1, device=d).bias", "nn.PReLU(device=d).weight",
    "nn.MultiheadAttention(2, 1, device=d).in_proj_weight", "nn.GroupNorm(1, 2, device=d).weight",
    "nn.Bilinear(1, 1, 1, device=d).weight", "nn.Parameter(torch.empty(1, device=d))",
)  # fmt: skip

# What has its own.
OTHERS = {
    "torch.tensor([1], device=d)": "int64", "torch.full((2,), 1, device=d)": "int64",
    "torch.full((2,), True, device=d)": "bool", "torch.arange(3, device=d)": "int64",
    "torch.randint(3, (2,), device=d)": "int64", "i * 2": "int64", "i // 2": "int64", "i + True": "int64",
    "i.float() + 1.5": "float32", "i.double() * 2.0": "float64", "i.half() + i.float()": "float32",
    "torch.tensor(np.float64(1.5))": "float64", "torch.tensor(np.ones(2, np.float32))": "float32",
    "torch.from_numpy(np.ones(2))": "float64", "i.new_zeros(2)": "int64", "i.half().sqrt()": "float16",
    "torch.zeros(2, dtype=torch.float16, device=d)": "float16", "i.bool().sum()": "int64",
    "nn.Linear(2, 2, dtype=torch.float64, device=d).weight": "float64",
}  # fmt: skip


def evaluated(code: str, device: str) -> Any:
    i = torch.tensor([1, 2, 3], device=device)
    return eval(code, {"torch": torch, "nn": torch.nn, "np": np, "i": i, "b": i > 1, "d": device})


@device
@pytest.mark.parametrize("code", DEFAULT)
def test_the_default_dtype(code: str, device: str, default: Any) -> None:
    assert evaluated(code, device).dtype is default


@device
@pytest.mark.parametrize("code", OTHERS)
def test_dtypes_that_the_default_leaves_alone(code: str, device: str, default: Any) -> None:
    assert evaluated(code, device).dtype is getattr(torch, OTHERS[code])


@pytest.mark.parametrize(("dtype", "complex_dtype"), [("float32", "complex64"), ("float64", "complex128")])
def test_complex_numbers_follow_the_default(dtype: str, complex_dtype: str) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        for result in (torch.tensor(1j), torch.tensor([1, 2]) + 1j, torch.full((1,), 1j)):
            assert result.dtype is getattr(torch, complex_dtype)
        assert torch.result_type(torch.tensor([1]), 1.5) is torch.get_default_dtype()
        assert torch.finfo().dtype == dtype
        assert torch.tensor(1.5).item() == 1.5 and type(torch.tensor(1.5).item()) is float
    finally:
        torch.set_default_dtype(before)


def test_only_floating_dtypes_are_a_default() -> None:
    with pytest.raises(TypeError, match="only floating-point types are supported as the default type"):
        torch.set_default_dtype(torch.int64)
    assert torch.get_default_dtype() is torch.float32


# ---- in place ---------------------------------------------------------------------------------------------

# What PyTorch refuses: the result's dtype, and that of the tensor it would have to go into.
REFUSED = {
    "i.add_(1.5)": ("float32", "int64"), "i.add_(f)": ("float32", "int64"), "i.mul_(f[0])": ("float32", "int64"),
    "i.div_(2)": ("float32", "int64"), "i.__iadd__(f)": ("float32", "int64"),
    "i.__itruediv__(2)": ("float32", "int64"), "i.exp_()": ("float32", "int64"), "i.sqrt_()": ("float32", "int64"),
    "i.pow_(0.5)": ("float32", "int64"), "i.remainder_(1.5)": ("float32", "int64"),
    "i.fmod_(1.5)": ("float32", "int64"), "i.clamp_(min=0.5)": ("float32", "int64"),
    "i.addcmul_(f, f)": ("float32", "int64"), "i.atan2_(i)": ("float32", "int64"), "b.add_(1)": ("int64", "bool"),
    "b.mul_(i)": ("int64", "bool"), "b.bitwise_and_(i)": ("int64", "bool"), "b.div_(2)": ("float32", "bool"),
    "i.to(torch.int8).mul_(2.5)": ("float32", "int8"), "i.reciprocal_()": ("float32", "int64"),
}  # fmt: skip

# What it casts, with the values that come out.
CAST = {
    "f.add_(f.double())": ("float32", [2, 4, 6]), "f.half().mul_(f.double())": ("float16", [1, 4, 9]),
    "f.half().add_(f)": ("float16", [2, 4, 6]), "i.to(torch.int8).add_(i)": ("int8", [2, 4, 6]),
    "i.to(torch.uint8).sub_(2)": ("uint8", [255, 0, 1]), "i.to(torch.int8).add_(300)": ("int8", [45, 46, 47]),
    "i.mul_(True)": ("int64", [1, 2, 3]), "i.mul_(b)": ("int64", [0, 2, 3]), "b.add_(True)": ("bool", [True] * 3),
    "i.lt_(2)": ("int64", [1, 0, 0]), "f.eq_(1)": ("float32", [1, 0, 0]),
    "i.div_(2, rounding_mode='floor')": ("int64", [0, 1, 1]), "i.floor_divide_(2)": ("int64", [0, 1, 1]),
    "i.addcmul_(i, i, value=1.5)": ("int64", [2, 6, 12]), "f.add_(i)": ("float32", [2, 4, 6]),
    "i.copy_(f * 1.7)": ("int64", [1, 3, 5]), "i.fill_(1.7)": ("int64", [1, 1, 1]),
    "b.fill_(2)": ("bool", [True] * 3), "i.masked_fill_(b, 1.7)": ("int64", [1, 1, 1]),
    "f.logical_and_(i)": ("float32", [1, 1, 1]), "i.clamp_(min=2)": ("int64", [2, 2, 3]),
    "f.addcdiv_(f, f.double())": ("float32", [2, 3, 4]), "i.pow_(2)": ("int64", [1, 4, 9]),
}  # fmt: skip


def values(device: str) -> dict[str, Any]:
    i = torch.tensor([1, 2, 3], device=device)
    return {"torch": torch, "i": i, "f": i.float(), "b": i > 1}


@device
@pytest.mark.parametrize("code", REFUSED)
def test_in_place_results_of_a_higher_kind_are_refused(code: str, device: str) -> None:
    given = values(device)
    result, target = REFUSED[code]
    with pytest.raises(
        RuntimeError, match=f"result type {result} can't be cast to the desired output type {target}"
    ):
        eval(code, given)
    assert given["i"].tolist() == [1, 2, 3] and given["b"].tolist() == [False, True, True]
    assert given["i"]._version == given["b"]._version == 0


@device
@pytest.mark.parametrize("code", CAST)
def test_in_place_results_are_cast(code: str, device: str) -> None:
    given = values(device)
    dtype, wanted = CAST[code]
    result = eval(code, given)
    assert result.dtype is getattr(torch, dtype) and result.tolist() == wanted
    if code[2:].split("(")[0].endswith("_"):  # no conversion comes first
        assert result is given[code[0]] and result._version == 1


@device
def test_in_place_casts_keep_their_gradient(device: str) -> None:
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    factor = torch.tensor([3.0, 5.0], dtype=torch.float64, device=device, requires_grad=True)
    y = x.clone()
    y.mul_(factor)
    y.sum().backward()
    assert x.grad.tolist() == [3, 5] and x.grad.dtype is torch.float32
    assert factor.grad.tolist() == [1, 2] and factor.grad.dtype is torch.float64
