"""Values and gradients of elementwise functions at NaN, infinities, signed zeros, kinks and the ends of the range.

Every operand runs through all corners, in all combinations. PyTorch's vector code, its code of single numbers and its
float64 code differ at some (NaN mostly); an element has to be what one of them gives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_ops import counterpart, outcome, reference_tensors, to_reference, values_of
from support import Make, array, mapped, ops, tensors
from unspecified import POLYNOMIALS

import tritonnn as torch
from tritonnn.ops._table import Op, Sample

NAN, INF = float("nan"), float("inf")
FEW = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 2.0]
ENDS = ["max", "tiny", "smallest_subnormal"]
MORE = [0.5, -0.5, 3.0, -3.0, -2.0, 2.5, 6.0, 20.0, 21.0, -20.0, 100.0, -100.0]

UNDEFINED_HERE = ["airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", *POLYNOMIALS]
ANY: Callable = lambda *x: True
BEYOND = "beyond the largest number in a step that PyTorch's fused multiply-add leaves out"
LIMIT = "PyTorch's is NaN at infinity; ours is the limit"
POLES = "PyTorch's trigamma has rough values at poles, where ours is infinite"
# op -> (operands whose result is left open, why)
OPEN: dict[str, tuple[Callable, str]] = {
    **dict.fromkeys(("add", "sub", "rsub"), (lambda *x: any(abs(v) > 1e38 for v in x), BEYOND)),
    **dict.fromkeys(
        ("fmod", "remainder"), (lambda x, y=0: abs(x) > 1e38, "PyTorch's is NaN; ours is the exact remainder")
    ),
    **dict.fromkeys(UNDEFINED_HERE, (ANY, "as tests/parity/unspecified.py says")),
    **dict.fromkeys(
        ("i0", "zeta", "gelu", "modified_bessel_i0", "modified_bessel_i1"), (lambda *x: any(np.isinf(x)), LIMIT)),
    **dict.fromkeys(
        ("i1", "i1e"), (lambda x: not np.isfinite(x), LIMIT + "; its slope at NaN is 1/2, ours NaN")
    ),
    **dict.fromkeys(
        ("digamma", "polygamma_of_order"), (lambda x: np.isinf(x) or (x < 0 and x == round(x)), POLES)
    ),
    "isclose": (
        lambda x, y: 0.09 < max(abs(x), abs(y)) < 0.11,
        "PyTorch rounds the difference and the limit to half precision",
    ),
    "mvlgamma": (lambda x: x == 0, "PyTorch adds 0 to -0 before it takes the slope"),
    "polar": (ANY, "PyTorch's slope divides by the result, wrong where that is 0 or the magnitude negative"),
    "xlog1py": (lambda x, y=0: x == 0 and (y == -1 or y == INF), "the slope where 0 times infinity is 0"),
    "poisson_nll_loss": (lambda x, y: y <= 0, "PyTorch's slope of what is left out is 0 times NaN"),
}  # fmt: skip
# op -> (how far off results may be, relatively, why)
ROUGH = {
    "nextafter": (0.0, "one step, in the type of the result"),
    "erfcx": (3e-3, "its slope cancels far from 0"),
    "log_ndtr": (1e-3, "PyTorch's slope cancels far below 0"),
    "gelu": (2e-4, "PyTorch's error function is that of its precision next to 1"),
}


def operands(sample: Sample, dtype: Any, device: str) -> Sample | None:
    """The sample with its floating tensors running through all combinations of corners."""
    floats = {id(t): t for t in tensors(sample) if t.dtype.is_floating_point}
    if not floats:
        return None
    info = np.finfo(dtype.np)
    ends = [float(getattr(info, name)) for name in (ENDS if len(floats) < 3 else ())]
    given = [a for a in (*sample.args, *sample.kwargs.values()) if type(a) in (int, float)]
    values = [
        *FEW,
        *(MORE if len(floats) == 1 else ()),
        *ends,
        *[-e for e in ends],
        *given,
        *[-a for a in given],
    ]
    corners = [float(v) for v in dict.fromkeys(repr(float(v)) for v in values)]
    mesh = np.meshgrid(*[np.array(corners, dtype.np)] * len(floats), indexing="ij")
    grids = dict(zip(floats, mesh, strict=True))

    def spread(t: Any) -> Any:
        if id(t) in grids:
            return torch.from_numpy(grids[id(t)].reshape(-1).copy()).to(device).requires_grad_()
        flat = t.cpu().numpy().reshape(-1)
        return torch.from_numpy(np.resize(flat, mesh[0].size)).to(device)

    return mapped(sample, spread)


def ours(function: Callable, sample: Sample) -> list:
    """The values, and the gradient of each floating operand."""
    result = next(iter(tensors(function(*sample.args, **sample.kwargs))))
    leaves = [t for t in tensors(sample) if t.requires_grad]
    if not result.requires_grad:
        return [array(result)]
    grads = torch.autograd.grad(result, leaves, torch.ones_like(result), allow_unused=True)
    return [array(result), *[np.zeros(result.shape) if g is None else array(g) for g in grads]]


def theirs(function: Callable, sample: Sample, change: Callable = lambda t: t) -> list:
    def walk(value: Any) -> Any:
        if not isinstance(value, reference.Tensor):
            return value
        return change(value.detach()).clone().requires_grad_(value.requires_grad)

    args = [walk(to_reference(a)) for a in sample.args]
    kwargs = {key: walk(to_reference(a)) for key, a in sample.kwargs.items()}
    result = reference_tensors(function(*args, **kwargs))[0]
    leaves = [t for t in reference_tensors([*args, *kwargs.values()]) if t.requires_grad]
    if not result.requires_grad:
        return [values_of(result)]
    grads = reference.autograd.grad(result, leaves, reference.ones_like(result), allow_unused=True)
    return [values_of(result), *[np.zeros(tuple(result.shape)) if g is None else values_of(g) for g in grads]]


def unlike(a: Any, b: Any, rough: float) -> Any:
    if np.asarray(a).dtype.kind not in "fc":
        return a != b
    with np.errstate(all="ignore"):
        same = (np.isnan(a) & np.isnan(b)) | (a == b)
        near = np.isfinite(a) & np.isfinite(b) & (np.abs(a - b) <= rough * np.maximum(np.abs(b), 1e-2))
        return ~(same | near)


def hold(name: str, function: Callable, peer: Callable, sample: Sample, dtype: Any) -> None:
    wanted = outcome(lambda: theirs(peer, sample))
    got = outcome(lambda: ours(function, sample))
    if isinstance(wanted, Exception):
        return  # of these operands there is no result or no gradient; errors have tests of their own
    assert not isinstance(got, Exception), f"{got!r}, PyTorch has a result"
    rough = ROUGH.get(name, (2e-5 if dtype is torch.float32 else 2e-2,))[0]
    points = [array(t) for t in tensors(sample) if t.requires_grad]
    left_open = OPEN.get(name, (lambda *x: False, ""))[0]
    for k, (a, b) in enumerate(zip(got, wanted, strict=True)):
        for i in np.flatnonzero(unlike(a, b, rough)):
            if left_open(*[float(p[i]) for p in points]):
                continue
            one = theirs(peer, sample, lambda t, i=i: t[i])[k]
            wide = theirs(peer, sample, lambda t, i=i: t[i].double() if t.is_floating_point() else t[i])[k]
            with np.errstate(over="ignore"):
                wide = wide.astype(dtype.np).astype(a.dtype)
            assert not (unlike(a[i], one, rough) and unlike(a[i], wide, rough)), (
                f"{'gradient of operand ' + str(k - 1) if k else 'value'} at {[p[i] for p in points]}: "
                f"{a[i]}, PyTorch {b[i]}, of one number {one}, in float64 {wide}\n{sample.args} {sample.kwargs}"
            )


def peer_of(op: Op) -> Any:
    return counterpart(op) or (
        getattr(reference.nn.functional, op.public_name, None) if op.family == "activation" else None
    )


ELEMENTWISE = [
    op
    for op in ops()
    if (op.result_rule is not None or op.family in ("elementwise", "activation")) and peer_of(op) is not None
]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["float32", "float16"])
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in ELEMENTWISE])
def test_corners(op: Op, dtype: Any, device: str) -> None:
    if dtype not in op.dtypes or op.host:
        pytest.skip("not of this dtype")
    known = set()
    for sample in op.samples(Make(op.name, "cpu", dtype)):
        options = repr([a for a in (*sample.args, *sample.kwargs.items()) if not isinstance(a, torch.Tensor)])
        if (options, len(sample.args)) in known:
            continue
        known.add((options, len(sample.args)))
        made = operands(sample, dtype, device)
        if made is not None:
            hold(op.name, op.function, peer_of(op), made, dtype)


LOSSES: dict[str, list[dict[str, Any]]] = {
    "mse_loss": [{}],
    "l1_loss": [{}],
    "smooth_l1_loss": [{}, {"beta": 2.0}, {"beta": 0.0}],
    "huber_loss": [{}, {"delta": 2.0}],
    "binary_cross_entropy_with_logits": [{}],
    "kl_div": [{}, {"log_target": True}],
    "poisson_nll_loss": [{}, {"log_input": False}, {"full": True}],
    "gaussian_nll_loss": [{"var": 1.5}],
}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", LOSSES)
def test_corners_of_losses(name: str, device: str) -> None:
    pair = torch.zeros(1), torch.ones(1)
    for options in LOSSES[name]:
        made = operands(Sample(*pair, reduction="none", **options), torch.float32, device)
        functions = (getattr(module.nn.functional, name) for module in (torch, reference))
        hold(name, *functions, made, torch.float32)


def test_what_is_left_open_is_of_the_table() -> None:
    names = {op.name for op in ELEMENTWISE} | set(LOSSES)
    assert set(OPEN) | set(ROUGH) <= names
    assert all(inspect.isfunction(row[0]) and row[1] for row in OPEN.values())
