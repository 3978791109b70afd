"""Calls of function transforms that PyTorch refuses, written once for both libraries."""

from __future__ import annotations

from typing import Any


class Plain:
    """Custom functions, made of the library under test."""

    def __init__(self, t: Any) -> None:
        class Old(t.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 2

        class New(t.autograd.Function):
            @staticmethod
            def forward(x):
                return x * 2

            @staticmethod
            def setup_context(ctx, inputs, output):
                pass

            @staticmethod
            def backward(ctx, g):
                return g * 2

        class Both(New):
            generate_vmap_rule = True

            @staticmethod
            def vmap(info, in_dims, x):
                return x * 2, 0

        self.Old, self.New, self.Both = Old, New, Both


#: name -> (t, x of shape (2, 3), its functions) -> anything; PyTorch raises
REFUSED: dict[str, Any] = {
    "no_inputs": lambda t, x, f: t.vmap(lambda: x)(),
    "no_tensors": lambda t, x, f: t.vmap(lambda a: a, in_dims=None)(x),
    "none_dims": lambda t, x, f: t.vmap(lambda a: a, in_dims=(None,))(x),
    "structure": lambda t, x, f: t.vmap(lambda a: a, in_dims=(0, 0))(x),
    "list_dims": lambda t, x, f: t.vmap(lambda a: a, in_dims=[0])(x),
    "float_dim": lambda t, x, f: t.vmap(lambda a: a, in_dims=(0.5,))(x),
    "number": lambda t, x, f: t.vmap(lambda a, b: a, in_dims=(0, 0))(x, 3),
    "range": lambda t, x, f: t.vmap(lambda a: a, in_dims=2)(x),
    "negative_range": lambda t, x, f: t.vmap(lambda a: a, in_dims=-3)(x),
    "scalar": lambda t, x, f: t.vmap(lambda a: a)(x[0, 0]),
    "sizes": lambda t, x, f: t.vmap(lambda a, b: a)(x, x.T),
    "returns_number": lambda t, x, f: t.vmap(lambda a: 3)(x),
    "returns_none": lambda t, x, f: t.vmap(lambda a: None)(x),
    "out_none": lambda t, x, f: t.vmap(lambda a: a, out_dims=None)(x),
    "out_structure": lambda t, x, f: t.vmap(lambda a: a, out_dims=(0, 0))(x),
    "out_float": lambda t, x, f: t.vmap(lambda a: (a, a), out_dims=(0, 0.5))(x),
    "out_range": lambda t, x, f: t.vmap(lambda a: a, out_dims=2)(x),
    "randomness": lambda t, x, f: t.vmap(lambda a: a, randomness="maybe")(x),
    "chunks": lambda t, x, f: t.vmap(lambda a: a, chunk_size=0)(x),
    "random": lambda t, x, f: t.vmap(lambda a: a + t.rand(3))(x),
    "dropout": lambda t, x, f: t.vmap(lambda a: t.nn.functional.dropout(a))(x),
    "same_bernoulli": lambda t, x, f: t.vmap(lambda a: t.poisson(a), randomness="same")(x.abs()),
    "unbatched_random": lambda t, x, f: t.vmap(lambda a: x.normal_(), randomness="different")(x),
    "item": lambda t, x, f: t.vmap(lambda a: a.sum().item())(x),
    "condition": lambda t, x, f: t.vmap(lambda a: a if a.sum() > 0 else -a)(x),
    "nonzero": lambda t, x, f: t.vmap(lambda a: t.nonzero(a))(x),
    "mask": lambda t, x, f: t.vmap(lambda a: a[a > 0])(x),
    "numpy": lambda t, x, f: t.vmap(lambda a: a.numpy())(x),
    "write": lambda t, x, f: t.vmap(lambda a: x[0].clone().add_(a))(x),
    "write_copy": lambda t, x, f: t.vmap(lambda a: t.zeros(3).copy_(a))(x),
    "backward": lambda t, x, f: t.vmap(lambda a: a.sum().backward())(x),
    "backward_in_grad": lambda t, x, f: t.func.grad(lambda a: a.sum().backward())(x),
    "requires_grad": lambda t, x, f: t.func.grad(lambda a: a.requires_grad_().sum())(x),
    "requires_grad_vmap": lambda t, x, f: t.vmap(lambda a: a.requires_grad_())(x),
    "grad_no_scalar": lambda t, x, f: t.func.grad(lambda a: a)(x),
    "grad_no_tensor": lambda t, x, f: t.func.grad(lambda a: 3.0)(x),
    "grad_aux": lambda t, x, f: t.func.grad(lambda a: a.sum(), has_aux=True)(x),
    "grad_argnums": lambda t, x, f: t.func.grad(lambda a: a.sum(), argnums=1)(x),
    "grad_argnums_twice": lambda t, x, f: t.func.grad(lambda a, b: a.sum(), argnums=(0, 0))(x, x),
    "grad_argnums_none": lambda t, x, f: t.func.grad(lambda a: a.sum(), argnums=())(x),
    "grad_argnums_float": lambda t, x, f: t.func.grad(lambda a: a.sum(), argnums=0.5)(x),
    "grad_number": lambda t, x, f: t.func.grad(lambda a: a)(3.0),
    "grad_integer": lambda t, x, f: t.func.grad(lambda a: a.sum())(t.arange(3)),
    "vjp_structure": lambda t, x, f: t.func.vjp(lambda a: (a, a), x)[1](x),
    "vjp_shape": lambda t, x, f: t.func.vjp(lambda a: a, x)[1](x[0]),
    "vjp_integer": lambda t, x, f: t.func.vjp(lambda a: a.argmax(), x),
    "vjp_number": lambda t, x, f: t.func.vjp(lambda a: 3, x),
    "vjp_empty": lambda t, x, f: t.func.vjp(lambda a: (), x),
    "jvp_list": lambda t, x, f: t.func.jvp(lambda a: a, [x], [x]),
    "jvp_structure": lambda t, x, f: t.func.jvp(lambda a: a, (x,), (x, x)),
    "jvp_empty": lambda t, x, f: t.func.jvp(lambda: x, (), ()),
    "jvp_strict": lambda t, x, f: t.func.jvp(lambda a: x.sin(), (x,), (x,), strict=True),
    "jvp_number": lambda t, x, f: t.func.jvp(lambda a: 3, (x,), (x,)),
    "jacrev_chunks": lambda t, x, f: t.func.jacrev(lambda a: a, chunk_size=0)(x),
    "functionalize": lambda t, x, f: t.func.functionalize(lambda a: a, remove="all")(x),
    "function_old": lambda t, x, f: t.vmap(f.Old.apply)(x),
    "function_old_grad": lambda t, x, f: t.func.grad(lambda a: f.Old.apply(a).sum())(x),
    "function_none": lambda t, x, f: t.vmap(f.New.apply)(x),
    "function_both": lambda t, x, f: t.vmap(f.Both.apply)(x),
    "dual_no_level": lambda t, x, f: t.autograd.forward_ad.make_dual(x, x),
    "dual_exit": lambda t, x, f: t.autograd.forward_ad.exit_dual_level(),
}  # fmt: skip
