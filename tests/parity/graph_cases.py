"""Calls that look at what nodes have saved, and blocks of torch.autograd.graph: of both libraries."""

from __future__ import annotations

from typing import Any


def leaf(lib: Any, *values: float) -> Any:
    return lib.tensor(list(values), requires_grad=True)


def product(lib: Any) -> Any:
    return leaf(lib, 1.0, 2.0) * leaf(lib, 3.0, 4.0)


def identity(value: Any) -> Any:
    return value


# ---- what is saved, by name -------------------------------------------------------------------------------


def saved_operands(lib):
    x, y = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    node = (x * y).grad_fn
    return (
        node._saved_self is x,
        node._saved_other is y,
        [n for n in dir(node) if n.startswith(("_saved", "_raw"))],
    )


def saved_of_one_operand(lib):
    node = (leaf(lib, 1.0, 2.0) * lib.tensor([1.0, 2.0])).grad_fn
    return node._saved_self, node._saved_other


def saved_result(lib):
    x = leaf(lib, 1.0, 2.0).exp()
    saved = x.grad_fn._saved_result
    return saved, saved is x, saved.grad_fn is x.grad_fn


def saved_numbers(lib):
    x = leaf(lib, 1.0, 2.0)
    total = x.sum(0)
    return (
        tuple(total.grad_fn._saved_self_sym_sizes),
        (x**2).grad_fn._saved_exponent,
        (x**2).grad_fn._saved_self,
    )


def saved_freed(lib):
    x = product(lib)
    x.sum().backward()
    return x.grad_fn._saved_self


def saved_written(lib):
    x = leaf(lib, 1.0) * 1
    y = x * x
    x.add_(1)
    return y.grad_fn._saved_self


def saved_unknown(lib):
    return product(lib).grad_fn._saved_foo


def hooks_after_the_fact(lib):
    x, y, calls = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0), []
    z = x * y

    def pack(value):
        calls.append("pack")
        return value * 2

    def unpack(value):
        calls.append("unpack")
        return value

    z.grad_fn._raw_saved_self.register_hooks(pack, unpack)
    z.sum().backward()
    return calls, x.grad, y.grad


def hooks_twice(lib):
    x = product(lib)  # PyTorch's saved tensor does not keep its node
    saved = x.grad_fn._raw_saved_self
    saved.register_hooks(identity, identity)
    saved.register_hooks(identity, identity)


def hooks_of_nothing(lib):
    x = leaf(lib, 1.0) * lib.ones(1)
    x.grad_fn._raw_saved_self.register_hooks(identity, identity)


def hooks_of_freed(lib):
    x = product(lib)
    saved = x.grad_fn._raw_saved_self
    x.sum().backward()
    saved.register_hooks(identity, identity)


def hooks_not_callable(lib):
    x = product(lib)
    x.grad_fn._raw_saved_self.register_hooks(1, identity)


def hook_that_writes(lib):
    x = product(lib)
    x.grad_fn._raw_saved_self.register_hooks(lambda t: t.mul_(2), identity)


def hook_that_writes_in_block(lib):
    with lib.autograd.graph.saved_tensors_hooks(lambda t: t.mul_(2), identity):
        return product(lib)


def hooks_see(lib):
    seen = []

    def pack(value):
        seen.append(lib.is_grad_enabled())
        return value

    with lib.autograd.graph.saved_tensors_hooks(pack, identity):
        return product(lib), seen


def hooks_of_functions(lib):
    class Twice(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return ctx.saved_tensors[0] * g

    x = leaf(lib, 3.0)
    y = Twice.apply(x)
    (saved,) = y.grad_fn._raw_saved_tensors
    saved.register_hooks(lambda t: t * 5, identity)
    y.backward()
    return x.grad


# ---- blocks ----------------------------------------------------------------------------------------------


def disabled(lib):
    graph = lib.autograd.graph
    with graph.disable_saved_tensors_hooks("no"), graph.saved_tensors_hooks(identity, identity):
        pass


def disabled_within(lib):
    graph = lib.autograd.graph
    with graph.saved_tensors_hooks(identity, identity), graph.disable_saved_tensors_hooks("no"):
        pass


def disabled_nested(lib):
    graph = lib.autograd.graph
    with graph.disable_saved_tensors_hooks("outer"):
        with graph.disable_saved_tensors_hooks("inner"):
            pass
        with graph.save_on_cpu():
            pass


def enabled_again(lib):
    with lib.autograd.graph.disable_saved_tensors_hooks("no"):
        pass
    with lib.autograd.graph.save_on_cpu():
        x = leaf(lib, 3.0)
        y = x * x
    y.backward()
    return x.grad


def mutation(lib):
    with lib.autograd.graph.allow_mutation_on_saved_tensors() as context:
        a = leaf(lib, 2.0, 3.0)
        b = a.clone()
        c = (b**2).sum()
        b.sin_()
        counts = len(context.cloned), len(context.original)
        c.backward()
    return a.grad, counts


def mutation_of_views_and_second(lib):
    with lib.autograd.graph.allow_mutation_on_saved_tensors():
        a = leaf(lib, 2.0, 3.0)
        b = a * a
        c = (b * b).sum()
        b[0].mul_(5)
        (first,) = lib.autograd.grad(c, a, create_graph=True)
        return first, lib.autograd.grad(first.sum(), a)


def mutation_of_leaves(lib):
    with lib.autograd.graph.allow_mutation_on_saved_tensors():
        a = leaf(lib, 2.0, 3.0)
        c = (a * a).sum()
        with lib.no_grad():
            a.mul_(10)
        (first,) = lib.autograd.grad(c, a, create_graph=True)
        return first, lib.autograd.grad(first.sum(), a)


def mutation_left(lib):
    with lib.autograd.graph.allow_mutation_on_saved_tensors():
        c = (leaf(lib, 2.0) ** 2).sum()
    c.backward()


def mutation_cleared(lib):
    with lib.autograd.graph.allow_mutation_on_saved_tensors() as context:
        c = (leaf(lib, 2.0) ** 2).sum()
        context.clear()
        c.backward()


def mutation_nested(lib):
    block = lib.autograd.graph.allow_mutation_on_saved_tensors
    with block(), block():
        pass


def versions(lib):
    a, b = lib.ones(2), lib.ones(2)
    lib.autograd.graph.increment_version(a)
    lib.autograd.graph.increment_version([a, b])
    return a._version, b._version


def version_of_saved(lib):
    a = leaf(lib, 1.0)
    b = a * a
    lib.autograd.graph.increment_version(a)
    b.backward()


def version_of_no_tensor(lib):
    lib.autograd.graph.increment_version(3)


SAVED = [
    saved_operands,
    saved_of_one_operand,
    saved_result,
    saved_numbers,
    saved_freed,
    saved_written,
    saved_unknown,
    hooks_after_the_fact,
    hooks_twice,
    hooks_of_nothing,
    hooks_of_freed,
    hooks_not_callable,
    hook_that_writes,
    hook_that_writes_in_block,
    hooks_see,
    hooks_of_functions,
    disabled,
    disabled_within,
    disabled_nested,
    enabled_again,
    mutation,
    mutation_of_views_and_second,
    mutation_of_leaves,
    mutation_left,
    mutation_cleared,
    mutation_nested,
    versions,
    version_of_saved,
    version_of_no_tensor,
]
