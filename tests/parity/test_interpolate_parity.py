"""interpolate where a scale factor rounds down to a whole ratio, and of bytes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

#: PyTorch's own backward of these is of another rule than its forward, and is not compared: it copies where forward
#: does not (nearest of 1 and 3 dimensions, bicubic), or does not where forward does (antialias)
FORWARD_ONLY = ("nearest 3", "nearest 5", "bicubic 4", "antialias")
CASES = [("nearest", n) for n in (3, 4, 5)] + [("nearest-exact", 4), ("linear", 3), ("bilinear", 4)]
CASES += [("trilinear", 5), ("bicubic", 4)]


def results(library: Any, x: np.ndarray, device: str, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    given = library.tensor(x, device=device, requires_grad=True)
    result = library.nn.functional.interpolate(given, **options)
    (result * library.arange(result.numel(), device=device).reshape(result.shape).sin()).sum().backward()
    return result.detach().cpu().numpy(), given.grad.cpu().numpy()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("mode", "ndim"), CASES)
def test_factors_that_round_down(mode: str, ndim: int, antialias: bool, device: str) -> None:
    if antialias and mode not in ("bilinear", "bicubic"):
        pytest.skip("of these two modes only")
    factors_of = (1.15, 2.1, 1.0, 0.7) if device == "cpu" else (1.15, 2.1)
    for first, last in itertools.product(factors_of, repeat=2):
        x = np.random.default_rng(0).normal(size=(1, 2, *[5, 6, 4][: ndim - 2]))
        factors = ([first] * (ndim - 3)) + [last]
        options: dict[str, Any] = {"mode": mode, "scale_factor": factors}
        options.update({"antialias": True} if antialias else {})
        if mode != "bicubic" or not antialias:
            got, wanted = results(torch, x, device, **options), results(reference, x, "cpu", **options)
            np.testing.assert_allclose(got[0], wanted[0], rtol=1e-5, atol=1e-6)
            if f"{mode} {ndim}" not in FORWARD_ONLY and not antialias:
                np.testing.assert_allclose(got[1], wanted[1], rtol=1e-5, atol=1e-6)


def test_a_copy_and_a_doubling_by_hand() -> None:
    x = torch.arange(5.0)
    assert torch.nn.functional.interpolate(x[None, None], scale_factor=1.15, mode="linear").tolist() == [
        [x.tolist()]
    ]
    image = x.expand(1, 1, 5, 5)
    rows = torch.nn.functional.interpolate(image, scale_factor=2.1)[0, 0, 0]
    assert rows.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
def test_smooth_filters(mode: str, device: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 2, 13, 9))
    for size in ((5, 4), (13, 3), (20, 9), (1, 1), (6, 17)) if device == "cpu" else ((5, 12),):
        options = {"size": size, "mode": mode, "antialias": True}
        got, wanted = results(torch, x, device, **options), results(reference, x, "cpu", **options)
        np.testing.assert_allclose(got[0], wanted[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got[1], wanted[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
def test_smooth_filters_of_many_outputs(mode: str) -> None:
    """Without a gradient they are products with bands of the weights; with one a single product."""
    x = np.random.default_rng(0).normal(size=(2, 3, 100, 121))
    for size in ((60, 70), (49, 7), (230, 300), (48, 97)):
        for layout in ("contiguous_format", "channels_last"):
            got, recorded, wanted = (
                library.nn.functional.interpolate(
                    library.tensor(x).to(memory_format=getattr(library, layout)).requires_grad_(recorded),
                    size=size, mode=mode, antialias=True,
                )
                for library, recorded in ((torch, False), (torch, True), (reference, False))
            )  # fmt: skip
            assert got.stride() == recorded.stride() == wanted.stride()
            np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(recorded.detach().numpy(), wanted.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("mode", "antialias"), [
    ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True), ("lanczos", True),
])  # fmt: skip
def test_bytes_are_within_a_level(mode: str, antialias: bool) -> None:
    rng, different, count = np.random.default_rng(2), 0, 0
    for _ in range(20):
        low, high = rng.integers(2, 9, 2), rng.integers(1, 14, 2)
        x = rng.choice([0, 10, 200, 255], (2, 3, *low)).astype(np.uint8)
        options: dict[str, Any] = {"size": tuple(map(int, high)), "mode": mode, "antialias": antialias}
        got, wanted = (
            library.nn.functional.interpolate(library.tensor(x), **options).numpy().astype(int)
            for library in (torch, reference)
        )
        away = np.abs(got - wanted)
        assert away.max() <= 2  # one in each direction: PyTorch's weights are of 16 bits
        different, count = different + int((away > 0).sum()), count + away.size
    assert different < 0.1 * count
