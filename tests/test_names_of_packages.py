"""Parts of torch._C, torch.onnx and torch.library that packages import: what is there does what it says."""

from __future__ import annotations

import pytest

import tritonnn as torch


def test_symbolics_are_kept():
    with pytest.raises(ValueError, match="namespace::name"):
        torch.onnx.register_custom_op_symbolic("nms", len, 11)
    torch.onnx.register_custom_op_symbolic("vision::nms", len, 11)
    torch.onnx.unregister_custom_op_symbolic("vision::nms", 11)
    assert not torch.onnx.SYMBOLIC


def test_a_block_without_autocast():
    key, keys = torch._C.DispatchKey, torch._C.DispatchKeySet
    both = keys(key.AutocastCPU) | keys(key.AutocastXPU)
    assert both.has(key.AutocastCPU) and not both.has(key.AutocastCUDA)
    with torch.autocast("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
        with torch._C._ExcludeDispatchKeyGuard(both):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16


def test_a_function_without_memory_may_come_before_its_operator():
    torch.library.register_fake("fxtests::later", lambda x: x.new_empty(3))
    torch.library.define("fxtests::later", "(Tensor x) -> Tensor")
    assert torch.library._operator.operator_of("fxtests::later").fake(torch.ones(1)).shape == (3,)


@pytest.mark.parametrize("sizes", [lambda p: (2, p), lambda p: ((2, p),), lambda p: ([p, 2],)])
@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand"])
def test_sizes_may_take_a_call_over(name, sizes):
    class Size:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func.__name__, len(args)

    given = sizes(Size())
    assert getattr(torch, name)(*given) == (name, len(given))


def test_whether_a_transform_is_running():
    seen = []
    torch.vmap(lambda x: seen.append(torch._C._are_functorch_transforms_active()) or x)(torch.ones(2))
    torch.func.grad(lambda x: seen.append(torch._C._are_functorch_transforms_active()) or x)(torch.ones(()))
    assert seen == [True, True] and not torch._C._are_functorch_transforms_active()


def test_which_make_fx_is_recording():
    from tritonnn.fx.experimental.proxy_tensor import get_proxy_mode, make_fx

    seen = []
    make_fx(lambda x: seen.append(get_proxy_mode()) or x + 1)(torch.ones(2))
    assert seen[0] is not None and get_proxy_mode() is None


def test_an_optimizer_around_another_gets_its_hooks():
    class Around(torch.optim.Optimizer):
        def __init__(self, inner):
            self._patch_step_function()
            self.inner, self.param_groups = inner, inner.param_groups

        def step(self, closure=None):
            return self.inner.step(closure)

    parameter, calls = torch.nn.Parameter(torch.ones(1)), []
    around = Around(torch.optim.SGD([parameter], lr=0.5))
    around.register_step_pre_hook(lambda *given: calls.append("before"))
    around.register_step_post_hook(lambda *given: calls.append("after"))
    parameter.grad = torch.ones(1)
    around.step()
    assert calls == ["before", "after"] and parameter.item() == 0.5


def test_a_namespace_that_is_reserved():
    with pytest.raises(ValueError, match="the namespace prim is reserved"):
        torch.library.Library("prim", "DEF")
