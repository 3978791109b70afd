"""Sparse tensors of every layout against NumPy's dense formulas, on the CPU and on the simulated GPU."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.autograd import gradcheck

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
LAYOUTS = pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "bsc"])
X = np.array(
    [[0, 1.5, 0, 0], [2, 0, -3, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 4], [0, -1, 0, 0]], np.float64
)
D = np.random.default_rng(0).normal(size=(4, 3))


def tensor(array, device="cpu", dtype=torch.float64):
    return torch.tensor(array.tolist(), dtype=dtype, device=device)


def sparse(layout, device="cpu", dtype=torch.float64, array=X):
    x = tensor(array, device, dtype)
    if layout == "coo":
        return x.to_sparse()
    return x.to_sparse(
        layout=getattr(torch, f"sparse_{layout}"), blocksize=(2, 2) if layout[0] == "b" else None
    )


def check(made, wanted, rtol=1e-6):
    made = made if made.layout is torch.strided else made.to_dense()
    np.testing.assert_allclose(made.detach().cpu().numpy(), wanted, rtol=rtol, atol=rtol)


@DEVICES
@LAYOUTS
def test_layouts_hold_the_numbers(layout, device):
    s = sparse(layout, device)
    check(s, X)
    assert s.device.type == device and s.layout is getattr(torch, f"sparse_{layout}")
    for to in ("coo", "csr", "csc", "bsr", "bsc"):
        if layout[0] == "b" and to[0] == "c" and to != "coo":
            with pytest.raises(RuntimeError, match="expected SparseCsr or SparseCsc layout but got SparseB"):
                s.to_sparse(layout=getattr(torch, f"sparse_{to}"))
        else:
            check(
                s.to_sparse(
                    layout=getattr(torch, f"sparse_{to}"), blocksize=(2, 2) if to[0] == "b" else None
                ),
                X,
            )
    for again in (s.clone(), copy.deepcopy(s), s.to("cpu"), s.float().double()):
        assert (again.layout is s.layout and again is not s) or again.device == s.device
        check(again, X)


def test_csr_parts():
    s = sparse("csr")
    assert s.crow_indices().tolist() == [0, 1, 3, 3, 3, 5, 6]
    assert s.col_indices().tolist() == [1, 0, 2, 0, 3, 1]
    assert s.values().tolist() == [1.5, 2, -3, 0.5, 4, -1]
    assert (s._nnz(), s.sparse_dim(), s.dense_dim(), s.is_sparse_csr, s.is_sparse) == (6, 2, 0, True, False)
    turned = s.t()
    assert turned.layout is torch.sparse_csc and turned.ccol_indices() is s.crow_indices()


@DEVICES
@LAYOUTS
def test_products(layout, device):
    s, d = sparse(layout, device), tensor(D, device)
    check(s @ d, X @ D)
    check(s.mv(d[:, 0]), X @ D[:, 0])
    check(torch.mm(d.t(), s.t() if layout != "bsr" else s.transpose(0, 1)), D.T @ X.T)
    check(torch.addmm(torch.ones(3, device=device).double(), s, d, beta=2, alpha=-1), 2 - X @ D)
    square = X[:4]
    q = sparse(layout, device, array=square)
    check(torch.sparse.mm(q, q), square @ square)


@DEVICES
@LAYOUTS
def test_elementwise(layout, device):
    s, x = sparse(layout, device), tensor(np.cos(X), device)
    check(s * x, X * np.cos(X))
    check(x + s, X + np.cos(X))
    check(s + s, 2 * X)
    check(s * s, X * X)
    check(-3 * s, -3 * X)
    check(torch.sin(s), np.sin(X))
    check(s.relu_(), np.maximum(X, 0))
    other = sparse(layout, device, array=X[::-1])
    check(s + other, np.maximum(X, 0) + X[::-1])
    check(s * other, np.maximum(X, 0) * X[::-1])


@DEVICES
def test_coo_shapes_and_sums(device):
    s = sparse("coo", device)
    check(torch.cat([s, s], 1), np.concatenate([X, X], 1))
    check(torch.stack([s, 2 * s], 1), np.stack([X, 2 * X], 1))
    check(s.index_select(0, torch.tensor([4, 1, 1, 2], device=device)), X[[4, 1, 1, 2]])
    check(s.index_select(1, torch.tensor([3, 0], device=device)), X[:, [3, 0]])
    check(s[4], X[4])
    check(s.narrow_copy(0, 1, 4), X[1:5])
    check(torch.sparse.sum(s, 0), X.sum(0))
    check(s.sum(1, keepdim=True), X.sum(1, keepdims=True))
    assert s.sum().item() == X.sum() and abs(s.norm().item() - np.linalg.norm(X)) < 1e-12


@DEVICES
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_counts_what_is_there(device, dim):
    there = np.where(X == 0, -np.inf, X)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = np.nan_to_num(np.exp(there) / np.exp(there).sum(dim, keepdims=True))
    check(torch.sparse.softmax(sparse("coo", device), dim), wanted)
    logs = torch.sparse.log_softmax(sparse("coo", device), dim).values()
    np.testing.assert_allclose(logs.cpu().numpy(), np.log(wanted[X != 0]), rtol=1e-9, atol=1e-12)


@DEVICES
def test_sampled_and_masked(device):
    s, a, b = (
        sparse("csr", device),
        np.random.default_rng(1).normal(size=(6, 5)),
        np.random.default_rng(2).normal(size=(5, 4)),
    )
    made = torch.sparse.sampled_addmm(s, tensor(a, device), tensor(b, device), beta=0.5, alpha=2)
    check(made, np.where(X != 0, 0.5 * X + 2 * (a @ b), 0))
    for layout in ("coo", "csr", "csc"):
        check(tensor(np.cos(X), device).sparse_mask(sparse(layout, device)), np.where(X != 0, np.cos(X), 0))


def leaf_call(call):
    """A function of the values of a CSR matrix, and one of a dense one."""
    s = sparse("csr")

    def run(values, d):
        return call(torch.sparse_csr_tensor(s.crow_indices(), s.col_indices(), values, (6, 4)), d)

    return run


@pytest.mark.parametrize(
    "call",
    [
        lambda s, d: s @ d, lambda s, d: torch.sparse.mm(s.t(), (s @ d)), lambda s, d: (d.t() @ s.t()).tanh(),
        lambda s, d: torch.sparse.sampled_addmm(s, (s @ d), d.t()).values(),
        lambda s, d: torch.sparse.mm(s, s.t()).to_dense(),
        lambda s, d: torch.sparse.softmax(s.to_sparse(), 1).to_dense(), lambda s, d: torch.sparse.mm(s, d, "amax"),
        lambda s, d: torch.sparse.mm(s, d, "mean"), lambda s, d: (s * s).to_dense(),
    ],
)  # fmt: skip
def test_gradients(call):
    """Of both factors, and the gradients of these, against differences."""
    values, d = sparse("csr").values().clone().requires_grad_(), tensor(D).requires_grad_()
    assert gradcheck(leaf_call(call), (values, d))


def test_second_gradients_of_a_product():
    values, d = sparse("csr").values().clone().requires_grad_(), tensor(D).requires_grad_()
    assert torch.autograd.gradgradcheck(leaf_call(lambda s, d: torch.sparse.mm(s, d)), (values, d))


@DEVICES
def test_the_gradient_of_a_leaf_is_sparse(device):
    s = sparse("csr", device).requires_grad_()
    weights = np.arange(18.0).reshape(6, 3)
    for _ in range(2):
        (torch.sparse.mm(s, tensor(D, device)) * tensor(weights, device)).sum().backward()
        assert s.grad is not None  # asked for between passes, it still adds up
    assert s.is_leaf and s.grad.layout is torch.sparse_csr and s.grad is s.grad
    check(s.grad, np.where(X != 0, 2 * weights @ D.T, 0))
    s.grad = None
    assert s.grad is None and (s * 2).requires_grad and not s.detach().requires_grad
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        s.mul_(2)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "complex64", "int32"])
@DEVICES
def test_types(device, dtype):
    kind = getattr(torch, dtype)
    s, d = sparse("csr", device, kind), tensor(np.round(D * 4), device, kind)
    wanted = s.to_dense().cpu().to(torch.complex128).numpy() @ d.cpu().to(torch.complex128).numpy()
    made = (s @ d).cpu()
    assert made.dtype is kind
    np.testing.assert_allclose(
        made.to(torch.complex128).numpy(), wanted, rtol=1e-2 if kind.itemsize == 2 else 1e-6, atol=1e-6
    )


@DEVICES
def test_a_row_ends_where_the_next_begins(device):
    """Rows whose lengths are no multiple of what is read at a time."""
    s = torch.sparse_csr_tensor([0, 3, 4], [0, 1, 2, 0], [1.0, 2, 4, 800], (2, 3), device=device)
    assert (s @ torch.ones(3, 2, device=device)).tolist() == [[7, 7], [800, 800]]


def test_one_row_sums_in_one_order():
    """A long row, the same bits on every run; and neighbours that are empty get nothing of it."""
    rng = np.random.default_rng(5)
    values = torch.tensor(rng.normal(size=300).tolist())
    s = torch.sparse_csr_tensor([0, 0, 300, 300], list(range(300)), values, (3, 300))
    d = torch.tensor(rng.normal(size=(300, 2)).tolist())
    first = s @ d
    assert first.tolist() == (s @ d).tolist() and first[0].tolist() == first[2].tolist() == [0, 0]
    np.testing.assert_allclose(
        first[1].numpy(), values.numpy().astype(np.float64) @ d.numpy(), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose((s.cuda() @ d.cuda()).cpu().numpy(), first.numpy(), rtol=1e-4, atol=1e-5)


@DEVICES
def test_batches(device):
    x = np.stack([X[:2], X[[1, 0]]])
    s = tensor(x, device).to_sparse_csr()
    check(s, x)
    check(s.transpose(1, 2), x.transpose(0, 2, 1))
    check(s.to_sparse_csc(), x)
    check(s.to_sparse(), x)
    check(s * 2 + s, 3 * x)
    check(
        torch.bmm(s.to_sparse(), torch.ones(2, 4, 3, dtype=torch.float64, device=device)), x @ np.ones((4, 3))
    )


BAD = {
    "an unsorted row": (
        lambda: torch.sparse_csr_tensor([0, 2], [1, 0], [1.0, 2.0], (1, 2), check_invariants=True),
        r"sorted and distinct .* Found col_indices\[..., 1:\]\[0\] = 0",
    ),
    "a column that is not there": (
        lambda: torch.sparse_csr_tensor([0, 2], [0, 7], [1.0, 2.0], (1, 2), check_invariants=True),
        r"0 <= col_indices < ncols.*col_indices\[1\] = 7",
    ),
    "starts": (
        lambda: torch.sparse_csr_tensor([1, 2], [0, 1], [1.0, 2.0], (1, 2), check_invariants=True),
        r"crow_indices\[0\] = 1",
    ),
    "products": (lambda: sparse("csr") @ torch.ones(3, 2).double(), "6x4 and 3x2"),
    "types": (
        lambda: torch.mm(sparse("csr"), torch.ones(4, 2)),
        "to have the same dtype, but input is float64",
    ),
    "devices": (lambda: torch.mm(sparse("csr"), torch.ones(4, 2, device="cuda").double()), "cpu"),
    "masks": (
        lambda: torch.ones(2, 2).sparse_mask(sparse("coo")),
        r"self has size \[2, 2\] but mask has size \[6, 4\]",
    ),
    "index": (lambda: sparse("coo").index_select(0, torch.tensor([6])), "contains 6 that is out of range"),
    "values of blocks": (lambda: sparse("bsr").to_sparse_bsr((3, 2)), r"changed from \[2, 2\] to \[3, 2\]"),
    "to_dense": (
        lambda: (sparse("csr").requires_grad_() * 2).to_dense(masked_grad=False),
        "masked_grad=False of a computed sparse tensor",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    call, words = BAD[name]
    with pytest.raises((RuntimeError, IndexError), match=words):
        call()


def test_what_a_name_has_not():
    s = sparse("csr")
    for call in (
        lambda: s.exp(),
        lambda: s == s,
        lambda: s - s,
        lambda: torch.cat([s, s]),
        lambda: s.coalesce(),
        lambda: s.numpy(),
    ):
        with pytest.raises((NotImplementedError, RuntimeError, TypeError)):
            call()


def test_invariants_switch():
    switch = torch.sparse.check_sparse_tensor_invariants
    bad = lambda: torch.sparse_csr_tensor([0, 1], [3], [1.0], (1, 2))
    assert not switch.is_enabled() and bad()._nnz() == 1
    with switch(), pytest.raises(RuntimeError, match="ncols"):
        bad()
    with pytest.raises(RuntimeError, match="ncols"):
        switch(True)(bad)()
    switch.enable()
    try:
        assert switch.is_enabled()
        with switch(False):
            bad()
    finally:
        switch.disable()
