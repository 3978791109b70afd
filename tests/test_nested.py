"""Nested tensors of both layouts against NumPy, component by component, on the CPU and on the simulated GPU."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn.utils.checkpoint import checkpoint

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
LAYOUTS = pytest.mark.parametrize("layout", [torch.jagged, torch.strided], ids=["jagged", "strided"])
LENGTHS = (2, 0, 4, 1)
PARTS = [np.random.default_rng(n).normal(size=(n, 6)) for n in LENGTHS]


def nested(
    layout: Any = torch.jagged, device: str = "cpu", dtype: Any = torch.float32, grad: bool = False
) -> Any:
    parts = [torch.from_numpy(part).to(dtype) for part in PARTS]
    return torch.nested.nested_tensor(parts, layout=layout, device=device, requires_grad=grad)


def check(made: Any, wanted: list[np.ndarray], rtol: float = 1e-5) -> None:
    parts = made.unbind() if isinstance(made, torch.Tensor) else made
    assert [tuple(part.shape) for part in parts] == [part.shape for part in wanted]
    for part, array in zip(parts, wanted):
        np.testing.assert_allclose(part.detach().cpu().numpy(), array, rtol=rtol, atol=rtol)


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


# ---- computed on both devices -------------------------------------------------------------------------------------


@DEVICES
@LAYOUTS
def test_what_keeps_shapes(layout: Any, device: str) -> None:
    x = nested(layout, device)
    check(x + 1, [p + 1 for p in PARTS])
    check(2 / (x * x + 1), [2 / (p * p + 1) for p in PARTS])
    check(F.relu(x), [np.maximum(p, 0) for p in PARTS])
    check(F.softmax(x, -1), [softmax(p, 1) for p in PARTS])
    check(x.to_padded_tensor(-2.0).sum(2), [
        np.append(p.sum(1), [-12.0] * (4 - len(p))) for p in PARTS
    ])  # fmt: skip


@DEVICES
def test_along_the_ragged_dimension(device: str) -> None:
    x = nested(device=device)
    check(x.sum(1), [p.sum(0) for p in PARTS])
    check(x.amax(1)[0::2], [PARTS[0].max(0), PARTS[2].max(0)])
    check(F.softmax(x, 1), [softmax(p, 0) if len(p) else p for p in PARTS])
    check(x.mean((0, 1)).unsqueeze(0), [np.concatenate(PARTS).mean(0)])
    each = np.arange(24.0).reshape(4, 1, 6)
    check(x * torch.from_numpy(each).float().to(device), [p * e for p, e in zip(PARTS, each)])
    check(x.transpose(1, 2) @ x, [p.T @ p for p in PARTS])


@DEVICES
@LAYOUTS
@pytest.mark.parametrize("causal", [False, True])
def test_attention(layout: Any, device: str, causal: bool) -> None:
    """Each component attends within itself; a query of a causal one sees what comes before it."""
    x = nested(layout, device)
    q = x.view(4, -1, 2, 3).transpose(1, 2)
    out = F.scaled_dot_product_attention(q, q * 2, q + 1, is_causal=causal).transpose(1, 2)
    wanted = []
    for p in PARTS:
        h = p.reshape(-1, 2, 3).transpose(1, 0, 2)
        scores = h @ (2 * h).transpose(0, 2, 1) / np.sqrt(3)
        if causal:
            scores = np.where(np.tri(len(p)), scores, -np.inf)
        wanted.append((softmax(scores, 2) @ (h + 1)).transpose(1, 0, 2))
    check(out, wanted)


@DEVICES
@LAYOUTS
def test_gradients_reach_components_and_parameters(layout: Any, device: str) -> None:
    parts = [torch.from_numpy(p).float().to(device).requires_grad_() for p in PARTS]
    layer = torch.nn.Linear(6, 3, device=device)
    weight = layer.weight.detach().cpu().numpy()
    x = torch.nested.as_nested_tensor(parts, layout=layout)
    (layer(x) * 2).to_padded_tensor(5.0).sum().backward()
    for part in parts:
        np.testing.assert_allclose(part.grad.cpu(), np.broadcast_to(2 * weight.sum(0), part.shape), rtol=1e-5)
    total = np.concatenate(PARTS).sum(0)
    np.testing.assert_allclose(layer.weight.grad.cpu(), np.tile(2 * total, (3, 1)), rtol=1e-4)
    np.testing.assert_allclose(layer.bias.grad.cpu(), [2.0 * sum(LENGTHS)] * 3, rtol=1e-6)


@DEVICES
def test_gradient_of_a_ragged_softmax(device: str) -> None:
    """y * (g - sum of g * y over the component)."""
    x = nested(device=device, grad=True)
    g = np.random.default_rng(9).normal(size=(sum(LENGTHS), 6))
    y = F.softmax(x, 1)
    y.values().backward(torch.from_numpy(g).float().to(device))
    wanted = []
    for p, e in zip(PARTS, np.split(g, np.cumsum(LENGTHS)[:-1])):
        s = softmax(p, 0) if len(p) else p
        wanted.append(s * (e - (s * e).sum(0)))
    check(x.grad, wanted)


@DEVICES
def test_gradients_of_padding_and_of_dense_operands(device: str) -> None:
    x = nested(device=device, grad=True)
    each = torch.ones(4, 1, 6, device=device, requires_grad=True)
    full = torch.ones(4, 4, 6, device=device, requires_grad=True)
    (x * each + full).to_padded_tensor(3.0).sum().backward()
    check(each.grad.squeeze(1), [p.sum(0) for p in PARTS])
    seen = np.arange(4) < np.array(LENGTHS)[:, None]
    np.testing.assert_array_equal(full.grad.cpu(), np.broadcast_to(seen[..., None], (4, 4, 6)))
    check(x.grad, [np.ones_like(p) for p in PARTS])


@DEVICES
def test_holes_are_left_out(device: str) -> None:
    dense = np.arange(30.0).reshape(3, 5, 2)
    x = torch.from_numpy(dense).to(device).requires_grad_()
    start, length = torch.tensor([0, 4, 1], device=device), torch.tensor([2, 1, 0], device=device)
    part = torch.nested.narrow(x, 1, start, length, layout=torch.jagged)
    wanted = [dense[0, :2], dense[1, 4:], dense[2, 1:1]]
    check(part, wanted)
    check(part * 2, [2 * p for p in wanted])
    check(part.contiguous().sum(1), [p.sum(0) for p in wanted])
    assert part.sum().item() == sum(p.sum() for p in wanted)
    assert part.numel() == 6 and part.contiguous().lengths() is None
    part.sum().backward()
    assert x.grad.sum().item() == 6.0 and x.grad[1, 4].tolist() == [1.0, 1.0]


@DEVICES
@LAYOUTS
def test_devices_and_types(layout: Any, device: str) -> None:
    x = nested(layout)
    moved = x.to(device, torch.float64)
    assert (moved.device.type, moved.dtype) == (device, torch.float64)
    check(moved, PARTS)
    if layout is torch.jagged:
        assert moved.shape == x.shape and moved.offsets().device.type == device
    assert x.to(x.dtype) is x and x.cpu() is x
    assert torch.zeros_like(x, device=device).device.type == device
    check(x.half(), PARTS, 1e-3)


@LAYOUTS
def test_autocast_reaches_the_values(layout: Any) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert F.linear(nested(layout), torch.ones(3, 6)).dtype is torch.bfloat16


# ---- memory, and the graph ----------------------------------------------------------------------------------------


@LAYOUTS
def test_components_are_views_and_the_tensor_a_copy(layout: Any) -> None:
    given = torch.zeros(2, 3)
    x = torch.nested.nested_tensor([given], layout=layout)
    x.unbind()[0].fill_(4.0)
    assert x.values().sum().item() == 24.0 and given.sum().item() == 0.0
    x.mul_(2)
    assert x[0].sum().item() == 48.0


def test_jagged_views_share_values() -> None:
    values = torch.zeros(4, 3)
    x = torch.nested.nested_tensor_from_jagged(values, torch.tensor([0, 1, 4]))
    x.transpose(1, 2).add_(1)
    assert values.sum().item() == 12.0
    assert x.values() is values and x.detach().values().data_ptr() == values.data_ptr()


def test_what_is_a_copy_of_strided_ones_is_not_written_into() -> None:
    x = nested(torch.strided)
    for view in (x.transpose(1, 2), x.chunk(2, -1)[0], x.select(2, 0), x[..., 0]):
        with pytest.raises(RuntimeError, match="copy"):
            view.zero_()
        view.clone().zero_()
    x.unsqueeze(-1).zero_()
    assert not x.values().any()


@LAYOUTS
def test_leaves(layout: Any) -> None:
    x = nested(layout, grad=True)
    y = x * 2
    y.retain_grad()
    seen = []
    x.register_hook(lambda g: seen.append(g) or g * 10)
    y.backward(torch.ones_like(y))
    assert x.is_leaf and not y.is_leaf and y.grad_fn is not None and y.retains_grad
    check(x.grad, [np.full_like(p, 20) for p in PARTS])
    check(y.grad, [np.ones_like(p) for p in PARTS])
    assert x.grad is x.grad and seen[0].is_nested
    (x + 0).backward(torch.ones_like(x))
    check(x.grad, [np.full_like(p, 30) for p in PARTS])
    x.grad = None
    assert x.grad is None and not x.detach().requires_grad
    assert not x.requires_grad_(False).requires_grad
    with pytest.raises(RuntimeError, match="leaf"):
        nested(layout, grad=True).add_(1)
    (g,) = (
        torch.autograd.grad([y], [x], [torch.ones_like(y)], allow_unused=True) if x.requires_grad else (None,)
    )
    assert g is None


@LAYOUTS
def test_functional_gradients(layout: Any) -> None:
    x = nested(layout, grad=True)
    (g,) = torch.autograd.grad([x * x], [x], [torch.ones_like(x)])
    check(g, [2 * p for p in PARTS])
    other = torch.nested.nested_tensor([torch.ones(7, 6)], layout=layout)  # as many values
    for wrong in (torch.ones(3), other):
        with pytest.raises(RuntimeError, match="Mismatch in shape"):
            (x * 1).backward(wrong)
    with pytest.raises(RuntimeError, match="scalar outputs"):
        (x * 1).backward()


@LAYOUTS
def test_checkpoint_and_second_gradients(layout: Any) -> None:
    x = nested(layout, grad=True)
    checkpoint(lambda t: (t * t).sin(), x, use_reentrant=False).to_padded_tensor(0.0).sum().backward()
    check(x.grad, [2 * p * np.cos(p * p) for p in PARTS])
    (g,) = torch.autograd.grad((x * x * x).to_padded_tensor(0.0).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.to_padded_tensor(0.0).sum(), x)
    check(h, [6 * p for p in PARTS])


def test_extents_follow_offsets() -> None:
    offsets = torch.tensor([0, 1, 3])
    a, b = (torch.nested.nested_tensor_from_jagged(torch.full((3,), n), offsets) for n in (1.0, 2.0))
    check(a + b, [np.array([3.0]), np.array([3.0, 3.0])])
    other = torch.nested.nested_tensor_from_jagged(torch.ones(3), offsets.clone())
    with pytest.raises(RuntimeError, match="share their offsets"):
        a + other
    assert isinstance(a.size(1), torch.SymInt) and a.size(1) != other.size(1)


def test_offsets_that_are_written_into_are_read_again() -> None:
    offsets = torch.tensor([0, 1, 3])
    x = torch.nested.nested_tensor_from_jagged(torch.arange(3.0), offsets)
    assert [len(part) for part in x.unbind()] == [1, 2]
    offsets[1] = 2
    assert [len(part) for part in x.unbind()] == [2, 1]
    offsets[2] = 9
    with pytest.raises(RuntimeError, match="beyond"):
        x.unbind()
    offsets[1] = -1
    with pytest.raises(RuntimeError, match="must rise"):
        x.unbind()


def test_nothing_is_kept() -> None:
    x = nested(grad=True)
    (x * 2).sum().backward()
    gone = [weakref.ref(x.grad), weakref.ref(x.offsets()), weakref.ref(x)]
    gc.disable()
    try:
        del x
        assert [ref() for ref in gone] == [None] * 3
    finally:
        gc.enable()


# ---- what else there is -------------------------------------------------------------------------------------------


@LAYOUTS
def test_layers_and_training(layout: Any) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 8),
        torch.nn.ReLU(),
        torch.nn.LayerNorm(8),
        torch.nn.Dropout(0.0),
        torch.nn.Linear(8, 1),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002)
    x, losses = nested(layout), []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (
            (model(x) - x[..., :1] if layout is torch.jagged else model(x)).to_padded_tensor(0.0) ** 2
        ).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    table = torch.nn.Embedding(5, 3)
    words = torch.nested.nested_tensor([torch.tensor([1, 4]), torch.tensor([0])], layout=layout)
    check(table(words), [table.weight.detach().numpy()[[1, 4]], table.weight.detach().numpy()[[0]]])


@LAYOUTS
def test_dropout_scales_what_it_keeps(layout: Any) -> None:
    torch.manual_seed(0)
    values = F.dropout(torch.ones_like(nested(layout)), 0.5).values()
    assert set(values.flatten().tolist()) == {0.0, 2.0}
