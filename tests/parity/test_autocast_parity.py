"""Under autocast every op gives results of the types that PyTorch gives."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import cuda_autocast
import pytest
import torch as reference
from reference_ops import counterpart, reference_tensors, to_reference
from support import call, mapped, ops, samples, tensors

import tritonnn as torch
from tritonnn.table import autocast as table

LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}
#: what the floating tensors of a call are, in turn
GIVEN = (("float32",), ("lower",), ("float32", "lower"), ("lower", "float32"), ("float64",))

#: (device type, op) -> why its result may be of another type than PyTorch's
OTHER: dict[tuple[str, str], str] = {
    **{
        (device, name): "PyTorch's is made of products, which autocast lowers; here it is as exact as without"
        for device, names in (
            ("cpu", "linalg_matrix_power matrix_power pca_lowrank pinv svd_lowrank"),
            ("cuda", "linalg_matrix_exp matrix_exp pinv pinverse"),
        )
        for name in names.split()
    },
    **{
        ("cuda", name): "as cuDNN's layers under autocast; compared with here are those of PyTorch's CPU code"
        for name in ("lstm", "gru")
    },
    **{
        ("cuda", name): "no policy holds for it; compared with here is a convolution, for which one does"
        for name in ("cudnn_convolution_relu", "cudnn_convolution_add_relu")
    },
    (
        "cuda",
        "_foreach_norm",
    ): "on CUDA it is a kernel of its own, which no policy holds for; on the CPU it is not",
    **{
        (device, "linear_cross_entropy"): "the loss is float32 with any options, not with some"
        for device in ("cpu", "cuda")
    },
}


def given(sample: Any, kinds: tuple[str, ...], lower: Any) -> Any:
    """The sample with its floating tensors in these types, in turn."""
    turn = itertools.cycle(kinds)

    def typed(tensor: Any) -> Any:
        if not tensor.dtype.is_floating_point:
            return tensor
        kind = next(turn)
        return tensor.to(lower if kind == "lower" else getattr(torch, kind))

    return mapped(sample, typed)


def outcome(run: Any, listed: Any) -> Any:
    """The types of the results, or that of what is raised."""
    try:
        return [str(t.dtype) for t in listed(run())]
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        return type(error).__name__ + ": " + str(error)[:200]


def run_reference(op: Any, sample: Any) -> Any:
    args = [to_reference(arg) for arg in sample.args]
    return counterpart(op)(*args, **{name: to_reference(value) for name, value in sample.kwargs.items()})


def typed_outcomes(op: Any, sample: Any, lower: str, enabled: bool) -> tuple[Any, Any]:
    """Ours and PyTorch's."""
    with torch.autocast("cpu", dtype=LOWER[lower], enabled=enabled):
        got = outcome(lambda: call(op, sample), lambda result: list(tensors(result)))
    with reference.autocast("cpu", dtype=getattr(reference, lower), enabled=enabled):
        return got, outcome(lambda: run_reference(op, sample), reference_tensors)


def differences(op: Any, lower: str) -> list[str]:
    """Where the types of the results are not PyTorch's."""
    found = []
    for sample, kinds in itertools.product(samples(op, "cpu", torch.float32), GIVEN):
        sample = given(sample, kinds, LOWER[lower])
        got, wanted = typed_outcomes(op, sample, lower, True)
        # What PyTorch refuses, and what is different in the same way without autocast, is not looked at here.
        if isinstance(wanted, str) or got == wanted:
            continue
        if (got, wanted) != typed_outcomes(op, sample, lower, False):
            found.append(f"{kinds} {sample}: {got}, PyTorch {wanted}")
    return found


@contextlib.contextmanager
def policies_of_cuda() -> Iterator[None]:
    """Within the block, both libraries do on the CPU what they do on CUDA."""
    known, only, states = table._by_op(), dict(table.ONLY), dict(table.STATES)
    before = {name: dict(row) for name, row in known.items()}
    for row in known.values():
        row.pop("cpu", None)
        if "cuda" in row:
            row["cpu"] = row["cuda"]
    table.STATES.clear()
    table.ONLY.clear()
    table.ONLY.update({("cpu", name): holds for (device, name), holds in only.items() if device == "cuda"})
    try:
        with cuda_autocast.on_the_cpu():
            yield
    finally:
        known.update(before)
        table.ONLY.clear()
        table.ONLY.update(only)
        table.STATES.update(states)


@pytest.fixture(scope="module")
def as_cuda() -> Iterator[None]:
    with policies_of_cuda():
        yield


def cases() -> Any:
    chosen = [op for op in ops() if torch.float32 in op.dtypes and counterpart(op) is not None]
    chosen = [op for op in chosen if op.name != "lobpcg"]  # PyTorch's raises KeyError of float16
    return pytest.mark.parametrize("op", chosen, ids=lambda op: op.name)


def check(device: str, op: Any, lower: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = differences(op, lower)
    if (device, op.name) in OTHER:
        assert found, f"{op.name}: listed as different ({OTHER[device, op.name]}), but is not"
    else:
        assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("lower", list(LOWER))
@cases()
def test_types(op: Any, lower: str) -> None:
    check("cpu", op, lower)


@pytest.mark.parametrize("lower", list(LOWER))
@cases()
def test_types_of_cuda(as_cuda: None, op: Any, lower: str) -> None:
    check("cuda", op, lower)
