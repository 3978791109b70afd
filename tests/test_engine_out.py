"""What `out=` takes and refuses, for every entry that has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import call, leaves_of, samples, tensors

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import OPS, Op

device = pytest.mark.parametrize("device", ("cpu", "cuda"))
AUTOGRAD = (
    "functions with out=... arguments don't support automatic differentiation, but one of the arguments"
)
# Their results are counts and places: no gradient reaches what they compute from.
PLACES = {"bucketize", "histc", "searchsorted"}


def kind_of(op: Op) -> Any:
    return torch.float32 if torch.float32 in op.dtypes else op.dtypes[0]


# As in PyTorch `out=` of the old `lu` is of any type and device, resized and copied into.
COPIED = {"compact_lu"}


def has_out(op: Op) -> bool:
    if not op.samples or op.kind == "view" or op.name in COPIED:
        return False
    return "out" in op.names if op.kind == "composite" else op.out


TAKING = sorted(name for name, op in OPS.items() if has_out(op))


def given(op: Op, change: Any) -> tuple[Any, Any]:
    """A sample of the op, and a changed tensor for each of its results."""
    sample = samples(op, "cpu", kind_of(op))[0]
    result = call(op, sample)
    outs = tuple(change(torch.empty_like(t)) for t in tensors(result))
    return sample, outs[0] if isinstance(result, Tensor) else outs


@pytest.mark.parametrize("name", TAKING)
def test_out_of_another_device_is_refused(name: str) -> None:
    sample, out = given(OPS[name], lambda t: t.cuda())
    if list(tensors(sample)):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            call(OPS[name], sample, out=out)


@pytest.mark.parametrize("name", TAKING)
def test_out_that_requires_grad_is_refused(name: str) -> None:
    sample, out = given(OPS[name], lambda t: t.requires_grad_(t.dtype.is_floating_point))
    if not any(t.requires_grad for t in tensors(out)):
        return
    if OPS[name].has_derivative or OPS[name].family != "special":
        with pytest.raises(RuntimeError, match=AUTOGRAD):
            call(OPS[name], sample, out=out)
    else:  # nothing that could be recorded: PyTorch writes into it
        assert call(OPS[name], sample, out=out) is not None


@pytest.mark.parametrize("name", [n for n in TAKING if OPS[n].has_derivative and n not in PLACES])
def test_out_of_what_requires_grad_is_refused(name: str) -> None:
    op = OPS[name]
    sample, out = given(op, lambda t: t)
    leaves = leaves_of(op, sample)
    if any(t.requires_grad for t in tensors(leaves)):
        with pytest.raises(RuntimeError, match=AUTOGRAD):
            call(op, leaves, out=out)
        with torch.no_grad():
            call(op, leaves, out=out)
        assert not any(t.requires_grad for t in tensors(out))


KINDS = {"floating": torch.float64, "complex": torch.complex128, "whole": torch.int64, "truth": torch.bool}


def drawn(op: Op) -> bool:
    return op.family == "random" or "generator" in op.names


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
@pytest.mark.parametrize("name", [name for name in TAKING if not drawn(OPS[name])])
def test_out_takes_shape_and_values_of_the_result(name: str) -> None:
    op = OPS[name]
    for dtype in KINDS.values():
        if dtype not in op.dtypes:
            continue
        sample = samples(op, "cpu", dtype)[0]
        if "out" in sample.kwargs:
            continue
        result = call(op, sample)
        for size in (0, 7919):  # an extent that no sample has
            outs = tuple(torch.empty(size, dtype=t.dtype) for t in tensors(result))
            assert call(op, sample, out=outs[0] if isinstance(result, Tensor) else outs) is not None
            for out, expected in zip(outs, tensors(result), strict=True):
                told = str((dtype, size))
                if (
                    op.family == "linalg"
                ):  # where a product of the BLAS sums in an order that depends on addresses
                    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), 1e-14, err_msg=told)
                else:
                    np.testing.assert_array_equal(out.numpy(), expected.detach().numpy(), told)


FACTORIES = {
    "arange": lambda out: torch.arange(2.0, out=out), "zeros": lambda out: torch.zeros(2, out=out),
    "ones": lambda out: torch.ones(2, out=out), "full": lambda out: torch.full((2,), 3.0, out=out),
    "linspace": lambda out: torch.linspace(0, 1, 2, out=out), "rand": lambda out: torch.rand(2, out=out),
    "randn": lambda out: torch.randn(2, out=out), "bernoulli": lambda out: torch.bernoulli(torch.ones(2), out=out),
    "normal": lambda out: torch.normal(torch.ones(2), torch.ones(2), out=out),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTORIES)
def test_new_numbers_do_not_go_into_what_requires_grad(name: str) -> None:
    leaf = torch.full((2,), 7.0, requires_grad=True)
    with pytest.raises(RuntimeError, match=AUTOGRAD):
        FACTORIES[name](leaf)
    assert leaf.tolist() == [7, 7]
    with torch.no_grad():
        assert FACTORIES[name](leaf) is leaf
    assert leaf.requires_grad and leaf.is_leaf and leaf.tolist() != [7, 7]


@device
def test_out_is_cast_where_that_loses_no_kind(device: str) -> None:
    x = torch.tensor([1.5, 2.5], device=device)
    for dtype in (torch.float64, torch.float16):
        out = torch.empty(2, dtype=dtype, device=device)
        assert torch.add(x, 1, out=out) is out and out.dtype is dtype and out.tolist() == [2.5, 3.5]
        assert torch.cat([x, x], out=out.resize_(4)).tolist() == [1.5, 2.5] * 2
    assert torch.eq(x, 1.5, out=torch.empty(2, device=device)).tolist() == [1, 0]
    whole = torch.empty(2, dtype=torch.int64, device=device)
    for function in (torch.add, torch.maximum):
        with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
            function(x, x, out=whole)
    for function in (torch.exp, torch.sqrt):  # of integers: floating as well
        with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
            function(torch.tensor([1, 4], device=device), out=whole)
    truth = torch.empty(2, dtype=torch.bool, device=device)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        torch.add(whole.zero_(), 1, out=truth)
    assert whole.tolist() == [0, 0]


@device
def test_out_is_resized_with_a_warning_unless_empty(device: str) -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    for function, wanted in ((lambda out: torch.add(x, x, out=out), [[2, 4], [6, 8]]),
                             (lambda out: torch.matmul(x, x[0], out=out), [5, 11]),
                             (lambda out: torch.sum(x, 0, out=out), [4, 6])):  # fmt: skip
        assert function(torch.empty(0, device=device)).tolist() == wanted
        with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
            assert function(torch.empty(3, 1, device=device)).tolist() == wanted


@device
def test_out_that_is_an_operand(device: str) -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    assert torch.mm(x, x, out=x).tolist() == [[7, 10], [15, 22]]
    values = np.arange(9000.0).reshape(90, 100)  # more than one block of any kernel
    large = torch.from_numpy(values.copy()).to(device)
    square = large[:, :90]
    torch.add(square.t(), square, out=square)
    np.testing.assert_array_equal(large[:, :90].cpu().numpy(), values[:, :90].T + values[:, :90])
    square = torch.from_numpy(values.copy()).to(device)[:, :90]
    torch.cumsum(square[:-1], 0, out=square[1:])
    np.testing.assert_array_equal(square[1:].cpu().numpy(), np.cumsum(values[:-1, :90], 0))
    square = torch.from_numpy(values.copy()).to(device)[:, :90]
    torch.mul(square[:-7], 2, out=square[7:])
    np.testing.assert_array_equal(square[7:].cpu().numpy(), values[:-7, :90] * 2)


@device
def test_out_that_is_a_dense_part_of_an_operand_is_refused(device: str) -> None:
    line = torch.arange(9.0, device=device)
    for write in (
        lambda: torch.cumsum(line[:-1], 0, out=line[1:]),
        lambda: torch.mul(line[:-7], 2, out=line[1:3]),
        lambda: torch.gather(line, 0, torch.tensor([0], device=device), out=line[:1]),
        lambda: torch.add(torch.ones(3, device=device), 1, out=line[:1].expand(3)),
    ):
        with pytest.raises(RuntimeError, match=r"refers? to a single memory location"):
            write()
    assert line.tolist() == list(range(9))


@device
def test_out_that_is_an_operand_and_is_resized(device: str) -> None:
    left, right = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    for which in (0, 1):
        given = [torch.from_numpy(array.copy()).to(device) for array in (left, right)]
        with pytest.warns(UserWarning, match="was resized"):
            assert torch.mm(*given, out=given[which]) is given[which]
        np.testing.assert_array_equal(given[which].cpu().numpy(), left @ right)


@device
def test_out_that_is_one_of_a_list_of_operands_is_refused(device: str) -> None:
    x = torch.ones(2, 3, device=device)
    for operands in ([x], [x, x], (torch.ones(1, 3, device=device), x)):
        with pytest.raises(RuntimeError, match=r"cat: .*refer to a single memory location"):
            torch.cat(operands, out=x)
    assert x.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_out_that_is_a_view_stays_one() -> None:
    """A composite's result may lose the base that nobody sees, `out` never does."""
    base = torch.zeros(2, 3)
    row = base[0]
    assert torch.hstack([torch.ones(2), torch.ones(1)], out=row) is row
    assert row._is_view() and row._base is base and base.tolist() == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_sums_and_products_are_computed_in_the_type_of_out(device: str) -> None:
    x = torch.tensor([0.5, 0.5, 2.7], device=device)
    whole, number = torch.zeros(3, dtype=torch.int64, device=device), torch.tensor(0, device=device)
    assert torch.cumsum(x, 0, out=whole).tolist() == [0, 0, 2]
    assert torch.cumprod(x + 1, 0, out=whole).tolist() == [1, 1, 3]
    assert torch.sum(x, 0, out=number).item() == 2 and torch.prod(x + 1, 0, out=number).item() == 3
    for function in (torch.sum, torch.prod, torch.cumsum, torch.cumprod):
        with pytest.raises(RuntimeError, match=r"expected out to have dtype float64, but got float32"):
            function(x, 0, dtype=torch.float64, out=torch.tensor(0.0, device=device))
        with pytest.raises(RuntimeError, match="automatic differentiation"):
            function(x.clone().requires_grad_(), 0, out=torch.tensor(0, device=device))


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_a_resized_out_lies_as_the_result_would(device: str) -> None:
    x = torch.arange(12.0, device=device).view(3, 4).t()
    out = torch.neg(x, out=torch.empty(0, device=device))
    assert out.stride() == (1, 4) and out.tolist() == (x * -1).tolist()
    with pytest.warns(UserWarning, match="was resized"):
        out = torch.add(x, 1, out=torch.empty(1, device=device))
    assert out.stride() == (1, 4) and out.tolist() == (x + 1).tolist()


def test_parts_without_elements_are_joined_into_one_of_them() -> None:
    x = torch.empty(0, 2)
    y = torch.stack([x, x], out=x)
    assert y is x and x.shape == (2, 0, 2)
    with pytest.raises(TypeError, match="can't be cast"):
        torch.cat([torch.ones(1)], out=torch.zeros(1, dtype=torch.int8))


@device
def test_out_that_is_a_smaller_operand_of_an_elementwise_op_is_refused(device: str) -> None:
    wide = torch.ones(2, 3, device=device)
    calls = (
        lambda x: torch.add(wide, x, out=x), lambda x: torch.clamp(x, wide, out=x),
        lambda x: torch.addcmul(x, wide, wide, out=x), lambda x: torch.lerp(x, wide, 0.5, out=x),
        lambda x: torch.where(wide > 0, x, x, out=x),
    )  # fmt: skip
    for call_with in calls:
        x = torch.ones(3, device=device)
        with pytest.raises(
            RuntimeError, match=r"output with shape \[3\] doesn't match the broadcast shape \[2, 3\]"
        ):
            call_with(x)
        assert x.tolist() == [1, 1, 1]


def test_gradients_are_refused_before_the_other_arguments_are_looked_at() -> None:
    with pytest.raises(RuntimeError, match=f"sum.*{AUTOGRAD}"):
        torch.sum(torch.ones(2, requires_grad=True), 4, out=torch.ones(2))
    with pytest.raises(RuntimeError, match=f"sum.*{AUTOGRAD}"):
        torch.sum(torch.ones(2), 4, out=torch.ones(2, requires_grad=True))


@device
def test_out_that_sees_an_element_twice_is_refused(device: str) -> None:
    x = torch.ones(2, 3, device=device)
    for call_with in (lambda out: torch.add(x, 1, out=out), lambda out: torch.cumsum(x, 0, out=out)):
        out = torch.zeros(1, 3, device=device)
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
            call_with(out.expand(2, 3))
        assert out.tolist() == [[0, 0, 0]]
