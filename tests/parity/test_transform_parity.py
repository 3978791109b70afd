"""Transforms that write, that switch recording off and that nest; rules for batches of operators and of layers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from parity.test_func_parity import flat
from parity.transform_programs import PROGRAMS

import tritonnn

X = np.array([[1.0, 0.5, 2.0], [0.25, 3.0, 4.0]])


def outcome(library: Any, program: Any, *arrays: np.ndarray) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return flat(program(library, *[library.from_numpy(a.copy()) for a in arrays]))
    except Exception as error:
        return error


def check(program: Any, *arrays: np.ndarray, tolerance: float = 1e-10) -> None:
    """Both libraries give the same, or refuse with the same type."""
    wanted, got = outcome(torch, program, *arrays), outcome(tritonnn, program, *arrays)
    if isinstance(wanted, Exception):
        kind = type(wanted).__name__.lstrip("_")
        assert kind in [base.__name__ for base in type(got).__mro__], (wanted, got)
        return
    if isinstance(got, Exception):
        raise got
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    check(PROGRAMS[name], X)


# ---- operators that programs define --------------------------------------------------------------------------------


def times(t: Any, x: Any) -> Any:
    name = f"rules{t.__name__}::times"

    @t.library.custom_op(name, mutates_args=(), schema="(Tensor x, Tensor y, float k) -> Tensor")
    def op(x, y, k):
        return x * y + k

    looped = t.vmap(op, in_dims=(0, None, None))(x, x[0], 2.0)
    told = []

    def rule(info: Any, in_dims: Any, x: Any, y: Any, k: float) -> Any:
        told.append((info.batch_size, len(in_dims)))
        x = x.movedim(in_dims[0], 0) if in_dims[0] is not None else x.expand(info.batch_size, *x.shape)
        y = y.movedim(in_dims[1], 0) if in_dims[1] is not None else y.expand(info.batch_size, *y.shape)
        return op(x, y, k).movedim(0, -1), -1

    t.library.register_vmap(name, rule)
    ruled = t.vmap(op, in_dims=(0, None, None))(x, x[0], 2.0), t.vmap(lambda a: op(a, a, 1.0), 1, 1)(x)
    op.register_vmap(lambda info, dims, x, y, k: (op(x, y, k) * 3, 0))
    return looped, ruled, t.vmap(lambda a: op(a, a, 0.0))(x), t.tensor(told)


def writing(t: Any, x: Any) -> Any:
    @t.library.custom_op(f"rules{t.__name__}::twice", mutates_args=("x",), schema="(Tensor(a!) x) -> ()")
    def op(x):
        x.mul_(2)

    @op.register_vmap
    def _(info: Any, in_dims: Any, x: Any) -> Any:
        op(x)
        return None, None

    t.vmap(lambda a: (op(a), a)[1])(x)
    return x


def wrong(t: Any, x: Any) -> Any:
    op = t.library.custom_op(f"rules{t.__name__}::wrong", mutates_args=(), schema="(Tensor x) -> Tensor")(
        lambda x: x * 2
    )
    op.register_vmap(lambda info, dims, x: x)
    return t.vmap(op)(x)


@pytest.mark.parametrize("program", [times, writing, wrong, lambda t, x: t.library.register_vmap(3, times)])
def test_operators(program):
    check(program, X)


# ---- gradcheck -----------------------------------------------------------------------------------------------------


def functions(t: Any) -> dict[str, Any]:
    def custom(forwards: float, backwards: float) -> Any:
        class Square(t.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                ctx.save_for_forward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                return g * backwards * ctx.saved_tensors[0]

            @staticmethod
            def jvp(ctx, v):
                return v * forwards * ctx.saved_tensors[0]

        return Square.apply

    return {
        "inverse": lambda x: t.linalg.inv(x[:, :2] @ x[:, 1:].t()), "in place": lambda x: x.clone().mul_(2).sin_(),
        "two": lambda x: (x * 2, x.sum()), "jvp": custom(3.0, 2.0), "backward": custom(2.0, 3.0),
    }  # fmt: skip


CHECKS: tuple[dict[str, bool], ...] = (
    {"check_forward_ad": True}, {"check_forward_ad": True, "check_backward_ad": False}, {"check_batched_grad": True},
    {"check_forward_ad": True, "fast_mode": True}, {"check_backward_ad": False}, {"check_batched_forward_grad": True},
)  # fmt: skip


@pytest.mark.parametrize("name", ["inverse", "in place", "two", "jvp", "backward"])
@pytest.mark.parametrize("asked", CHECKS, ids=[" ".join(asked) for asked in CHECKS])
def test_gradcheck(name, asked):
    def run(t, x):
        found = t.autograd.gradcheck(
            functions(t)[name], (x.requires_grad_(),), raise_exception=False, **asked
        )
        return t.tensor(found)

    check(run, X)


@pytest.mark.parametrize(
    "asked",
    [
        {"check_fwd_over_rev": True},
        {"check_fwd_over_rev": True, "check_rev_over_rev": False},
        {"check_rev_over_rev": False},
    ],
)
def test_gradgradcheck(asked):
    check(
        lambda t, x: t.tensor(
            t.autograd.gradgradcheck(functions(t)["inverse"], (x.requires_grad_(),), **asked)
        ),
        X,
    )


def test_batched_forward_gradients():
    x = tritonnn.from_numpy(X).requires_grad_()
    assert tritonnn.autograd.gradcheck(
        functions(tritonnn)["inverse"], (x,), check_forward_ad=True, check_batched_forward_grad=True
    )


# ---- recurrent layers, which PyTorch's vmap refuses ------------------------------------------------------------------


def layer(t: Any, kind: str) -> tuple[Any, dict[str, Any]]:
    net = getattr(t.nn, kind)(3, 2, num_layers=2, bidirectional=True, batch_first=True).double()
    params = {
        name: t.linspace(-1, 1, p.numel(), dtype=t.float64).view(p.shape)
        for name, p in net.named_parameters()
    }
    return net, params


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("own", [False, True], ids=["shared weights", "own weights"])
def test_recurrent_layers(kind, own):
    """By one call in tritonnn; by a loop over the samples, and autograd, in PyTorch."""
    x = np.linspace(-1, 1, 2 * 2 * 4 * 3).reshape(2, 2, 4, 3)
    net, params = layer(tritonnn, kind)
    run = lambda p, a: tritonnn.func.functional_call(net, p, (a,))[0].square().sum()
    given = {name: tritonnn.stack([p, p * 0.5]) for name, p in params.items()} if own else params
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slopes = tritonnn.vmap(tritonnn.func.grad(run, argnums=(0, 1)), (0 if own else None, 0))(
            given, tritonnn.from_numpy(x)
        )
    reference, theirs = layer(torch, kind)
    for i in range(2):
        each = {n: (p * 0.5**i if own else p).requires_grad_() for n, p in theirs.items()}
        each = {n: p.detach().requires_grad_() for n, p in each.items()}
        a = torch.from_numpy(x[i]).requires_grad_()
        loss = torch.func.functional_call(reference, each, (a,))[0].square().sum()
        for got, wanted in zip(
            [*[slopes[0][n] for n in each], slopes[1]],
            torch.autograd.grad(loss, [*each.values(), a]),
            strict=True,
        ):
            np.testing.assert_allclose(got[i].numpy(), wanted.numpy(), rtol=1e-9, atol=1e-12)
