"""In which order hooks run, what the version check sees, and that a generator goes on from its saved state."""

from __future__ import annotations

from typing import Any

import pytest

import tritonnn as torch
from tritonnn.optim import optimizer as optimizers

nn = torch.nn
device = pytest.mark.parametrize("device", ("cpu", "cuda"))


def noting(seen: list, name: str) -> Any:
    return lambda *args: seen.append(name)


# ---- hooks ------------------------------------------------------------------------------------------------


@device
def test_hooks_of_a_layer_run_in_pytorchs_order(device: str) -> None:
    seen: list[str] = []
    layer = nn.Linear(1, 1, device=device)
    layer.register_forward_pre_hook(noting(seen, "pre 1"))
    layer.register_forward_pre_hook(noting(seen, "pre 0"), prepend=True)
    layer.register_forward_hook(noting(seen, "post 1"))
    layer.register_forward_hook(noting(seen, "post 2"))
    layer.register_forward_hook(noting(seen, "post 0"), prepend=True)
    layer.register_full_backward_pre_hook(noting(seen, "backward pre 1"))
    layer.register_full_backward_pre_hook(noting(seen, "backward pre 0"), prepend=True)
    layer.register_full_backward_hook(noting(seen, "backward 1"))
    layer.register_full_backward_hook(noting(seen, "backward 2"))
    x = torch.ones(1, 1, device=device, requires_grad=True)
    y = layer(x)
    y.register_hook(noting(seen, "result 1"))
    y.register_hook(noting(seen, "result 2"))
    assert seen == ["pre 0", "pre 1", "post 0", "post 1", "post 2"]
    seen.clear()
    y.sum().backward()
    assert seen == [
        "result 1", "result 2", "backward pre 0", "backward pre 1", "backward 1", "backward 2",
    ]  # fmt: skip


@device
def test_hooks_of_a_leaf_run_before_its_gradient_is_there(device: str) -> None:
    seen: list = []
    x = torch.ones(2, device=device, requires_grad=True)
    x.register_hook(lambda grad: seen.append(("first", x.grad)) or grad * 2)
    x.register_hook(lambda grad: seen.append(("second", grad.tolist())))
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(("after", leaf.grad.tolist())))
    x.register_post_accumulate_grad_hook(noting(seen, "last"))
    (x * 3).sum().backward()
    assert seen == [("first", None), ("second", [6, 6]), ("after", [6, 6]), "last"]


@device
def test_hooks_of_a_leaf_see_its_whole_gradient_once(device: str) -> None:
    seen: list = []
    x = torch.ones(2, device=device, requires_grad=True)
    x.register_hook(lambda grad: seen.append(grad.tolist()))
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad.tolist()))
    (x * 3 + x.exp().log() + x * x).sum().backward()
    assert seen == [[6, 6], [6, 6]]


@device
def test_hooks_of_a_tensor_run_before_those_of_its_node(device: str) -> None:
    seen: list = []
    x = torch.ones(2, device=device, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.grad_fn.register_prehook(lambda grads: seen.append(("node pre", grads[0].tolist())))
    y.grad_fn.register_hook(lambda results, grads: seen.append(("node post", results[0].tolist())))
    y.register_hook(noting(seen, "tensor 1"))
    y.register_hook(lambda grad: seen.append("tensor 2") or grad * 3)
    y.sum().backward()
    assert seen == ["tensor 1", "tensor 2", ("node pre", [3, 3]), ("node post", [6, 6])]
    assert y.grad.tolist() == [3, 3] and x.grad.tolist() == [6, 6]  # kept: what the hooks have made of it


def test_hooks_of_an_optimizer_stand_inside_the_global_ones() -> None:
    seen: list[str] = []
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    opt = torch.optim.SGD([p], lr=0.5)
    handles = [
        optimizers.register_optimizer_step_pre_hook(noting(seen, "global pre")),
        optimizers.register_optimizer_step_post_hook(noting(seen, "global post")),
    ]
    try:
        opt.register_step_pre_hook(lambda *args: seen.append(f"pre at {p.item()}"))
        opt.register_step_pre_hook(noting(seen, "pre 2"))
        opt.register_step_post_hook(lambda *args: seen.append(f"post at {p.item()}"))
        opt.register_step_post_hook(noting(seen, "post 2"))
        opt.step()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["global pre", "pre at 1.0", "pre 2", "post at 0.5", "post 2", "global post"]
    seen.clear()
    opt.step()
    assert seen == ["pre at 0.5", "pre 2", "post at 0.0", "post 2"]


# ---- versions ---------------------------------------------------------------------------------------------

# One write each, through the tensor or something that shares its memory and its version.
WRITES = {
    "add_": lambda y: y.add_(1), "add_ of another dtype": lambda y: y.add_(torch.ones_like(y).double()),
    "zero_": lambda y: y.zero_(), "fill_": lambda y: y.fill_(2), "copy_": lambda y: y.copy_(torch.ones_like(y)),
    "a view": lambda y: y[:1].mul_(2), "an alias": lambda y: y.detach().zero_(),
    "an index": lambda y: y.__setitem__(0, 5.0), "out=": lambda y: torch.add(y.detach(), 1, out=y.detach()),
    "random": lambda y: y.detach().uniform_(), "clamp_": lambda y: y.clamp_(0, 1),
    "scatter_": lambda y: y.scatter_(0, torch.zeros(1, dtype=torch.int64, device=y.device), 3.0),
    "masked_fill_": lambda y: y.masked_fill_(y.detach() > 0, 1.0),
}  # fmt: skip


@device
@pytest.mark.parametrize("name", WRITES)
def test_each_write_is_seen_once_and_refused_by_backward(name: str, device: str) -> None:
    x = torch.ones(2, device=device, requires_grad=True)
    y = x * 2
    assert y._version == 0
    square = (y * y).sum()
    WRITES[name](y)
    assert y._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()


@device
def test_a_later_write_is_another_version(device: str) -> None:
    y = torch.ones(2, device=device, requires_grad=True) * 2
    y.add_(1)
    square = (y * y).sum()  # keeps version 1
    y.add_(1)
    assert y._version == 2
    with pytest.raises(RuntimeError, match="is at version 2; expected version 1"):
        square.backward()


@device
def test_what_the_version_check_leaves_alone(device: str) -> None:
    x = torch.ones(2, device=device, requires_grad=True)
    y = x * 2
    total = (y + y.exp()).sum()  # exp keeps its result, not y
    y.add_(1)
    total.backward()
    assert x.grad.tolist() == pytest.approx([2 + 2 * 7.3890561] * 2)
    z = x * 2
    square = (z * z).sum()
    z.data.zero_()  # not seen, as .data promises
    assert z._version == 0
    square.backward()


# ---- generators -------------------------------------------------------------------------------------------


@device
def test_a_generator_goes_on_from_its_saved_state(device: str) -> None:
    place = torch.cuda if device == "cuda" else torch
    torch.manual_seed(3)
    torch.rand(3, device=device)
    state = place.get_rng_state()

    def draws() -> list:
        return [
            torch.randn(5, device=device).tolist(), torch.rand(2, dtype=torch.float64, device=device).tolist(),
            torch.randint(100, (3,), device=device).tolist(), torch.rand(1, device=device).tolist(),
        ]  # fmt: skip

    first = draws()
    assert draws() != first
    place.set_rng_state(state)
    assert draws() == first
    assert state.dtype is torch.uint8 and state.device.type == "cpu"
    place.set_rng_state(state)
    torch.rand(1, device=device)
    assert place.get_rng_state().tolist() != state.tolist()  # the saved state is a copy


@device
def test_a_state_carries_seed_and_place_to_another_generator(device: str) -> None:
    one = torch.Generator(device).manual_seed(5)
    torch.rand(7, generator=one, device=device)
    other = torch.Generator(device).manual_seed(6)
    other.set_state(one.get_state())
    assert other.initial_seed() == 5
    wanted = torch.rand(4, generator=one, device=device).tolist()
    assert torch.rand(4, generator=other, device=device).tolist() == wanted
    assert torch.rand(4, generator=other.manual_seed(5), device=device).tolist() != wanted


@device
def test_fork_rng_gives_the_stream_back(device: str) -> None:
    torch.manual_seed(1)
    torch.rand(3, device=device)
    wanted = torch.rand(4, device=device).tolist()
    torch.manual_seed(1)
    torch.rand(3, device=device)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        torch.rand(10, device=device)
    assert torch.rand(4, device=device).tolist() == wanted


@device
@pytest.mark.parametrize("devices", (lambda d: [0], lambda d: iter([torch.device(d)]), lambda d: (d,)))
def test_fork_rng_of_given_devices(device: str, devices) -> None:
    torch.manual_seed(1)
    wanted = [torch.rand(4, device=d).tolist() for d in ("cpu", device)]
    torch.manual_seed(1)
    with torch.random.fork_rng(devices(device), device_type=device):
        torch.rand(10), torch.rand(10, device=device)
    assert [torch.rand(4, device=d).tolist() for d in ("cpu", device)] == wanted


def test_fork_rng_of_a_device_first_used_in_it(monkeypatch) -> None:
    from tritonnn import random

    torch.manual_seed(1)
    torch.rand(1, device="cuda")
    wanted = random._generators[torch.device("cuda", 0)]
    monkeypatch.delitem(random._generators, torch.device("cuda", 0))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        torch.rand(1, device="cuda")
    torch.rand(1, device="cuda")
    assert random._generators[torch.device("cuda", 0)] is not wanted
    assert random._generators[torch.device("cuda", 0)].get_state().tolist() == wanted.get_state().tolist()


def test_fork_rng_of_other_devices() -> None:
    for kind in ("mps", "xpu", "mtia"):
        state = torch.get_rng_state()
        with torch.random.fork_rng(device_type=kind):
            torch.rand(3)
        assert torch.equal(torch.get_rng_state(), state)
        with (
            pytest.raises(RuntimeError, match=f"no backend for the device {kind}"),
            torch.random.fork_rng([0], device_type=kind),
        ):
            pass
    with torch.random.fork_rng(device_type="meta"):  # which draws no numbers
        torch.rand(3)
    assert not torch.equal(torch.get_rng_state(), state)
    for kind, text in (
        ("foo", "foo"),
        ("hpu", "does not have a corresponding module registered as 'torch.hpu'"),
    ):
        with pytest.raises(RuntimeError, match=text), torch.random.fork_rng(device_type=kind):
            pass
    with pytest.raises(RuntimeError, match="invalid device ordinal"), torch.random.fork_rng([99]):
        pass


def test_indices_written_before_backward_are_refused():
    index = torch.tensor([0, 1])
    y = (torch.ones(3, requires_grad=True) * 1)[index]
    index.add_(1)
    with pytest.raises(RuntimeError, match=r"'indices' of index_at.* is at version 1; expected version 0"):
        y.sum().backward()


@pytest.mark.parametrize("form", ["mul", "dot", "matmul", "mv"])
def test_an_operand_given_other_data_is_seen_with_that(form):
    """The graph saves tensors, not their memory; PyTorch gives the same numbers."""
    u, w = torch.tensor([1.0, 2.0, 3.0]), torch.ones(3, requires_grad=True)
    run = {"mul": lambda: u * w, "dot": lambda: u.dot(w), "matmul": lambda: w @ u, "mv": lambda: m.mv(w)}
    m = torch.tensor([[1.0, 2.0, 3.0]])
    y = run[form]().sum()
    u.data, m.data = u.data * 10, m.data * 10
    y.backward()
    assert w.grad.tolist() == [10, 20, 30]
