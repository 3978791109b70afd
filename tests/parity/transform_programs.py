"""Programs of transforms that write, that switch recording off, and that nest: `program(torch, x) -> tensors`.

`x` is a float64 matrix (2, 3). What PyTorch refuses is refused here with the same type of exception.
"""

from __future__ import annotations

from typing import Any

PROGRAMS: dict[str, Any] = {}


def program(function: Any) -> Any:
    """List a program by its name."""
    PROGRAMS[function.__name__] = function
    return function


# ---- captured tensors are not written --------------------------------------------------------------------------

WRITES: dict[str, Any] = {
    "add": lambda t, y, b: y.add_(b), "constant": lambda t, y, b: y.add_(1), "copy": lambda t, y, b: y.copy_(b),
    "detached": lambda t, y, b: y.copy_(b.detach()), "item": lambda t, y, b: y.__setitem__(0, b[0]),
    "view": lambda t, y, b: y.view(-1).mul_(b.view(-1)), "data": lambda t, y, b: y.data.add_(b),
    "index_add": lambda t, y, b: y.index_add_(0, t.tensor([0, 1]), b), "fill": lambda t, y, b: y.fill_(2.0),
    "masked_fill": lambda t, y, b: y.masked_fill_(b > 1, 3.0), "out": lambda t, y, b: t.add(b, 1, out=y),
    "zero": lambda t, y, b: y.zero_(),
}  # fmt: skip


def captured(name: str, transform: str) -> Any:
    def run(t: Any, x: Any) -> Any:
        y = x.clone()

        def f(b: Any) -> Any:
            WRITES[name](t, y, b)
            return (b * b).sum()

        if transform == "jvp":
            return t.func.jvp(f, (x,), (x,)), y
        if transform == "no_grad":
            with t.no_grad():
                return t.func.grad(f)(x), y
        return getattr(t.func, transform)(f)(x), y

    return run


for _name in WRITES:
    PROGRAMS[f"captured_{_name}_grad"] = captured(_name, "grad")
for _transform in ("jvp", "jacrev", "jacfwd", "hessian", "no_grad"):
    PROGRAMS[f"captured_add_{_transform}"] = captured("add", _transform)


@program
def captured_by_the_inner(t, x):
    def f(b):
        y = b.clone()
        return t.func.grad(lambda c: (y.mul_(c), (c * c).sum())[1])(b).sum()

    return t.func.grad(f)(x)


@program
def captured_statistics(t, x):
    norm = t.nn.BatchNorm1d(3).double()
    return t.func.grad(lambda b: norm(b).square().sum())(x)


@program
def own_tensors_are_written(t, x):
    def f(b):
        y = t.zeros(2, 3, dtype=b.dtype)
        y.add_(b).mul_(b)
        z = b.clone()
        z[0] = 3.0
        z.data.add_(1)
        return (y + t.func.grad(lambda c: c.clone().mul_(c).sum())(b)).sum() + (z * b).sum()

    return (
        t.func.grad(f)(x),
        t.func.jvp(f, (x,), (x + 1,)),
        t.vmap(t.func.grad(lambda b: f(b.expand(2, 3))))(x),
    )


@program
def escaped_from_another(t, x):
    kept = []
    t.func.grad(lambda b: (kept.append(b.detach().clone()), b.sum())[1])(x)
    return t.func.grad(lambda b: (kept[0].add_(1), b.sum())[1])(x)


@program
def input_of_grad(t, x):
    return t.func.grad(lambda b: b.mul_(2).sum())(x)


@program
def input_of_grad_unrecorded(t, x):
    y = x.clone()

    def f(b):
        with t.no_grad():
            b.mul_(2)
        return b.square().sum()

    return t.func.grad(f)(y), y


@program
def input_of_jvp(t, x):
    y = x.clone()
    return t.func.jvp(lambda b: b.mul_(2).sum(), (y,), (x,)), y


# ---- no_grad ----------------------------------------------------------------------------------------------------


def partly(t: Any, b: Any) -> Any:
    with t.no_grad():
        c = b**2
    return (b * c).sum()


@program
def no_grad_everywhere(t, x):
    f = lambda b: partly(t, b)
    return (
        t.func.grad(f)(x), t.func.jvp(f, (x,), (x,)), t.func.linearize(f, x)[1](x), t.func.jacfwd(f)(x),
        t.func.jacrev(f)(x), t.func.hessian(f)(x), t.func.jacrev(t.func.jacfwd(f))(x),
        t.func.jacfwd(t.func.jacfwd(f))(x), t.func.jacrev(t.func.jacrev(f))(x),
        t.func.grad(lambda b: t.func.jvp(f, (b,), (b,))[1])(x),
    )  # fmt: skip


@program
def no_grad_and_an_outer_graph(t, x):
    w = (x + 1).requires_grad_()

    def f(b):
        with t.no_grad():
            c = w * b
        return (b * c * w).sum()

    slope = t.func.jvp(f, (x,), (x,))[1]
    return slope.detach(), t.autograd.grad(slope, w)[0]


@program
def no_grad_as_decorator(t, x):
    f = t.no_grad()(lambda b: b**2)
    return t.func.jvp(f, (x,), (x,)), t.func.vjp(f, x)[1](x)


@program
def no_grad_of_duals(t, x):
    fw, w = t.autograd.forward_ad, x.clone().requires_grad_()
    with fw.dual_level():
        a = fw.make_dual(x.clone(), x)
        with t.no_grad():
            b = a**2
            for change in (lambda: w.add_(1), lambda: w[0].mul_(2), lambda: w.copy_(x), lambda: w.fill_(2)):
                change()
            flags = t.is_grad_enabled(), w.is_leaf
        with t.set_grad_enabled(False):
            c = a.sin()
        return *fw.unpack_dual(b), *fw.unpack_dual(c), w.detach(), t.tensor(flags)


# ---- dual tensors -----------------------------------------------------------------------------------------------


@program
def duals_in_place(t, x):
    fw, out = t.autograd.forward_ad, []
    changes = (
        lambda d: d.mul_(2), lambda d: d[0].mul_(3), lambda d: d.__setitem__(0, 5.0), lambda d: d.view(-1).sin_(),
        lambda d: d.relu_().add_(d).exp_(), lambda d: d.t()[1:].add_(1).mul_(2),
    )  # fmt: skip
    with fw.dual_level():
        for change in changes:
            d = fw.make_dual(x.clone(), x + 1)
            change(d)
            out += fw.unpack_dual(d)
        d, z = fw.make_dual(x.clone(), x + 1), t.zeros(2, 3, dtype=x.dtype)
        z[1] = d[0]
        out += [*fw.unpack_dual(z), *fw.unpack_dual(d.index_add(0, t.tensor([0]), d[1:]))]
    return out


@program
def dual_of_dual(t, x):
    fw = t.autograd.forward_ad
    with fw.dual_level():
        return fw.make_dual(fw.make_dual(x, x), x)


@program
def duals_through_transforms(t, x):
    fw, w = t.autograd.forward_ad, x.clone().requires_grad_()
    with fw.dual_level():
        d = fw.make_dual(x, x + 1)
        one = fw.unpack_dual(t.func.grad(lambda b: (b**3).sum())(d))
        two = fw.unpack_dual(t.vmap(lambda b: b.sin() * b.sum())(d))
        slope = t.autograd.grad((fw.make_dual(w, x) ** 3).sum(), w, create_graph=True)[0]
        three = fw.unpack_dual(slope)
    return [value.detach() for value in (*one, *two, *three)]


# ---- forms ------------------------------------------------------------------------------------------------------


@program
def nests(t, x):
    f = lambda a: (a.sin() * a).sum()
    grad = t.func.grad
    return (
        grad(lambda a: grad(f)(a).sum())(x), t.vmap(grad(lambda a: t.vmap(lambda b: b.sin())(a).sum()))(x),
        t.func.jvp(lambda a: t.func.vjp(f, a)[1](t.ones((), dtype=a.dtype))[0], (x,), (x,)),
        t.func.vjp(lambda a: t.func.jvp(f, (a,), (a,))[1], x)[1](t.ones((), dtype=x.dtype)),
        t.vmap(t.func.hessian(f))(x), t.func.jacrev(t.vmap(lambda a: a**2))(x),
        t.vmap(t.func.jacfwd(lambda a: a.cumsum(0) * a))(x), t.func.linearize(grad(f), x)[1](x),
        t.func.grad(t.func.functionalize(lambda a: a.clone().add_(1).mul_(a).sum()))(x),
        t.func.jacrev(lambda a: a**2, chunk_size=2, _preallocate_and_copy=True)(x),
    )  # fmt: skip


@program
def trees(t, x):
    return (
        t.vmap(lambda d, e: d["a"][0] * e + d["a"][1], in_dims=({"a": (1, None)}, 0))({"a": (x, x[:, 0])}, x[0]),
        t.vmap(lambda a: {"p": a, "q": (a * 2, a.sum())}, out_dims={"p": 1, "q": (0, 0)})(x),
        t.func.grad(lambda d: (d["x"][0] * d["x"][1]).sum())({"x": [x, x]}),
        t.func.jacfwd(lambda a: [a, {"two": a * 2}])(x),
        t.func.jvp(lambda d: {"o": d["x"] * 2}, ({"x": x},), ({"x": x},)),
    )  # fmt: skip


@program
def unwrapped(t, x):
    return t.func.grad(lambda b: (t.func.debug_unwrap(b) * b).sum())(x)


REFUSED = {
    "aux": lambda t, x: t.func.grad_and_value(lambda b: (b.sum(), 3), has_aux=True)(x),
    "complex": lambda t, x: t.func.grad(lambda b: (b * 1j).sum())(x),
    "cotangents": lambda t, x: t.func.vjp(lambda b: (b, b), x)[1](x, x),
    "integers": lambda t, x: t.func.jvp(lambda b: b * 2, (x.long(),), (x.long(),)),
    "unwrap": lambda t, x: t.func.debug_unwrap(3),
    "bool_dim": lambda t, x: t.vmap(lambda b: b.sum(), in_dims=True)(x),
    "one_hot": lambda t, x: t.vmap(t.nn.functional.one_hot)(x.long()),
    "where": lambda t, x: t.vmap(lambda b: t.where(b > 0))(x),
    "renorm": lambda t, x: t.vmap(lambda i: t.nn.functional.embedding(i, x, max_norm=1.0))(t.tensor([[0], [1]])),
    "instance_norm": lambda t, x: t.vmap(lambda b: t.nn.functional.instance_norm(b, x[0].clone(), x[1].clone()))(
        x.expand(2, 2, 3)[..., None].expand(2, 2, 3, 4)
    ),
    "random": lambda t, x: t.vmap(lambda b: x.clone().random_() * b, randomness="different")(x),
    "bernoulli": lambda t, x: t.vmap(lambda b: x.clone().bernoulli_() * b, randomness="different")(x),
    "data_ptr": lambda t, x: t.vmap(lambda b: b * b.data_ptr())(x),
    "singular": lambda t, x: t.vmap(t.linalg.inv)(t.zeros(2, 3, 3)),
}  # fmt: skip
PROGRAMS.update({f"refused_{name}": call for name, call in REFUSED.items()})
