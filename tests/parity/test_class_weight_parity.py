"""Weights of losses where they matter beyond values: gradients, dtypes, sums of zero. PyTorch is the reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference

import tritonnn

X = np.random.default_rng(3).normal(size=(4, 5)).astype(np.float32)
CLASSES = np.array([0, 3, -100, 2])
UNIT = np.random.default_rng(4).uniform(0.1, 0.9, (4, 5)).astype(np.float32)


def scores(lib):
    return lib.from_numpy(X.copy()).requires_grad_()


def classes(lib):
    return lib.from_numpy(CLASSES.copy())


LOSSES = {
    "cross_entropy": lambda lib, w, x: lib.nn.functional.cross_entropy(x, classes(lib), w),
    "smoothed": lambda lib, w, x: lib.nn.functional.cross_entropy(x, classes(lib), w, label_smoothing=0.1),
    "images": lambda lib, w, x: lib.nn.functional.cross_entropy(x[:, :, None], classes(lib)[:, None], w),
    "probabilities": lambda lib, w, x: lib.nn.functional.cross_entropy(x, lib.from_numpy(UNIT.copy()), w),
    "nll_loss": lambda lib, w, x: lib.nn.functional.nll_loss(x, classes(lib), w),
    "linear": lambda lib, w, x: lib.nn.functional.linear_cross_entropy(
        x, lib.from_numpy(X.T @ X), classes(lib), weight=w
    ),
    "margin": lambda lib, w, x: lib.nn.functional.multi_margin_loss(x, classes(lib).clamp(0), weight=w),
    "binary": lambda lib, w, x: lib.nn.functional.binary_cross_entropy(
        lib.from_numpy(UNIT.copy()), lib.from_numpy(UNIT.copy()), w
    ),
    "logits": lambda lib, w, x: lib.nn.functional.binary_cross_entropy_with_logits(
        x, lib.from_numpy(UNIT.copy()), w
    ),
    "positive": lambda lib, w, x: lib.nn.functional.binary_cross_entropy_with_logits(
        x, lib.from_numpy(UNIT.copy()), pos_weight=w
    ),
}


def outcome(lib, call):
    """The value and its dtype, or the type of the error and what it says of the dtype or argument."""
    try:
        loss = call(lib)
    except Exception as error:
        words = str(error)
        for part in ("expected scalar type", "with respect to argument", "can't be cast"):
            if part in words:
                words = words[words.index(part) :].partition("\n")[0].partition(" This input")[0]
                words = words.rstrip(".")
        return type(error).__name__, words
    return str(loss.dtype), loss.requires_grad, round(float(loss.detach()), 4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16", "int64"])
def test_weights_of_another_dtype(name, dtype):
    def call(lib):
        weight = lib.ones(5, dtype=getattr(lib, dtype))
        return LOSSES[name](lib, weight, scores(lib))

    assert outcome(tritonnn, call) == outcome(reference, call)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_weights_that_require_grad(name, recorded):
    def call(lib):
        with lib.set_grad_enabled(recorded):
            return LOSSES[name](lib, lib.ones(5, requires_grad=True), scores(lib))

    assert outcome(tritonnn, call) == outcome(reference, call)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("float32", "int64")])
def test_scores_and_targets_of_two_dtypes(dtypes):
    def call(lib):
        x, y = (lib.ones(3, dtype=getattr(lib, name)) for name in dtypes)
        return lib.nn.functional.binary_cross_entropy_with_logits(x, y)

    assert outcome(tritonnn, call) == outcome(reference, call)


@pytest.mark.parametrize("ignored", ["some", "all"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["cross_entropy", "smoothed", "nll_loss", "linear"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_weights_of_zero(device, name, reduction, ignored):
    """A mean over weights that are all 0 is nan, and so are the gradients of what is counted, but not of the rest."""
    results = []
    for lib, at in ((tritonnn, device), (reference, "cpu")):
        x = lib.from_numpy(X.copy()).to(at).requires_grad_()
        y = (classes(lib) if ignored == "some" else lib.full((4,), -100)).to(at)
        given = {"weight": lib.zeros(5, device=at), "reduction": reduction}
        f, leaves = lib.nn.functional, [x]
        if name == "linear":
            leaves.append(lib.from_numpy(X.T @ X).to(at).requires_grad_())
            if lib is tritonnn:  # in chunks, as PyTorch without them: in chunks it makes all gradients nan
                given["options"] = lib.nn.LinearCrossEntropyOptions(batch_chunk_size=2)
            loss = f.linear_cross_entropy(*leaves, y, **given)
        elif name == "nll_loss":
            loss = f.nll_loss(x, y, **given)
        else:
            loss = f.cross_entropy(x, y, **given, label_smoothing=0.1 if name == "smoothed" else 0.0)
        loss.sum().backward()
        results.append([t.detach().cpu().numpy() for t in (loss, *[leaf.grad for leaf in leaves])])
    for got, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)
