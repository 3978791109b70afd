"""Tensors put over memory by hand: geometries beyond the storage are refused, others lie as PyTorch has them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from programs import hold

import tritonnn

REFUSED = """
e.set_(st, -1, (1,))
e.set_(st, 0, (2,), (-1,))
e.set_(st, 0, (-1,))
e.set_(st, 0, (2,), (1, 1))
e.set_(st, 0, (2**62,), (4,))
e.set_(st, 2**62, (1,))
e.set_(torch.zeros(2, dtype=torch.int64))
torch.empty(0, dtype=torch.int64).set_(st, 0, (1,))
x.as_strided((100,), (1,))
x.as_strided((2,), (1,), 100)
x.as_strided((2,), (-1,))
x.as_strided((2,), (1,), -1)
x.as_strided((2, 2), (1,))
x.as_strided((-1,), (1,))
x.as_strided((3,), (0,), 6)
x[2:].as_strided((5,), (1,))
x.as_strided_((100,), (1,))
x.as_strided_((2,), (1,), -3)
x.as_strided_scatter(torch.ones(100), (100,), (1,))
torch.as_strided(x, (2**40,), (1,))
torch.as_strided(x, (2,), (2**62,))
torch.as_strided(x, (2**31, 2**31), (2**31, 1))
x.resize_(-1)
x.resize_(6, memory_format=torch.preserve_format)
x.requires_grad_().resize_(6)
x.requires_grad_().resize_as_(torch.zeros(2))
torch.no_grad()(lambda: x.requires_grad_().resize_(2))()
torch.no_grad()(lambda: x.requires_grad_()[:2].resize_(1))()
e.set_(torch.zeros(2, device="meta"))
e.set_(torch.zeros(2, device="meta"), 0, (2,), (1,))
e.set_(torch.zeros(2, device="meta").untyped_storage())
torch.zeros(2, device="meta").set_(x)
torch.mm(torch.ones(2, 2), torch.ones(2, 2), out=torch.zeros(2).expand(2, 2))
torch.add(x, 1, out=torch.zeros(1).expand(6))
torch.exp(x, out=torch.zeros(1).expand(6))
torch.cat([x, x], out=torch.zeros(1).expand(12))
torch.cumsum(x, 0, out=torch.zeros(1).expand(6))
torch.index_select(x, 0, torch.tensor([1, 2]), out=torch.zeros(1).expand(2))
torch.stack([x], out=torch.zeros(1, 1).expand(1, 6))
torch.mean(x.view(2, 3), 0, out=torch.zeros(1).expand(3))
torch.rand(2, out=torch.zeros(1).expand(2))
"""
LAID = """
e.set_(st, 0, (0,), (1,))
e.set_(st, 7, (0,))
e.set_(x, 0, (2,), (1,))
e.set_(st, 1, (2,))
e.set_(st)
x.as_strided((0,), (1,), 100)
x.as_strided((3,), (0,), 5)
x.as_strided_((2,), (2,), 1)
x[2:].as_strided((4,), (1,))
x.resize_(2, 3)
x.resize_((2, 2))
torch.zeros(3, 2).t().resize_(2, 3)
torch.zeros(3, 2).t().resize_(3, 2)
torch.zeros(3, 2).t().resize_as_(torch.zeros(2, 3))
torch.zeros(6).resize_as_(torch.zeros(3, 2).t())
torch.zeros(24).resize_as_(torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last))
torch.zeros(24).resize_as_(last, memory_format=torch.preserve_format)
torch.zeros(24).resize_as_(last, memory_format=torch.channels_last)
last.resize_(1, 2, 3, 4)
x[4:4]
x[6:]
x[5:3]
x[4:4][0:0]
x[4:4].view(0, 1)
x.narrow(0, 4, 0)
x.view(2, 3)[1, 2:2]
x.view(2, 3)[1:1, 2]
x.split([3, 0, 3])[1]
torch.zeros(0, 3)[:, 1:]
torch.no_grad()(lambda: torch.add(torch.ones(2), 1, out=torch.zeros(3, requires_grad=True)))()
torch.no_grad()(lambda: torch.zeros(2, out=torch.zeros(3, requires_grad=True)))()
torch.zeros(3).expand(1, 1, 3)
torch.zeros(3).expand(1, 4, 1, 3)
torch.zeros(3).expand(4, 3)
torch.zeros(()).expand(1, 1)
torch.zeros(()).expand(1, 2, 1)
torch.zeros(1, 3).expand(2, 1, 3)
torch.zeros(1, 3).t().expand(1, 3, 1)
torch.zeros(2, 1).expand(2, 0)
torch.zeros(0, 1).expand(1, 0, 5)
torch.zeros(3, 4).t().expand(1, 4, 3)
nn.BatchNorm2d(3)(torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last))
nn.BatchNorm2d(3).eval()(torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last))
nn.BatchNorm2d(3)(torch.zeros(2, 3, 1, 1).to(memory_format=torch.channels_last))
nn.BatchNorm2d(3)(torch.zeros(2, 3, 4, 5).permute(0, 1, 3, 2))
nn.BatchNorm3d(3)(torch.zeros(2, 3, 2, 4, 5).to(memory_format=torch.channels_last_3d))
nn.BatchNorm1d(3)(torch.zeros(2, 5, 3).transpose(1, 2))
"""
# Views of twelve numbers that the product of matrices is written into, of another shape than it has.
OUT = """
b[2:5]
b[::2]
b[10:]
b[4:4]
b[12:]
b.view(3, 4).T
b.view(3, 4)[1]
b.view(3, 4)[:, 1:3]
b[:1].expand(3, 3)
b.view(3, 4)[:2, :3].detach()
"""


def names(torch: Any) -> dict[str, Any]:
    return {
        "x": torch.arange(6.0), "st": torch.arange(6.0).storage(), "e": torch.empty(0),
        "last": torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last),
    }  # fmt: skip


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_refused(line: str, device: str) -> None:
    hold(line, names, device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("line", LAID.strip().splitlines())
def test_geometry(line: str, device: str) -> None:
    hold(f"(lambda t: (tuple(t.shape), t.stride(), t.storage_offset()))({line})", names, device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("out", OUT.strip().splitlines())
@pytest.mark.parametrize("call", ["mm", "matmul"])
def test_out_that_is_a_view_and_is_resized(call: str, out: str, device: str) -> None:
    """It keeps its place: what is seen afterwards of the memory around it."""
    product = f"torch.{call}(torch.ones(2, 3), torch.ones(3, 2), out=out)"
    hold(
        f"(lambda b: (lambda out: ({product}, out.stride(), out.storage_offset(), b))({out}))(torch.arange(12.0))",
        names,
        device,
    )


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    "line", ["e.set_(st, 0, (100,))", "e.set_(st, 100, (1,))", "e.set_(st, 0, (2, 2), (100, 1))"]
)
def test_a_storage_does_not_grow_by_set(line: str, device: str) -> None:
    """PyTorch makes the storage larger; here it is refused, before memory of others is seen."""
    tritonnn.set_default_device(device)
    try:
        with pytest.raises(
            RuntimeError, match=r"setStorage: sizes .* are out of bounds for storage of size 24"
        ):
            eval(line, names(tritonnn))
    finally:
        tritonnn.set_default_device("cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_copies_share_what_the_originals_share(device: str) -> None:
    a = tritonnn.zeros(3, device=device)
    b, storage, untyped, view = copy.deepcopy([a, a.storage(), a.untyped_storage(), a[1:]])
    b += 1
    assert storage.tolist() == [1, 1, 1] and view.tolist() == [1, 1] and a.tolist() == [0, 0, 0]
    assert untyped.data_ptr() == storage.data_ptr() == b.data_ptr() != a.data_ptr()
