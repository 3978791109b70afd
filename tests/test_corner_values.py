"""Values at the corners of what functions take: complex ends and elements, bytes, dimensions without elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support import array

import tritonnn as torch

DEVICES = ("cpu", "cuda")


@pytest.mark.parametrize("device", DEVICES)
def test_complex_ends(device: str) -> None:
    result = torch.linspace(0, 2 + 4j, 3, device=device)
    assert result.dtype is torch.complex64 and result.device.type == device
    np.testing.assert_allclose(array(result), [0, 1 + 2j, 2 + 4j])


def test_complex_exponents() -> None:
    powers = torch.logspace(0, 2j, 3, 2.0, dtype=torch.complex128)
    np.testing.assert_allclose(array(powers), 2.0 ** np.array([0, 1j, 2j]))


@pytest.mark.parametrize("device", DEVICES)
def test_complex_elements(device: str) -> None:
    x = torch.tensor([1 + 2j, complex(math.nan, 3), complex(math.inf, -math.inf)], device=device)
    wanted = [1 + 2j, 3j, 5 - 7j]
    np.testing.assert_array_equal(array(torch.nan_to_num(x, posinf=5.0, neginf=-7.0)), wanted)
    assert x.nan_to_num_(posinf=5.0, neginf=-7.0) is x
    np.testing.assert_array_equal(array(x), wanted)


def test_complex_logsumexp() -> None:
    values = np.array([[1 + 1j, 2 - 1j], [300 + 3j, 300 - 3j]])
    result = torch.logsumexp(torch.tensor(values.tolist()), 1)
    shift = values.real.max(1)
    np.testing.assert_allclose(
        array(result), np.log(np.exp(values - shift[:, None]).sum(1)) + shift, rtol=1e-5
    )


@pytest.mark.parametrize("device", DEVICES)
def test_bytes_are_blended_and_rounded(device: str) -> None:
    x = torch.tensor([[[[0, 40, 80], [120, 160, 250]]]], dtype=torch.uint8, device=device)
    result = torch.nn.functional.interpolate(x, (2, 5), mode="bilinear")
    assert result.dtype is torch.uint8
    assert result.tolist() == [[[[0, 16, 40, 64, 80], [120, 136, 160, 214, 250]]]]


@pytest.mark.parametrize("device", DEVICES)
def test_unique_slices_of_none(device: str) -> None:
    values, inverse, counts = torch.unique(torch.ones(3, 0, device=device), True, True, True, 1)
    assert (values.shape, inverse.shape, counts.shape) == ((3, 0), (0,), (0,))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_types_add_up_in_float32(dtype: Any, device: str) -> None:
    ones = torch.ones(4, 1024, dtype=dtype, device=device)  # in bfloat16 256 + 1 is 256
    for x, dim in ((ones, 1), (ones.t(), 0)):
        assert x.sum(dim).tolist() == [1024] * 4 and x.mean(dim).tolist() == [1] * 4
    assert ones.sum().item() == 4096 and (ones @ ones.t()).tolist() == [[1024] * 4] * 4


@pytest.mark.parametrize("device", DEVICES)
def test_long_sums_keep_their_digits(device: str) -> None:
    x = torch.full((100_000, 3), 0.1, device=device)
    for total in (*x.sum(0).tolist(), *x.t().contiguous().sum(1).tolist()):
        assert total == pytest.approx(10_000, rel=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_products_over_nothing_are_zero(device: str) -> None:
    a, b = torch.ones(2, 0, device=device), torch.ones(0, 3, device=device)
    zeros = [[0.0] * 3] * 2
    assert (a @ b).tolist() == torch.addmm(torch.zeros(2, 3, device=device), a, b).tolist() == zeros
    assert torch.nn.functional.linear(a, b.t()).tolist() == zeros
    assert torch.bmm(a[None], b[None]).tolist() == [zeros]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_scores_beyond_the_range_of_exp(function: str, device: str) -> None:
    x = torch.tensor([[1000.0, 1000.0, -1000.0], [-1000.0, -1000.0, -1000.0]], device=device)
    wanted = [[0.5, 0.5, 0], [1 / 3] * 3]
    for rows, dim in ((x, 1), (x.t(), 0), (x.repeat(2000, 1), 1)):
        got = getattr(torch, function)(rows, dim)
        got = got.exp() if function == "log_softmax" else got
        for values, row in zip((got.t() if dim == 0 else got[:2]).tolist(), wanted, strict=True):
            assert values == pytest.approx(row, rel=1e-6)


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_layers_of_no_rows_and_no_features_have_gradients(device: str) -> None:
    x = torch.zeros(3, 1, 0, device=device, requires_grad=True)
    weight = torch.zeros(2, 0, device=device, requires_grad=True)
    torch.nn.functional.linear(x, weight).sum().backward()
    assert x.grad.shape == (3, 1, 0) and weight.grad.shape == (2, 0)
    cube = torch.ones(4, 0, 2, device=device)
    assert (
        torch.nn.functional.bilinear(x, torch.ones(3, 1, 2, device=device), cube).tolist()
        == [[[0.0] * 4]] * 3
    )


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_results_without_elements_are_copies(device: str) -> None:
    x = torch.zeros(1, 3, device=device, requires_grad=True)
    for copy in (x.diff(dim=0), x.diff(n=0), x[:, :0].roll(1, 9)):
        copy.view(-1).exp_()  # a view of the leaf would refuse
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.roll(1, 9)


@pytest.mark.parametrize("name", ["topk", "kthvalue", "median", "max", "amax", "mode"])
def test_a_dimension_is_refused_before_the_type(name: str) -> None:
    call = getattr(torch.zeros(2, dtype=torch.complex64), name)
    with pytest.raises(IndexError, match="Dimension out of range"):
        call(1, 7) if name in ("topk", "kthvalue") else call(7)


def test_norms_refuse_the_type_before_the_dimension() -> None:
    with pytest.raises(RuntimeError, match="norm: expected a floating point or complex tensor"):
        torch.ones(2, dtype=torch.bool).norm(2, 7)


def test_a_gradient_of_a_mean_may_be_written() -> None:
    x = torch.ones(4, requires_grad=True)
    (g,) = torch.autograd.grad(x.mean(), x)
    assert g.mul_(2).tolist() == [0.5] * 4


@pytest.mark.parametrize("device", ("cpu", "cuda"))
@pytest.mark.parametrize("dtype", ["complex64", "float32"])
def test_gradients_of_places_take_an_expanded_gradient(dtype: str, device: str) -> None:
    x = torch.zeros(3, 2, dtype=getattr(torch, dtype), device=device, requires_grad=True)
    rows = torch.tensor([0, 2, 0], device=device)
    ways = (
        lambda: x.gather(0, rows[:, None].expand(3, 2)), lambda: x.index_select(0, rows), lambda: x[rows],
        lambda: x.take_along_dim(rows[:, None], 0), lambda: x.take(torch.tensor([0, 1, 4, 5, 0, 1], device=device)),
    )  # fmt: skip
    for way in ways:
        (g,) = torch.autograd.grad(way().sum(), x, torch.ones((), dtype=x.dtype, device=device))
        assert g.real.tolist() == [[2, 2], [0, 0], [1, 1]]


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_a_real_product_of_complex_numbers_has_a_real_gradient(device: str) -> None:
    z = torch.tensor([2 + 1j, 3 - 1j, 4 + 2j], device=device, requires_grad=True)
    product = z.prod(dtype=torch.float32)
    product.backward()
    assert product.item() == 24 and z.grad.tolist() == [12, 8, 6]


def test_a_diagonal_of_nothing_is_no_diagonal_of_a_leaf() -> None:
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        torch.zeros(0, 0, requires_grad=True).fill_diagonal_(2)
    for shape in ((0, 0), (0, 3), (3, 0)):
        assert torch.zeros(shape).fill_diagonal_(2).shape == shape


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_running_sums_in_place_keep_their_type(device: str) -> None:
    with pytest.raises(NotImplementedError, match="not implemented for bool"):
        torch.tensor([False, True, True], device=device).cumsum_(0)
    assert torch.tensor([100, 100], dtype=torch.int8, device=device).cumsum_(0).tolist() == [100, -56]
    with pytest.raises(RuntimeError, match="int8, but got int32"):
        torch.tensor([1], dtype=torch.int32, device=device).cumsum_(0, dtype=torch.int8)


def test_logsumexp_of_no_complex_numbers() -> None:
    z = torch.zeros(0, 2, dtype=torch.complex64)
    assert z.logsumexp(0).real.tolist() == [-math.inf] * 2 and z.logsumexp(0, True).shape == (1, 2)
