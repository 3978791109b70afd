"""vmap of every entry of a package against a loop over the samples."""

from __future__ import annotations

import warnings
import zlib
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn._families import OWN
from tritonnn._levels import DATA_DEPENDENT, ITEM
from tritonnn._tensor import Tensor
from tritonnn.batching import calls
from tritonnn.ops._table import OPS, Op, Sample
from tritonnn.testing import generated
from tritonnn.testing.generated.inputs import Make, assert_close, call, floating, ops, tensors

SIZE = 3
RANDOM = {name for name, op in OPS.items() if op.family in ("random", "dropout")} | {
    "gumbel_softmax", "lobpcg", "svd_lowrank", "pca_lowrank",
}  # fmt: skip
# what needs the values of one sample in Python -> why
DEPENDS = {
    "nonzero": "the number of elements differs by sample",
    "nonzero_coordinates": "the same", "unique": "the same", "unique_consecutive": "the same",
    "unique_flat": "the same", "unique_rows": "the same", "unique_consecutive_rows": "the same", "argwhere": "the same",
    "allclose": "its result is a truth value of Python", "is_nonzero": "the same",
}  # fmt: skip
# of which some calls depend on values, or write to what is not batched
SOME = {
    "masked_select", "nms",
    "index_put", "getitem", "functional_batch_norm", "functional_instance_norm", "bincount", "equal", "public_where",
    "one_hot", "repeat_interleave", "full", "addcmul", "addcdiv", "native_batch_norm", "aten_batch_norm",
}  # fmt: skip


# how far off results may be in terms of their own errors -> of ops that add up in another order, step after step
ALLOWED = dict.fromkeys(("lstm_layer", "gru_layer", "rnn_layer", "lstm", "gru", "rnn_tanh", "rnn_relu"), 32)

SPARSE = {
    "sparse.mm",
    "sparse.sampled_addmm",
}  # what sparse tensors, which vmap has none of, are multiplied with


REFUSALS = (
    DATA_DEPENDENT,
    ITEM,
    "dynamic shape",
    "Batch norm got a batched tensor",
    "is not possible because there",
    "would mutate a captured Tensor",
    "explicit positive num_classes",
)


class Drawn(Make):
    """Another draw of the same calls."""

    def __init__(self, op: str, device: str, dtype: Any, number: int) -> None:
        super().__init__(op, device, dtype)
        self.rng = np.random.default_rng(zlib.crc32(f"{op}{number}".encode()))


def drawn(op: Op, device: str, dtype: Any = torch.float32) -> list[tuple[Sample, ...]]:
    """Calls of the op, each in as many draws as there are samples."""
    assert op.samples is not None
    columns = [list(op.samples(Drawn(op.name, device, dtype, number))) for number in range(SIZE)]
    return [row for row in zip(*columns, strict=True) if alike(row)]


def alike(row: tuple[Sample, ...]) -> bool:
    """Whether the draws differ in the values of tensors alone."""
    shapes = [[(tuple(t.shape), t.stride()) for t in tensors(sample)] for sample in row]
    if any(arg.__class__ is float and arg == 0.4 for arg in row[0].args[4:5]):  # attention with dropout
        return False
    return all(shape == shapes[0] for shape in shapes) and bool(shapes[0])


def filled(sample: Sample, values: list[Tensor]) -> Sample:
    """The sample with other tensors, in the order in which `tensors` goes."""
    rest = iter(values)

    def walk(value: Any) -> Any:
        if isinstance(value, Tensor):
            return next(rest)
        if isinstance(value, (list, tuple)) and any(True for _ in tensors(value)):
            return type(value)([walk(item) for item in value])
        return value

    return Sample(
        *[walk(a) for a in sample.args], **{key: walk(value) for key, value in sample.kwargs.items()}
    )


def results(op: Op, sample: Sample, values: list[Tensor]) -> tuple[Tensor, ...]:
    return tuple(tensors(call(op, filled(sample, values))))


def cases() -> list[Any]:
    return [
        pytest.param(op, id=op.name)
        for op in ops()
        if op.samples and op.name not in RANDOM and not op.recorded
    ]


@pytest.fixture
def looped_ops(monkeypatch):
    """The names of what is called with one sample at a time; that is no more than what is said to be."""
    told: list[str] = []
    monkeypatch.setattr(calls, "warn_once", lambda key, text: told.append(key.removeprefix("vmap.")))
    yield told
    if generated.package != OWN:  # whose entries may have no rule
        return
    assert {*told} <= calls.LOOPED | SPARSE | {
        "index_put"
    }  # a mask of each sample's own, which is then refused


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def batch(row: tuple[Sample, ...], which: set[int]) -> tuple[list[Tensor], list[int | None]]:
    """Of each tensor of a call the stacked draws, or the first of them, and where the samples are."""
    columns = list(zip(*[list(tensors(sample)) for sample in row], strict=True))
    given = [torch.stack(column) if i in which else column[0] for i, column in enumerate(columns)]
    return given, [0 if i in which else None for i in range(len(columns))]


def patterns(count: int) -> list[set[int]]:
    """Which tensors are batched: all, and each alone."""
    return [set(range(count))] + ([{i} for i in range(count)] if count > 1 else [])


@pytest.mark.parametrize("op", cases())
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.exhaustive)])
def test_loop(op, device, looped_ops):
    """vmap gives what a loop over the samples gives, and loops itself only where the table of ops says so."""
    dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1]
    rows = drawn(op, device, dtype)
    for row in rows if device == "cpu" else rows[:2]:
        count = len(list(tensors(row[0])))
        for which in patterns(count) if device == "cpu" else patterns(count)[:1]:
            given, dims = batch(row, which)
            looped = []
            for i in range(SIZE):
                values = [g if d is None else g[i] for g, d in zip(given, dims, strict=True)]
                looped.append(results(op, row[0], [v.clone() for v in values]))
            run = lambda *values, of=row[0]: results(op, of, list(values))
            if op.name in DEPENDS:
                with pytest.raises(RuntimeError, match=r"data-dependent|dynamic shape|.item\(\)"):
                    torch.vmap(run, in_dims=tuple(dims))(*given)
                continue
            try:
                got = torch.vmap(run, in_dims=tuple(dims))(*given)
            except RuntimeError as error:
                if op.name in SOME and any(text in str(error) for text in REFUSALS):
                    continue
                raise
            wanted = [torch.stack(column) for column in zip(*looped, strict=True)]
            assert len(got) == len(wanted)
            for a, b in zip(got, wanted, strict=True):
                assert a.dtype is b.dtype, (which, a.dtype, b.dtype)
                assert a.shape == b.shape, (which, a.shape, b.shape)
            assert_close(floating(got), floating(wanted), dtype, ALLOWED.get(op.name, 8), f"{row[0]} {which}")
            for a, b in zip(got, wanted, strict=True):
                if not a.dtype.is_floating_point and not a.dtype.is_complex:
                    assert torch.equal(a, b), (row[0], which)
