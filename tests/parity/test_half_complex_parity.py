"""complex32: common operations take it, and refuse it, as PyTorch's on a CPU, with the same numbers."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs

import tritonnn as ours

VALUES = np.array([[1 + 2j, -0.5 + 0.25j, 3 - 1j], [0, 2j, -1.5]], np.complex64)


def given(t: Any, device: str = "cpu") -> Any:
    return t.from_numpy(VALUES.copy()).to(t.complex32).to(device)


def _method(name: str) -> Callable:
    def call(t: Any, x: Any) -> Any:
        value = getattr(x, name) if hasattr(x, name) else getattr(t, name)(x)
        return value() if callable(value) else value

    return call


def _gradient(t: Any, x: Any, f: Callable) -> Any:
    leaf = x.detach().clone().requires_grad_()
    f(leaf).float().sum().backward()
    return leaf.grad


def _written(x: Any, key: Any, value: Any) -> Any:
    x[key] = value
    return x


_METHODS = """
    abs neg conj conj_physical sgn square sqrt exp log sin cos tanh reciprocal sum mean prod cumsum isnan isfinite isinf
    isreal real imag all any nonzero argwhere count_nonzero t contiguous flatten clone std var norm trace diag tril
    triu sort max argmax logical_not sigmoid acos log1p rsqrt view_as_real chalf cfloat float half int bool H mT adjoint
    ravel resolve_conj positive exp2 relu
"""

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: _method(name) for name in _METHODS.split()},
    "add": lambda t, x: x + x,
    "add 1": lambda t, x: x + 1,
    "add j": lambda t, x: x + 1j,
    "mul": lambda t, x: x * x,
    "mul 2.5": lambda t, x: x * 2.5,
    "sub": lambda t, x: x - x.conj(),
    "rsub": lambda t, x: 1 - x,
    "div": lambda t, x: x / 2,
    "div itself": lambda t, x: x / x,
    "pow": lambda t, x: x**2,
    "float_power": lambda t, x: t.float_power(x, 2),
    "mul float16": lambda t, x: x * x.real,
    "mul float32": lambda t, x: x * x.real.float(),
    "mul bfloat16": lambda t, x: x * x.real.bfloat16(),
    "mul complex64": lambda t, x: x * x.cfloat(),
    "mul int64": lambda t, x: x * t.arange(3, device=x.device),
    "float16 times j": lambda t, x: x.real * 1j,
    "float16 plus j": lambda t, x: x.real.contiguous() + 2j,
    "float16 times one": lambda t, x: x.real * x[0, 0],
    "add_": lambda t, x: x.clone().add_(1),
    "mul_": lambda t, x: x.clone().mul_(x),
    "+=": lambda t, x: x.__iadd__(x),
    "addcmul": lambda t, x: t.addcmul(x, x, x, value=2),
    "lerp": lambda t, x: t.lerp(x, x, 0.5),
    "eq": lambda t, x: x == x,
    "eq 1": lambda t, x: x == 1,
    "ne": lambda t, x: x != x.conj(),
    "lt": lambda t, x: x < x,
    "isclose": lambda t, x: t.isclose(x, x),
    "allclose": lambda t, x: t.allclose(x, x),
    "cat": lambda t, x: t.cat([x, x]),
    "cat complex64": lambda t, x: t.cat([x, x.cfloat()]),
    "cat float16": lambda t, x: t.cat([x, x.real]),
    "stack": lambda t, x: t.stack([x, x]),
    "index": lambda t, x: x[0],
    "index by a list": lambda t, x: x[[1, 0]],
    "mask": lambda t, x: x[x.real > 0],
    "write": lambda t, x: _written(x, 0, 3),
    "write j": lambda t, x: _written(x, (0, 1), 3j),
    "write by a mask": lambda t, x: _written(x, x.real > 0, 3j),
    "write by a list": lambda t, x: _written(x, [0], x[1:].clone()),
    "index_select": lambda t, x: x.index_select(0, t.tensor([1], device=x.device)),
    "index_put": lambda t, x: x.index_put((t.tensor([0], device=x.device),), x[1:], accumulate=True),
    "index_add": lambda t, x: x.index_add(0, t.tensor([0], device=x.device), x[1:]),
    "index_copy": lambda t, x: x.index_copy(0, t.tensor([0], device=x.device), x[1:]),
    "index_fill": lambda t, x: x.index_fill(0, t.tensor([0], device=x.device), 2),
    "masked_fill": lambda t, x: x.masked_fill(x.real > 0, 2),
    "masked_fill_": lambda t, x: x.clone().masked_fill_(x.real > 0, 2),
    "masked_select": lambda t, x: x.masked_select(x.real > 0),
    "where": lambda t, x: t.where(x.real > 0, x, x.conj()),
    "where 1": lambda t, x: t.where(x.real > 0, x, 1.0),
    "take": lambda t, x: x.take(t.tensor([0], device=x.device)),
    "gather": lambda t, x: x.gather(0, t.zeros(1, 3, dtype=t.int64, device=x.device)),
    "scatter": lambda t, x: x.scatter(0, t.zeros(1, 3, dtype=t.int64, device=x.device), x[:1]),
    "pad": lambda t, x: t.nn.functional.pad(x, (1, 1)),
    "repeat": lambda t, x: x.repeat(2, 1),
    "roll": lambda t, x: x.roll(1, 0),
    "flip": lambda t, x: x.flip(0),
    "kron": lambda t, x: t.kron(x, x),
    "outer": lambda t, x: t.outer(x[0], x[1]),
    "diff": lambda t, x: t.diff(x),
    "matmul": lambda t, x: x @ x.t(),
    "bmm": lambda t, x: t.bmm(x[None], x.t()[None]),
    "mv": lambda t, x: x @ x[0],
    "dot": lambda t, x: x[0] @ x[0],
    "vdot": lambda t, x: t.vdot(x[0], x[0]),
    "einsum": lambda t, x: t.einsum("ij,kj->ik", x, x),
    "linear": lambda t, x: t.nn.functional.linear(x, x),
    "embedding": lambda t, x: t.nn.functional.embedding(t.tensor([1, 0], device=x.device), x),
    "linalg.norm": lambda t, x: t.linalg.norm(x),
    "vector_norm": lambda t, x: t.linalg.vector_norm(x, 2, 1),
    "dist": lambda t, x: t.dist(x, x.conj()),
    "l1_loss": lambda t, x: t.nn.functional.l1_loss(x, x.conj()),
    "mse_loss": lambda t, x: t.nn.functional.mse_loss(x, x.conj()),
    "softmax": lambda t, x: t.softmax(x, 1),
    "fft": lambda t, x: t.fft.fft(x),
    "inv": lambda t, x: t.linalg.inv(x[:, :2]),
    "eye": lambda t, x: t.eye(2, dtype=x.dtype),
    "arange": lambda t, x: t.arange(3, dtype=x.dtype),
    "linspace": lambda t, x: t.linspace(0, 1, 3, dtype=x.dtype),
    "full": lambda t, x: t.full((2,), 1 + 2j, dtype=x.dtype),
    "full of too much": lambda t, x: t.full((1,), 70000.0, dtype=x.dtype),
    "several full of too much": lambda t, x: t.full((2,), 70000.0, dtype=x.dtype),
    "zeros_like": lambda t, x: t.zeros_like(x),
    "ones_like": lambda t, x: t.ones_like(x),
    "full_like": lambda t, x: t.full_like(x, 2j),
    "tensor": lambda t, x: t.tensor([1j, 2], dtype=x.dtype),
    "tensor of too much": lambda t, x: t.tensor([70000, -1e-9], dtype=x.dtype),
    "from float64": lambda t, x: t.tensor([1 + 2.0**-11, 70000.0], dtype=t.float64).to(x.dtype),
    "from complex128": lambda t, x: t.tensor([1 + 1e-3j, 7e4 - 1e9j], dtype=t.complex128).to(x.dtype),
    "from int64": lambda t, x: t.tensor([2049, -(2**40)]).to(x.dtype),
    "to bfloat16": lambda t, x: x.bfloat16(),
    "randn": lambda t, x: t.randn(2, dtype=x.dtype).shape,
    "rand": lambda t, x: t.rand(2, dtype=x.dtype).shape,
    "randint": lambda t, x: t.randint(0, 3, (2,), dtype=x.dtype).shape,
    "new_zeros": lambda t, x: x.new_zeros(2),
    "complex": lambda t, x: t.complex(x.real.contiguous(), x.imag.contiguous()),
    "polar": lambda t, x: t.polar(x.real.contiguous(), x.imag.contiguous()),
    "view_as_complex": lambda t, x: t.view_as_complex(t.view_as_real(x)),
    "write into real": lambda t, x: x.real.fill_(7) is None or x,
    "tolist": lambda t, x: x.tolist(),
    "repr": lambda t, x: repr(x.cpu()),
    "repr of wide ones": lambda t, x: repr(t.tensor([1e5, 1 + 2j, 1e-7]).to(x.dtype)),
    "item": lambda t, x: x[0, 0].item(),
    "complex()": lambda t, x: complex(x[0, 0]),
    "numpy": lambda t, x: x.cpu().numpy(),
    "type": lambda t, x: (x.cpu().type(), x.cpu().type("torch.ComplexHalfTensor").dtype),
    "meshgrid": lambda t, x: t.meshgrid(x[0], x[1])[0],
    "split": lambda t, x: x.split(1)[1],
    "as_strided": lambda t, x: t.as_strided(x, (2, 2), (1, 1)),
    "view": lambda t, x: x.view(t.int32),
    "out": lambda t, x: t.add(x, x, out=t.empty(2, 3, dtype=t.complex64, device=x.device)),
    "narrow out": lambda t, x: t.add(x, x, out=t.empty(2, 3, dtype=t.complex32, device=x.device)),
    "real out": lambda t, x: t.add(x, x, out=t.empty(2, 3, device=x.device)),
    "gradient of mul": lambda t, x: _gradient(t, x, lambda y: (y * y).abs()),
    "gradient of a cast": lambda t, x: _gradient(t, x, lambda y: y.cfloat().abs()),
    "gradient of abs": lambda t, x: _gradient(t, x, lambda y: y.abs()),
    "gradient of cat": lambda t, x: _gradient(t, x, lambda y: t.cat([y, y]).real),
    "gradient of index": lambda t, x: _gradient(t, x, lambda y: y[0].imag),
    "gradient of parts": lambda t, x: _gradient(t, x, lambda y: t.view_as_real(y)),
}  # fmt: skip
# What is made of other operations there, and rounded between them.
ROUNDED = {"std", "var"}


def outcome(t: Any, call: Callable, device: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call(t, given(t, device))
        except Exception as error:
            return type(error)
    if isinstance(result, t.Tensor):
        return str(result.dtype), tuple(result.shape), np.array(result.cpu().tolist())
    return repr(result)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", CALLS)
def test_operation(name: str, device: str) -> None:
    got, wanted = outcome(ours, CALLS[name], device), outcome(theirs, CALLS[name], "cpu")
    if isinstance(wanted, type):
        assert isinstance(got, type) and issubclass(got, wanted)
    elif isinstance(wanted, str):
        assert got == wanted
    else:
        assert got[:2] == wanted[:2]
        np.testing.assert_allclose(got[2], wanted[2], rtol=2e-3 if name in ROUNDED else 0)


# of what other operations are made that it is made of here
MORE = {
    "angle": lambda t, x: x.angle(),
    "equal": lambda t, x: t.equal(x, x),
    "fliplr": lambda t, x: t.fliplr(x),
    "rot90": lambda t, x: t.rot90(x),
}


@pytest.mark.parametrize("name", MORE)
def test_what_only_tritonnn_takes(name: str) -> None:
    assert outcome(theirs, MORE[name], "cpu") is NotImplementedError
    got = outcome(ours, MORE[name], "cpu")
    wide = MORE[name](ours, given(ours).cfloat())
    if not isinstance(wide, ours.Tensor):
        assert got == repr(wide)
    else:
        np.testing.assert_allclose(got[2], np.array(wide.tolist()), rtol=1e-3)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_convolution(device: str) -> None:
    """Sums are made in complex64 here."""
    for call in (
        lambda t, x: t.nn.functional.conv1d(x[None], x[:, :2][None].contiguous()),
        lambda t, x: _gradient(t, x, lambda y: t.nn.functional.conv1d(y[None], x[:, :2][None].contiguous()).abs()),
    ):  # fmt: skip
        got, wanted = outcome(ours, call, device), outcome(theirs, call, "cpu")
        assert got[:2] == wanted[:2]
        np.testing.assert_allclose(got[2], wanted[2], atol=4e-3)


def test_the_default_dtype_is_its_parts() -> None:
    for t in (ours, theirs):
        t.set_default_dtype(t.float16)
        try:
            assert t.tensor(1j).dtype is t.complex32 and "dtype=torch.complex32" in repr(t.tensor([1j]))
        finally:
            t.set_default_dtype(t.float32)


def test_pickles() -> None:
    x = pickle.loads(pickle.dumps(given(ours)))
    assert x.dtype is ours.complex32 and x.tolist() == given(theirs).tolist()
