"""Programs with options of checkpoints for `test_checkpoint_parity.py`; `torch` is the library that they run on."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

nn, F = torch.nn, torch.nn.functional
ck = importlib.import_module(f"{torch.__name__}.utils.checkpoint")
pd = importlib.import_module(f"{torch.__name__}.utils._python_dispatch")
aten = torch.ops.aten


class _Count(pd.TorchDispatchMode):
    def __init__(s):
        super().__init__()
        s.n = {}

    def __torch_dispatch__(s, f, t, a=(), k=None):
        n = str(f)
        s.n[n] = s.n.get(n, 0) + 1
        return f(*a, **(k or {}))


def _model():
    torch.manual_seed(0)
    m = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
    with torch.no_grad():
        for i, p in enumerate(m.parameters()):
            p.copy_(torch.linspace(-1, 1, p.numel()).view(p.shape) * (i + 1) / 3)
    return m


def _x():
    return torch.linspace(-1, 1, 8).view(2, 4).requires_grad_()


def _sac(policy, fn=None, **k):
    m = _model()
    X = _x()
    f = fn or (lambda t: m(t).sin())
    cf = partial(ck.create_selective_checkpoint_contexts, policy, **k)
    y = ck.checkpoint(f, X, use_reentrant=False, context_fn=cf)
    with _Count() as c:
        y.sum().backward()
    keep = {n: c.n.get(n, 0) for n in ("aten.mm.default", "aten.addmm.default", "aten.gelu.default")}
    return [round(v, 4) for v in X.grad.flatten().tolist()], keep


def no_use_reentrant():
    return ck.checkpoint(lambda t: t.sin(), _x()).sum().item()


def reentrant_contexts():
    return ck.checkpoint(lambda t: t.sin(), _x(), use_reentrant=True, context_fn=lambda: 1)


def reentrant_keywords():
    return ck.checkpoint(lambda t, k=1: t.sin() * k, _x(), use_reentrant=True, k=2)


def keywords():
    return ck.checkpoint(lambda t, k=1: t.sin() * k, _x(), use_reentrant=False, k=2).sum().item()


def unknown_check():
    return ck.checkpoint(lambda t: t.sin(), _x(), use_reentrant=False, determinism_check="x")


def no_input_requires_grad():
    return ck.checkpoint(lambda t: t.sin(), _x().detach(), use_reentrant=True)


def reentrant_check():
    return ck.checkpoint(lambda t: t.sin(), _x(), use_reentrant=True, determinism_check="none")


def reentrant_debug():
    return ck.checkpoint(lambda t: t.sin(), _x(), use_reentrant=True, debug=True)


def sequential():
    return ck.checkpoint_sequential(_model(), 2, _x()).sum().item()


def sequential_keywords():
    return ck.checkpoint_sequential(_model(), 2, _x(), use_reentrant=False, foo=1)


def too_many_segments():
    return ck.checkpoint_sequential(_model(), 5, _x(), use_reentrant=False).sum().item()


def debug_early_stop():
    X = _x()
    n = [0]

    def f(t):
        n[0] += 1
        return t.sin().cos() if n[0] == 1 else t.cos().sin().exp()[:1]

    y = ck.checkpoint(f, X, use_reentrant=False, debug=True)
    y.sum().backward()


def debug_nowhere():
    with ck.set_checkpoint_debug_enabled(False):
        y = ck.checkpoint(lambda t: t.sin(), _x(), use_reentrant=False, debug=True)
    y.sum().backward()
    return "ok"


def debug_and_contexts():
    return ck.checkpoint(
        lambda t: t.sin(), _x(), use_reentrant=False, debug=True, context_fn=lambda: (None, None)
    )


def nested():
    X = _x()
    y = ck.checkpoint(
        lambda t: ck.checkpoint(lambda u: u.sin().cos(), t.exp(), use_reentrant=False).sin(),
        X,
        use_reentrant=False,
    )
    y.sum().backward()
    return [round(v, 4) for v in X.grad.flatten().tolist()]


def nested_reentrant():
    X = _x()
    y = ck.checkpoint(
        lambda t: ck.checkpoint(lambda u: u.sin().cos(), t.exp(), use_reentrant=True).sin(),
        X,
        use_reentrant=True,
    )
    y.sum().backward()
    return [round(v, 4) for v in X.grad.flatten().tolist()]


def second_gradient():
    X = _x()
    y = ck.checkpoint(lambda t: t.sin().exp(), X, use_reentrant=False)
    (g,) = torch.autograd.grad(y.sum(), X, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), X)
    return [round(v, 4) for v in h.flatten().tolist()]


def reentrant_grad():
    X = _x()
    y = ck.checkpoint(lambda t: t.sin().exp(), X, use_reentrant=True)
    return torch.autograd.grad(y.sum(), X)


def retained():
    X = _x()
    y = ck.checkpoint(lambda t: t.sin().exp(), X, use_reentrant=False)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return X.grad.sum().item()


def nothing_to_compute():
    X = _x()
    y = ck.checkpoint(lambda t: t.detach().sin(), X, use_reentrant=True)
    y.sum().backward()


def detached_variables():
    d = ck.detach_variable((_x(),))
    return d[0].requires_grad, d[0].is_leaf


def detached_no_tuple():
    return ck.detach_variable(_x())


def validity():
    return ck.check_backward_validity([_x().detach()])


def states_of_the_cpu():
    return ck.get_device_states(_x())


def function_class():
    return ck.CheckpointFunction.apply(lambda t: t * 2, True, _x()).sum().item()


def other_results():
    return ck.checkpoint(lambda t: (t * 2, 3, None), _x(), use_reentrant=False)[1:], ck.checkpoint(
        lambda t: (t * 2, 3, None), _x(), use_reentrant=True
    )[1:]


def raises():
    X = _x()

    def f(t):
        raise ValueError("boom")

    ck.checkpoint(f, X, use_reentrant=False)


def attention():
    q = torch.linspace(-1, 1, 64).view(1, 2, 4, 8).requires_grad_()
    names = (aten._scaled_dot_product_flash_attention_for_cpu.default,)
    y = ck.checkpoint(
        lambda t: F.scaled_dot_product_attention(t, t, t).sin(),
        q,
        use_reentrant=False,
        context_fn=partial(ck.create_selective_checkpoint_contexts, list(names)),
    )
    with _Count() as c:
        y.sum().backward()
    return c.n.get(str(names[0]), 0), round(q.grad.abs().sum().item(), 4)


def products():
    X = _x()
    W = torch.ones(2, 3, 4, requires_grad=True)

    def f(t):
        return (W @ t.t()).sin() + (t @ t.t()).sum()

    y = ck.checkpoint(
        f,
        X,
        use_reentrant=False,
        context_fn=partial(ck.create_selective_checkpoint_contexts, [aten.mm.default, aten.bmm.default]),
    )
    with _Count() as c:
        y.sum().backward()
    return c.n.get("aten.mm.default"), X.grad.sum().item()
