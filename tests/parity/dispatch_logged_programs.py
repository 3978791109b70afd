"""Programs with a wrapper that logs for `test_dispatch_classes_parity.py`; `torch` is the library that they run on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

F = torch.nn.functional
pytree = importlib.import_module(f"{torch.__name__}.utils._pytree")
tree_map = pytree.tree_map
_d = importlib.import_module(f"{torch.__name__}.utils._python_dispatch")
return_and_correct_aliasing, transform_subclass = _d.return_and_correct_aliasing, _d.transform_subclass
TorchDispatchMode, is_traceable_wrapper_subclass = _d.TorchDispatchMode, _d.is_traceable_wrapper_subclass


LOG = []


class LT(torch.Tensor):
    @staticmethod
    def __new__(cls, elem, *a, **k):
        r = torch.Tensor._make_wrapper_subclass(
            cls,
            elem.size(),
            strides=elem.stride(),
            storage_offset=elem.storage_offset(),
            dtype=elem.dtype,
            layout=elem.layout,
            device=elem.device,
            requires_grad=k.get("requires_grad", elem.requires_grad),
        )
        r.elem = elem.detach() if r.requires_grad else elem
        return r

    def __repr__(s):
        return f"LT({s.elem})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        un = lambda e: e.elem if isinstance(e, LT) else e
        wr = lambda e: LT(e) if isinstance(e, torch.Tensor) else e
        rs = tree_map(wr, func(*tree_map(un, args), **tree_map(un, kwargs or {})))
        LOG.append(str(func))
        return rs


def _x():
    return LT(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True)


def _w():
    return LT(torch.tensor([[1.0, -1.0], [0.5, 2.0]]), requires_grad=True)


def logged_linear():
    x, w = _x(), _w()
    LOG.clear()
    y = F.linear(x, w, torch.ones(2)).relu()
    names = [n for n in LOG if "detach" not in n]
    z = (y * 2).sum()
    z.backward()
    return y, y.grad_fn.name(), x.grad, w.grad, z.item(), names


def logged_in_place():
    a = LT(torch.ones(3))
    a.add_(1)
    v = a._version
    a.mul_(LT(torch.tensor([1.0, 2.0, 3.0])))
    return a, v


def logged_views():
    x = _x()
    return (
        x.detach().requires_grad,
        x.view(4),
        x.t(),
        x[0],
        x[0, 1],
        torch.cat([x, x]),
        torch.stack([x, x]).shape,
    )


def logged_copy():
    import copy

    d = copy.deepcopy(LT(torch.ones(2)))
    return d, type(d).__name__


def logged_parameter():
    p = torch.nn.Parameter(LT(torch.ones(2, 2)))
    return type(p).__name__, isinstance(p, torch.nn.Parameter), p.requires_grad, p.is_leaf


def logged_training():
    lin = torch.nn.Linear(2, 2)
    lin.weight = torch.nn.Parameter(LT(lin.weight.data.clone().fill_(1.0)))
    lin.bias.data.zero_()
    o = lin(torch.ones(1, 2))
    o.sum().backward()
    types = [type(q).__name__ for q in lin.parameters()], type(lin.bias.grad).__name__
    g = str(lin.weight.grad)
    torch.optim.SGD(lin.parameters(), lr=0.1).step()
    return o, types, g, lin.weight


def logged_likes():
    a = LT(torch.ones(3))
    return (
        torch.zeros_like(a),
        torch.ones_like(a),
        a.new_zeros(2),
        torch.empty_like(a).shape,
        a.clone(),
        a.double().dtype,
    )


def logged_writes():
    b = LT(torch.zeros(2, 2))
    b.copy_(torch.ones(2, 2))
    r = [str(b)]
    b.fill_(3.0)
    r.append(str(b))
    b.zero_()
    b[0] = 7.0
    return r, b


def logged_second_gradient():
    x = _x()
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    return torch.autograd.grad(g.sum(), x)[0]


def logged_results():
    x, w = _x(), _w()
    return (
        x.softmax(-1).argmax(-1),
        torch.matmul(x, w),
        (x == x).all(),
        x.sum(0),
        x.mean(),
        x.max(0).values,
        bool(LT(torch.tensor(True))),
        float(LT(torch.tensor(2.0))),
    )


def logged_pickle():
    p = LT(torch.ones(2)).__reduce_ex__(2)
    return p[1][1].__name__, p[1][0].__name__, list(p[1][3])


def logged_no_grad():
    with torch.no_grad():
        return (_x() + 1).requires_grad
