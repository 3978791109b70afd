"""Verify mode finds faults planted into kernels, and none where there is none."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import kernels, nn
from tritonnn.ops._table import OPS

triton = pytest.importorskip("triton")
tl = triton.language

pytestmark = pytest.mark.skipif(
    os.environ.get("TRITON_INTERPRET") != "1", reason="faults are planted into the simulated device's memory"
)


@triton.jit
def leaky(x):
    return tl.where(x > 0, x, 0.5 * x)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """`plant(op)`: from now on its kernel adds one to the first element of the result (or of the tensor given)."""

    def planted(name: str, written: Callable = lambda given: given[0], by: float = 1.0) -> None:
        op = OPS[name]
        real = kernels.implementation(op.family, name)

        def faulty(*given: Any, **options: Any) -> None:
            real(*given, **options)
            torch.cuda.synchronize()
            ctypes.c_float.from_address(written(given).ptr).value += by

        faulty.__module__ = real.__module__
        monkeypatch.setitem(kernels._implementations, (op.family, name), faulty)
        op.gpu = None
        monkeypatch.setattr(op, "gpu", None)

    return planted


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.act = nn.ReLU()

    def forward(self, x: Any) -> Any:
        return self.act(self.fc(x))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Block(), Block()])

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def test_fault_in_a_scalar_function(monkeypatch):
    """A wrong Triton function: module path, worst element, shapes and the program's line are named."""
    from tritonnn.kernels.device.pointwise import pointwise

    op = OPS["relu"]
    monkeypatch.setitem(kernels._implementations, (op.family, "relu"), pointwise(leaky))
    monkeypatch.setattr(op, "gpu", None)
    x = torch.tensor([[3.0, -1.0, -8.0], [2.0, 0.0, -2.0]]).cuda()
    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.ReLU()))
    with pytest.raises(torch.VerificationError) as raised, torch.verify() as verification:
        model(x)  # the line
    difference = verification.differences[0]
    assert difference.op == "relu" and difference.kind == "difference" and difference.place == (0, 2)
    assert (float(difference.got), float(difference.expected)) == (-4.0, 0.0)
    assert difference.module == "1.0" and difference.file == __file__
    text = str(raised.value)
    assert "relu" in text and "3 of 6 elements of 'result'" in text and "model(x)  # the line" in text
    assert "input: (2, 3) strides (3, 1) float32" in text and "in module '1.0'" in text


def test_module_path_in_forward_and_backward(plant):
    net, x = Net().cuda(), torch.ones(2, 4, device="cuda")
    plant("linear")
    with pytest.raises(torch.VerificationError, match=r"in module 'layers.0.fc'"), torch.verify():
        net(x)


def test_fault_in_backward_names_the_forward_call(plant):
    net, x = Net().cuda(), torch.randn(2, 4, device="cuda")
    plant("threshold_backward")
    with torch.verify() as verification:
        y = net(x).sum()  # forward
        with pytest.raises(torch.VerificationError) as raised:
            y.backward()
    text = str(raised.value)
    assert verification.differences[0].module == "layers.1.act"
    assert "in the backward of ReluBackward0" in text and "y.backward()" in text
    assert "forward was called in module 'layers.1.act'" in text and "self.act(self.fc(x))" in text


CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "in place": ("mul", lambda x: x.mul_(2.0)),
    "through a view": ("mul", lambda x: x.T[1].mul_(2.0)),
    "out=": ("mul", lambda x: torch.mul(x, 2.0, out=torch.empty(3, 4, device="cuda"))),
    "reduction": ("sum", lambda x: x.sum(0)),
    "fill": ("fill_values", lambda x: x.fill_(3.0)),
    "copy": ("copy_values", lambda x: torch.empty(4, 3, device="cuda").copy_(x.T)),
    "random": ("philox_uniform", lambda x: x.uniform_()),
}


@pytest.mark.parametrize("call", CALLS)
def test_every_way_to_a_kernel(call, plant):
    name, run = CALLS[call]
    x = torch.arange(12.0).reshape(3, 4).cuda()
    with torch.verify() as verification:
        run(x.clone())
    assert not verification.differences
    plant(name)
    with pytest.raises(torch.VerificationError, match="differs from its NumPy twin in 1 of"), torch.verify():
        run(x.clone())


def test_allocating(monkeypatch):
    op = OPS["nonzero_coordinates"]
    assert op.alloc
    real = kernels.implementation(op.family, op.name)

    def faulty(alloc: Any, *given: Any) -> Any:
        coordinates = real(alloc, *given)
        ctypes.c_int64.from_address(coordinates.ptr).value += 5
        return coordinates

    monkeypatch.setitem(kernels._implementations, (op.family, op.name), faulty)
    monkeypatch.setattr(op, "gpu", None)
    x = torch.tensor([0.0, 1.0, 2.0]).cuda()
    with pytest.raises(torch.VerificationError, match="got 6, expected 1"), torch.verify():
        x.nonzero()

    def short(alloc: Any, *given: Any) -> Any:
        coordinates = real(alloc, *given)
        return alloc((1, coordinates.shape[1] - 1), torch.int64)

    monkeypatch.setitem(kernels._implementations, (op.family, op.name), short)
    with (
        pytest.raises(torch.VerificationError, match=r"the shape \(1, 1\), its NumPy twin \(1, 2\)"),
        torch.verify(),
    ):
        x.nonzero()


# Kernels that write into what they only read: (call, op, place among what the kernel gets, its name, element changed).
READ: dict[str, tuple[Callable, str, Callable, str]] = {
    "of one tensor": (lambda x: x.exp(), "exp", lambda given: given[1], "input"),
    "the second": (lambda x: x * x.flip(0), "mul", lambda given: given[2], "other"),
    "a matrix": (lambda x: x @ x.flip(0), "matmul_nd", lambda given: given[2], "other"),
    "reduced": (lambda x: x.sum(0), "sum", lambda given: given[1], "input"),
    "one of a list": (lambda x: torch.cat([x + 1, x]), "cat", lambda given: given[1][1], "tensors"),
    "in place": (lambda x: x.clone().mul_(x), "mul", lambda given: given[2], "other"),
    "out": (lambda x: torch.exp(x, out=torch.empty_like(x)), "exp", lambda given: given[1], "input"),
    "a strided view": (lambda x: x.t().exp(), "exp", lambda given: given[1], "input"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("by", (1.0, 1e-6, float("nan")))
def test_a_kernel_that_changes_what_it_reads(name, by, plant):
    """The result is right, and so is not what is reported; the change may be smaller than rounding explains."""
    call, op, place, argument = READ[name]
    x = torch.ones(2, 2, device="cuda")
    with torch.verify() as verification:
        call(x)
    plant(op, place, by)
    message = rf"changed its argument '{argument}', which is only to be read, in 1 of 4 elements\n.*element \(0, 0\)"
    with pytest.raises(torch.VerificationError, match=message) as caught, torch.verify() as verification:
        call(x)
    assert ", before the call 1.0\n" in str(caught.value)
    (found,) = verification.differences
    assert (found.op, found.kind, found.result, found.place, found.expected) == (
        op,
        "input",
        argument,
        (0, 0),
        1.0,
    )
    assert found.got == pytest.approx(1 + by, abs=1e-7, nan_ok=True) and found.got != 1.0
    assert found.file == __file__


def test_an_allocating_kernel_that_changes_what_it_reads(monkeypatch):
    op = OPS["nonzero_coordinates"]
    real = kernels.implementation(op.family, op.name)

    def faulty(alloc: Any, given: Any, *more: Any) -> Any:
        found = real(alloc, given, *more)
        torch.cuda.synchronize()
        ctypes.c_float.from_address(given.ptr).value = -3.0
        return found

    faulty.__module__ = real.__module__
    monkeypatch.setitem(kernels._implementations, (op.family, op.name), faulty)
    monkeypatch.setattr(op, "gpu", None)
    x = torch.tensor([2.0, 1.0]).cuda()
    match = "changed its argument 'input'.*in 1 of 2 elements\n.*got -3.0, before the call 2.0"
    with pytest.raises(torch.VerificationError, match=match), torch.verify():
        x.nonzero()


def test_the_element_that_changed_most_is_named(monkeypatch):
    op = OPS["exp"]
    real = kernels.implementation(op.family, "exp")

    def faulty(out: Any, given: Any, **options: Any) -> None:
        real(out, given, **options)
        torch.cuda.synchronize()
        memory = (ctypes.c_float * 4).from_address(given.ptr)
        memory[0], memory[3] = memory[0] + 1, memory[3] - 5

    faulty.__module__ = real.__module__
    monkeypatch.setitem(kernels._implementations, (op.family, "exp"), faulty)
    monkeypatch.setattr(op, "gpu", None)
    with pytest.raises(torch.VerificationError, match=r"in 2 of 4 .*\n.*\(1, 1\): got -4"), torch.verify():
        torch.ones(2, 2, device="cuda").exp()


def test_an_argument_that_is_written_is_no_false_alarm():
    x = torch.arange(6.0, device="cuda")
    with torch.verify() as verification:
        x.mul_(2).add_(x).exp_().copy_(x.flip(0))
        torch.add(x, 1, out=x)
        torch.cumsum(x, 0, out=x)
        x[1:].add_(x[:-1].clone())
        x.view(2, 3).scatter_(1, torch.zeros(2, 1, dtype=torch.int64, device="cuda"), 3.0)
        torch._foreach_mul_([x], 2)
        nn.BatchNorm1d(3).cuda()(x.view(2, 3)).sum()
    assert not verification.differences


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD], ids=lambda o: o.__name__)
def test_optimizer_step(optimizer, plant):
    p = torch.ones(3, device="cuda", requires_grad=True)
    p.grad = torch.ones(3, device="cuda")
    step = optimizer([p], lr=0.1).step
    with torch.verify() as verification:
        step()
    assert not verification.differences
    plant("elementwise_step", lambda given: given[0][0])
    with pytest.raises(torch.VerificationError, match="elements of 'params'"), torch.verify():
        step()


def test_a_training_step_is_clean():
    """Convolution, batch norm, dropout, attention, cross-entropy, in one step: no false alarm."""
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(16, 8), nn.LayerNorm(8), nn.Linear(8, 3),
    ).cuda()  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters())
    with torch.verify() as verification:
        x, y = torch.randn(4, 1, 4, 4, device="cuda"), torch.randint(0, 3, (4,), device="cuda")
        nn.functional.cross_entropy(net(x), y).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    assert not verification.differences


def test_terms_that_cancel_are_no_false_alarm():
    rng = np.random.default_rng(0)
    half = rng.standard_normal(4096).astype(np.float32) * 1e4
    x = torch.from_numpy(rng.permutation(np.concatenate([half, -half]))).cuda()
    with torch.verify() as verification:
        x.sum()
        x.half().sum()
    assert not verification.differences


def test_factors_scale_what_is_allowed(plant):
    plant("mul", by=1e-3)
    x = torch.ones(4, device="cuda")
    with torch.verify(rtol_factor=50, atol_factor=50) as verification:
        x * 2.0
    assert not verification.differences
    with pytest.raises(torch.VerificationError), torch.verify():
        x * 2.0


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_first_nan_of_finite_numbers(device):
    x = torch.tensor([1.0, 0.0], device=device)
    with pytest.raises(torch.VerificationError, match="div made NaN") as raised, torch.verify():
        x / x
    assert "worst element (1,)" in str(raised.value) and "x / x" in str(raised.value)
    with torch.verify(non_finite=False) as verification:
        x / x
    with torch.verify() as verification:
        masked = x.masked_fill(x == 0, float("-inf"))  # asked for: a number that is infinite is given
        masked.exp()
        (masked * 2).softmax(0)
        x.add_(float("nan"))
    assert not verification.differences


def test_backward_that_makes_infinity():
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    with torch.verify():
        y = x.sqrt().sum()
        with pytest.raises(torch.VerificationError, match="in the backward of SqrtBackward0"):
            y.backward()


def test_warns_and_goes_on_up_to_a_limit():
    x = torch.zeros(2)
    with (
        torch.verify(on_difference="warn", limit=2) as verification,
        warnings.catch_warnings(record=True) as seen,
    ):
        warnings.simplefilter("always")
        for _ in range(3):
            x.log()
    assert [d.op for d in verification.differences] == ["log", "log"]
    assert len(seen) == 2 and seen[0].filename == __file__


def test_off_again_afterwards():
    """What ops call is what they called before: nothing is left in the way, also after an error."""
    x = torch.zeros(2, device="cuda")
    plain = OPS["log"].implementation("cuda")
    with pytest.raises(torch.VerificationError), torch.verify():
        assert OPS["log"].implementation("cuda") is not plain
        x.log()
    x.log()
    assert OPS["log"].gpu is plain
    with (
        torch.verify(non_finite=False),
        torch.verify(on_difference="warn"),
        pytest.warns(UserWarning, match="log"),
    ):
        x.log()


@pytest.mark.parametrize(
    "options", [{"on_difference": "print"}, {"rtol_factor": -1}, {"atol_factor": float("nan")}, {"limit": 0}]
)
def test_bad_options(options):
    with pytest.raises(ValueError, match=f"verify: {next(iter(options))} must be"):
        torch.verify(**options)


def test_whole_program():
    code = "import tritonnn as torch; torch.zeros(1).log()"
    environ = {**os.environ, "TRITONNN_VERIFY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "VerificationError: log made inf out of finite numbers" in done.stderr


@pytest.mark.parametrize("name", ("rtol_factor", "atol_factor"))
def test_a_factor_is_a_number(name):
    with pytest.raises(TypeError, match=f"verify: {name} must be a number, not str"):
        torch.verify(**{name: "a"})
