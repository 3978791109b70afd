"""Functions of torch whose forms are not those of torch.nn.functional: what the samples of the table do not show."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

RNG = np.random.default_rng(0)


def both(values, **options):
    """The same tensor here and in PyTorch."""
    array = np.asarray(values)
    return torch.tensor(array, **options), reference.tensor(array, **options)


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("ends", [False, True])
def test_rows_of_embedding_bag(mode, ends):
    table, indices, offsets = (
        RNG.standard_normal((5, 3)),
        RNG.integers(0, 5, 9),
        np.array([0, 2, 2, 9][: 4 if ends else 3]),
    )
    mine, theirs = both(table, requires_grad=True)
    (i, ri), (o, ro) = both(indices), both(offsets)
    args = (False, mode, False, None, ends)
    got, wanted = torch.embedding_bag(mine, i, o, *args), reference.embedding_bag(theirs, ri, ro, *args)
    np.testing.assert_allclose(got[0].detach().numpy(), wanted[0].detach().numpy(), rtol=1e-12)
    (got[0] ** 2).sum().backward()
    (wanted[0] ** 2).sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)
    if mode == 2:
        for a, b in zip(got[1:], wanted[1:], strict=True):
            rows = a.numpy()
            np.testing.assert_array_equal(
                np.where(rows == -1, 0, rows), b.numpy()
            )  # of an empty bag PyTorch names row 0


def test_padding_is_a_positional_argument():
    table, indices, offsets = both(RNG.standard_normal((5, 3))), both([1, 2, 1]), both([0, 1])
    rows = [
        library.embedding_bag(t, i, o, False, 0, False, None, False, 1)[0]
        for library, t, i, o in zip((torch, reference), table, indices, offsets, strict=True)
    ]
    np.testing.assert_allclose(rows[0].numpy(), rows[1].numpy())
    assert not rows[0][0].any() and rows[0][1].any()


@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
def test_embedding_renorm(norm_type):
    (mine, theirs), (i, ri) = both(RNG.standard_normal((4, 3))), both([[1, 2], [1, 0]])
    version = mine._version
    assert torch.embedding_renorm_(mine, i, 0.7, norm_type) is mine
    reference.embedding_renorm_(theirs, ri, 0.7, norm_type)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-12)
    assert mine._version > version


@pytest.mark.parametrize(("table", "indices"), [((3,), [1]), ((4, 3), [1.0])])
def test_embedding_renorm_refuses(table, indices):
    for library in (torch, reference):
        with pytest.raises(RuntimeError, match="Expected"):
            library.embedding_renorm_(library.ones(table), library.tensor(indices), 1.0, 2.0)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("initial", [None, 2.0])
@pytest.mark.parametrize(
    "values",
    [[1, 2, 2, 3, 3], [0, 2, 2, 0, 0], [0, 0, 2, 5, 1], [1, np.nan, 2, 3, -1], [np.inf, 1, 2, -np.inf, 0]],
)
def test_segments_with_ties_zeros_and_special_numbers(name, initial, values):
    mine, theirs = both(np.array(values, float), requires_grad=True)
    lengths, theirs_lengths = both([3, 2])
    got = torch.segment_reduce(mine, name, lengths=lengths, initial=initial)
    wanted = reference.segment_reduce(theirs, name, lengths=theirs_lengths, initial=initial)
    np.testing.assert_array_equal(got.detach().numpy(), wanted.detach().numpy())
    if np.isfinite(values).all():
        got.sum().backward()
        wanted.sum().backward()
        np.testing.assert_array_equal(mine.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("initial", [None, 2.0])
def test_segments_of_nothing(name, initial):
    data, theirs = both(RNG.standard_normal((4, 2)))
    for lengths in ([0, 4], [4, 0], [0, 3, 0, 1]):
        got = torch.segment_reduce(data, name, lengths=torch.tensor(lengths), initial=initial)
        wanted = reference.segment_reduce(theirs, name, lengths=reference.tensor(lengths), initial=initial)
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    "given", [{"lengths": [1, 2], "unsafe": True}, {"offsets": [0, 1, 3]}, {"offsets": [1, 4]}]
)
def test_elements_of_no_segment(given):
    data, theirs = both(RNG.standard_normal((4, 2)))
    results = [
        library.segment_reduce(
            x, "sum", **{k: library.tensor(v) if k != "unsafe" else v for k, v in given.items()}
        )
        for library, x in ((torch, data), (reference, theirs))
    ]
    np.testing.assert_allclose(results[0].numpy(), results[1].numpy())


def test_running_statistics_are_moved():
    x = RNG.standard_normal((6, 3))
    results = []
    for library in (torch, reference):
        mean, var = library.zeros(3, dtype=library.float64), library.ones(3, dtype=library.float64)
        library.native_batch_norm(library.tensor(x), None, None, mean, var, True, 0.3, 1e-5)
        results.append((mean.numpy(), var.numpy()))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


@pytest.mark.parametrize(
    "args", [(0, 5, 2), (5, 0, -2), (1, 2, 0.25), (0.5, 3.2), (0, 0), (-1.5, 1.5, 1.5)]
)  # fmt: skip
@pytest.mark.parametrize("dtype", [None, "float64", "int64", "float16"])
def test_range(args, dtype):
    if dtype == "int64" and any(isinstance(v, float) and v < 1 for v in args[2:]):
        pytest.skip("a step of 0 ends PyTorch's process")
    results = []
    for library in (torch, reference):
        kind = dtype and getattr(library, dtype)
        with pytest.warns(UserWarning, match=r"torch\.range is deprecated"):
            results.append(library.range(*args, dtype=kind))
    np.testing.assert_array_equal(results[0].numpy(), results[1].numpy())
    assert str(results[0].dtype) == str(results[1].dtype)


@pytest.mark.parametrize(
    ("args", "options", "error"),
    [
        ((5, 0), {}, RuntimeError), ((0, 5, 0), {}, RuntimeError), ((0, float("inf")), {}, RuntimeError),
        ((5,), {}, TypeError), ((0, 3), {"dtype": "bool"}, NotImplementedError),
    ],
)  # fmt: skip
def test_range_refuses(args, options, error):
    for library in (torch, reference):
        given = {name: getattr(library, value) for name, value in options.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(error):
                library.range(*args, **given)


def test_slice_inverse_sees_the_whole():
    whole, theirs = both(RNG.standard_normal((4, 3)))
    got = torch.slice_inverse(whole[1:3], whole, 0, 1, 3)
    wanted = reference.slice_inverse(theirs[1:3], theirs, 0, 1, 3)
    np.testing.assert_array_equal(got.numpy(), wanted.numpy())
    assert got.data_ptr() == whole.data_ptr() and got.stride() == wanted.stride()
    assert torch.equal(whole[1:3].slice_inverse(whole, 0, 1, 3), whole)
    for library in (torch, reference):
        with pytest.raises(RuntimeError):
            library.slice_inverse(library.ones(2, 3), library.ones(4, 3), 0, 1, 3)


def test_copies_have_memory_of_their_own():
    x = torch.arange(6.0).reshape(2, 3).t().requires_grad_()
    for copy in (torch.slice_copy(x, 0, 1), torch.alias_copy(x), torch.detach_copy(x)):
        assert copy.is_contiguous() and copy.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    assert torch.slice_copy(x).requires_grad and torch.alias_copy(x).requires_grad
    assert not torch.detach_copy(x).requires_grad  # PyTorch's requires grad, and raises in backward
