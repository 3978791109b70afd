"""Faults in complex numbers: their kernels, and conjugates that are views."""

from __future__ import annotations

from mutants import Fault

FUNCTIONS = "kernels/complex_functions.py"
CONJUGATION = "tritonnn/ops/elementwise/conjugation.py"
KERNELS = "tests/kernels/test_complex.py"
VIEWS = "tests/parity/test_conjugated_parity.py"

FAULTS = [
    Fault(
        "complex: the sign of i squared", "formula", FUNCTIONS,
        "return a * c - b * d, a * d + b * c", "return a * c + b * d, a * d + b * c", f"{KERNELS} -k definition",
    ),
    Fault(
        "complex: the logarithm near the unit circle", "precision", FUNCTIONS,
        "tl.where((high > 0.7) & (high < 1.5), near, far)", "far", f"{KERNELS} -k functions_are_those_of_c",
    ),
    Fault(
        "complex: a sum multiplies by a factor of 1", "special value", FUNCTIONS,
        "one = (a == 1.0) & (b == 0.0)", "one = a != a", f"{KERNELS} -k sums_keep_infinities",
    ),
    Fault(
        "complex: distances are in real numbers", "stride", "kernels/device/complex_pointwise.py",
        "_offset(index, out_strides, EVERY) * (2 if RESULT else 1)", "_offset(index, out_strides, EVERY)",
        f"{KERNELS} -k operands_of_every_kind",
    ),
    Fault(
        "complex product: the second row of a block", "formula", "kernels/linalg/_complex.py",
        "_turn(second, first, compute=b.dtype)", "copy(second, first)",
        "tests/kernels/test_linalg.py -k complex_products",
    ),
    Fault(
        "conj: what is written back is not conjugated", "formula", CONJUGATION,
        "memory(tensor).copy_(_compute(values, tensor._conjugated, tensor._negated))",
        "memory(tensor).copy_(values)", f"{VIEWS} -k written",
    ),
    Fault(
        "conj: views forget how they are read", "formula", CONJUGATION,
        "tuple([flagged(view, source._conjugated, source._negated) for view in parts])", "tuple(parts)",
        f"{VIEWS} -k results",
    ),
    Fault(
        "conj: elements have no place in the graph", "graph", CONJUGATION,
        "        values._node, values._out_nr = edge\n", "        pass\n",
        "tests/parity/test_conjugates_in_graphs_parity.py",
    ),
    Fault(
        "conj: a view keeps its history when its base is written", "graph", "tritonnn/recording/readings.py",
        "    reading.append(_regenerated)\n", "    reading.append(lambda plain, view: None)\n",
        "tests/parity/test_conjugates_in_graphs_parity.py",
    ),
]  # fmt: skip
