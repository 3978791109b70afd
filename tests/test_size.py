"""Holds the size of files and functions; what is longer is listed here with its reason."""

from __future__ import annotations

import pytest
from size_report import MAX_FILE, MAX_FUNCTION, PACKAGES, measure

# A table or a kernel family may be longer than a file should be; say why.
LONG_FILES: dict[str, str] = {
    "kernels/complex_functions.py": "one scalar function after another, under the names that they are found by",
    "kernels/elementwise.py": "one scalar function after another, in the file of the family's name",
    "tests/parity/test_elementwise_parity.py": "a list of expressions",
    "tritonnn/ops/shape/shape.py": "a table: one view after another",
    "tritonnn/_tensor.py": "one class: the properties and methods that are not ops",
}
LONG_FUNCTIONS: dict[str, str] = {
    "kernels/attention/_forward.py::attention_kernel": "a kernel: its stages share their registers",
    "kernels/attention/_blocks.py::listed_attention_kernel": "a kernel: its stages share their registers",
    "kernels/attention/_decode.py::part_kernel": "a kernel: its stages share their registers",
    "kernels/attention/_walk.py::attend_keys": "a kernel: its stages share their registers",
    "kernels/attention/_backward_keys.py::keys_backward_kernel": "a kernel: its stages share their registers",
    "kernels/attention/_backward_queries.py::queries_backward_kernel": "a kernel: its stages share their registers",
    "kernels/convolution/_depthwise.py::depthwise_kernel": "a kernel: its stages share their registers",
    "kernels/convolution/_depthwise.py::depthwise_weight_kernel": "a kernel: its stages share their registers",
    "kernels/convolution/_weight.py::weight_kernel": "a kernel: its stages share their registers",
    "kernels/device/reduce.py::moments_kernel": "a kernel: its stages share their registers",
    "kernels/embedding/_kernels.py::bag_kernel": "a kernel: its stages share their registers",
    "kernels/linalg/_kernels.py::gemm_kernel": "a kernel: its stages share their registers",
    "kernels/scatter/_entries.py::combine_kernel": "a kernel: its stages share their registers",
    "tritonnn/dispatch/_pointwise.py::plan_alike": "one look at a call's operands: a call of a function costs as much",
    "tritonnn/runtime/triton_driver.py::_driver_class": "a class, made where Triton may be imported",
    "tritonnn/nn/_multi_head.py::multi_head_attention_forward": "PyTorch's 25 parameters and the steps they steer",
}
# Nothing, however justified, grows past this.
HARD_FILE, HARD_FUNCTION = 900, 150


@pytest.mark.parametrize("package", PACKAGES)
def test_size(package: str) -> None:
    files, functions = measure(package)
    kinds = (
        (files, MAX_FILE, HARD_FILE, LONG_FILES),
        (functions, MAX_FUNCTION, HARD_FUNCTION, LONG_FUNCTIONS),
    )
    for sizes, limit, hard, reasons in kinds:
        long = {size.name: size.lines for size in sizes if size.lines > limit}
        unlisted = {name: lines for name, lines in long.items() if name not in reasons}
        assert not unlisted, f"longer than {limit} lines and not listed with a reason: {unlisted}"
        assert not {name: lines for name, lines in long.items() if lines > hard}, f"longer than {hard} lines"


@pytest.mark.parametrize("reasons", [LONG_FILES, LONG_FUNCTIONS], ids=["files", "functions"])
def test_exceptions_are_needed(reasons: dict[str, str]) -> None:
    measured = [measure(package) for package in PACKAGES]
    lines = {size.name: size.lines for files, functions in measured for size in (*files, *functions)}
    limit = MAX_FILE if reasons is LONG_FILES else MAX_FUNCTION
    stale = [name for name in reasons if lines.get(name, 0) <= limit]
    assert not stale, f"listed as long but no longer so: {stale}"
    assert all(reasons.values()), "an exception needs its reason"
