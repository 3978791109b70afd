"""Results lie in memory as PyTorch's do: channels last and other dense orders are kept where it keeps them."""

from __future__ import annotations

import itertools
import random
import warnings

import numpy as np
import pytest
import torch as reference
import torch.nn.functional as F
from support import call, mapped, permuted, samples, strided, tensors
from test_ops_parity import cases, reference_tensors, run_reference

import tritonnn as torch
from tritonnn.memory_format import format_of, strides_as
from tritonnn.ops._table import OPS
from tritonnn.shape import contiguous_strides

# Where PyTorch's order is another one -> why ours is not that.
OTHER_ORDER = {
    "aten_binary_cross_entropy_with_logits": "where input and target lie otherwise, PyTorch's losses lie as the target",
    **dict.fromkeys(
        ("conv3d", "conv_transpose3d", "convolution"),
        "of volumes PyTorch keeps channels last on some devices only",
    ),
    **dict.fromkeys(
        ("as_strided_scatter", "diagonal_scatter", "select_scatter", "slice_scatter"),
        "PyTorch copies the gaps between the elements too",
    ),
    **dict.fromkeys(
        (
            "cholesky_inverse",
            "fft2",
            "fftn",
            "householder_product",
            "ifft2",
            "ifftn",
            "ihfft2",
            "ihfftn",
            "linalg_lu_solve",
            "linalg_matrix_power",
            "lobpcg",
            "lstsq",
            "matrix_power",
            "orgqr",
            "ormqr",
            "solve",
            "solve_ex",
            "solve_triangular",
            "triangular_solve",
        ),
        "PyTorch's lies as LAPACK or the FFT leaves it; a result is row-major here",
    ),
    "gru_cell": "PyTorch's lies as its elementwise operands do; a new state is row-major here",
    "conj_physical": "of real numbers PyTorch returns the input itself",
}


def transposed(t):
    """The same values, the dimensions lying in reverse."""
    order = range(len(t.shape))[::-1]
    return t.detach().permute(*order).contiguous().permute(*order).detach() if len(t.shape) > 1 else t


def swapped(t):
    """The same values, the last two dimensions lying in reverse."""
    return t.detach().transpose(-1, -2).contiguous().transpose(-1, -2).detach() if len(t.shape) > 1 else t


def sliced(t):
    """The same values in every second place."""
    if not t.shape or not t.numel():
        return t
    wide = torch.zeros((*t.shape[:-1], 2 * t.shape[-1]), dtype=t.dtype)
    wide[..., ::2] = t.detach()
    return wide[..., ::2]


def expanded(t):
    """The first column for all, or the first element of a vector."""
    floats = t.shape and t.numel() and t.dtype.is_floating_point
    return t.detach()[..., :1].contiguous().expand(t.shape) if floats else t


def repeated(t):
    """The first row for all."""
    floats = t.shape and t.numel() and t.dtype.is_floating_point
    return t.detach()[:1].contiguous().expand(t.shape) if floats else t


CHANGES = {
    "plain": lambda t: t, "channels last": permuted, "transposed": transposed, "swapped": swapped, "sliced": sliced,
    "strided": strided, "expanded": expanded, "repeated": repeated,
}  # fmt: skip


def changed(sample, change, first=None):
    """The sample with all its tensors changed, with the first of them alone, or with all but the first."""
    count = 0

    def one(t):
        nonlocal count
        count += 1
        return change(t) if first is None or (count == 1) is first else t

    return mapped(sample, one)


def variants(sample):
    for name, change in CHANGES.items():
        yield name, changed(sample, change)
    for name in ("channels last", "transposed", "expanded"):
        yield f"first {name}", changed(sample, CHANGES[name], True)
        yield f"others {name}", changed(sample, CHANGES[name], False)


def steps(tensor):
    """The strides that matter: of dimensions with more than one element."""
    return [s for s, extent in zip(tensor.stride(), tensor.shape, strict=True) if extent != 1]


def differing(op, dtype):
    """The variants of an op's samples whose results lie in another order than PyTorch's."""
    for sample in samples(op, "cpu", dtype):
        for name, other_sample in variants(sample):
            try:
                wanted, _ = run_reference(op, other_sample)
            except (RuntimeError, ValueError):  # errors are compared elsewhere
                continue
            for own, other in zip(tensors(call(op, other_sample)), reference_tensors(wanted), strict=True):
                if own.numel() and steps(own) != steps(other):
                    yield f"{name} {sample}: {own.stride()}, PyTorch {other.stride()}"


# PyTorch reads past the end of lengths that do not lie together.
@cases((torch.float32, torch.int64), lambda op: op.name not in ("ctc_loss", "aten_ctc_loss", *OTHER_ORDER))
def test_order_of_results(op, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for words in differing(op, dtype):
            raise AssertionError(words)


@pytest.mark.parametrize("name", OTHER_ORDER)
def test_other_orders_are_other(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert OTHER_ORDER[name] and any(differing(OPS[name], torch.float32)), "the row has to go"


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


EQUATIONS = [
    (terms, "".join(order))
    for terms, letters in (
        ("iaj,jk", "iak"), ("iaj,jkc", "iakc"), ("bij,bjk", "bik"), ("i,k", "ik"), ("ij,jk", "ijk"), ("ij,j", "ij"),
        ("bi,bj", "bij"),
    )
    for order in itertools.permutations(letters)
]  # fmt: skip


@pytest.mark.parametrize(("terms", "order"), EQUATIONS)
def test_einsum_lies_in_the_order_of_its_output(terms, order):
    sizes = dict(zip("abcijk", (2, 3, 4, 5, 6, 7), strict=True))
    shapes = [[sizes[c] for c in term] for term in terms.split(",")]
    equation = f"{terms}->{order}"
    x, y = (library.einsum(equation, *map(library.ones, shapes)) for library in (torch, reference))
    assert steps(x) == steps(y)


COPIES = {
    "repeat_interleave": lambda x: x.repeat_interleave(2, -2), "roll": lambda x: x.roll(1, 0),
    "roll by nothing": lambda x: x.roll(0, 0), "roll of all": lambda x: x.roll(1),
}  # fmt: skip


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("shape", [(1, 3, 2), (4, 3, 2), (4, 1, 2)])
def test_order_of_copies(how, shape):
    for order in itertools.permutations(range(3)):
        x, y = (COPIES[how](library.zeros(shape).permute(order)) for library in (torch, reference))
        assert steps(x) == steps(y), order
