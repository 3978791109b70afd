"""Results lie in memory as PyTorch's do: channels last and other dense orders are kept where it keeps them."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
import torch as reference
import torch.nn.functional as F
from support import call, mapped, permuted, samples, tensors
from test_ops_parity import cases, reference_tensors, run_reference

import tritonnn as torch
from tritonnn.memory_format import format_of, strides_as
from tritonnn.shape import contiguous_strides

# Where PyTorch's order is that of its own way of computing, and a fresh row-major or input-like result serves.
OTHER_ORDER = {
    "addr", "argwhere", "as_strided_scatter", "bilinear", "diag_embed", "gaussian_nll_loss", "logsigmoid",
    "gru_cell", "mvlgamma", "nonzero", "public_where", "qr", "quantile", "renorm", "rrelu", "unravel_index",
}  # fmt: skip
# PyTorch keeps channels last in these on some devices and for some windows only; here always.
OTHER_ORDER |= {"conv3d", "conv_transpose3d", "convolution", "functional_instance_norm", "instance_norm"}


def steps(tensor):
    """The strides that matter: of dimensions with more than one element."""
    return [s for s, extent in zip(tensor.stride(), tensor.shape, strict=True) if extent != 1]


@cases((torch.float32, torch.int64), lambda op: op.kind != "view" and op.name not in OTHER_ORDER)
def test_order_of_results(op, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(op, "cpu", dtype):
            sample = mapped(sample, permuted)
            try:
                wanted, _ = run_reference(op, sample)
            except (RuntimeError, NotImplementedError):  # values are compared elsewhere
                continue
            for own, other in zip(tensors(call(op, sample)), reference_tensors(wanted), strict=True):
                if own.numel():
                    assert steps(own) == steps(other), f"{sample}: {own.stride()}, PyTorch {other.stride()}"


def image(build, *shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    last = reference.channels_last if build is reference else torch.channels_last
    return build.from_numpy(values).contiguous(memory_format=last).requires_grad_()


LAYERS = {
    "conv": lambda nn, lib: nn.Conv2d(6, 8, 3, padding=1),
    "conv 1x1": lambda nn, lib: nn.Conv2d(6, 8, 1),
    "depthwise": lambda nn, lib: nn.Conv2d(6, 6, 3, groups=6),
    "transposed": lambda nn, lib: nn.ConvTranspose2d(6, 4, 2, stride=2),
    "batch norm": lambda nn, lib: nn.BatchNorm2d(6),
    "group norm": lambda nn, lib: nn.GroupNorm(3, 6),
    "max pool": lambda nn, lib: nn.MaxPool2d(2),
    "avg pool": lambda nn, lib: nn.AvgPool2d(2),
    "adaptive": lambda nn, lib: nn.AdaptiveAvgPool2d(2),
    "dropout": lambda nn, lib: nn.Dropout(0.5),
    "dropout2d": lambda nn, lib: nn.Dropout2d(0.5),
    "prelu": lambda nn, lib: nn.PReLU(6),
    "gelu": lambda nn, lib: nn.GELU(),
    "upsample": lambda nn, lib: nn.Upsample(scale_factor=2),
    "pixel shuffle": lambda nn, lib: nn.Sequential(nn.Conv2d(6, 8, 1), nn.PixelShuffle(2)),
    "reflection": lambda nn, lib: nn.ReflectionPad2d(1),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_on_channels_last(layer):
    """The result and the gradients of input and parameters, the model being channels last as well."""
    strides = []
    for lib in (torch, reference):
        module = LAYERS[layer](lib.nn, lib).to(memory_format=lib.channels_last)
        x = image(lib, 2, 6, 4, 5)
        y = module(x)
        y.backward(lib.ones_like(y))
        strides.append([steps(y), steps(x.grad), *[steps(p.grad) for p in module.parameters()]])
    assert strides[0] == strides[1]


def test_gradients_lie_as_their_leaves():
    for lib in (torch, reference):
        x = lib.ones(3, 4).t().requires_grad_()
        (x * lib.ones(4, 3)).sum().backward()
        assert x.grad.stride() == (1, 4)
        gaps = lib.ones(4, 6)[:, ::2].requires_grad_()
        (gaps * 2).sum().backward()
        assert gaps.grad.stride() == (3, 1)


def layout(rng, rank):
    """A random shape and strides, with gaps here and there."""
    shape = [rng.choice([1, 2, 3, 4]) for _ in range(rank)]
    order = rng.sample(range(rank), rank)
    memory = reference.empty([shape[d] + (rng.random() < 0.15) for d in order])
    return memory.permute([order.index(d) for d in range(rank)])[tuple(slice(n) for n in shape)]


def same_geometry(other):
    return torch.empty_strided(tuple(other.shape), other.stride())


def test_elementwise_work_keeps_the_order():
    """Strides exactly as PyTorch's, over random layouts, broadcast along some dimensions."""
    rng = random.Random(0)
    for _ in range(1500):
        first = layout(rng, rng.randint(1, 5))
        second = layout(rng, rng.randint(1, len(first.shape)))
        second = second[tuple(slice(None) if n == m else slice(1) for n, m in zip(
            second.shape, first.shape[len(first.shape) - len(second.shape):], strict=True))]  # fmt: skip
        one, two = same_geometry(first), same_geometry(second)
        assert one.exp().stride() == first.exp().stride(), (first.shape, first.stride())
        what = [(tuple(t.shape), t.stride()) for t in (first, second)]
        try:
            wanted = first + second
        except RuntimeError:  # a slice of one element where the other has more
            continue
        assert (one + two).stride() == wanted.stride(), what
        assert (two + one).stride() == (second + first).stride(), what


def test_copies_keep_the_layout():
    rng = random.Random(1)
    for _ in range(1000):
        other = layout(rng, rng.randint(1, 4))
        own = same_geometry(other)
        assert (strides_as(own) or contiguous_strides(own.shape)) == reference.empty_like(other).stride()
        assert own.clone().stride() == other.clone().stride()


def test_which_input_counts_as_channels_last():
    rng = random.Random(2)
    for _ in range(2000):
        other = layout(rng, 4)
        wanted = F.avg_pool2d(other, 1)
        own = same_geometry(other)
        assert format_of(own).strides(own.shape) == wanted.stride(), (other.shape, other.stride())
