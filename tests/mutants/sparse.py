"""Faults in sparse tensors, in gradients that are sparse, and in the optimizers that take them."""

from __future__ import annotations

from mutants import Fault

CLASS = "tritonnn/_sparse.py"
ARITHMETIC = "tritonnn/ops/sparse/arithmetic.py"
LOOKUPS = "tritonnn/ops/sparse/embedding.py"
MAKING = "tritonnn/ops/sparse/making.py"
TESTS = "tests/test_sparse.py"
OPTIM = "tests/test_sparse_optim.py"

FAULTS = [
    Fault(
        "sparse: a method of dense tensors is let through", "argument check", CLASS,
        "not hasattr(Tensor, name):\n            return object", "hasattr(Tensor, name):\n            return object",
        f"{TESTS} -k refused_by_their_name",
    ),
    Fault(
        "sparse: a sum of coalesced ones only says that it is coalesced", "formula", ARITHMETIC,
        "return coalesce(result) if a._coalesced and b._coalesced else result",
        "return result._coalesced_(a._coalesced and b._coalesced)",
        "tests/parity/test_sparse_parity.py -k coalesced",
    ),
    Fault(
        "sparse: equal indices are written over each other", "index", ARITHMETIC,
        "    single = coalesce(other)\n", "    single = other\n",
        f"{TESTS} -k arithmetic",
    ),
    Fault(
        "sparse: the gradient shares the indices of the call", "ownership", LOOKUPS,
        "indices.reshape(-1).to(dtypes.int64, copy=True)", "indices.reshape(-1).to(dtypes.int64)",
        f"{TESTS} -k what_a_gradient_shares",
    ),
    Fault(
        "sparse: a leaf takes the incoming gradient's memory", "ownership", "tritonnn/autograd/engine.py",
        "grad = (grad if self.create else grad.detach()).clone()", "grad = grad if self.create else grad.detach()",
        f"{TESTS} -k what_a_gradient_shares",
    ),
    Fault(
        "sparse: the padding's rows stay", "gradient flow", LOOKUPS,
        "    if padding_idx is not None:\n", "    if padding_idx is None:\n",
        f"{TESTS} -k 'sparse_gradient_is'",
    ),
    Fault(
        "sparse: indices are not looked at", "argument check", MAKING,
        "    if size is None or not unchecked(check_invariants):\n", "    if check_invariants:\n",
        f"{TESTS} -k constructor_refuses",
    ),
    Fault(
        "sparse Adam: squares of the terms instead of the sums", "formula", "tritonnn/optim/sparse_adam.py",
        "zip(\n        (\"exp_avg\", \"exp_avg_sq\"), group[\"betas\"], (values, values * values)",
        "zip(\n        (\"exp_avg\", \"exp_avg_sq\"), group[\"betas\"], (values, values.abs())",
        f"{OPTIM} -k sparse_adam",
    ),
    Fault(
        "sparse Adagrad: the rate does not decay", "schedule", "tritonnn/optim/adagrad.py",
        "(1 + (state[\"step\"].item() - 1) * group[\"lr_decay\"])", "1",
        f"{OPTIM} -k dense_one",
    ),
    Fault(
        "sparse SGD: no damping", "formula", "tritonnn/optim/sgd.py",
        "buffer.mul_(momentum).add_(grad, alpha=1 - group[\"dampening\"])", "buffer.mul_(momentum).add_(grad)",
        f"{OPTIM} -k dense_one",
    ),
    Fault(
        "scaler: a half gradient's sums are not looked at", "special value", "tritonnn/amp/grad_scaler.py",
        "param.grad = param.grad.coalesce()", "pass",
        f"{OPTIM} -k half",
    ),
    Fault(
        "sparse: a row that is empty takes its neighbour's first term", "special value", "cpu_fallback/sparse.py",
        "filled = np.flatnonzero(starts[1:] > starts[:-1])", "filled = np.arange(len(starts) - 1)",
        "tests/test_sparse_layouts.py -k 'products and cpu and csr or one_row'",
    ),
    Fault(
        "sparse: the last entries of a row are read beyond its end", "mask", "kernels/sparse.py",
        "valid = (entry < end) & (place >= 0)", "valid = (place >= 0)",
        "tests/test_sparse_layouts.py -k row_ends",
    ),
    Fault(
        "sparse: the transposed product takes the values in their old order", "index", "tritonnn/ops/sparse/spmm.py",
        "return spmm(values[order], g, begins, lines)", "return spmm(values, g, begins, lines)",
        "tests/test_sparse_layouts.py -k test_gradients",
    ),
    Fault(
        "sparse: the gradient of a leaf is that of the last pass", "formula", "tritonnn/ops/sparse/leaves.py",
        "leaf._grad = more if leaf._grad is None else leaf._grad.add_(more)", "leaf._grad = more",
        "tests/test_sparse_layouts.py -k leaf_is_sparse",
    ),
    Fault(
        "sparse: a block's rows and columns are not turned with it", "stride", "tritonnn/ops/sparse/shape.py",
        "input._entries.transpose(first + 1, first + 2)", "input._entries",
        "tests/parity/test_sparse_layouts_parity.py -k 'bsr and shapes'",
    ),
    Fault(
        "sparse: columns that are not there pass the look at the parts", "argument check",
        "tritonnn/ops/sparse/compressed.py",
        "need((places < 0) | (places >= extent)", "need((places < 0) | (places > extent + 9)",
        "tests/test_sparse_layouts.py -k 'test_refused or invariants'",
    ),
    Fault(
        "sparse: a softmax counts what is not there", "formula", "tritonnn/ops/sparse/reduction.py",
        "total = low.index_add(0, groups, shifted.exp())", "total = low.index_add(0, groups, shifted.exp()) + 1",
        "tests/test_sparse_layouts.py -k softmax",
    ),
    Fault(
        "sparse: a composite computes with sparse operands by itself", "gradient flow", "tritonnn/ops/_frames.py",
        "                        if has_form(op, args):\n", "                        if False:\n",
        "tests/parity/test_sparse_calls_parity.py -k 'gradients and mv'",
    ),
    Fault(
        "sparse: the gradient at all places is forgotten by grad()", "gradient flow", "tritonnn/autograd/api.py",
        "    for i, received in wholes:\n        if received is not None:",
        "    for i, received in wholes:\n        if False:",
        "tests/test_sparse_modules.py -k at_all_places",
    ),
    Fault(
        "sparse: matrices of a batch read each other's rows", "index", "tritonnn/ops/sparse/batched.py",
        "number * inner + column", "column", "tests/test_sparse_modules.py -k products_of_batches",
    ),
    Fault(
        "sparse: a product that broadcasts keeps the first line alone", "index", "tritonnn/ops/sparse/multiples.py",
        "        rows[d] = number % shape[d]\n", "        rows[d] = number * 0\n",
        "tests/parity/test_sparse_calls_parity.py -k outer",
    ),
]  # fmt: skip
