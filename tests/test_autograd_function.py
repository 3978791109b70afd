"""Custom functions, and the Jacobians and Hessians of autograd.functional."""

from __future__ import annotations

import pytest
from support import leaf

import tritonnn as torch
from tritonnn.autograd import Function, grad, gradcheck, gradgradcheck


class Cube(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x**3 * scale

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        assert ctx.needs_input_grad == (True, False)
        return g * 3 * x**2 * ctx.scale, None


def test_custom_function_with_second_derivative():
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda t: Cube.apply(t, 2.0), (x,))
    assert gradgradcheck(lambda t: Cube.apply(t, 2.0), (x,))
    assert Cube.apply(x, 2.0).grad_fn.name() == "CubeBackward"


def test_custom_function_old_style():
    class Double(Function):
        def forward(self, x):
            self.save_for_backward(x)
            return x * 2

        def backward(self, g):
            assert len(self.saved_tensors) == 1
            return g * 2

    x = leaf(1)
    Double()(x).sum().backward()
    assert x.grad.tolist() == [2]


def test_custom_function_setup_context_and_wrong_count():
    class Pair(Function):
        @staticmethod
        def forward(a, b):
            return a * b

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b, g * a

    a, b = leaf(2), leaf(3)
    Pair.apply(a, b).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (3, 2)

    class Wrong(Pair):
        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        Wrong.apply(a, b).sum().backward()


def test_custom_function_refuses_what_was_saved_and_then_modified():
    x = leaf(2)
    for spoil in (lambda x, y: x.add_(1), lambda x, y: y.detach().add_(1)):
        y = Kept.apply(x * 1)
        y.sum().backward()  # as it was, it passes
        source = x * 1
        y = Kept.apply(source)
        spoil(source.detach(), y)
        with pytest.raises(RuntimeError, match=r"saved by KeptBackward is at version 1; expected version 0"):
            y.sum().backward()


class Kept(Function):
    """Saves its argument and its result."""

    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return 2 * x * g


def test_custom_function_may_not_return_a_gradient_of_another_shape():
    class Long(Kept):
        @staticmethod
        def backward(ctx, g):
            return torch.ones(3)

    with pytest.raises(
        RuntimeError, match=r"LongBackward returned an invalid gradient at index 0 - got \[3\] but expected"
    ):
        Long.apply(leaf(1, 2)).sum().backward()


def test_custom_function_mark_dirty_and_non_differentiable():
    class AddOne(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.add_(1)

        @staticmethod
        def backward(ctx, g):
            return g * 7

    x = leaf(1)
    y = x * 1
    z = AddOne.apply(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [7]

    class Split(Function):
        @staticmethod
        def forward(ctx, x):
            values, order = x.sort()
            ctx.mark_non_differentiable(order)
            return values * 1, order

        @staticmethod
        def backward(ctx, g, g_order):
            return g

    values, order = Split.apply(leaf(2, 1))
    assert values.requires_grad and not order.requires_grad


def test_once_differentiable():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    x = leaf(3)
    assert grad(Square.apply(x).sum(), x)[0].tolist() == [6]
    (first,) = grad(Square.apply(x).sum() * x.sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_functional_jacobian_hessian():
    x = torch.tensor([1.0, 2.0])
    assert torch.autograd.functional.jacobian(lambda t: t * t, x).tolist() == [[2, 0], [0, 4]]
    assert torch.autograd.functional.hessian(lambda t: (t**3).sum(), x).tolist() == [[6, 0], [0, 12]]
    value, product = torch.autograd.functional.jvp(lambda t: t * t, x, torch.ones(2))
    assert value.tolist() == [1, 4] and product.tolist() == [2, 4]
