"""cond, while_loop, fake_quantize and names that are gone: as with PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs

import tritonnn as ours


def outcome(t: Any, call: Callable) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(call(t))
        except Exception as error:
            return type(error)


CALLS: dict[str, Callable[[Any], Any]] = {
    "true": lambda t: t.cond(t.tensor(True), lambda x: x + 1, lambda x: x - 1, (t.ones(2),)),
    "false": lambda t: t.cond(False, lambda x: x + 1, lambda x: x - 1, (t.ones(2),)),
    "a number": lambda t: t.cond(t.tensor(3), lambda x: x + 1, lambda x: x - 1, (t.ones(2),)),
    "no operands": lambda t: t.cond(t.tensor(True), lambda: t.ones(2) + 1, lambda: t.ones(2)),
    "text": lambda t: t.cond("a", lambda x: x, lambda x: x, (t.ones(2),)),
    "two": lambda t: t.cond(t.ones(2), lambda x: x, lambda x: x, (t.ones(2),)),
    "no function": lambda t: t.cond(t.tensor(True), 3, lambda x: x, (t.ones(2),)),
    "no tuple": lambda t: t.cond(t.tensor(True), lambda x: x, lambda x: x, t.ones(2)),
    "no tensors": lambda t: t.cond(t.tensor(True), lambda x: x + 1, lambda x: x - 1, ("a",)),
    "loop": lambda t: t.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (t.tensor(0), t.ones(2))),
    "loop of no function": lambda t: t.while_loop(3, lambda i: (i + 1,), (t.tensor(0),)),
    "rdiv": lambda t: t.tensor([1.0, 2.0]).__rdiv__(2),
    "lstsq": lambda t: t.lstsq(t.ones(2, 2), t.ones(2, 2)),
    "solve": lambda t: t.solve(t.ones(2, 2), t.ones(2, 2)),
    "matrix_rank": lambda t: t.matrix_rank(t.ones(2, 2)),
    "format": lambda t: t.legacy_contiguous_format is t.contiguous_format,
    "zero point": lambda t: t.fake_quantize_per_tensor_affine(t.ones(2), 0.25, 9, 0, 7),
    "limits": lambda t: t.fake_quantize_per_tensor_affine(t.ones(2), 0.25, 0, 8, 7),
    "text as input": lambda t: t.fake_quantize_per_tensor_affine("a", 0.25, 0, 0, 7),
    **{
        f"channels {k}": lambda t, s=s, z=z, d=d, a=a: t.fake_quantize_per_channel_affine(
            t.ones(3) * 0.3, t.ones(s) * 0.25, t.full((3,), z, dtype=getattr(t, d)), a, 0, 7)
        for k, (s, z, d, a) in enumerate([(3, 0, "int32", 0), (3, 0, "float32", 0), (2, 0, "int32", 0),
                                          (3, 0, "int32", 1), (3, 0, "int64", 0), (3, 8, "int32", 0)])
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    got, wanted = outcome(ours, CALLS[name]), outcome(theirs, CALLS[name])
    if isinstance(wanted, type):
        assert isinstance(got, type) and issubclass(got, wanted)
    else:
        assert got == wanted


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("kind", ["float32", "float64", "float16"])
@pytest.mark.parametrize("zero, limits", [(0, (0, 7)), (-1, (-3, 4)), (128, (0, 255))])
def test_rounding(device: str, kind: str, zero: int, limits: tuple) -> None:
    """Numbers and gradients, of halves of steps, too."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=200) * 3, np.arange(-20, 20) * 0.125, [np.nan, np.inf, -9.0]])
    results = []
    for t, place in ((ours, device), (theirs, "cpu")):
        x = t.tensor(values.tolist(), dtype=getattr(t, kind)).to(place).requires_grad_()
        y = t.fake_quantize_per_tensor_affine(x, 0.25, zero, *limits)
        (y * 2).sum().backward()
        scale, zeros = (
            t.tensor([0.25, 0.5, 1.0], device=place),
            t.full((3,), zero, dtype=t.int32, device=place),
        )
        channels = t.fake_quantize_per_channel_affine(x.detach()[:240].view(80, 3), scale, zeros, 1, *limits)
        results.append([str(y.dtype), y.tolist(), x.grad.tolist(), channels.tolist()])
    for got, wanted in zip(results[0][1:], results[1][1:], strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert results[0][0] == results[1][0]
