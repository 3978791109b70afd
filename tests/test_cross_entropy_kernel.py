"""Cross-entropy and its gradient on the kernels against the NumPy twin: every option in every layout."""

from __future__ import annotations

import numpy as np
import pytest
from support import strided

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn.kernels.loss import loss as kernels

SHAPES = {"rows": (6, 21), "channel-first": (3, 21, 5), "images": (2, 5, 3, 4), "sample": (21,)}
OPTIONS = {
    "plain": {},
    "weight": {"weight": True},
    "smooth": {"label_smoothing": 0.3},
    "all": {"weight": True, "label_smoothing": 0.3, "ignore_index": 1},
}


def both(shape, reduction, view=lambda t: t, classes_high=None, target=None, **options):
    """Loss and gradient on the CPU and on the device, for a fixed random incoming gradient."""
    rng = np.random.default_rng(3)
    dim = 1 if len(shape) > 1 else 0
    classes = shape[dim]
    values = rng.normal(size=shape) * 3
    kept = (*shape[:dim], *shape[dim + 1 :])
    labels = rng.integers(0, classes_high or classes, kept) if target is None else np.full(kept, target)
    weight = rng.uniform(0.5, 2, classes)
    incoming = rng.normal(size=kept if reduction == "none" else ())
    if options.pop("weight", False):
        options["weight"] = weight
    results = []
    for device in ("cpu", "cuda"):
        x = view(torch.from_numpy(values).to(device)).requires_grad_()
        y = view(torch.from_numpy(np.asarray(labels)).to(device))
        given = {k: torch.from_numpy(v).to(device) if k == "weight" else v for k, v in options.items()}
        loss = F.cross_entropy(x, y, reduction=reduction, **given)
        loss.backward(view(torch.from_numpy(np.asarray(incoming)).to(device)))
        results.append((loss.detach().cpu().numpy(), x.grad.cpu().numpy()))
    return results


def assert_same(results):
    for ours, twin in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, twin, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_gradient_matches_twin(shape, options, reduction):
    assert_same(both(shape, reduction, classes_high=4, **options))


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_strided_scores_targets_and_gradients(shape, reduction):
    assert_same(both(shape, reduction, strided, classes_high=4, **OPTIONS["all"]))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_row_beyond_registers(options, monkeypatch, forget_launches):
    monkeypatch.setattr(kernels, "LONGEST_ROW", 64)
    assert_same(both((3, 9001), "none", classes_high=4, **options))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_only_ignored_targets(options):
    for reduction, wanted in (("mean", np.nan), ("sum", 0.0), ("none", 0.0)):
        options = {**options, "ignore_index": 1}
        results = both((4, 5), reduction, target=1, **options)
        for loss, grad in results:
            np.testing.assert_array_equal(loss, np.full(loss.shape, wanted))
            np.testing.assert_array_equal(grad, 0)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_no_samples(options):
    for reduction in ("mean", "sum", "none"):
        results = both((0, 5), reduction, **options)
        for loss, grad in results:
            assert grad.shape == (0, 5)
            wanted = {"mean": np.nan, "sum": 0.0, "none": np.empty(0)}[reduction]
            np.testing.assert_array_equal(loss, wanted)
