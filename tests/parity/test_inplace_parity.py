"""What is saved for backward: a write in place between forward and backward is refused where PyTorch refuses it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch as reference
from reference_ops import counterpart, reference_tensors, to_reference, undefined
from support import call, floating, leaves_of, mapped, ops, samples, tensors
from unspecified import OTHER_SAVED

import tritonnn as torch

MODIFIED = "modified by an inplace operation"


def cases():
    return [op for op in ops() if op.has_derivative and counterpart(op) is not None and op.family != "random"]


def refused(total, tensor) -> bool:
    """Whether backward is refused after a write that changes nothing but the version."""
    tensor.detach().add_(0)
    try:
        total.backward()
    except RuntimeError as error:
        if MODIFIED in str(error):
            return True
        raise
    return False


def total_of(outs):
    outs = [out for out in outs if out.requires_grad]
    return sum((out.sum() for out in outs[1:]), outs[0].sum()) if outs else None


def places(inputs, outs):
    """Every tensor of a call by a name; what shares memory with an input is that input."""
    named = {f"input {i}": t for i, t in enumerate(inputs)}
    named.update({f"output {i}": t for i, t in enumerate(outs) if all(t is not x for x in inputs)})
    return named


def own(op, sample):
    """(total, tensor by place) of a fresh call."""
    copied = mapped(leaves_of(op, sample), lambda t: t * 1 if t.requires_grad else t.clone())
    outs = floating(call(op, copied))
    return total_of(outs), places(
        [t for t in tensors([copied.args, list(copied.kwargs.values())]) if t.is_floating_point()], outs
    )


def theirs(op, sample):
    function = counterpart(op)
    leaves = leaves_of(op, sample)

    def copied(value):
        if isinstance(value, reference.Tensor):
            return value * 1 if value.requires_grad else value.clone()
        if isinstance(value, (list, tuple)):
            return type(value)([copied(item) for item in value])
        return value

    args = copied([to_reference(arg) for arg in leaves.args])
    kwargs = {key: copied(to_reference(value)) for key, value in leaves.kwargs.items()}
    outs = [t for t in reference_tensors(function(*args, **kwargs)) if t.is_floating_point()]
    inputs = [
        t
        for t in [*reference_tensors(args), *reference_tensors(list(kwargs.values()))]
        if t.is_floating_point()
    ]
    return total_of(outs), places(inputs, outs)


def differences(op):
    found = []
    for sample in samples(op, "cpu", torch.float64):
        if undefined(op, sample):
            continue
        try:
            total, known = theirs(op, sample)
        except (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError):
            continue
        if total is None:
            continue
        for place in known:
            again, named = theirs(op, sample)
            mine, ours = own(op, sample)
            if place not in ours or mine is None:
                continue
            try:
                wanted = refused(again, named[place])
            except RuntimeError:
                continue  # PyTorch has no gradient of it
            got = refused(mine, ours[place])
            if got is not wanted:
                found.append(
                    f"{place}: {'refused' if got else 'accepted'}, PyTorch {'refuses' if wanted else 'accepts'}"
                )
    return sorted(set(found))


@pytest.mark.parametrize("op", cases(), ids=lambda op: op.name)
def test_what_may_be_written_before_backward(op):
    if torch.float64 not in op.dtypes:
        pytest.skip("not of float64")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = differences(op)
    assert bool(found) == (op.name in OTHER_SAVED), found
    assert not [words for words in found if "refused, PyTorch accepts" in words], found


def test_layers_that_write_in_place_behind_others():
    """What PyTorch accepts runs, with its gradients."""

    random = np.random.default_rng(0)
    values = [random.standard_normal(shape).astype(np.float32) for shape in ((2, 2, 6, 6), (3, 2, 3, 3))]

    def gradients(lib):
        images, weight = (lib.tensor(array, requires_grad=True) for array in values)
        pooled = lib.nn.functional.max_pool2d(lib.nn.functional.conv2d(images, weight), 2)
        lib.nn.functional.relu(pooled, inplace=True).sum().backward()
        a, b = lib.tensor([1.0, 2.0], requires_grad=True), lib.tensor([4.0, 5.0], requires_grad=True)
        (a / b).mul_(2).sum().backward()
        c = lib.tensor([3.0, 4.0], requires_grad=True)
        lib.nn.functional.normalize(c, dim=0).mul_(2).pow(2)[0].backward()
        return [t.grad.numpy() for t in (images, weight, a, b, c)]

    for got, wanted in zip(gradients(torch), gradients(reference), strict=True):
        np.testing.assert_allclose(got, wanted, 1e-5, 1e-5)
