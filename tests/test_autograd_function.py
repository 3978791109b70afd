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


def test_custom_function_may_not_return_a_gradient_of_a_constant():
    class Scaled(Function):
        @staticmethod
        def forward(ctx, x, scale):
            return x * scale

        @staticmethod
        def backward(ctx, g):
            return g * 2, g

    with pytest.raises(
        RuntimeError, match="ScaledBackward returned a gradient different than None at position 2, but the"
    ):
        Scaled.apply(leaf(1, 2), 2).sum().backward()


def test_gradients_of_custom_functions_are_plain_tensors():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(type(g))
            return g * 2

    seen: list = []
    x = leaf(1, 2)
    middle = x * 1
    middle.register_hook(lambda g: seen.append(type(g)))
    y = Double.apply(Double.apply(middle))
    (g,) = grad(y.sum(), x, retain_graph=True)
    middle.retain_grad()
    y.sum().backward()
    assert {type(g), type(x.grad), type(middle.grad), *seen} == {torch.Tensor}


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


# ---- the node that users see ------------------------------------------------------------------------------


class Several(Function):
    """Results of which some are no tensors."""

    @staticmethod
    def forward(ctx, x):
        ctx.note = 5
        ctx.save_for_backward(x)
        return x * 1, 3, "text", None

    @staticmethod
    def backward(ctx, g, *others):
        assert others == (None, None, None)
        return g * 2


def test_results_that_are_no_tensors_pass_through():
    x = leaf(1, 2)
    y, *others = Several.apply(x)
    assert others == [3, "text", None]
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_the_node_has_what_forward_gave_to_ctx():
    node = Several.apply(leaf(1, 2))[0].grad_fn
    assert (node.note, node.needs_input_grad) == (5, (True,))
    assert [t.tolist() for t in node.saved_tensors] == [[1, 2]]
    assert node.name() == type(node).__name__ == "SeveralBackward"
    node.other = 7
    assert node.other == 7
    with pytest.raises(AttributeError, match="missing"):
        node.missing  # noqa: B018


def test_a_dirty_result_is_the_functions():
    class AddOne(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.add_(1)

        @staticmethod
        def backward(ctx, g):
            return g * 7

    y = leaf(1, 2) * 1
    assert AddOne.apply(y) is y and y.grad_fn.name() == "AddOneBackward" and y._version == 2
    base = leaf(1, 2) * 1
    view = base[:1]
    assert AddOne.apply(view) is view
    assert (base.grad_fn.name(), view.grad_fn.name()) == ("torch::autograd::CopySlices", "AsStridedBackward0")
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad has been used in an in-place"):
        AddOne.apply(leaf(1))


def test_backward_within_backward_300_deep():
    class Deep(Function):
        @staticmethod
        def forward(ctx, x, levels):
            ctx.levels = levels
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            if ctx.levels:
                with torch.enable_grad():
                    y = leaf(2)
                    Deep.apply(y, ctx.levels - 1).sum().backward()
                    deepest.append(y.grad.item())
            return g * 2, None

    deepest: list = []
    x = leaf(1)
    Deep.apply(x, 300).sum().backward()
    assert x.grad.tolist() == [2] and deepest == [2.0] * 300

    class Broken(Deep):
        @staticmethod
        def backward(ctx, g):
            if not ctx.levels:
                raise ValueError("at the bottom")
            with torch.enable_grad():
                Broken.apply(leaf(1), ctx.levels - 1).sum().backward()
            return g, None

    with pytest.raises(ValueError, match="at the bottom"):
        Broken.apply(leaf(1), 50).sum().backward()
    assert torch.is_grad_enabled()
    (leaf(1) * 2).sum().backward()  # the depth is counted back


def test_a_function_that_saves_nothing_runs_twice():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(1)
    y = Double.apply(x).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4]
    z = Kept.apply(x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        z.backward()
    with pytest.raises(
        RuntimeError, match="directly access saved tensors after they have already been freed"
    ):
        z.grad_fn.next_functions[0][0].saved_tensors  # noqa: B018


def test_hooks_are_told_of_results_that_nothing_used():
    class Pair(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, g, h):
            return g + h

    for pair in (Pair.apply, lambda x: x.chunk(2), lambda x: x.unbind()):
        used, unused = pair(leaf(1, 2))
        seen: list = []
        unused.register_hook(seen.append)
        unused.retain_grad()
        used.sum().backward()
        assert seen == [None] and unused.grad is None
    x = leaf(1, 2)
    used, unused = Pair.apply(x)
    unused.register_hook(lambda g: torch.full((2,), 5.0, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="can't replace a None gradient with a non-None value"):
        used.sum().backward()
