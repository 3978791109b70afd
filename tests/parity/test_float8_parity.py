"""What float8 tensors can do: moving, converting, comparing and multiplying matrices, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference

import tritonnn
from tritonnn.kernels.device import moving as shape
from tritonnn.kernels.device import pointwise as _pointwise

KINDS = pytest.mark.parametrize(
    "kind", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
)
VALUES = np.array([[1.0, -2.0, 0.5], [0.0, 416.0, np.nan]], np.float32)

TAKEN = {
    "clone": lambda lib, x: x.clone(),
    "cast": lambda lib, x: x.to(lib.float32),
    "to complex": lambda lib, x: x.to(lib.complex64),
    "cat": lambda lib, x: lib.cat([x, x]),
    "stack": lambda lib, x: lib.stack([x, x], 1),
    "transpose": lambda lib, x: x.t().contiguous(),
    "select": lambda lib, x: x[0],
    "index": lambda lib, x: x[lib.tensor([1, 0], device=x.device)],
    "mask": lambda lib, x: x[lib.tensor([True, False], device=x.device)],
    "index_select": lambda lib, x: x.index_select(1, lib.tensor([2, 0], device=x.device)),
    "masked_select": lambda lib, x: x.masked_select(x.to(lib.float32) > 0),
    "index_put": lambda lib, x: x.index_put((lib.tensor([0], device=x.device),), x[1:]),
    "assign": lambda lib, x: assigned(x),
    "embedding": lambda lib, x: lib.nn.functional.embedding(lib.tensor([1, 0, 1], device=x.device), x),
    "pad": lambda lib, x: lib.nn.functional.pad(x, (1, 2), value=2.0),
    "repeat": lambda lib, x: x.repeat(2, 1),
    "repeat_interleave": lambda lib, x: x.repeat_interleave(2, 1),
    "roll": lambda lib, x: x.roll(1, 0),
    "flip": lambda lib, x: x.flip(0),
    "split": lambda lib, x: x.split(1)[1],
    "unfold": lambda lib, x: x.unfold(1, 2, 1),
    "diagonal": lambda lib, x: x.diagonal(),
    "zeros_like": lambda lib, x: lib.zeros_like(x),
    "eye": lambda lib, x: lib.eye(2, dtype=x.dtype, device=x.device),
    "zero_": lambda lib, x: x.clone().zero_(),
    "eq": lambda lib, x: x == x,
    "eq number": lambda lib, x: x == 0.5,
    "ne": lambda lib, x: x != x.flip(0),
    "isnan": lambda lib, x: lib.isnan(x),
    "where": lambda lib, x: lib.where(lib.tensor([True, False, True], device=x.device), x, x.flip(0)),
    "any": lambda lib, x: x.any(),
    "sum as float32": lambda lib, x: x[0].sum(dtype=lib.float32),
    "mean as float32": lambda lib, x: x[0].mean(dtype=lib.float32),
    "cumsum as float32": lambda lib, x: x[0].cumsum(0, dtype=lib.float32),
    "softmax as float32": lambda lib, x: lib.softmax(x[0], 0, dtype=lib.float64) > 0.1,
    "gradient of a cast": lambda lib, x: gradient(lib, x),
}
REFUSED = {
    "sum": lambda lib, x: x.sum(),
    "sum of rows": lambda lib, x: x.sum(1),
    "mean": lambda lib, x: x.mean(),
    "prod": lambda lib, x: x.prod(),
    "argmax": lambda lib, x: x.argmax(),
    "max": lambda lib, x: x.max(),
    "amin": lambda lib, x: x.amin(1),
    "cumsum": lambda lib, x: x.cumsum(0),
    "cummax": lambda lib, x: x.cummax(0),
    "sort": lambda lib, x: x.sort(),
    "topk": lambda lib, x: x.topk(2),
    "unique": lambda lib, x: x.unique(),
    "gather": lambda lib, x: x.gather(0, lib.zeros(1, 3, dtype=lib.int64, device=x.device)),
    "scatter": lambda lib, x: x.scatter(0, lib.zeros(1, 3, dtype=lib.int64, device=x.device), 1.0),
    "index_add": lambda lib, x: x.index_add(0, lib.tensor([0], device=x.device), x[:1]),
    "index_fill": lambda lib, x: x.index_fill(0, lib.tensor([0], device=x.device), 1.0),
    "masked_fill": lambda lib, x: x.masked_fill(lib.tensor([True, False, True], device=x.device), 1.0),
    "masked_fill_": lambda lib, x: x.clone().masked_fill_(
        lib.tensor([True, False, True], device=x.device), 1.0
    ),
    "take": lambda lib, x: x.take(lib.tensor([0], device=x.device)),
    "nonzero": lambda lib, x: x.nonzero(),
    "tril": lambda lib, x: x.tril(),
    "softmax": lambda lib, x: lib.softmax(x, 1),
    "layer_norm": lambda lib, x: lib.nn.functional.layer_norm(x, (3,)),
    "mse_loss": lambda lib, x: lib.nn.functional.mse_loss(x, x),
    "cross_entropy": lambda lib, x: lib.nn.functional.cross_entropy(x, lib.tensor([0, 1], device=x.device)),
    "conv1d": lambda lib, x: lib.nn.functional.conv1d(x[None], x[:, :, None][:1, :2]),
    "max_pool1d": lambda lib, x: lib.nn.functional.max_pool1d(x, 2),
    "dropout": lambda lib, x: lib.nn.functional.dropout(x),
    "add": lambda lib, x: x + x,
    "times a number": lambda lib, x: x * 2,
    "exp": lambda lib, x: x.exp(),
    "less": lambda lib, x: x < x,
    "rand": lambda lib, x: lib.rand(2, dtype=x.dtype, device=x.device),
    "normal_": lambda lib, x: x.clone().normal_(),
    "arange": lambda lib, x: lib.arange(3, dtype=x.dtype, device=x.device),
    "linspace": lambda lib, x: lib.linspace(0, 1, 3, dtype=x.dtype, device=x.device),
    "cat of two": lambda lib, x: lib.cat([x, x.to(lib.float32)]),
    "add float32": lambda lib, x: x + x.to(lib.float32),
    "eq float32": lambda lib, x: x == x.to(lib.float32),
    "promote_types": lambda lib, x: lib.promote_types(x.dtype, lib.float16),
    "two float8": lambda lib, x: lib.promote_types(lib.float8_e4m3fn, lib.float8_e5m2),
}


def assigned(x):
    """A copy with a row and an element written."""
    copy = x.clone()
    copy[0] = x[1]
    copy[1, 2] = 3.0
    return copy


def gradient(lib, x):
    """Of what goes through float8 and back."""
    leaf = x.to(lib.float32).requires_grad_()
    (leaf.to(x.dtype).to(lib.float32) * 2).nan_to_num().sum().backward()
    return leaf.grad


def numbers(lib, kind, device="cpu"):
    return lib.from_numpy(VALUES.copy()).to(getattr(lib, kind)).to(device)


def same(name, kind, device):
    got = TAKEN[name](tritonnn, numbers(tritonnn, kind, device))
    wanted = TAKEN[name](reference, numbers(reference, kind))
    assert str(got.dtype) == str(wanted.dtype)
    wide = [t.cpu().to(lib.complex128).numpy() for t, lib in ((got, tritonnn), (wanted, reference))]
    np.testing.assert_array_equal(*wide)


@KINDS
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", TAKEN)
def test_taken(name, device, kind):
    if (name, kind) == ("index_put", "float8_e8m0fnu"):  # taken here, refused there
        with pytest.raises(NotImplementedError):
            TAKEN[name](reference, numbers(reference, kind))
        got = TAKEN[name](tritonnn, numbers(tritonnn, kind, device)).cpu().float().tolist()
        assert got[0][:2] == [2.0**-127, 512.0] and np.isnan(got[0][2])  # 416 is nearer to 512 than to 256
        return
    same(name, kind, device)


@KINDS
@pytest.mark.parametrize("name", ["eq", "eq number", "ne", "isnan", "where"])
def test_compared_without_instructions(monkeypatch, forget_launches, name, kind):
    """As where the hardware knows no float8: by way of float16."""
    for module in (_pointwise, shape):
        monkeypatch.setattr(module, "instructions", lambda arch: False)
    same(name, kind, "cuda")


@KINDS
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, device, kind):
    with pytest.raises((NotImplementedError, RuntimeError)) as there:
        REFUSED[name](reference, numbers(reference, kind))
    with pytest.raises(type(there.value), match=r"not implemented for float8|Promotion for Float8"):
        REFUSED[name](tritonnn, numbers(tritonnn, kind, device))


@KINDS
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_products(device, kind):
    """Of matrices they are taken, also in batches, which PyTorch refuses on the CPU."""
    x = tritonnn.ones(3, 3).to(device, getattr(tritonnn, kind))
    if kind == "float8_e8m0fnu":  # powers of 2 alone, which have no sums
        with pytest.raises(NotImplementedError):
            reference.ones(3, 3).to(getattr(reference, kind)) @ reference.ones(3, 3).to(
                getattr(reference, kind)
            )
        with pytest.raises(NotImplementedError, match="matmul: not implemented for float8_e8m0fnu"):
            x @ x
        return
    for product in (x @ x, tritonnn.nn.functional.linear(x, x), tritonnn.bmm(x[None], x[None])[0]):
        assert product.dtype is x.dtype and product.cpu().to(tritonnn.float32).tolist() == [[3.0] * 3] * 3
