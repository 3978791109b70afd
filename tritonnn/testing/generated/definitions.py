"""What every published entry of a package states: its definition in NumPy, and what it refuses."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn._families import OWN
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import NAMESPACES, OPS, Op
from tritonnn.testing import generated
from tritonnn.testing.generated.inputs import array, call, entries, ops, samples, tensors
from tritonnn.testing.generated.own_errors import at_least

#: entries without a definition, and why; the library's tests say so of some
NO_DEFINITION: dict[str, str] = {}


def public() -> list[Op]:
    """The entries that users reach by a name."""
    if generated.package != OWN:
        return entries()
    ops = {id(f.op): f.op for names in NAMESPACES.values() for f in names.values() if hasattr(f, "op")}
    ops.update({id(op): op for op in OPS.values() if op.api and op.package == OWN})
    return list(ops.values())


def test_every_public_entry_has_a_definition() -> None:
    missing = [op.name for op in public() if op.reference is None and op.name not in NO_DEFINITION]
    assert not missing


def test_every_public_entry_has_error_inputs() -> None:
    assert not [op.name for op in public() if op.errors is None]


def test_every_public_entry_has_samples() -> None:
    assert not [op.name for op in public() if op.samples is None and op.name not in NO_DEFINITION]


def with_a_word(op: Op) -> tuple[list[Any], dict[str, Any]]:
    """Calls of an entry with a word where its samples have a tensor."""
    kind = torch.float64 if torch.float64 in op.dtypes else op.dtypes[-1]
    sample = samples(op, "cpu", kind)[0]
    places = [i for i, arg in enumerate(sample.args) if isinstance(arg, Tensor)]
    return [
        (*sample.args[:i], "a", *sample.args[i + 1 :]) for i in places if i not in op.number_slots
    ], sample.kwargs


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in public() if op.samples])
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_tensor_is_refused(op: Op) -> None:
    """By the type of error that PyTorch has there."""
    calls, kwargs = with_a_word(op)
    for args in calls:
        with pytest.raises(TypeError):
            op.function(*args, **kwargs)


def plain(value: Any) -> Any:
    """An argument as a definition gets it: tensors as arrays, those of half precision in float64."""
    if isinstance(value, Tensor):
        values = host_array(value.detach())
        return values.astype(np.float64) if values.dtype.kind in "fV" else values
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def by_definition(op: Op, sample: Any) -> list[np.ndarray]:
    """What the entry's `reference=` gives on a sample: its parameters name the arguments that it needs.

    That of a composite which takes any number of arguments is called as the composite is.
    """
    assert op.reference is not None
    if op.kind == "composite" and op.takes_any:
        result = op.reference(*plain(sample.args), **{name: plain(v) for name, v in sample.kwargs.items()})
    else:
        bound, _ = op.bind(sample.args, dict(sample.kwargs))
        given = {name: plain(value) for name, value in zip(op.names, bound, strict=True)}
        if isinstance(op.reference, np.ufunc):
            result = op.reference(*[given[op.names[slot]] for slot in op.tensor_slots])
        else:
            names = inspect.signature(op.reference).parameters
            result = op.reference(**{name: given[name] for name in names if name in given})
    return flat(result)


def flat(result: Any) -> list[np.ndarray]:
    """The arrays of a result, those of tuples in it as well."""
    if isinstance(result, (tuple, list)):
        return [array for value in result for array in flat(value)]
    return [np.asarray(result)]


def defined() -> list[Any]:
    """Every entry with a definition, in the dtypes that it is compared in."""
    rows = []
    for op in ops():
        kinds = [kind for kind in (torch.float64, torch.int64) if kind in op.dtypes]
        kinds = kinds or [kind for kind in (torch.complex128, torch.bool) if kind in op.dtypes]
        kinds = kinds or list(op.dtypes[:1])
        if op.reference is not None:
            rows += [pytest.param(op, kind, id=f"{op.name}_{kind.name}") for kind in kinds]
    return rows


@pytest.mark.parametrize(("op", "dtype"), defined())
def test_definition(op: Op, dtype: Any) -> None:
    """The op computes what its entry's independent definition says."""
    for sample in samples(op, "cpu", dtype):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = by_definition(op, sample)
            result = call(op, sample)
        got = [torch.tensor(result)] if isinstance(result, (bool, int, float)) else list(tensors(result))
        assert len(got) == len(wanted), repr(sample)
        for a, b in zip(got, wanted, strict=True):
            assert tuple(a.shape) == b.shape, f"{sample}: shape {tuple(a.shape)}, defined {b.shape}"
            # Whole numbers give results of the default dtype where they become fractions.
            rtol = 0 if a.dtype.kind < 2 else 1e-9 if a.dtype.to_real().itemsize >= 8 else 2e-6
            atol = rtol / 10 * max(1.0, at_least(op))
            np.testing.assert_allclose(array(a), b, rtol=rtol, atol=atol, err_msg=repr(sample))
