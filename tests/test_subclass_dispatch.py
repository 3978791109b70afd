"""Classes with `__torch_dispatch__` on both devices: gradients, what they are asked for, copies, files, limits."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils._python_dispatch import TorchDispatchMode
from tritonnn.utils._pytree import tree_map


class Scaled(torch.Tensor):
    """Numbers that lie in memory divided by a scale."""

    asked: list[str] = []
    parts: Any
    scale: float

    @staticmethod
    def __new__(cls, parts: Any, scale: float) -> Any:
        return torch.Tensor._make_wrapper_subclass(
            cls, parts.shape, strides=parts.stride(), dtype=parts.dtype, device=parts.device
        )

    def __init__(self, parts: Any, scale: float) -> None:
        self.parts, self.scale = parts, scale

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.asked.append(str(func))
        if func in (torch.ops.aten.detach.default, torch.ops.aten.clone.default, torch.ops.aten.t.default):
            return cls(func(args[0].parts), args[0].scale)
        return func(*tree_map(whole, args), **tree_map(whole, kwargs or {}))


def whole(value: Any) -> Any:
    return value.parts * value.scale if isinstance(value, Scaled) else value


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_gradients_are_those_of_the_numbers(device: str) -> None:
    plain = torch.linspace(-1, 1, 6, device=device).view(2, 3).requires_grad_()
    scaled = Scaled(plain.detach() / 2, 2.0).requires_grad_()
    x = torch.linspace(0, 2, 12, device=device).view(4, 3).requires_grad_()
    results = []
    for weight in (plain, scaled):
        x.grad = None
        y = (nn.functional.linear(x, weight).sigmoid() * 3).sum()
        y.backward()
        results.append([y.item(), x.grad.tolist(), weight.grad.tolist()])
    assert results[0] == results[1]


def test_a_linear_layer_asks_for_a_transpose_and_a_product() -> None:
    layer = nn.Linear(3, 2)
    layer.weight = nn.Parameter(Scaled(layer.weight.detach(), 1.0), requires_grad=False)
    Scaled.asked.clear()
    layer(torch.ones(1, 3))
    assert Scaled.asked == ["aten.t.default", "aten.addmm.default"]


def test_what_a_class_computes_is_not_recorded() -> None:
    parts = torch.ones(2, requires_grad=True)
    assert not Scaled(parts, 1.0).exp().requires_grad and torch.is_grad_enabled()


def test_modes_are_asked_before_classes() -> None:
    order = []

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            order.append(types)
            Scaled.asked.clear()
            result = func(*args, **(kwargs or {}))
            order.append(tuple(Scaled.asked))
            return result

    x = Scaled(torch.ones(2), 3.0)
    with Mode():
        y = x.exp()
    assert order[:2] == [(Scaled,), ("aten.exp.default",)] and type(y) is torch.Tensor


def test_copies_and_pickles() -> None:
    x = Scaled(torch.tensor([1.0, 2.0]), 3.0)
    for again in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(again) is Scaled and again.scale == 3 and again.parts.tolist() == [1, 2]
    file = io.BytesIO()
    torch.save({"w": x}, file)
    file.seek(0)
    assert torch.load(file, weights_only=False)["w"].parts.tolist() == [1, 2]


def test_a_tensor_without_memory_says_so() -> None:
    x = Scaled(torch.ones(2), 1.0)
    assert x.data_ptr() == 0 and repr(x) == "Scaled(size=(2,), dtype=torch.float32, device=cpu)"
    with pytest.raises(RuntimeError, match="Scaled: this tensor has no memory of its own"):
        x.numpy()
    with pytest.raises(NotImplementedError, match="pin_memory"):
        torch.Tensor._make_wrapper_subclass(Scaled, (2,), pin_memory=True)


def test_no_class_is_asked_where_none_is_given() -> None:
    Scaled.asked.clear()
    x = torch.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    with torch._C._DisableTorchDispatch():
        x = Scaled(torch.ones(2), 1.0)
        with pytest.raises(RuntimeError, match="no memory of its own"):
            x.exp()
    assert not Scaled.asked


def test_what_is_no_tensor_is_not_recorded() -> None:
    class Lost(Scaled):
        @classmethod
        def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return (
                5
                if func is torch.ops.aten.exp.default
                else super().__torch_dispatch__(func, types, args, kwargs)
            )

    x = Lost(torch.ones(2), 1.0)
    assert x.exp() == 5
    with pytest.raises(TypeError, match="exp: __torch_dispatch__ returned int where the call is recorded"):
        x.requires_grad_().exp()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_conjugates_in_graphs(device: str) -> None:
    z = torch.tensor([1 + 2j, 3 - 1j], device=device, requires_grad=True)
    y = z * 1
    c = y.conj()
    c.mul_(2j)
    assert c.is_conj() and y.tolist() == [4 - 2j, -2 - 6j]
    (c.real.sum() + c.imag[1]).backward()
    assert z.grad.tolist() == [2j, 2 + 2j]  # c is 2j conj(z): its parts are 2 Im z and 2 Re z


def test_what_reads_pairs_of_numbers_takes_conjugates_in_graphs() -> None:
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    padded = torch.fft.fft(z.conj(), n=3)
    assert torch.allclose(padded, torch.fft.fft(z.detach().conj().resolve_conj(), n=3))
    v = (z * 1).as_strided((2,), (1,))
    v.register_hook(lambda g: g.conj())
    (g,) = torch.autograd.grad((v * v).sum().real, z, create_graph=True)
    assert torch.allclose(g, 2 * z)
