"""Which entries are called in which dtypes on which devices."""

from __future__ import annotations

import os
from typing import Any

import pytest

import tritonnn as torch
from tritonnn._families import OWN
from tritonnn.ops._table import OPS, Op
from tritonnn.testing import generated
from tritonnn.testing.generated.inputs import ops

DEVICES = ("cpu", "cuda")
HALF = (torch.float16, torch.bfloat16)
STEPS_BREAK_TIES = {"mode"}  # moving an element changes which value is the most frequent
# the paper's gradient, which takes scores for log-probabilities; tests/test_ctc.py differentiates behind log_softmax
NO_PLAIN_DERIVATIVE = {"aten_ctc_loss", "ctc_loss", "ctc_paths"}
RANDOM = {name for name, op in OPS.items() if op.family == "random"} | {
    "gumbel_softmax", "svd_lowrank", "pca_lowrank", "lobpcg",
}  # fmt: skip


# Triton's interpreter takes about a millisecond a block operation, so the simulated device runs a part of what a
# real GPU runs: composites (made of ops that are tested themselves) in float32, and of the pointwise ops, which share
# one kernel, some in each property beside the first.
SIMULATED = os.environ.get("TRITON_INTERPRET") == "1"
SIMULATED_DTYPES = (torch.float32, torch.float16, torch.int64)
SOME_POINTWISE = {"add", "clamp", "eq", "exp", "mul", "pow", "where"}


def worth_simulating(op: Op, dtype: Any, main: bool) -> bool:
    """Whether the simulated device runs this case; `main` is the comparison of kernel and twin."""
    if op.package != OWN:
        return dtype is torch.float32 or (main and dtype in SIMULATED_DTYPES)
    if dtype is not torch.float32 and (op.kind != "primitive" or not main):
        return dtype is next((d for d in SIMULATED_DTYPES if d in op.dtypes), None) and main
    if not main and (
        op.kind != "primitive" or (op.result_rule is not None and op.name not in SOME_POINTWISE)
    ):
        return False
    return dtype in SIMULATED_DTYPES


def few(device: str, dtype: Any, all_samples: list) -> list:
    """The samples themselves; of the library's ops on the simulated device three, and one in a further dtype."""
    if device != "cuda" or not SIMULATED or generated.package != OWN:
        return all_samples
    return all_samples[: 3 if dtype is torch.float32 else 1]


def cases(
    dtypes: Any, devices: tuple[str, ...] = DEVICES, keep: Any = lambda op: True, main: bool = False
) -> Any:
    """Parametrisation over ops, devices and the dtypes an op declares among `dtypes`."""
    rows = []
    for op in ops():
        if op.name in RANDOM or not keep(op):
            continue
        for device in devices:
            for dtype in dtypes:
                if device == "cuda" and SIMULATED and not worth_simulating(op, dtype, main):
                    continue
                if dtype in op.dtypes:
                    # One floating type and one of whole numbers in every run, the product of all of them in CI.
                    marks = () if dtype in (dtypes[0], torch.int64) else pytest.mark.exhaustive
                    rows.append(
                        pytest.param(op, device, dtype, id=f"{op.name}_{device}_{dtype.name}", marks=marks)
                    )
    # Warnings of single samples (var of one element, ...) are tested by hand.
    quiet, over = (
        pytest.mark.filterwarnings("ignore"),
        pytest.mark.parametrize(("op", "device", "dtype"), rows),
    )
    return lambda test: over(quiet(test))


def main_dtype(op: Op) -> Any:
    return torch.float64 if torch.float64 in op.dtypes else op.dtypes[-1]
