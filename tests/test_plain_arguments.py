"""What stands for a plain value where one is asked for: numbers of NumPy, tensors of no dimensions, Python's types."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.nn import functional as F

IMAGE = torch.arange(32.0).reshape(1, 2, 4, 4)

# What PyTorch takes: a number of NumPy or a tensor of no dimensions, where one is asked for.
ACCEPTED = {
    "roll": lambda n: torch.ones(2, 3).roll(n(1), 0),
    "chunk": lambda n: torch.ones(4, 3).chunk(n(2))[0],
    "split": lambda n: torch.ones(4, 3).split(n(2))[0],
    "tensor_split": lambda n: torch.ones(4, 3).tensor_split(n(2))[0],
    "movedim": lambda n: torch.ones(2, 3).movedim(n(0), 1),
    "unique": lambda n: torch.ones(2, 3).unique(dim=n(0)),
    "rot90": lambda n: torch.ones(2, 3).rot90(n(1)),
    "histc": lambda n: torch.ones(3).histc(n(2)),
    "bincount": lambda n: torch.tensor([0, 1]).bincount(minlength=n(4)),
    "polygamma": lambda n: torch.polygamma(n(1), torch.ones(3)),
    "diag": lambda n: torch.ones(3).diag(n(1)),
    "rand": lambda n: torch.rand(n(3)),
    "new_zeros": lambda n: torch.ones(2).new_zeros(n(3)),
    "view": lambda n: torch.ones(6).view(n(2), -1),
    "layer_norm": lambda n: F.layer_norm(torch.ones(2, 3), [n(3)]),
    "conv2d": lambda n: F.conv2d(IMAGE, torch.ones(1, 2, 3, 3), stride=n(2), padding=n(1)),
    "max_pool2d": lambda n: F.max_pool2d(IMAGE, n(2), n(2)),
    "avg_pool2d": lambda n: F.avg_pool2d(IMAGE, n(2), (n(2), n(1))),
}
NUMBERS = {
    "nan_to_num": lambda n: torch.ones(2).nan_to_num(n(1), n(2), neginf=n(3)),
    "leaky_relu": lambda n: F.leaky_relu(-torch.ones(2), n(1)),
    "celu": lambda n: F.celu(-torch.ones(2), n(1)),
    "softplus": lambda n: F.softplus(torch.ones(2), n(1), n(20)),
    "threshold": lambda n: F.threshold(torch.ones(2), n(1), n(3)),
    "hardtanh": lambda n: F.hardtanh(torch.ones(2), n(-1), n(2)),
    "hardshrink": lambda n: F.hardshrink(torch.ones(2), n(1)),
    "add": lambda n: torch.ones(2).add(1, alpha=n(2)),
    "dropout": lambda n: F.dropout(torch.ones(2), n(0)),
    "module": lambda n: torch.nn.LeakyReLU(n(1))(-torch.ones(2)),
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("number", [np.int64, np.int32, np.uint8, torch.tensor])
def test_integers_of_every_make(name, number):
    wanted, got = ACCEPTED[name](int), ACCEPTED[name](number)
    assert got.shape == wanted.shape and (name == "rand" or got.tolist() == wanted.tolist())


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64, torch.tensor])
def test_numbers_of_every_make(name, number):
    assert NUMBERS[name](number).tolist() == NUMBERS[name](float).tolist()


def test_sizes_in_line_are_no_other_arguments():
    """Of a subclass too, whose class is looked at more closely."""
    token = torch.nn.Parameter(torch.ones(1, 1, 3))
    assert token.expand(4, -1, -1).shape == (4, 1, 3)
    assert F.cosine_similarity(token, torch.ones(1, 2, 3), dim=-1).shape == (1, 2)


@pytest.mark.parametrize("function", [
    lambda d: torch.zeros(2, dtype=d), lambda d: torch.tensor([1], dtype=d), lambda d: torch.ones(2).sum(dtype=d),
    lambda d: torch.ones(2).to(d), lambda d: torch.ones(2).to(dtype=d), lambda d: torch.ones(2).new_zeros(2, dtype=d),
    lambda d: torch.arange(3, dtype=d), lambda d: torch.ones(2).cumsum(0, dtype=d),
])  # fmt: skip
def test_types_of_python_are_dtypes(function):
    assert (function(float).dtype, function(int).dtype) == (torch.float64, torch.int64)


def test_another_type_is_no_dtype():
    with pytest.raises(TypeError, match=r"zeros\(\): argument 'dtype' must be torch.dtype, not type"):
        torch.zeros(2, dtype=np.float32)


def test_flags_asked_for_their_truth():
    """PyTorch's functions in Python take any number there; None is no flag given."""
    assert F.dropout(torch.ones(2), 0.0, inplace=1).tolist() == [1.0, 1.0]
    assert len(F.max_pool2d(IMAGE, 2, return_indices=1)) == 2
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), size_average=0).shape == ()
    assert not torch.zeros(2, requires_grad=None, pin_memory=None).requires_grad
    assert torch.ones(2).sort(stable=None)[0].tolist() == [1.0, 1.0]


def test_names_of_numpy_in_composites():
    x = torch.arange(6.0).reshape(2, 3)
    assert x.std(axis=0, keepdims=True).shape == (1, 3)
    assert torch.stack([x, x], axis=1).shape == (2, 2, 3)
    assert torch.squeeze(x[:1], axis=0).shape == (3,)
    with pytest.raises(TypeError, match="multiple values for argument 'dim'"):
        x.std(0, axis=0)


def test_sizes_by_name():
    """What may stand in line may be given as one argument by PyTorch's name."""
    x = torch.arange(6.0).reshape(2, 3)
    assert (
        x.view(size=(3, 2)).shape == x.reshape(shape=[3, 2]).shape == x.permute(dims=(1, 0)).shape == (3, 2)
    )
    assert x.flip(dims=[0]).tolist() == x.flip(0).tolist()
    assert x.repeat(repeats=(2, 1)).shape == x.tile(dims=(2, 1)).shape == (4, 3)
    assert x.expand(size=(4, 2, 3)).shape == x.broadcast_to(size=(4, 2, 3)).shape == (4, 2, 3)
    assert x.sum_to_size(size=(1, 3)).shape == x.new_zeros(size=(1, 3)).shape == (1, 3)
    assert torch.rand(size=(2, 2)).shape == torch.randn(size=[2, 2]).shape == (2, 2)


def test_composites_in_place_keep_the_type():
    whole = torch.arange(3)
    with pytest.raises(RuntimeError, match="deg2rad_: result type float32 can't be cast"):
        whole.deg2rad_()
    assert whole.tolist() == [0, 1, 2]


def test_a_generator_is_one():
    with pytest.raises(
        TypeError, match=r"bernoulli\(\): argument 'generator' must be torch.Generator, not int"
    ):
        torch.bernoulli(torch.ones(2), generator=3)
    assert torch.bernoulli(torch.ones(2), generator=torch.Generator()).tolist() == [1.0, 1.0]


def test_a_quotient_of_a_number():
    assert (
        torch.div(2, torch.tensor([4.0])).tolist()
        == torch.true_divide(2, torch.tensor([4.0])).tolist()
        == [0.5]
    )


def test_normalize_takes_what_norms_take():
    x = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    assert (
        F.normalize(x, dim=(0, 1)).tolist() == F.normalize(x, "fro", dim=[0, 1]).tolist() == (x / 5).tolist()
    )
