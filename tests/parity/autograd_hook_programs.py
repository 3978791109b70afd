"""Programs with hooks for `test_autograd_programs_parity.py`; `torch` is the library that they run on."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

A, G = torch.autograd, torch.autograd.graph


def _x():
    return torch.tensor([1.0, 2.0, 3.0], requires_grad=True)


def order_of_hooks():
    a = _x()
    o = []
    y = a * 2
    y.register_hook(lambda g: o.append(("t", g.tolist())))
    y.grad_fn.register_prehook(lambda g: o.append(("pre", g[0].tolist())))
    y.grad_fn.register_hook(lambda i, g: o.append(("post", [None if q is None else q.tolist() for q in i])))
    a.register_hook(lambda g: o.append("leaf"))
    a.register_post_accumulate_grad_hook(lambda p: o.append(("acc", p.grad.tolist())))
    y.retain_grad()
    y.sum().backward()
    return o, y.grad.tolist()


def hook_after_retain():
    a = _x()
    y = a * 2
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    y.register_hook(lambda g: g * 3)
    y.sum().backward()
    return y.grad, a.grad


def removed_hook():
    a = _x()
    y = a * 2
    h = y.register_hook(lambda g: g * 2)
    h.remove()
    y.sum().backward()
    return a.grad


def hook_no_tensor():
    a = _x()
    y = a * 2
    y.register_hook(lambda g: 5)
    y.sum().backward()


def hook_other_shape():
    a = _x()
    y = a * 2
    y.register_hook(lambda g: g[:1])
    y.sum().backward()


def hook_no_grad():
    torch.ones(2).register_hook(lambda g: g)


def accumulate_hook_no_leaf():
    (_x() * 2).register_post_accumulate_grad_hook(lambda g: g)


def hook_no_function():
    _x().register_hook(5)


def accumulate_node():
    a = _x()
    acc = a.view_as(a).grad_fn.next_functions[0][0]
    o = []
    acc.register_hook(lambda i, g: o.append(("post", len(i), len(g))))
    acc.register_prehook(lambda g: (g[0] * 2,))
    (a * 3).sum().backward()
    return o, a.grad, acc.name(), acc.variable is a


def multi_all():
    a = _x()
    o = []

    def mh(gs):
        o.append([None if g is None else g.tolist() for g in gs])

    b = a * 2
    c = a * 3
    d = a * 4
    G.register_multi_grad_hook((b, c, d), mh)
    (b + c).sum().backward()
    (a * 0).sum().backward()
    return o


def multi_any():
    a = _x()
    o = []
    b = a * 2
    c = a * 3
    G.register_multi_grad_hook((b, c), lambda g: o.append(g.tolist()), mode="any")
    (b + c).sum().backward()
    return o


def multi_mode():
    G.register_multi_grad_hook((_x() * 1,), lambda g: 1, mode="some")


def multi_no_grad():
    G.register_multi_grad_hook((torch.ones(1),), lambda g: 1)


def gradient_edge():
    a = _x()
    y = a * 2
    e = G.get_gradient_edge(y)
    return (
        type(e).__name__,
        e.node.name(),
        e.output_nr,
        A.grad(y.sum(), e)[0],
        G.get_gradient_edge(a).node.name(),
    )


def edge_no_grad():
    return G.get_gradient_edge(torch.ones(1))


def backward_from_edge():
    a = _x()
    y = a * 2
    z = (y * y).sum()
    e = G.get_gradient_edge(z)
    A.backward(e) if False else A.backward((e,), (torch.tensor(1.0),))
    return a.grad


def increment():
    a = torch.ones(2)
    v = a._version
    G.increment_version(a)
    G.increment_version([a, a])
    return v, a._version


def increment_inference():
    with torch.inference_mode():
        a = torch.ones(2)
    G.increment_version(a)


def multithreading():
    with A.set_multithreading_enabled(False):
        (_x() * 2).sum().backward()
    return 1


def saved_hooks():
    o = []

    def pk(t):
        o.append(("p", t.tolist()))
        return t.tolist()

    def up(t):
        o.append("u")
        return torch.tensor(t)

    a = _x()
    with G.saved_tensors_hooks(pk, up):
        y = a * a
    y.sum().backward()
    return o, a.grad


def on_cpu():
    with G.save_on_cpu():
        a = _x()
        y = (a * a).exp()
    y.sum().backward()
    return a.grad


def refused_hooks():
    with G.disable_saved_tensors_hooks("no way"), G.saved_tensors_hooks(lambda t: t, lambda t: t):
        _x() * _x()


def allowed_mutation():
    with G.allow_mutation_on_saved_tensors():
        a = _x()
        b = a * 1
        y = b * b
        b.mul_(5)
        y.sum().backward()
    return a.grad


def unpack_no_tensor():
    with G.saved_tensors_hooks(lambda t: t, lambda t: 5):
        a = _x()
        y = a * a
    y.sum().backward()


def pack_in_place():
    with G.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t):
        a = _x() * 1
        y = a.exp() * a
    y.sum().backward()


def saved_attribute():
    a = _x()
    y = a * a
    return y.grad_fn._saved_self.tolist(), y.grad_fn._raw_saved_self is not None


def raw_saved_hooks():
    a = _x()
    y = a * a
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t.tolist(), lambda t: torch.tensor(t) * 10)
    _ = y.grad_fn._raw_saved_other
    y.sum().backward()
    return a.grad


def order_of_tensor_hooks():
    t = []
    a = _x()
    b = a * 1
    c = a * 2
    d = b * c
    e = d + b
    for n, v in zip("bcde", (b, c, d, e)):
        v.register_hook(lambda g, n=n: t.append(n))
    e.sum().backward()
    return t


def order_of_leaf_hooks():
    t = []
    a = _x()
    b = _x()
    a.register_hook(lambda g: t.append("a"))
    b.register_hook(lambda g: t.append("b"))
    (b * 2 + a * 3 + b).sum().backward()
    return t


def nested_backward():
    a = _x()
    y = a * 2

    def hk(g):
        with torch.enable_grad():
            z = (a * a).sum()
            z.backward()
        return g

    y.register_hook(hk)
    y.sum().backward()
    return a.grad


def accumulated():
    a = _x()
    (a * 2).sum().backward()
    g = a.grad
    (a * 3).sum().backward()
    return g is a.grad, a.grad


def several_roots():
    return A.backward([_x().sum(), _x().sum()], [None])


def called_node():
    a = _x()
    return a.sum().grad_fn(torch.tensor(1.0))


def expanded_leaf():
    a = _x()
    b = a.expand(2, 3)
    b.add_(1)


def expanded_written():
    a = _x()
    v = (a * 1).expand(2, 3)
    v.mul_(2)


def deepcopy_with_hooks():
    a = _x()
    a.register_hook(lambda g: g)
    b = copy.deepcopy(a)
    return b.requires_grad, len(b._backward_hooks or {})


def deepcopy_no_leaf():
    copy.deepcopy(_x() * 1)


def deepcopy_grad():
    a = _x()
    a.grad = torch.ones(3)
    b = copy.deepcopy(a)
    return b.grad


def view_after_base():
    a = _x()
    y = a * 1
    v = y.view(3)
    y.mul_(2)
    return v.grad_fn.name(), v._base is y


def base_after_view():
    a = _x()
    y = a * 1
    v = y.view(3)
    v.mul_(2)
    return y.grad_fn.name(), v.grad_fn.name()


def view_of_detached():
    a = _x()
    y = a * 1
    v = y.view(3)
    y.detach_()
    return v.grad_fn is None


def plain_base_written():
    a = torch.ones(3)
    v = a.view(3)
    w = _x()
    v.mul_(w)
    return a.requires_grad, a.grad_fn.name(), v.grad_fn.name()


def plain_written():
    a = torch.ones(3)
    w = _x()
    a.mul_(w)
    a.sum().backward()
    return w.grad
