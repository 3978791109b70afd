"""Faults in rules for batches, and in transforms of functions."""

from __future__ import annotations

from mutants import Fault

MATRICES, SEQUENCES, BAGS, CALLS = [
    f"tritonnn/batching/{name}.py" for name in ("matrices", "sequences", "bags", "calls")
]
MEMORY, GRAD_MODE, TRACKED = (
    "tritonnn/memory.py",
    "tritonnn/recording/grad_mode.py",
    "tritonnn/autograd/tracked.py",
)
FORWARD = "tritonnn/autograd/gradcheck_forward.py"
OPS, PROGRAMS = "tests/test_vmap_ops.py -k cpu", "tests/parity/test_transform_parity.py"

FAULTS = [
    Fault(
        "vmap: systems of samples of unlike ranks are not lined up", "shape rule", MATRICES,
        "            args[i] = raised(args[i], rank)\n", "            pass\n", f"{OPS}-linalg_solve_ex",
    ),
    Fault(
        "vmap: results of what all samples share have no batch", "shape rule", CALLS,
        "else front(value, False, c.size)", "else value", f"{OPS}-linalg_solve_ex",
    ),
    Fault(
        "vmap: steps of sequences are not those of all samples", "index", SEQUENCES,
        "[n * c.size for n in sizes]", "[n for n in sizes]", f"{OPS}-rnn_layer",
    ),
    Fault(
        "vmap: labels of samples begin at the same place", "index", SEQUENCES,
        " + numbers * targets._shape[1]\n", " + numbers * 0\n", f"{OPS}-ctc_paths",
    ),
    Fault(
        "vmap: gates with weights of samples' own are differentiated", "gradient flow", SEQUENCES,
        "        return cat(flat, 1).detach()\n", "        return cat(flat, 1)\n",
        "tests/test_vmap_gradients.py -k 'per_sample and gru_layer'",
    ),
    Fault(
        "vmap: bags of samples share offsets", "index", BAGS,
        "offsets.long() + numbers * count", "offsets.long()", f"{OPS}-embedding_bag_lookup",
    ),
    Fault(
        "vmap: elements are put one place late", "index", BAGS,
        "(held.cumsum(1) - 1)", "held.cumsum(1)", f"{OPS}-masked_scatter",
    ),
    Fault(
        "transforms: captured tensors are written", "refusal", MEMORY,
        "    if _inferring and 0 <= storage.version < _mode.birth and", "    if False and",
        f"{PROGRAMS} -k test_program",
    ),
    Fault(
        "transforms: memory of an earlier one counts as one's own", "ownership", MEMORY,
        "next(_transforms) * TRANSFORM", "1 * TRANSFORM", f"{PROGRAMS} -k test_program",
    ),
    Fault(
        "forward mode ends in no_grad", "graph", GRAD_MODE,
        "(enabled or state.tangents > 0)", "enabled", f"{PROGRAMS} -k test_program",
    ),
    Fault(
        "backward sees what forward mode records in no_grad", "gradient flow", GRAD_MODE,
        "    if not state.unveiled:\n", "    if False:\n", f"{PROGRAMS} -k test_program",
    ),
    Fault(
        "forward mode: tangents share memory with what is written", "ownership", TRACKED,
        "    return tangent.clone() if", "    return tangent if", f"{PROGRAMS} -k test_program",
    ),
    Fault(
        "gradcheck: forward mode is not compared", "argument check", FORWARD,
        "        if wrong.any():\n", "        if False:\n", f"{PROGRAMS} -k gradcheck",
    ),
]  # fmt: skip
