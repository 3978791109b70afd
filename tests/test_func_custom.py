"""Custom functions inside of function transforms: rules for batches that are generated, or their own, and `jvp`."""

from __future__ import annotations

from test_func import close, normal

import tritonnn as torch
from tritonnn.func import grad, jacfwd, jacrev, jvp, vmap


class Scaled(torch.autograd.Function):
    """sin(x) w, whose derivatives are marked: those forwards are twice, those backwards three times the right ones."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, w):
        return x.sin() * w

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return 3 * g * x.cos() * w, 3 * g * x.sin()

    @staticmethod
    def jvp(ctx, a, b):
        x, w = ctx.saved_tensors
        return 2 * (a * x.cos() * w + b * x.sin())


def test_custom_function_with_generated_rule():
    x, w = normal(3), normal(4, 3, seed=1)
    close(vmap(Scaled.apply, (None, 0))(x, w), x.sin() * w)
    one = vmap(grad(lambda a, b: Scaled.apply(a, b).sum(), argnums=(0, 1)), (None, 0))(x, w)
    close(one[0], 3 * x.cos() * w)
    close(one[1], (3 * x.sin()).expand(4, 3))
    close(grad(lambda a: vmap(Scaled.apply, (None, 0))(a, w).sum())(x), 3 * x.cos() * w.sum(0))
    close(jvp(Scaled.apply, (x, w[0]), (x, w[0]))[1], 2 * (x * x.cos() * w[0] + w[0] * x.sin()))
    close(vmap(jacfwd(Scaled.apply), (None, 0))(x, w), torch.diag_embed(2 * x.cos() * w))
    close(vmap(jacrev(Scaled.apply), (None, 0))(x, w), torch.diag_embed(3 * x.cos() * w))
    close(vmap(vmap(Scaled.apply))(w[None], w[None]), (w.sin() * w)[None])


def test_custom_function_with_its_own_rule():
    told = []

    class Doubled(Scaled):
        generate_vmap_rule = False

        @staticmethod
        def vmap(info, in_dims, x, w):
            told.append((info.batch_size, info.randomness, in_dims))
            return x.sin().unsqueeze(-1) * w.movedim(0, -1), -1

    x, w = normal(3), normal(4, 3, seed=1)
    got = vmap(lambda a, b: Doubled.apply(a, b), (None, 1), randomness="same")(x, w.T.contiguous())
    close(got, x.sin() * w)
    assert told == [(4, "same", (None, 0))]
