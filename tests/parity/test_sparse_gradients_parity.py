"""Gradients of and by sparse tensors beside PyTorch, constructors, printing and files."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
import torch as reference
from sparse_calls import dense, sparse, unsorted
from test_sparse_layouts_parity import outcome, parts, same

import tritonnn as torch

pytestmark = pytest.mark.filterwarnings("ignore:Sparse", "ignore:.*beta state")
LIBRARIES = (reference, torch)

# ---- gradients ------------------------------------------------------------------------------------------

#: those whose gradient is sparse there as well
SPARSE_GRADIENTS = {
    "sparse.mm": lambda t, s: t.sparse.mm(s, dense(t)),
    "sparse.addmm": lambda t, s: t.sparse.addmm(t.ones(4, 4), s, dense(t), beta=0.5, alpha=2),
    "to_dense": lambda t, s: s.to_dense() * dense(t),
    "2 * s": lambda t, s: s * 2,
    "s / 2": lambda t, s: s / 2,
    "-s": lambda t, s: -s,
    "s * d": lambda t, s: s * dense(t),
    "s * s": lambda t, s: s * s,
    "s + s": lambda t, s: s + s,
    "s ** 3": lambda t, s: s**3,
    "relu": lambda t, s: t.relu(s),
    "sparse.sum": lambda t, s: t.sparse.sum(s) * 3,
    "sparse.sum 0": lambda t, s: t.sparse.sum(s, 0),
    "softmax": lambda t, s: t.sparse.softmax(s, 1) * s.detach(),
    "log_softmax": lambda t, s: t.sparse.log_softmax(s, 0),
    "t": lambda t, s: s.t(),
    "values": lambda t, s: s.values() * 2,
    "coalesce": lambda t, s: s.coalesce(),
    "permute": lambda t, s: s.permute(1, 0),
    "to csr": lambda t, s: s.to_sparse_csr(),
    "sparse_mask": lambda t, s: s.sparse_mask(s.detach()),
}
#: of PyTorch dense, and the same numbers at the places
DENSE_GRADIENTS = {
    "mm": lambda t, s: t.mm(s, dense(t)),
    "mv": lambda t, s: t.mv(s, t.arange(4.0)),
    "d @ s": lambda t, s: dense(t) @ s,
    "d + s": lambda t, s: dense(t) + s,
    "sum": lambda t, s: s.sum() * 2,
    "addmm": lambda t, s: t.addmm(dense(t), s, dense(t)),
}


def leaf(t: Any, kind: str) -> Any:
    if kind == "unsorted":
        indices = t.tensor([[1, 0, 1, 3], [0, 2, 0, 1]])
        return t.sparse_coo_tensor(indices, t.tensor([3.0, 4, 5, -2]), (4, 4), requires_grad=True)
    return sparse(t, kind).requires_grad_()


def weighted(t: Any, y: Any) -> Any:
    y = y if y.layout is t.strided else y.to_dense()
    return (y * (t.arange(float(y.numel())).reshape(y.shape) + 1)).sum()


@pytest.mark.parametrize("name", [*SPARSE_GRADIENTS, *DENSE_GRADIENTS])
@pytest.mark.parametrize("kind", ["coo", "unsorted", "csr"])
def test_the_gradient_of_a_sparse_leaf(kind, name):
    call = {**SPARSE_GRADIENTS, **DENSE_GRADIENTS}[name]
    grads = []
    for t in LIBRARIES:
        s = leaf(t, kind)
        try:
            for _ in range(2):  # the second is added
                weighted(t, call(t, s)).backward()
        except RuntimeError:
            grads.append(None)
            continue
        assert s.is_leaf and s.grad is s.grad
        g = s.grad.to_dense()
        mask = (dense(t) if kind != "unsorted" else s.detach().to_dense()) != 0
        grads.append((g * mask).tolist())
    theirs, mine = grads
    if theirs is None or mine is None:
        assert theirs is None, "refused here alone"
        return
    assert same(mine, theirs)


@pytest.mark.parametrize("kind", ["coo", "csr", "unsorted"])
def test_the_gradient_is_sparse_where_it_is_there(kind):
    grads = []
    for t in LIBRARIES:
        s = leaf(t, kind)
        weighted(t, t.sparse.mm(s, dense(t))).backward()
        grads.append(parts(s.grad.coalesce() if s.is_sparse else s.grad))
    assert same(*grads)


@pytest.mark.parametrize("kind", ["coo", "csr"])
def test_the_gradient_of_a_dense_factor(kind):
    grads = []
    for t in LIBRARIES:
        s, d = sparse(t, kind), dense(t).requires_grad_()
        weighted(t, t.mm(s, d)).backward()
        grads.append(d.grad.tolist())
    assert same(*grads)


def test_grad_hooks_and_steps():
    results = []
    for t in LIBRARIES:
        s, seen = leaf(t, "coo"), []
        s.register_hook(lambda g, seen=seen: seen.append(g.to_dense().tolist()))
        (g,) = t.autograd.grad(t.sparse.mm(s, dense(t)).sum(), s)
        (h,) = t.autograd.grad(s * 2, s, sparse(t, "coo"))
        optimizer = t.optim.SGD([s], lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            (t.sparse.mm(s, dense(t)) ** 2).sum().backward()
            optimizer.step()
        results.append(
            [
                parts(g.coalesce()),
                parts(h.coalesce()),
                s.detach().to_dense().tolist(),
                seen[-1],
                s.requires_grad,
                s.is_leaf,
            ]
        )
    assert same(*results)


def test_of_dense_tensors():
    results = []
    for t in LIBRARIES:
        x = dense(t).requires_grad_()
        rows = [
            (x.to_sparse() * 2).to_dense(), x.to_sparse_csr().to_dense(), x.sparse_mask(sparse(t, "coo")).to_dense(),
            (sparse(t, "coo") * x).to_dense(), x + sparse(t, "coo"),
            x.to_sparse_csc().to_dense(),
        ]  # fmt: skip
        results.append([t.autograd.grad(weighted(t, y), x)[0].to_dense().tolist() for y in rows])
    assert same(*results)


# ---- constructors ---------------------------------------------------------------------------------------

CK: dict[str, Any] = {"check_invariants": True}
CONSTRUCTED = {
    "plain": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0]),
    "checked": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (2, 2), **CK),
    "int32": lambda t: t.sparse_csr_tensor(
        *[t.tensor(v, dtype=t.int32) for v in ([0, 1, 2], [0, 1])], t.ones(2)
    ),
    "mixed": lambda t: t.sparse_csr_tensor(
        t.tensor([0, 1, 2], dtype=t.int32), t.tensor([0, 1]), t.ones(2), (2, 2), **CK
    ),
    "float indices": lambda t: t.sparse_csr_tensor(
        t.tensor([0.0, 1, 2]), t.tensor([0.0, 1]), t.ones(2), (2, 2), **CK
    ),
    "int16": lambda t: t.sparse_csr_tensor(
        *[t.tensor(v, dtype=t.int16) for v in ([0, 1, 2], [0, 1])], t.ones(2), (2, 2), **CK
    ),
    "first": lambda t: t.sparse_csr_tensor([1, 1, 2], [0, 1], [1.0, 2.0], (2, 2), **CK),
    "last": lambda t: t.sparse_csr_tensor([0, 1, 3], [0, 1], [1.0, 2.0], (2, 2), **CK),
    "unsorted": lambda t: t.sparse_csr_tensor([0, 2, 2], [1, 0], [1.0, 2.0], (2, 2), **CK),
    "twice": lambda t: t.sparse_csr_tensor([0, 2, 2], [1, 1], [1.0, 2.0], (2, 2), **CK),
    "descending": lambda t: t.sparse_csr_tensor([0, 2, 1, 2], [0, 1], [1.0, 2.0], (3, 2), **CK),
    "too far": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 5], [1.0, 2.0], (2, 2), **CK),
    "negative": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, -1], [1.0, 2.0], (2, 2), **CK),
    "rows": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (3, 2), **CK),
    "nnz": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0, 3.0], (2, 2), **CK),
    "1-d": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (2,), **CK),
    "2-d starts": lambda t: t.sparse_csr_tensor([[0, 1, 2]], [0, 1], [1.0, 2.0], (2, 2), **CK),
    "batch": lambda t: t.sparse_csr_tensor([[0, 1, 2], [0, 1, 2]], [[0, 1], [1, 0]], [[1.0, 2], [3, 4]]),
    "batch dense": lambda t: t.sparse_csr_tensor(
        [[0, 1, 2], [0, 1, 2]], [[0, 1], [1, 0]], [[1.0, 2], [3, 4]]
    ).to_dense(),
    "batch coo": lambda t: (
        t.sparse_csr_tensor([[0, 1, 2], [0, 1, 2]], [[0, 1], [1, 0]], [[1.0, 2], [3, 4]])
        .to_sparse()
        .to_dense()
    ),
    "batch nnz": lambda t: t.sparse_csr_tensor([[0, 1, 2]] * 2, [[0, 1]] * 2, t.ones(2, 3), (2, 2, 2), **CK),
    "batches": lambda t: t.sparse_csr_tensor([[0, 1, 2]] * 2, [[0, 1]], t.ones(2, 2), (2, 2, 2), **CK),
    "dense dims": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [[1.0, 2], [3, 4]], (2, 2, 2), **CK),
    "dims": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [[1.0, 2], [3, 4]], (2, 2), **CK),
    "0-d values": lambda t: t.sparse_csr_tensor([0, 1], [0], t.tensor(1.0), (1, 1), **CK),
    "unlooked": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 5], [1.0, 2.0], (2, 2)).col_indices(),
    "negative size": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (-2, 2)),
    "layout": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (2, 2), layout=t.sparse_csc),
    "dtype": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1], [1, 2], (2, 2), dtype=t.float64),
    "nothing": lambda t: t.sparse_csr_tensor(),
    "two": lambda t: t.sparse_csr_tensor([0, 1, 2], [0, 1]),
    "csc": lambda t: t.sparse_csc_tensor([0, 1, 2], [0, 1], [1.0, 2.0]),
    "csc unsorted": lambda t: t.sparse_csc_tensor([0, 2, 2], [1, 0], [1.0, 2.0], (2, 2), **CK),
    "csc columns": lambda t: t.sparse_csc_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (2, 3), **CK),
    "bsr": lambda t: t.sparse_bsr_tensor([0, 1, 2], [0, 1], t.ones(2, 2, 3)),
    "bsr values": lambda t: t.sparse_bsr_tensor([0, 1, 2], [0, 1], t.ones(2)),
    "bsr size": lambda t: t.sparse_bsr_tensor([0, 1, 2], [0, 1], t.ones(2, 2, 3), (5, 6), **CK),
    "bsr far": lambda t: t.sparse_bsr_tensor([0, 1, 2], [0, 2], t.ones(2, 2, 3), (4, 6), **CK),
    "bsr rows": lambda t: t.sparse_bsr_tensor([0, 1, 2], [0, 1], t.ones(2, 2, 3), (6, 6), **CK),
    "bsc": lambda t: t.sparse_bsc_tensor([0, 1, 2], [0, 1], t.ones(2, 2, 3)),
    "compressed": lambda t: t.sparse_compressed_tensor([0, 1, 2], [0, 1], [1.0, 2.0], layout=t.sparse_csc),
    "no layout": lambda t: t.sparse_compressed_tensor([0, 1, 2], [0, 1], [1.0, 2.0]),
    "coo layout": lambda t: t.sparse_compressed_tensor([0, 1, 2], [0, 1], [1.0, 2.0], layout=t.sparse_coo),
    "strided layout": lambda t: t.sparse_compressed_tensor(
        [0, 1, 2], [0, 1], [1.0, 2.0], (2, 2), layout=t.strided
    ),
    "to csr of 1-d": lambda t: t.ones(2).to_sparse_csr(),
    "dense_dim": lambda t: t.ones(2, 2, 2).to_sparse_csr(dense_dim=1),
    "batched": lambda t: t.ones(2, 2, 2).to_sparse_csr(),
    "batched csc": lambda t: t.ones(2, 3, 2).to_sparse_csc(),
    "uneven": lambda t: t.stack([t.ones(2, 2), t.eye(2)]).to_sparse_csr(),
    "dense_dim 5": lambda t: t.ones(2, 2, 2).to_sparse_csr(dense_dim=5),
    "batched bsr": lambda t: t.ones(2, 2, 4).to_sparse_bsr((1, 2)),
    "blocks": lambda t: t.ones(2, 3).to_sparse_bsr((2, 2)),
    "no blocks": lambda t: t.ones(2, 2).to_sparse_bsr(),
    "three": lambda t: t.ones(2, 2).to_sparse_bsr((1, 1, 1)),
    "block 0": lambda t: t.ones(2, 2).to_sparse_bsr((0, 1)),
    "csc dense_dim": lambda t: t.ones(2, 2, 2).to_sparse_csc(dense_dim=1),
    "both": lambda t: t.ones(2, 2).to_sparse(1, layout=t.sparse_coo),
    "dense dim": lambda t: t.ones(2, 2).to_sparse(dense_dim=1),
    "without blocks": lambda t: t.ones(2, 2).to_sparse(layout=t.sparse_bsr),
    "strided": lambda t: t.ones(2, 2).to_sparse(layout=t.strided),
    "blocks of coo": lambda t: t.ones(2, 2).to_sparse(layout=t.sparse_coo, blocksize=(1, 1)),
    "0 rows": lambda t: t.ones(0, 3).to_sparse_csr(),
    "csc of blocks": lambda t: t.ones(2, 2).to_sparse_bsr((1, 2)).to_sparse_csc(),
    "hybrid csr": lambda t: t.ones(2, 2, 3).to_sparse(2).to_sparse_csr(),
    "3-d coo": lambda t: t.ones(2, 2, 3).to_sparse().to_sparse_csr(),
    "spdiags": lambda t: t.sparse.spdiags(
        t.arange(9.0).reshape(3, 3), t.tensor([0, -1, 2]), (3, 3)
    ).to_dense(),
    "spdiags csr": lambda t: t.sparse.spdiags(
        t.arange(9.0).reshape(3, 3), t.tensor([0, -1, 2]), (3, 4), layout=t.sparse_csr
    ),
    "spdiags twice": lambda t: t.sparse.spdiags(t.ones(2, 3), t.tensor([0, 0]), (3, 3)),
    "spdiags number": lambda t: t.sparse.spdiags(t.ones(2, 3), t.tensor([0]), (3, 3)),
    "spdiags 1-d": lambda t: t.sparse.spdiags(t.arange(3.0), t.tensor(1), (3, 3)),
    "spdiags strided": lambda t: t.sparse.spdiags(t.ones(1, 3), t.tensor([0]), (3, 3), layout=t.strided),
    "spdiags 3-d": lambda t: t.sparse.spdiags(t.ones(1, 3), t.tensor([0]), (3, 3, 3)),
    "spdiags float": lambda t: t.sparse.spdiags(t.ones(1, 3), t.tensor([0.0]), (3, 3)),
    **{
        f"dense {name}": lambda t, name=name: getattr(t.ones(2, 2), name)()
        for name in ("crow_indices", "col_indices", "ccol_indices", "row_indices")
    },
    "bmm": lambda t: t.bmm(t.stack([dense(t), dense(t) * 2]).to_sparse(), t.arange(16.0).reshape(2, 4, 2)),
    "bmm batches": lambda t: t.bmm(t.ones(2, 2, 3).to_sparse(), t.ones(3, 3, 2)),
    "bmm sizes": lambda t: t.bmm(t.ones(2, 2, 3).to_sparse(), t.ones(2, 2, 2)),
    "bmm dense": lambda t: t.bmm(t.ones(2, 2, 3), t.ones(2, 3, 2).to_sparse()),
    "hybrid mm": lambda t: t.sparse.mm(t.ones(2, 3).to_sparse(1), t.ones(3, 2)),
    "hybrid sum": lambda t: [t.sparse.sum(t.ones(2, 3, 2).to_sparse(1), d) for d in (0, 2, (0, 1), (1, 2))],
    "hybrid middle": lambda t: t.sparse.sum(t.ones(2, 3, 2).to_sparse(2), (1, 2)),
    "hybrid softmax": lambda t: t.sparse.softmax(t.ones(2, 3).to_sparse(1), 1),
    "hybrid softmax 0": lambda t: t.sparse.softmax(t.arange(6.0).reshape(2, 3).to_sparse(1), 0),
    "hybrid select": lambda t: [t.arange(12.0).reshape(2, 3, 2).to_sparse(2).select(d, 1) for d in range(3)],
    "hybrid first": lambda t: t.arange(6.0).reshape(2, 3).to_sparse(1)[1],
    "hybrid index_select": lambda t: (
        t.arange(12.0).reshape(2, 3, 2).to_sparse(2).index_select(2, t.tensor([1, 1, 0]))
    ),
    "hybrid cat": lambda t: [t.cat([t.ones(2, 3, 2).to_sparse(2)] * 2, d) for d in range(3)],
    "hybrid transpose": lambda t: t.ones(2, 3, 2).to_sparse(1).transpose(1, 2),
    "mixed transpose": lambda t: t.ones(2, 3).to_sparse(1).t(),
    "hybrid unsqueeze": lambda t: [t.ones(2, 3).to_sparse(1).unsqueeze(d) for d in range(3)],
    "hybrid times": lambda t: t.ones(2, 3, 2).to_sparse(1) * t.arange(2.0),
    **{
        f"mm {dtype}": lambda t, dtype=dtype: t.mm(
            dense(t).to(getattr(t, dtype)).to_sparse(), dense(t).to(getattr(t, dtype))
        )
        for dtype in ("float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool", "complex64")
    },
    "csr complex": lambda t: t.mm((dense(t) * (1 + 2j)).to_sparse_csr(), dense(t) * (2 - 1j)),
    "complex s @ s": lambda t: t.mm((dense(t) * 1j).to_sparse(), (dense(t) * (1 + 1j)).to_sparse()),
    "complex sampled": lambda t: t.sparse.sampled_addmm(
        (dense(t) * 1j).to_sparse_csr(), dense(t) * (1 + 1j), dense(t) * 2j
    ),
    "enabled": lambda t: (
        t.sparse.check_sparse_tensor_invariants.is_enabled(),
        t.sparse.check_sparse_tensor_invariants(True).__enter__(),
        t.sparse.check_sparse_tensor_invariants.is_enabled(),
        t.sparse.check_sparse_tensor_invariants.disable(),
    ),
    "by default": lambda t: t.sparse.check_sparse_tensor_invariants()(t.sparse_csr_tensor)(
        [0, 1, 2], [0, 5], [1.0, 2.0], (2, 2)
    ),
}
#: name -> why PyTorch's answer is another
OTHERWISE: dict[str, str] = {
    "hybrid transpose": "PyTorch moves sparse dimensions alone",
    "bmm dense": "PyTorch refuses a dense first operand; here it is the product",
}


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_constructed(name):
    theirs, mine = (outcome(lambda t, _: CONSTRUCTED[name](t), t, lambda t: None) for t in LIBRARIES)
    assert same(mine, theirs) != (name in OTHERWISE), (mine, theirs)


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_words_of_refusals(name):
    """What PyTorch says of parts that do not fit stands in what is said here."""
    try:
        CONSTRUCTED[name](reference)
        return
    except Exception as error:
        theirs = str(error).split("\n")[0].rstrip(".")
    if "received an invalid" in theirs or "Could not run" in theirs or "not implemented for" in theirs or name in (
        "1-d", "to csr of 1-d", "no blocks", "negative size", "float indices", "mixed transpose", "both", "hybrid mm",
        "hybrid cat",
        "bmm batches", "bmm sizes", *OTHERWISE,
    ):  # fmt: skip
        return
    with pytest.raises(Exception) as mine:
        CONSTRUCTED[name](torch)
    assert theirs in str(mine.value)


# ---- printing and files ---------------------------------------------------------------------------------

SHOWN = {
    **{layout: lambda t, layout=layout: sparse(t, layout) for layout in ("csr", "csc", "bsr", "bsc")},
    "double": lambda t: sparse(t, "csr").double(),
    "grad": lambda t: sparse(t, "bsc").double().requires_grad_(),
    "coo grad": lambda t: sparse(t, "coo").requires_grad_(),
    "nothing": lambda t: t.zeros(0, 3).to_sparse_csr(),
    "batch": lambda t: t.stack([dense(t), dense(t)]).to_sparse_csr(),
    "long": lambda t: t.ones(30, 70).to_sparse_csr(),
    "int": lambda t: sparse(t, "csr").to(t.int32),
    "blocks": lambda t: t.arange(24.0).reshape(4, 6).to_sparse_bsr((2, 3)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_repr(name):
    assert repr(SHOWN[name](torch)) == repr(SHOWN[name](reference))


@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "bsc"])
def test_files(layout):
    for first, second in (LIBRARIES, LIBRARIES[::-1], (torch, torch)):
        file = io.BytesIO()
        first.save({"s": sparse(first, layout), "h": sparse(first, layout).half()}, file)
        loaded = second.load(io.BytesIO(file.getvalue()), weights_only=True)
        assert (
            parts(loaded["s"]) == parts(sparse(second, layout)) and parts(loaded["h"])[1] == "torch.float16"
        )
    s = sparse(torch, layout)
    for again in (copy.deepcopy(s), pickle.loads(pickle.dumps(s))):
        assert parts(again) == parts(s) and again is not s


def test_a_line_breaks_where_it_does_there():
    """Also of dense tensors: what follows the numbers goes to a line of its own before the 80 characters are full."""
    for n in range(1, 30):
        for dtype in ("float64", "int32", "float16"):
            for value in (1, 10, 100):
                made = [repr(t.tensor([value] * n, dtype=getattr(t, dtype))) for t in LIBRARIES]
                assert made[0] == made[1]


def test_generated_matrices():
    """Products, sums, masks and conversions of random matrices, empty ones, and ones with equal indices among them."""
    rng = np.random.default_rng(3)
    for shape in ((5, 7), (1, 3), (6, 1), (0, 4), (4, 0), (8, 8)):
        for nnz in (0, 1, 13):
            if 0 in shape and nnz:
                continue
            indices = np.stack([rng.integers(0, max(n, 1), nnz) for n in shape])
            values, other = rng.normal(size=nnz), rng.normal(size=(shape[1], 3))
            made = []
            for t in LIBRARIES:
                s = t.sparse_coo_tensor(t.tensor(indices), t.tensor(values), shape)
                d = t.tensor(other)
                c = s.coalesce().to_sparse_csr()
                made.append([parts(x) for x in (
                    t.sparse.mm(s, d), s.coalesce(), c, c.to_sparse_csc(), c @ d, t.sparse.sum(s, 0).to_dense(),
                    (s * s).to_dense(),
                    (s + s).to_dense(), t.sparse.mm(s, s.t()).to_dense(), c.to_dense(), s.t().coalesce(),
                    unsorted(t).to_dense(),
                )])  # fmt: skip
            assert same(*made), (shape, nnz)
