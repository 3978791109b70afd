"""Hooks of modules: forward, backward, global; and the module path that errors carry."""

from __future__ import annotations

import copy

import pytest

import tritonnn as torch
from tritonnn.nn.modules import module as module_file

nn = torch.nn


class Double(nn.Module):
    def forward(self, x, *, factor=2):
        return x * factor


# ---- forward --------------------------------------------------------------------------------------------


def test_forward_hook_may_replace_the_output():
    net = Double()
    handle = net.register_forward_hook(lambda module, args, output: output + args[0])
    assert net(torch.ones(1)).item() == 3
    handle.remove()
    handle.remove()
    assert net(torch.ones(1)).item() == 2


def test_pre_hook_wraps_single_values():
    net = Double()
    with net.register_forward_pre_hook(lambda module, args: args[0] + 1):
        assert net(torch.ones(1)).item() == 4
    with net.register_forward_pre_hook(lambda module, args: (args[0] + 2,)):
        assert net(torch.ones(1)).item() == 6
    assert net(torch.ones(1)).item() == 2


def test_hooks_with_kwargs():
    net, seen = Double(), []
    net.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True
    )
    net.register_forward_hook(lambda m, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert net(torch.ones(1), factor=4).item() == 5 and seen == [{"factor": 5}]
    net.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple of"):
        net(torch.ones(1), factor=4)


def test_hooks_run_in_order_and_prepend_comes_first():
    net, seen = Double(), []
    net.register_forward_hook(lambda *_: seen.append("a"))
    net.register_forward_hook(lambda *_: seen.append("b"))
    net.register_forward_hook(lambda *_: seen.append("c"), prepend=True)
    net.register_forward_pre_hook(lambda *_: seen.append("d"))
    net.register_forward_pre_hook(lambda *_: seen.append("e"), prepend=True)
    net(torch.ones(1))
    assert seen == ["e", "d", "c", "a", "b"]


def test_always_called_hooks_run_when_forward_raises():
    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("broken")

    net, seen = Broken(), []
    net.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    net.register_forward_hook(lambda module, args, output: seen.append("skipped"))
    with pytest.raises(ValueError, match="broken"):
        net(torch.ones(1))
    assert seen == [None]

    def fails(module, args, output):
        raise KeyError("also broken")

    net.register_forward_hook(fails, always_call=True)
    with pytest.raises(ValueError, match="broken"), pytest.warns(UserWarning, match="always_call=True"):
        net(torch.ones(1))


def test_always_called_hooks_run_once_where_a_later_hook_raises():
    def fails(module, args, output):
        raise ValueError("broken")

    net, seen = Double(), []
    net.register_forward_hook(lambda module, args, output: seen.append(output.item()), always_call=True)
    net.register_forward_hook(fails)
    with pytest.raises(ValueError, match="broken"):
        net(torch.ones(1))
    assert seen == [2]


def test_global_forward_hooks_see_every_module():
    seen = []
    handles = [
        module_file.register_module_forward_pre_hook(lambda module, args: seen.append("pre")),
        module_file.register_module_forward_hook(lambda module, args, output: output + 1),
    ]
    try:
        assert nn.Sequential(Double(), Double())(torch.ones(1)).item() == ((1 * 2 + 1) * 2 + 1) + 1
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["pre"] * 3
    assert Double()(torch.ones(1)).item() == 2


def test_global_hooks_come_before_those_of_the_module():
    net, seen = Double(), []
    net.register_forward_pre_hook(lambda *args: seen.append("pre"))
    net.register_forward_hook(lambda *args: seen.append("post"))
    handles = [
        module_file.register_module_forward_pre_hook(lambda *args: seen.append("global pre")),
        module_file.register_module_forward_hook(lambda *args: seen.append("global post")),
    ]
    try:
        net(torch.ones(1))
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["global pre", "pre", "global post", "post"]


def test_copies_have_hooks_of_their_own():
    net = Double()
    handle = net.register_forward_hook(lambda module, args, output: output + 1)
    other = copy.deepcopy(net)
    handle.remove()
    assert net(torch.ones(1)).item() == 2 and other(torch.ones(1)).item() == 3


# ---- backward -------------------------------------------------------------------------------------------


def leaf(*values):
    return torch.tensor([float(v) for v in values], requires_grad=True)


def test_full_backward_hook_sees_and_replaces_gradients():
    net, seen = Double(), []

    def hook(module, grad_input, grad_output):
        seen.append((module, grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    handle = net.register_full_backward_hook(hook)
    x = leaf(1, 2)
    net(x).sum().backward()
    assert seen == [(net, [2, 2], [1, 1])] and x.grad.tolist() == [20, 20]
    handle.remove()
    x.grad = None
    net(x).sum().backward()
    assert len(seen) == 1 and x.grad.tolist() == [2, 2]


def test_full_backward_pre_hook_changes_what_comes_in():
    net = Double()
    net.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 3,))
    x = leaf(1)
    net(x).backward()
    assert x.grad.item() == 6
    net.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0], None))
    with pytest.raises(RuntimeError, match="invalid number of grad_output, got 2, but expected 1"):
        net(x).backward()


def test_backward_hooks_of_several_inputs_and_outputs():
    class Several(nn.Module):
        def forward(self, x, flag, y):
            return x * 2, y * 3

    net, seen = Several(), []
    net.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go)))
    x, y = leaf(1), leaf(1)
    a, _ = net(x, "flag", y)
    a.sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_input[0].tolist() == [2] and grad_input[1] is None and grad_input[2].tolist() == [0]
    assert grad_output[0].tolist() == [1] and grad_output[1] is None


def test_backward_hook_must_return_as_many_gradients():
    net = Double()
    net.register_full_backward_hook(lambda module, gi, go: (gi[0], None))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        net(leaf(1)).backward()


def test_backward_hook_without_inputs_that_require_grad():
    net, seen = nn.Linear(1, 1), []
    net.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go[0].tolist())))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        net(torch.ones(1, 1)).sum().backward()
    assert seen == [((None,), [[1.0]])] and net.weight.grad.item() == 1
    net.register_full_backward_hook(lambda module, gi, go: (torch.ones(1),))
    with pytest.raises(RuntimeError, match="should always return None"), pytest.warns(UserWarning):
        net(torch.ones(1, 1)).sum().backward()


def test_backward_hooks_do_not_fire_without_grad():
    net, seen = Double(), []
    net.register_full_backward_hook(lambda *_: seen.append(1))
    with torch.no_grad():
        net(leaf(1))
    net(torch.ones(1))
    assert seen == []


def test_double_backward_through_a_hooked_module():
    class Cube(nn.Module):
        def forward(self, x):
            return x * x * x

    net, seen = Cube(), []
    net.register_full_backward_hook(lambda module, gi, go: seen.append(gi[0].item()))
    x = leaf(2)
    (first,) = torch.autograd.grad(net(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert first.item() == 12 and second.item() == 12 and seen[0] == 12


def test_legacy_backward_hook():
    net, seen = nn.Linear(2, 1), []
    handle = net.register_backward_hook(
        lambda module, gi, go: seen.append((module is net, tuple(go[0].shape)))
    )
    net(torch.ones(3, 2)).sum().backward()
    handle.remove()
    net(torch.ones(3, 2)).sum().backward()
    assert seen == [(True, (3, 1))]


def test_legacy_and_full_backward_hooks_do_not_mix():
    net = nn.Linear(1, 1)
    net.register_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        net.register_full_backward_hook(lambda *_: None)


def test_global_backward_hooks():
    seen = []
    handles = [
        module_file.register_module_full_backward_hook(
            lambda module, gi, go: seen.append(type(module).__name__)
        ),
        module_file.register_module_full_backward_pre_hook(lambda module, go: seen.append("pre")),
    ]
    try:
        nn.Sequential(Double(), Double())(leaf(1)).backward()
    finally:
        for handle in handles:
            handle.remove()
    assert sorted(seen) == sorted(["pre", "Double", "pre", "Double", "pre", "Sequential"])
    with pytest.raises(RuntimeError, match="as a global Module hook"):
        module_file.register_module_backward_hook(lambda *_: None)


# ---- module paths in errors -----------------------------------------------------------------------------


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(3, 3), nn.Linear(8, 2))])

    def forward(self, x):
        return self.blocks[0](x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()

    def forward(self, x):
        return self.encoder(x)


@pytest.mark.skipif(not hasattr(torch, "ops"), reason="needs tritonnn")
def test_errors_name_the_module_they_come_from():
    with pytest.raises(RuntimeError, match=r"\n  in module 'encoder\.blocks\.0\.1'$"):
        Model()(torch.ones(2, 3))
    with pytest.raises(RuntimeError, match=r"in module 'Linear'$"):
        nn.Linear(3, 2)(torch.ones(2, 4))


def test_errors_pass_with_hooks_and_other_errors_are_left_alone():
    net = Model()
    net.encoder.register_forward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match=r"in module 'encoder\.blocks\.0\.1'"):
        net(torch.ones(2, 3))

    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        nn.Sequential(Broken())(1)


def test_errors_of_modules_that_are_not_registered():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(3, 2)]

        def forward(self, x):
            return self.layers[0](x)

    with pytest.raises(RuntimeError, match=r"in module '0\.Linear'"):
        nn.Sequential(Hidden())(torch.ones(1, 4))


# ---- gates of backward hooks -------------------------------------------------------------------------------


class Times(nn.Module):
    def forward(self, a, b):
        self.seen = a.requires_grad, b.requires_grad
        return a * b


def test_backward_hooks_leave_requires_grad_as_it_is():
    net, shown = Times(), []
    net.register_full_backward_hook(lambda module, before, after: shown.append(before))
    a = torch.ones(2, requires_grad=True)
    net(a, torch.full((2,), 3.0)).sum().backward()
    assert net.seen == (True, False)
    assert a.grad.tolist() == [3, 3]
    assert shown[0][0].tolist() == [3, 3] and shown[0][1].tolist() == [0, 0]


def test_a_result_behind_a_backward_hook_is_not_written_in_place():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    net[0].register_full_backward_hook(lambda *args: None)
    with pytest.raises(
        RuntimeError, match="Output 0 of BackwardHookFunction is a view and is being modified inplace"
    ):
        net(torch.ones(1, 2))
