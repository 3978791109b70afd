"""Programs with conjugates in graphs for `test_conjugates_in_graphs_parity.py`; `torch` is the library they run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch


def _z():
    return torch.tensor([[1 + 2j, 3 - 1j], [0.5j, -2 + 0.25j]], requires_grad=True)


def is_a_view():
    c = _z().conj()
    return c.is_conj(), c.requires_grad, c.is_leaf, c.grad_fn.name(), c._is_view(), c


def square():
    x = _z()
    c = x.conj()
    (c * c).real.sum().backward()
    return x.grad


def product_with_itself():
    x = _z()
    c = x.conj()
    y = (c * x * (1 + 2j)).sum()
    y.real.backward()
    return x.grad


def written():
    x = _z()
    y = x * 2
    c = y.conj()
    c.mul_(1j)
    r = (y.abs() ** 2).sum() + (c.real).sum() + y.imag.sum()
    r.backward()
    return x.grad, y, c


def of_a_leaf_written():
    x = _z()
    x.conj().mul_(2)


def base_written():
    x = _z()
    y = x * 1
    c = y.conj()
    y.mul_(2j)
    (c.imag * c.real).sum().backward()
    return x.grad, c


def twice():
    x = _z()
    c = x.conj().conj()
    return c.is_conj(), c.grad_fn.name(), c._is_view()


def imaginary_part():
    x = _z()
    c = x.conj()
    n = c.imag
    return n.is_neg(), n.requires_grad, n.grad_fn.name(), n


def imaginary_gradient():
    x = _z()
    n = x.conj().imag
    (n * n).sum().backward()
    return x.grad


def views_of_it():
    x = _z()
    c = x.conj().t()[0]
    c.sum().abs().backward()
    return x.grad, c.is_conj(), c.grad_fn.name()


def adjoint():
    x = _z()
    c = x.H
    ((x @ c).real).sum().backward()
    return x.grad, c.is_conj()


def resolved():
    x = _z()
    c = x.conj()
    r = c.resolve_conj()
    r.real.sum().backward()
    return r.is_conj(), r.requires_grad, x.grad


def retained():
    x = _z()
    c = x.conj()
    c.retain_grad()
    (c * c).sum().real.backward()
    return c.grad, x.grad


def hooked():
    x = _z()
    c = x.conj()
    c.register_hook(lambda g: g * 2j)
    (c * 3).sum().real.backward()
    return x.grad


def gradient_of_it():
    x = _z()
    c = x.conj()
    (g,) = torch.autograd.grad((c * c * x).sum().real, c)
    return g


def second_gradient():
    x = _z()
    c = x.conj()
    (g,) = torch.autograd.grad((c**3).sum().real, x, create_graph=True)
    (h,) = torch.autograd.grad(g.real.sum() + g.imag.sum(), x)
    return h


def set_item():
    x = _z()
    y = x * 1
    c = y.conj()
    c[0] = 1 + 1j
    y.abs().sum().backward()
    return x.grad, y


def imaginary_written():
    x = _z()
    y = x * 1
    c = y.conj()
    c.imag.mul_(2)
    (y * y).sum().real.backward()
    return x.grad, y


def without_recording():
    x = _z()
    with torch.no_grad():
        c = x.conj()
    return c.requires_grad, c.is_conj(), c.grad_fn is None


def detached():
    x = _z()
    d = x.conj().detach()
    return d.is_conj(), d.requires_grad


def joined():
    x = _z()
    c = torch.cat([x.conj(), x])
    c.abs().sum().backward()
    return x.grad


def as_real():
    x = _z()
    return torch.view_as_real(x.conj())


def resolved_as_real():
    x = _z()
    r = torch.view_as_real(x.conj().resolve_conj())
    (r * torch.arange(8.0).view(2, 2, 2)).sum().backward()
    return x.grad


def negative():
    x = _z()
    n = x._neg_view()
    (n * n).sum().real.backward()
    return n.is_neg(), n.grad_fn.name(), x.grad


def negative_resolved():
    x = _z()
    n = x._neg_view()
    r = n.resolve_neg()
    return r.is_neg(), r.detach()


def negative_written():
    x = _z()
    y = x * 1
    n = y._neg_view()
    n.add_(1)
    (y * y).sum().real.backward()
    return x.grad, y


def zeroed():
    x = _z()
    y = x * 1
    c = y.conj()
    c.zero_()
    (y * y).sum().real.backward()
    return x.grad, y


def copied_into():
    x = _z()
    y = x * 1
    c = y.conj()
    w = torch.ones(2, 2, dtype=torch.complex64, requires_grad=True)
    c.copy_(w * 1j)
    (y * y * (1 + 1j)).sum().real.backward()
    return x.grad, w.grad, y


def out():
    x = _z()
    y = x * 1
    c = y.conj()
    torch.add(c, 1, out=c)


def unbound():
    x = _z()
    a, b = x.conj().unbind()
    (a * b).sum().real.backward()
    return x.grad, a.is_conj()


def solved():
    x = _z()
    s = torch.linalg.solve(x.conj(), torch.eye(2, dtype=torch.complex64))
    s.abs().sum().backward()
    return x.grad


def dot():
    x = _z()
    torch.vdot(x[0], x[1]).abs().backward()
    return x.grad


def dot_of_it():
    x = _z()
    torch.vdot(x[0].conj(), x[1]).abs().backward()
    return x.grad


def custom_function():
    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a * 2

        @staticmethod
        def backward(ctx, g):
            (a,) = ctx.saved_tensors
            return g * 2 + a

    x = _z()
    F.apply(x.conj()).sum().real.backward()
    return x.grad


def backward_from_it():
    x = _z()
    c = x.conj()
    c.backward(torch.ones(2, 2, dtype=torch.complex64))
    return x.grad


def clone():
    x = _z()
    c = x.conj()
    c2 = c.clone()
    return c2.is_conj(), c2.requires_grad, c2.grad_fn.name()


def views_stay():
    x = _z()
    return (
        x.conj().contiguous().is_conj(),
        x.conj().reshape(4).is_conj(),
        x.conj().flatten().is_conj(),
        x.mH.is_conj(),
        x.adjoint().is_conj(),
    )


def next_functions():
    x = _z()
    c = x.conj()
    f = c.grad_fn.next_functions
    return [n.name() for n, _ in f]


def edges():
    x = _z()
    y = x.conj() * 2
    return [n and n.name() for n, _ in y.grad_fn.next_functions]


def after_the_base():
    x = _z()
    y = x * 1
    c = y.conj()
    y.add_(1)
    return c.grad_fn.name(), c.requires_grad


def after_it():
    x = _z()
    y = x * 1
    c = y.conj()
    c.add_(1)
    return c.grad_fn.name(), y.grad_fn.name(), c._version, y._version


def requires_grad():
    x = _z()
    c = x.conj().requires_grad_()
    return c.is_leaf


def a_leaf():
    x = _z().detach()
    c = x.conj()
    c.requires_grad_()
    (c * c).sum().real.backward()
    return c.grad, c.is_leaf


def imaginary_sum():
    x = _z()
    y = x.conj().imag.sum()
    y.backward()
    return x.grad


def of_a_leaf_added():
    x = _z()
    y = x.conj()
    y += x


def added():
    x = _z()
    y = (x * 1).conj()
    y += x
    y *= x
    y.sum().real.backward()
    return x.grad, y.is_conj()


def part_written():
    x = _z()
    y = (x * 1).conj()
    y[1:] *= 2
    y.abs().sum().backward()
    return x.grad


def sum():
    x = _z()
    y = x.conj().sum()
    y.imag.backward()
    return x.grad, y.is_conj()


def transformed():
    x = _z()

    def fn(a):
        return (a.conj() * a).real.sum()

    return torch.func.grad(lambda a: fn(a))(x.detach())


def first_check():
    return torch.autograd.gradcheck(
        lambda a: (a.conj() * a).imag + a.conj().real,
        torch.randn(3, dtype=torch.complex128, requires_grad=True),
    )


def second_check():
    return torch.autograd.gradgradcheck(
        lambda a: a.conj() * a * a, torch.randn(2, dtype=torch.complex128, requires_grad=True)
    )
