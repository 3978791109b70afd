"""Memory that is replaced under the tensors that look into it: all of them see the new one, or refuse to be used."""

from __future__ import annotations

import copy
import gc
import threading

import pytest

import tritonnn as torch
from tritonnn.ops.conversion import conversion

pytestmark = pytest.mark.parametrize("device", ["cpu", "cuda"])


def step(x: torch.Tensor) -> None:
    p = torch.nn.Parameter(torch.zeros(4, device=x.device))
    p.data, p.grad = x, torch.ones(4, device=x.device)
    torch.optim.Adam([p]).step()


USES = {
    "fill_": lambda x: x.fill_(7),
    "add": lambda x: x + 1,
    "add_": lambda x: x.add_(1),
    "other": lambda x: torch.ones(4, device=x.device) * x,
    "out": lambda x: torch.add(torch.ones(4, device=x.device), 1, out=x),
    "copy_": lambda x: x.copy_(torch.ones(4)),
    "read": lambda x: torch.zeros(4).copy_(x),
    "zero_": lambda x: x.zero_(),
    "clone": lambda x: x.clone(),
    "sum": lambda x: x.sum(),
    "matmul": lambda x: x @ x,
    "cat": lambda x: torch.cat([x, x]),
    "view": lambda x: x.view(2, 2).fill_(7),
    "slice": lambda x: x[1:] + 1,
    "select": lambda x: x[2].item(),
    "assigned": lambda x: x.__setitem__(3, 3.0),
    "index": lambda x: x[torch.tensor([1, 2], device=x.device)],
    "detach": lambda x: x.detach().mul_(2),
    "data": lambda x: x.data.mul_(2),
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.cpu().numpy(),
    "to": lambda x: x.to(torch.float64),
    "random": lambda x: x.uniform_(),
    "where": lambda x: torch.where(x > 0, x, x),
    "foreach": lambda x: torch._foreach_mul_([x], 2),
    "optimizer": lambda x: step(x),
    "sort": lambda x: x.sort(),
    "deepcopy": lambda x: copy.deepcopy(x) + 1,
    "print": lambda x: str(x),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("size", [0, 8])
def test_a_tensor_beyond_its_storage_is_refused(device, use, size):
    x = torch.arange(4.0, device=device)
    x.untyped_storage().resize_(size)
    with pytest.raises(RuntimeError, match=f"out of bounds for storage of size {size}"):
        USES[use](x)


@pytest.mark.parametrize("use", ["fill_", "add", "add_", "copy_", "clone", "sum", "random", "foreach"])
def test_the_refusal_names_the_op(device, use):
    x = torch.arange(4.0, device=device)
    x.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match=r"^\w+: setStorage: sizes \[4\]"):
        USES[use](x)


def test_what_still_fits_stays(device):
    x = torch.arange(4.0, device=device)
    first, last, alias = x[:2], x[2:], x.data
    x.untyped_storage().resize_(8)
    first.add_(1)
    assert first.tolist() == [1, 2]
    x.untyped_storage().resize_(16)
    last.fill_(5), alias[:1].fill_(9)
    assert x.tolist() == [9, 2, 5, 5] and first.tolist() == [9, 2]


def test_a_storage_freed_and_allocated_again_is_written(device):
    w = torch.ones(4, device=device, requires_grad=True)
    flat = torch.zeros(4, device=device)
    part, storage = flat[1:3], flat.untyped_storage()
    version = flat._version
    storage.resize_(0)
    assert (
        storage.size() == 0
        and flat.shape == (4,)
        and flat.data_ptr() in (0, flat.untyped_storage().data_ptr())
    )
    view = flat.view(2, 2)  # made while there was no memory
    storage.resize_(16)
    assert flat._version == version
    flat.copy_(torch.arange(4.0))
    assert part.tolist() == [1, 2] and view.tolist() == [[0, 1], [2, 3]]
    (w * flat).sum().backward()
    assert w.grad.tolist() == [0, 1, 2, 3]


ALIASES = {
    "view": lambda x: x.view(4),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "set_": lambda x: torch.empty(0, device=x.device).set_(x),
    "set_ of a storage": lambda x: torch.empty(0, device=x.device).set_(x.untyped_storage(), 0, (4,)),
}
RESIZES = {
    "the tensor": lambda x, y: x.resize_(1000),
    "the alias": lambda x, y: y.resize_(1000),
    "out=": lambda x, y: torch.add(torch.zeros(1000, device=x.device), 0, out=x),
    "the storage": lambda x, y: x.untyped_storage().resize_(4000),
}


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
def test_growing_keeps_the_memory_shared(device, alias, resize):
    x = torch.zeros(4, device=device)
    y = ALIASES[alias](x)
    RESIZES[resize](x, y)
    y[:4].add_(1)
    assert x[:4].tolist() == [1] * 4
    x[:4].mul_(3)
    assert y[:4].tolist() == [3] * 4


@pytest.mark.parametrize("alias", ALIASES)
def test_memory_that_is_moved_to_be_shared_by_processes_stays_shared_by_tensors(device, alias):
    x = torch.zeros(4, device=device)
    y = ALIASES[alias](x)
    x.share_memory_()
    y.add_(1)
    assert x.tolist() == [1] * 4 and y.is_shared()


def test_frozen_tensors_are_found(device):
    x = torch.zeros(4, device=device)
    y = x.view(4)
    gc.freeze()
    try:
        x.resize_(1000)
    finally:
        gc.unfreeze()
    y.add_(1)
    assert x[:4].tolist() == [1] * 4


def test_set_is_a_write(device):
    x, s = torch.zeros(4, device=device), torch.ones(3, device=device)
    s.add_(1).add_(1)
    x.set_(s)
    assert (x._version, s._version) == (1, 2)
    x.add_(1)
    assert s.tolist() == [4] * 3 and (x._version, s._version) == (2, 2)
    x.set_()
    assert x.shape == (0,) and x._version == 3


def test_a_saved_tensor_that_was_set_is_noticed(device):
    w = torch.ones(4, device=device, requires_grad=True)
    x, other = torch.ones(4, device=device), torch.full((4,), 3.0, device=device)
    y, z = (w * x).sum(), (w * other).sum()
    x.set_(other)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    z.backward()  # only looked at, not written
    assert w.grad.tolist() == [3] * 4


def test_set_passes_no_gradient(device):
    leaf, source = torch.zeros(4, device=device, requires_grad=True), torch.ones(4, device=device)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        leaf.set_(source)
    for target, given in ((leaf * 2, (source,)), (source, (leaf,)), (leaf * 2, ())):
        with pytest.raises(NotImplementedError, match="derivative for aten::set_ is not implemented"):
            target.set_(*given)
    with torch.no_grad():
        leaf.set_(source)
    assert leaf.tolist() == [1] * 4 and leaf.requires_grad and leaf._version == 1


def test_memory_that_is_only_counted(device):
    x = torch.empty(4, device=device).to("meta")
    view = x.view(2, 2)
    x.untyped_storage().resize_(0)
    assert (x + 1).shape == (4,) and view.t().shape == (2, 2)
    x.resize_(10)
    assert x.untyped_storage().nbytes() == 40 and x.view(5, 2).shape == (5, 2)


def test_a_tensor_alone_is_resized_without_a_search(device, monkeypatch):
    x = torch.arange(4.0, device=device)
    monkeypatch.setattr(gc, "get_referrers", lambda *_: pytest.fail("all objects were searched"))
    x.resize_(1000)
    assert x[:4].tolist() == [0, 1, 2, 3]
    torch.add(x[:2], 1, out=(out := torch.empty(0, device=device)))
    assert out.tolist() == [1, 2]


def test_a_view_of_nothing_grows_behind_what_it_was_cut_from(device: str) -> None:
    for cut in (
        lambda x: x[6:],
        lambda x: x.narrow(0, 6, 0),
        lambda x: x.split([6, 0])[1],
        lambda x: x.tensor_split([6])[1],
    ):
        x = torch.zeros(6, device=device)
        end = cut(x)
        assert end.storage_offset() == 6
        torch.add(torch.ones(3, device=device), 1, out=end)
        assert x.tolist() == [0] * 6 and end.tolist() == [2] * 3


def test_two_threads_that_grow_one_storage_leave_it_large_enough_for_both(device, monkeypatch):
    """The second may not grow it between the first one's look at the size and its new block."""
    base = torch.arange(4.0, device=device)
    first, second, done = base[:2], base[2:], threading.Event()
    allocate = conversion.allocate

    def slowly(shape, *args, **kwargs):
        resized = allocate(shape, *args, **kwargs)
        if threading.current_thread() is slow:
            quick.start()
            done.wait(0.2)  # without a lock the other is through by then
        return resized

    def grow():
        second.resize_(1000)
        done.set()

    slow, quick = threading.Thread(target=lambda: first.resize_(100)), threading.Thread(target=grow)
    monkeypatch.setattr(conversion, "allocate", slowly)
    slow.start(), slow.join(), quick.join(30)
    assert not quick.is_alive() and base.untyped_storage().nbytes() == 1002 * 4
    second[998:].fill_(7), first.fill_(1)
    assert first[:2].tolist() == [1, 1] and second[998:].tolist() == [7, 7] and base.tolist() == [1] * 4


def test_a_view_that_another_thread_is_making_is_found_when_it_is_whole(device, monkeypatch):
    """A search that came before its strides were set would give it row-major memory."""
    base = torch.arange(12.0, device=device).view(3, 4)
    replaced, replace = [], torch._tensor.replace_block

    class Watched(torch.Tensor):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if base._storage in [getattr(self, "_storage", None)] and not replaced:
                replaced.append(True)
                block = base._storage.block
                replace(base._storage, block.copy() if device == "cpu" else block)

    monkeypatch.setattr(torch._tensor, "_new", lambda _: object.__new__(Watched))
    view = base.t()
    monkeypatch.undo()
    assert replaced and view.tolist() == base.t().tolist()
    base.mul_(2)
    assert view.tolist() == base.t().tolist()
