"""Programs of the rules of autograd for `test_autograd_programs_parity.py`; `torch` is the library they run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tritonnn as torch

A = torch.autograd


def _x():
    return torch.tensor([1.0, 2.0, 3.0], requires_grad=True)


def freed_attribute():
    a = _x()
    y = a * a
    y.sum().backward()
    _ = y.grad_fn._saved_self


def twice():
    a = _x()
    y = (a * a).sum()
    y.backward()
    y.backward()


def unused_input():
    a = _x()
    b = _x()
    return A.grad(a.sum(), b)


def unused_allowed():
    a = _x()
    b = _x()
    return A.grad(a.sum(), [a, b], allow_unused=True)


def materialized():
    a = _x()
    b = _x()
    return A.grad(a.sum(), [a, b], materialize_grads=True)


def materialized_unused():
    a = _x()
    b = _x()
    return A.grad(a.sum(), [a, b], allow_unused=False, materialize_grads=True)


def batched():
    a = _x()
    return A.grad(a * a, a, torch.eye(3), is_grads_batched=True)


def no_scalar():
    a = _x()
    return A.grad(a * a, a)


def several_outputs():
    a = _x()
    return A.grad([a * a, a * 2], a, [torch.ones(3), None])


def wrong_grad_output():
    a = _x()
    return A.grad((a * a).sum(), a, torch.ones(2))


def output_no_grad():
    return A.grad(torch.ones(1).sum(), _x())


def input_no_grad():
    return A.grad(_x().sum(), torch.ones(1))


def backward_no_scalar():
    a = _x()
    (a * 2).backward()


def backward_inputs():
    a = _x()
    (a * 2).sum().backward(inputs=[a])
    return a.grad


def backward_no_leaf_input():
    a = _x()
    b = a * 2
    b.sum().backward(inputs=[b])
    return b.grad


def backward_no_inputs():
    a = _x()
    (a * 2).sum().backward(inputs=[])


def create_graph():
    a = _x()
    (g,) = A.grad((a**3).sum(), a, create_graph=True)
    return g.requires_grad, A.grad(g.sum(), a)


def leaf_add():
    a = _x()
    a.add_(1)


def leaf_set():
    a = _x()
    a[0] = 5


def leaf_view():
    a = _x()
    v = a[0]
    v.mul_(2)


def result_written():
    a = _x()
    b = a.exp()
    b.mul_(2)
    b.sum().backward()


def saved_written():
    a = _x()
    b = a * 2
    c = b * b
    b.add_(1)
    c.sum().backward()


def unbound_written():
    a = _x()
    b = a * 1
    u = b.unbind()
    u[0].mul_(2)


def no_grad_view_written():
    a = _x()
    with torch.no_grad():
        v = a[:2]
    v.mul_(2)


def no_grad_leaf_written():
    a = _x()
    with torch.no_grad():
        a.mul_(2)
    return a._version, a


def detached_written():
    a = _x()
    b = a.detach()
    b.add_(1)
    return a, a._version, b._version


def data_written():
    a = _x()
    b = a.data
    b.add_(1)
    return a._version, b._version, a


def no_leaf_switch():
    a = _x()
    b = a * 1
    b.requires_grad_(False)


def integer_requires_grad():
    return torch.ones(2, dtype=torch.int64).requires_grad_()


def detached_in_place():
    a = _x()
    b = a * 1
    b.detach_()
    return b.is_leaf, b.requires_grad


def view_detached():
    a = _x()
    v = (a * 1)[0]
    v.detach_()


def no_leaf_grad():
    a = _x()
    b = a * 1
    _ = b.grad
    return b.retains_grad


def grad_shape():
    a = _x()
    a.grad = torch.ones(2)


def grad_dtype():
    a = _x()
    a.grad = torch.ones(3, dtype=torch.float64)


def grad_no_tensor():
    a = _x()
    a.grad = 5


def anomaly():
    with A.detect_anomaly():
        a = _x()
        ((a - 1).sqrt() * 0).sum().backward()


def anomaly_switch():
    with A.set_detect_anomaly(True):
        return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def anomaly_no_check():
    with A.detect_anomaly(check_nan=False):
        a = _x()
        ((a - 1).sqrt() * 0).sum().backward()
        return a.grad


def dirty():
    class F(A.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.mark_dirty(a)
            a.mul_(2)
            return a

        @staticmethod
        def backward(ctx, g):
            return g * 2

    a = _x() * 1
    r = F.apply(a)
    r.sum().backward()
    return r is a, a._version


def not_materialized():
    class F(A.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.set_materialize_grads(False)
            return a * 1, a * 2

        @staticmethod
        def backward(ctx, g, h):
            return g if h is None else h

    a = _x()
    F.apply(a)[0].sum().backward()
    return a.grad


def too_many_gradients():
    class F(A.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 1

        @staticmethod
        def backward(ctx, g):
            return g, g

    a = _x()
    F.apply(a).sum().backward()


def view_of_function():
    class F(A.Function):
        @staticmethod
        def forward(ctx, a):
            return a.view(3)

        @staticmethod
        def backward(ctx, g):
            return g

    a = _x()
    r = F.apply(a * 1)
    r.add_(1)


def once():
    class F(A.Function):
        @staticmethod
        @A.function.once_differentiable
        def backward(ctx, g):
            return g

        @staticmethod
        def forward(ctx, a):
            return a * 1

    a = _x()
    (g,) = A.grad(F.apply(a).sum(), a, create_graph=True)
    return g.requires_grad and g.sum().backward()
