"""Programs with checkpoints for `test_checkpoint_parity.py`; `torch` is the library that they run on."""

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


def keeps_a_list():
    return _sac([aten.addmm.default])


def keeps_nothing():
    return _sac([])


def keeps_all():
    return _sac([aten.addmm.default, aten.gelu.default, aten.sin.default])


def keeps_by_policy():
    return _sac(
        lambda ctx, op, *a, **k: (
            ck.CheckpointPolicy.MUST_SAVE
            if op == aten.addmm.default
            else ck.CheckpointPolicy.PREFER_RECOMPUTE
        )
    )


def prefers():
    return _sac(
        lambda ctx, op, *a, **k: (
            ck.CheckpointPolicy.PREFER_SAVE if op == aten.gelu.default else ck.CheckpointPolicy.MUST_RECOMPUTE
        )
    )


def keeps_by_bool():
    return _sac(lambda ctx, op, *a, **k: op == aten.addmm.default)


def no_policy():
    return _sac(5)


def a_packet():
    return _sac([aten.addmm])


def keeps_views_too():
    return _sac(lambda ctx, op, *a, **k: ck.CheckpointPolicy.MUST_SAVE)


def what_a_policy_sees():
    seen = []

    def pol(ctx, op, *a, **k):
        seen.append((ctx.is_recompute, str(op), len(a), None if ctx.op_output is None else "out"))
        return (
            ck.CheckpointPolicy.MUST_SAVE
            if op == aten.addmm.default
            else ck.CheckpointPolicy.PREFER_RECOMPUTE
        )

    _sac(pol)
    return seen


def an_extra_backward():
    m = _model()
    X = _x()
    y = ck.checkpoint(
        lambda t: m(t).sin(),
        X,
        use_reentrant=False,
        context_fn=partial(ck.create_selective_checkpoint_contexts, [aten.addmm.default]),
    )
    y.sum().backward(retain_graph=True)
    y.sum().backward()


def mutated():

    def f(t):
        a = t * 2
        b = a.exp()
        c = b.sin()
        b.add_(1)
        return c.cos()

    return _sac([aten.exp.default], f)


def mutated_later():
    def f(t):
        a = t * 2
        b = a.exp()
        c = b * 1
        b.add_(1)
        return c.cos() * b.sin()

    return _sac([aten.exp.default], f)


def mutation_allowed():
    def f(t):
        a = t * 2
        b = a.exp()
        c = b * 1
        b.add_(1)
        return c.cos() * b.sin()

    return _sac([aten.exp.default], f, allow_cache_entry_mutation=True)


def runs_twice():
    calls = [0]

    def f(t):
        calls[0] += 1
        return t.sin().cos().exp()

    X = _x()
    y = ck.checkpoint(f, X, use_reentrant=False)
    y.sum().backward()
    return calls


def early_stop():
    X = _x()
    n = [0]

    def f(t):
        n[0] += 1
        return t.sin() if n[0] == 1 else t.sin().cos()

    y = ck.checkpoint(f, X, use_reentrant=False)
    y.sum().backward()
    return n


def more_saved():
    X = _x()
    n = [0]

    def f(t):
        n[0] += 1
        return t.sin() if n[0] == 1 else t.sin().cos()

    with ck.set_checkpoint_early_stop(False):
        y = ck.checkpoint(f, X, use_reentrant=False)
    y.sum().backward()
    return n


def fewer_saved():
    X = _x()
    n = [0]

    def f(t):
        n[0] += 1
        return t.sin().cos() if n[0] == 1 else t.sin()

    y = ck.checkpoint(f, X, use_reentrant=False)
    y.sum().backward()


def other_shape():
    X = _x()
    n = [0]

    def f(t):
        n[0] += 1
        return t.sin() if n[0] == 1 else t[:1].sin()

    y = ck.checkpoint(f, X, use_reentrant=False)
    y.sum().backward()


def no_check():
    X = _x()
    n = [0]

    def f(t):
        n[0] += 1
        return t.sin() if n[0] == 1 else t.double().sin()

    y = ck.checkpoint(f, X, use_reentrant=False, determinism_check="none")
    y.sum().backward()
    return str(X.grad.dtype)
