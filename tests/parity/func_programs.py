"""Programs with function transforms, written once for both libraries: `program(torch, arrays) -> tensors`."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(0)


def given(*shapes: Any) -> list[np.ndarray]:
    return [RNG.standard_normal(shape).astype(np.float64) for shape in shapes]


def mlp(t: Any, params: dict, x: Any) -> Any:
    return t.nn.functional.linear((x @ params["w1"].T + params["b1"]).tanh(), params["w2"], params["b2"])


def mlp_params(values: list) -> dict:
    return dict(zip(["w1", "b1", "w2", "b2"], values, strict=True))


MLP = ((5, 3), (5,), (2, 5), (2,))


def per_sample_gradients(t, w1, b1, w2, b2, x, y):
    params = mlp_params([w1, b1, w2, b2])
    loss = lambda p, a, b: t.nn.functional.mse_loss(mlp(t, p, a), b)
    return t.func.vmap(t.func.grad_and_value(loss), in_dims=(None, 0, 0))(params, x, y)


def cross_entropy_gradients(t, w1, b1, w2, b2, x):
    params = mlp_params([w1, b1, w2, b2])
    target = t.tensor([0, 1, 1, 0])
    loss = lambda p, a, b: t.nn.functional.cross_entropy(mlp(t, p, a)[None], b[None], label_smoothing=0.1)
    return t.func.vmap(t.func.grad(loss), in_dims=(None, 0, 0))(params, x, target)


def ensembling(t, w, b, x):
    model = lambda p, a: t.nn.functional.linear(a, p[0], p[1]).relu().sum(-1)
    return t.vmap(model, in_dims=(0, None))((w, b), x), t.vmap(model)((w, b), x[:, None])


def maml(t, w1, b1, w2, b2, x, y, x2, y2):
    params = mlp_params([w1, b1, w2, b2])
    loss = lambda p, a, b: ((mlp(t, p, a) - b) ** 2).mean()

    def outer(p, a, b, c, d):
        for _ in range(2):
            slopes = t.func.grad(loss)(p, a, b)
            p = {name: value - 0.1 * slopes[name] for name, value in p.items()}
        return loss(p, c, d)

    def mean(p):
        return t.vmap(outer, in_dims=(None, 0, 0, 0, 0))(p, x, y, x2, y2).mean()

    return t.func.grad(mean)(params)


def tangent_kernel(t, w1, b1, w2, b2, x, z):
    params = mlp_params([w1, b1, w2, b2])
    single = lambda p, a: mlp(t, p, a[None])[0]
    one = t.vmap(t.func.jacrev(single), (None, 0))(params, x)
    two = t.vmap(t.func.jacrev(single), (None, 0))(params, z)
    total = 0
    for name in params:
        total = total + t.einsum("Naf,Mbf->NMab", one[name].flatten(2), two[name].flatten(2))
    return total


def tangent_kernel_by_products(t, w1, b1, w2, b2, x):
    params = mlp_params([w1, b1, w2, b2])
    single = lambda p, a: mlp(t, p, a[None])[0]

    def pair(a, b):
        f = lambda p: single(p, a)
        g = lambda p: single(p, b)
        output, pull = t.func.vjp(f, params)
        size = output.numel()
        eye = t.eye(size, dtype=output.dtype).view(output.shape + (size,))

        def product(v):
            return t.func.jvp(g, (params,), pull(v))[1]

        return t.vmap(product, in_dims=-1)(eye.reshape(output.shape + (size,)))

    return t.vmap(t.vmap(pair, (None, 0)), (0, None))(x, x)


def hessian_vector(t, x, v):
    f = lambda a: (a.sin() * a.flip(0)).sum()
    forward_over_reverse = t.func.jvp(t.func.grad(f), (x,), (v,))[1]
    reverse_over_reverse = t.func.vjp(t.func.grad(f), x)[1](v)[0]
    return forward_over_reverse, reverse_over_reverse


def hessians(t, x):
    f = lambda a: (a.exp() * a.roll(1)).prod(-1).sum()
    h = t.func.hessian(f)(x)
    return (
        h,
        t.func.jacrev(t.func.jacrev(f))(x),
        t.func.jacfwd(t.func.jacfwd(f))(x),
        t.func.jacrev(t.func.jacfwd(f))(x),
    )


def batched_hessian(t, w1, b1, w2, b2, x):
    params = mlp_params([w1, b1, w2, b2])
    return t.vmap(t.func.hessian(lambda a: mlp(t, params, a).sum()))(x)


def jacobians(t, w1, b1, w2, b2, x):
    params = mlp_params([w1, b1, w2, b2])
    f = lambda p, a: mlp(t, p, a)
    both = t.func.jacrev(f, argnums=(0, 1))(params, x)
    return (
        both,
        t.func.jacfwd(f, argnums=(0, 1))(params, x),
        t.func.jacrev(f, argnums=1, chunk_size=3)(params, x),
    )


def jacobian_of_tree(t, x, y):
    f = lambda a, b: {"sum": a + b.sum(), "parts": (a * a, b.prod()[None])}
    return t.func.jacrev(f, (0, 1))(x, y), t.func.jacfwd(f, (0, 1))(x, y)


def aux(t, x):
    f = lambda a: ((a**2).sum(), {"twice": a * 2})
    g = lambda a: (a**3, a.sum())
    return (
        t.func.grad(f, has_aux=True)(x), t.func.grad_and_value(f, has_aux=True)(x), t.func.jacrev(g, has_aux=True)(x),
        t.func.jacfwd(g, has_aux=True)(x), t.func.jvp(g, (x,), (x,), has_aux=True), t.func.vjp(g, x, has_aux=True)[2],
    )  # fmt: skip


def linearized(t, x, v):
    value, push = t.func.linearize(lambda a: (a.sin() * a).cumsum(0), x)
    return value, push(v), push(2 * v)


def dims(t, x, y):
    f = lambda a, b: (a * b, a.sum() + b)
    return (
        t.vmap(f, in_dims=(1, None))(x, y), t.vmap(f, in_dims=(-1, None), out_dims=(1, 0))(x, y),
        t.vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 1, "b": None},))({"a": x, "b": y}),
        t.vmap(lambda a: (a.sum(), y), out_dims=(0, None))(x),
        t.vmap(lambda a, *, k: a + k)(x, k=x), t.vmap(f, chunk_size=2, in_dims=(0, None))(x, x[0, 0]),
    )  # fmt: skip


def nested(t, x, y):
    outer = t.vmap(t.vmap(lambda a, b: a * b, (0, None)), (None, 0))(x[0], y)
    twice = t.vmap(t.vmap(lambda a: a.softmax(-1).max(-1), in_dims=1, out_dims=-1))(
        x[None].expand(2, *x.shape)
    )
    return outer, tuple(twice), t.vmap(t.vmap(t.func.grad(lambda a: a.sin())))(x)


def modules(t, image, x, q, k, v):
    conv = t.nn.functional.conv2d
    w, b = image[:, :2, :3, :3].contiguous(), image[:4, 0, 0, 0]
    norm = lambda a: t.nn.functional.layer_norm(a, a.shape[-1:], k[0, 0, 0], v[0, 0, 0])
    return (
        t.vmap(lambda a: conv(a[None], w, b, padding=1))(image),
        t.vmap(lambda a, c: conv(a[None], c[None], stride=2))(image, image[:, :, :3, :3]),
        t.vmap(lambda c: conv(image, c[None]))(image[:, :, :3, :3]),
        t.vmap(lambda a: t.nn.functional.max_pool2d(a, 2))(image),
        t.vmap(lambda a: t.nn.functional.batch_norm(a[None], x[0, :2], x[1, :2] ** 2, training=False))(image),
        t.vmap(lambda a: t.nn.functional.group_norm(a[None], 2))(image),
        t.vmap(norm)(q), t.vmap(t.nn.functional.scaled_dot_product_attention)(q, k, v),
        t.vmap(lambda a: t.nn.functional.scaled_dot_product_attention(a, k[0], v[0], is_causal=True))(q),
        t.vmap(lambda a: t.nn.functional.embedding(t.tensor([1, 0, 1]), a))(q[:, 0]),
    )  # fmt: skip


def convolution_gradients(t, image, w):
    loss = lambda c, a: t.nn.functional.conv2d(a[None], c, padding=1).tanh().sum()
    return t.vmap(t.func.grad(loss), (None, 0))(w, image), t.func.jacrev(lambda c: loss(c, image[0]))(w)


def in_place(t, x):
    def f(a):
        b = a.clone()
        b[0] = 5.0
        b[1:] += a[:-1]
        b.mul_(2)
        c = t.zeros_like(a)
        c[-1] = a.sum()
        return b, c, a.new_zeros(2).add_(a[0])

    return t.vmap(f)(x), t.vmap(t.func.grad(lambda a: f(a)[0].prod() + f(a)[1].sum()))(x)


def indexing(t, x):
    i = t.tensor([[0, 2], [1, 1], [2, 0], [1, 2]])
    return (
        t.vmap(lambda a, j: a[j])(x, i), t.vmap(lambda a: a[i])(x), t.vmap(lambda j: x[0][j])(i),
        t.vmap(lambda a, j: a.gather(0, j))(x, i), t.vmap(lambda a, j: a.index_add(0, j, a[:2]))(x, i),
        t.vmap(lambda a, j: a.index_select(0, j))(x, i), t.vmap(lambda a, j: a.scatter(0, j, 1.0))(x, i),
        t.vmap(lambda a: t.where(a > 0, a, 0.0))(x), t.vmap(lambda a, j: t.index_put(a, (j,), a[:2], True))(x, i),
    )  # fmt: skip


def single_indices(t, x):
    """Of each sample one place: numbers of no dimension that no program reads."""
    i, j, v = t.tensor([1, -1, 0, 1]), t.tensor([0, 2, 1, 1]), t.tensor([1, 0])
    y = x[None, :, None] * t.arange(1.0, 4)[:, None, None, None]

    def write(a, k):
        a = a.clone()
        a[k] = 7.0
        a[0, k] += 1.0
        return a

    subscripts = (
        lambda i, j: y[i, j], lambda i, j: y[i][j], lambda i, j: y[i, :2], lambda i, j: y[:, j], lambda i, j: y[..., i],
        lambda i, j: y[None, i], lambda i, j: y[i, :, 0, v], lambda i, j: y[i, :, 0, j], lambda i, j: y[0, j, :, None],
    )  # fmt: skip
    return (
        *(t.vmap(f)(i, j) for f in subscripts),
        t.vmap(lambda a, k: a[k])(x, j),
        t.vmap(write)(x[:, None].expand(4, 2, 3), i),
        t.vmap(t.vmap(lambda i, j: x[i, j], (None, 0)), (0, None))(i, j),
    )


def captured(t, x, w):
    w = w.clone().requires_grad_()
    slopes = t.func.grad(lambda a: (a**2 * w).sum())(x)
    return slopes.detach(), t.autograd.grad(slopes.sum(), w)[0], slopes.requires_grad and t.ones(1)


def outer_graph(t, x):
    x = x.clone().requires_grad_()
    slopes = t.func.grad(lambda a: (a**3).sum())(x)
    return slopes.detach(), t.autograd.grad(slopes.sum(), x)[0], t.vmap(lambda a: a.exp())(x).detach()


def dual(t, x, v):
    fw = t.autograd.forward_ad
    with fw.dual_level():
        a = fw.make_dual(x, v)
        parts = fw.unpack_dual((a.sin() * a).cumsum(0)), fw.unpack_dual(a @ v), fw.unpack_dual(a.relu())
    return [tuple(p) for p in parts]


def module_state(t, x):
    t.manual_seed(0)
    nets = [t.nn.Linear(3, 2).double() for _ in range(3)]
    for number, net in enumerate(nets):
        for p in net.parameters():
            with t.no_grad():
                p.copy_(t.arange(p.numel(), dtype=t.float64).view(p.shape) * 0.1 + number)
    params, buffers = t.func.stack_module_state(nets)
    params = {name: p.detach() for name, p in params.items()}
    run = lambda p, b, a: t.func.functional_call(nets[0], (p, b), (a,))
    out = t.vmap(run, in_dims=(0, 0, None))(params, buffers, x)
    return out.detach(), t.vmap(t.func.grad(lambda p, a: run(p, {}, a).square().sum()), (0, None))(params, x)


def no_grad(t, x):
    def f(a):
        with t.no_grad():
            c = a**2
        return (a * c).sum()

    with t.no_grad():
        outer = t.func.grad(lambda a: (a**2).sum())(x)
    return t.func.grad(f)(x), outer


PROGRAMS: dict[str, tuple[Any, list[np.ndarray]]] = {
    "per_sample_gradients": (per_sample_gradients, given(*MLP, (4, 3), (4, 2))),
    "cross_entropy_gradients": (cross_entropy_gradients, given(*MLP, (4, 3))),
    "ensembling": (ensembling, given((4, 2, 3), (4, 2), (4, 3))),
    "maml": (maml, given(*MLP, (6, 4, 3), (6, 4, 2), (6, 4, 3), (6, 4, 2))),
    "tangent_kernel": (tangent_kernel, given(*MLP, (3, 3), (2, 3))),
    "tangent_kernel_by_products": (tangent_kernel_by_products, given(*MLP, (2, 3))),
    "hessian_vector": (hessian_vector, given((4,), (4,))),
    "hessians": (hessians, given((2, 3))),
    "batched_hessian": (batched_hessian, given(*MLP, (4, 3))),
    "jacobians": (jacobians, given(*MLP, (4, 3))),
    "jacobian_of_tree": (jacobian_of_tree, given((3,), (2,))),
    "aux": (aux, given((3,))),
    "linearized": (linearized, given((3,), (3,))),
    "dims": (dims, given((3, 3), (3,))),
    "nested": (nested, given((4, 3), (3,))),
    "modules": (modules, given((4, 2, 5, 5), (4, 3), (4, 2, 3, 6), (4, 2, 3, 6), (4, 2, 3, 6))),
    "convolution_gradients": (convolution_gradients, given((4, 2, 5, 5), (3, 2, 3, 3))),
    "in_place": (in_place, given((4, 3))),
    "indexing": (indexing, given((4, 3))),
    "single_indices": (single_indices, given((4, 3))),
    "captured": (captured, given((3,), (3,))),
    "outer_graph": (outer_graph, given((3,))),
    "dual": (dual, given((3,), (3,))),
    "module_state": (module_state, given((5, 3))),
    "no_grad": (no_grad, given((3,))),
}
