"""Sparse tensors and the gradients that are such: against NumPy, on the CPU and on the simulated GPU."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import tritonnn as torch
from tests.support import Make
from tritonnn._tensor import Tensor
from tritonnn.ops._table import OPS
from tritonnn.table.sparse import SPARSE

F = torch.nn.functional
DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])

INDICES = np.array([[3, 0, 3, 1, 0], [1, 2, 1, 0, 2]])
VALUES = np.array([1.0, 2.0, 3.0, 4.0, 5.0], np.float32)


def dense_of(indices, values, shape):
    """The definition: every value is added where its index says."""
    out = np.zeros(shape, values.dtype)
    np.add.at(out, tuple(indices), values)
    return out


def example(device="cpu", dense=(), dtype=torch.float32):
    values = VALUES.reshape(-1, *[1] * len(dense)) * (np.arange(np.prod(dense, dtype=int)).reshape(dense) + 1)
    values = torch.tensor(values.tolist(), dtype=dtype, device=device)
    return torch.sparse_coo_tensor(torch.tensor(INDICES.tolist()), values, (4, 3, *dense), device=device)


@DEVICES
@pytest.mark.parametrize("dense", [(), (2,), (2, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "complex64"])
def test_coalesce_and_to_dense(device, dense, dtype):
    s = example(device, dense, getattr(torch, dtype))
    wanted = dense_of(INDICES, s._values().cpu().numpy(), s.shape)
    once = s.coalesce()
    assert not s.is_coalesced() and once.is_coalesced() and once.coalesce() is once
    assert once.indices().tolist() == [[0, 1, 3], [2, 0, 1]]
    np.testing.assert_array_equal(once.values().cpu().numpy(), wanted[[0, 1, 3], [2, 0, 1]])
    np.testing.assert_array_equal(s.to_dense().cpu().numpy(), wanted)
    assert s.to_dense().device.type == device and (s._nnz(), once._nnz()) == (5, 3)
    assert (s.sparse_dim(), s.dense_dim(), s.dim(), s.numel()) == (2, len(dense), 2 + len(dense), wanted.size)


@DEVICES
def test_to_sparse_and_back(device):
    x = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [5.0, 0.0, -1.0]], device=device)
    s = x.to_sparse()
    assert (
        s.is_coalesced()
        and s.indices().tolist() == [[0, 2, 2], [1, 0, 2]]
        and s.values().tolist() == [2, 5, -1]
    )
    rows = x.to_sparse(1)
    assert rows.indices().tolist() == [[0, 2]] and rows.values().tolist() == [[0, 2, 0], [5, 0, -1]]
    assert s.to_dense().tolist() == rows.to_dense().tolist() == x.tolist()


@DEVICES
def test_arithmetic(device):
    a, b = example(device), example(device) * 10
    wanted = dense_of(INDICES, VALUES, (4, 3))
    d = torch.ones(4, 3, device=device)
    cases = {
        "a + b": (a + b, 11 * wanted), "sub": (torch.sub(a, b, alpha=2), -19 * wanted), "-a": (-a, -wanted),
        "mul": (2 * a, 2 * wanted), "div": (a / 4, wanted / 4), "d + a": (d + a, 1 + wanted),
        "d - a": (d - a, 1 - wanted), "add": (torch.add(d, a, alpha=3), 1 + 3 * wanted),
        "add_": (d.clone().add_(a, alpha=-2), 1 - 2 * wanted), "zero_": (a.clone().zero_(), 0 * wanted),
        "transposed": (torch.ones(3, 4, device=device).t().add_(a), 1 + wanted),
        "Parameter": (torch.nn.Parameter(d) + a, 1 + wanted),
    }  # fmt: skip
    for name, (got, value) in cases.items():
        dense = got.to_dense() if got.is_sparse else got
        np.testing.assert_array_equal(dense.detach().cpu().numpy(), value, err_msg=name)
    c = a.clone()
    c += b
    c.mul_(2).sub_(a)
    assert c.is_sparse and c.to_dense().tolist() == (21 * wanted).tolist() and a._nnz() == 5
    with pytest.raises(RuntimeError, match=r"add\(sparse, dense\) is not supported"):
        a + d
    with pytest.raises(RuntimeError, match="expected sizes of 'self' and 'other' to match"):
        a + torch.sparse_coo_tensor(size=(4, 4), device=device)
    with pytest.raises(RuntimeError, match="does not currently support broadcasting"):
        d + torch.sparse_coo_tensor([[0]], [1.0], (3,), device=device)
    with pytest.raises(RuntimeError, match="result type"):
        torch.ones(4, 3, dtype=torch.int64, device=device).add_(a)


def test_one_sum_in_one_order():
    """Sums are taken in the order of the entries, so that they are the same in every run."""
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    places = np.random.default_rng(1).integers(0, 7, 1000)
    s = [
        torch.sparse_coo_tensor([places.tolist()], values.tolist(), (7,), device=device).coalesce().values()
        for device in ("cpu", "cpu", "cuda", "cuda")
    ]
    assert s[0].tolist() == s[1].tolist() and s[2].tolist() == s[3].tolist()
    np.testing.assert_allclose(s[0].numpy(), np.bincount(places, values), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(s[2].cpu().numpy(), np.bincount(places, values), rtol=1e-5, atol=1e-5)


def test_gradients_flow_through_values():
    v = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], requires_grad=True)
    s = torch.sparse_coo_tensor(INDICES.tolist(), v, (4, 3))
    weights = torch.arange(12.0).reshape(4, 3)
    ((2 * s + s).coalesce().to_dense() * weights).sum().backward()
    assert v.grad.tolist() == [3 * 10, 3 * 2, 3 * 10, 3 * 3, 3 * 2]
    assert s.requires_grad and not s.is_leaf and not s.detach().requires_grad
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], requires_grad=True)
    (x.to_sparse().to_dense() ** 2).sum().backward()
    assert x.grad.tolist() == [[0, 4], [6, 0]]


# ---- gradients of tables --------------------------------------------------------------------------------


def bags(table, sparse, **options):
    offsets = torch.tensor([0, 2, 2], device=table.device)
    indices = torch.tensor([1, 1, 0, 3, 2], device=table.device)
    return F.embedding_bag(indices, table, offsets, sparse=sparse, **options)


LOOKUPS = {
    "embedding": lambda t, sparse: F.embedding(torch.tensor([[1, 1], [0, 3]], device=t.device), t, sparse=sparse),
    "padding": lambda t, sparse: F.embedding(torch.tensor([1, 3, 1], device=t.device), t, 1, sparse=sparse),
    "int32": lambda t, sparse: F.embedding(torch.tensor([2, 2], device=t.device).int(), t, sparse=sparse),
    "nothing": lambda t, sparse: F.embedding(torch.tensor([], device=t.device).long(), t, sparse=sparse),
    "max_norm": lambda t, sparse: F.embedding(torch.tensor([3, 3], device=t.device), t, max_norm=1.0, sparse=sparse),
    "torch.embedding": lambda t, sparse: torch.embedding(t, torch.tensor([2, 0], device=t.device), sparse=sparse),
    "sum": lambda t, sparse: bags(t, sparse, mode="sum"),
    "mean": lambda t, sparse: bags(t, sparse, mode="mean", padding_idx=0),
    "weighted": lambda t, sparse: bags(
        t, sparse, mode="sum", per_sample_weights=torch.arange(5.0, device=t.device), padding_idx=3
    ),
    "twice": lambda t, sparse: LOOKUPS["embedding"](t, sparse).flatten(0, 1) + bags(t, sparse)[:1],
    "and dense": lambda t, sparse: LOOKUPS["int32"](t, sparse) * t.sum(),
}  # fmt: skip


@DEVICES
@pytest.mark.parametrize("name", LOOKUPS)
def test_a_sparse_gradient_is_the_dense_one(name, device):
    grads, results = [], []
    for sparse in (False, True):
        table = torch.arange(12.0, device=device).reshape(4, 3).requires_grad_()
        result = LOOKUPS[name](table, sparse)
        (result * torch.arange(float(result.numel()), device=device).reshape(result.shape)).sum().backward()
        grads.append(table.grad)
        results.append(result.tolist())
    assert results[0] == results[1]
    assert grads[1].is_sparse == (name != "and dense")
    np.testing.assert_allclose(grads[1].to_dense().cpu().numpy(), grads[0].cpu().numpy(), rtol=1e-6)


@DEVICES
def test_accumulation(device):
    table = torch.ones(4, 2, device=device, requires_grad=True)
    seen = []
    table.register_hook(lambda g: seen.append((g.is_sparse, g._nnz())))
    for indices in ([1, 1], [3]):
        F.embedding(torch.tensor(indices, device=device), table, sparse=True).sum().backward()
    assert seen == [(True, 2), (True, 1)] and table.grad.is_sparse
    assert table.grad.to_dense().tolist() == [[0, 0], [2, 2], [0, 0], [1, 1]]
    del table._hooks
    (table * 5).sum().backward()  # dense on top of sparse
    assert not table.grad.is_sparse and table.grad.tolist() == [[5, 5], [7, 7], [5, 5], [6, 6]]
    F.embedding(
        torch.tensor([0], device=device), table, sparse=True
    ).sum().backward()  # sparse on top of dense
    assert not table.grad.is_sparse and table.grad.tolist() == [[6, 6], [7, 7], [5, 5], [6, 6]]


def test_what_a_gradient_shares():
    """Neither the indices of the call nor the incoming gradient are the memory of a leaf's gradient."""
    table, indices, g = torch.ones(3, 2, requires_grad=True), torch.tensor([0, 2]), torch.ones(2, 2)
    (returned,) = torch.autograd.grad(F.embedding(indices, table, sparse=True).sum(), table)
    F.embedding(indices, table, sparse=True).backward(g)
    indices.fill_(1)
    g.fill_(9)
    assert table.grad.to_dense().tolist() == returned.to_dense().tolist() == [[1, 1], [0, 0], [1, 1]]


def test_second_derivative():
    grads = []
    for sparse in (False, True):
        table = torch.arange(6.0).reshape(3, 2).requires_grad_()
        y = (F.embedding(torch.tensor([0, 2, 0]), table, sparse=sparse) ** 3).sum()
        (g,) = torch.autograd.grad(y, table, create_graph=True)
        (g.to_dense() ** 2).sum().backward()
        grads.append(table.grad.to_dense().tolist())
    assert grads[0] == grads[1]


def test_zero_grad_keeps_an_empty_one():
    layer = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.tensor([1, 2])).sum().backward()
    grad = layer.weight.grad
    optimizer.zero_grad(set_to_none=False)
    assert layer.weight.grad is grad and grad._nnz() == 0 and grad._version > 0


def test_anomaly_mode_looks_at_values():
    table = torch.ones(3, 2, requires_grad=True)
    with pytest.warns(UserWarning), torch.autograd.detect_anomaly():
        y = F.embedding(torch.tensor([1]), table, sparse=True)
        with pytest.raises(RuntimeError, match="returned nan values"):
            y.backward(torch.full((1, 2), float("nan")))


# ---- what is refused ------------------------------------------------------------------------------------


def sparse_like(x):
    """A sparse tensor of a tensor's shape and type, whose first element alone is not zero."""
    indices = torch.zeros(x.dim(), int(x.numel() > 0), dtype=torch.int64)
    return torch.sparse_coo_tensor(indices, torch.ones(indices.shape[1], dtype=x.dtype), tuple(x.shape))


def plain(value):
    if isinstance(value, Tensor):
        return str(value.to_dense().tolist()).replace("-0.0", "0.0")
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def run(function, args, kwargs):
    torch.manual_seed(0)
    return plain(function(*[a.clone() if isinstance(a, Tensor) else a for a in args], **kwargs))


def calls_with_one_sparse(op):
    for sample in op.samples(Make(op.name, "cpu", torch.float32))[:4]:
        args = list(sample.args)
        for i, value in enumerate(args):
            if isinstance(value, Tensor) and value.is_floating_point():
                yield [*args[:i], sparse_like(value), *args[i + 1 :]], dict(sample.kwargs)
            elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Tensor):
                yield [*args[:i], [sparse_like(value[0]), *value[1:]], *args[i + 1 :]], dict(sample.kwargs)


def densified(args):
    return [
        [v.to_dense() for v in a] if isinstance(a, (list, tuple)) and a and isinstance(a[0], Tensor)
        else a.to_dense() if isinstance(a, Tensor) else a for a in args
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.api and op.samples])
def test_no_op_computes_something_else(name):
    """Every op, with each of its operands sparse in turn: it refuses, or gives what it gives of the dense operand."""
    op = OPS[name]
    for args, kwargs in calls_with_one_sparse(op):
        for function in (op.function, getattr(Tensor, f"{name}_", None)):
            try:
                got = run(function, args, kwargs) if function else None
            except NotImplementedError as error:
                if "sparse tensors" not in str(error):
                    with pytest.raises(NotImplementedError):
                        run(function, densified(args), kwargs)
            except (RuntimeError, TypeError, ValueError):
                pass
            else:
                assert function is None or str(got) == str(run(function, densified(args), kwargs))


METHODS = sorted(
    name
    for name in dir(Tensor)
    if name[0] != "_" and callable(getattr(Tensor, name)) and name not in SPARSE["coo"]
)


def test_methods_are_refused_by_their_name():
    s = example()
    known = 0
    for name in METHODS:
        method = getattr(s, name)
        if method.__name__ != "refuse":
            known += 1
            continue
        with pytest.raises(NotImplementedError, match=f"^{name} is not implemented for sparse tensors"):
            method()
    assert known < 50 < len(METHODS)
    with pytest.raises(NotImplementedError, match=r"^imag is not implemented for sparse tensors"):
        _ = s.imag
    for call in (
        lambda: s[:1], lambda: s == s, lambda: s.flip(0),
        lambda: torch.ones_like(s), lambda: torch.ones(4, 3).copy_(s), lambda: s.copy_(torch.ones(4, 3)),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError, match="sparse tensors"):
            call()
    with pytest.raises(TypeError, match="can't convert Sparse layout tensor to numpy"):
        np.asarray(s)
    with pytest.raises(NotImplementedError, match="sparse tensors"):
        torch.ones(4, 3).data = s
    with pytest.raises(NotImplementedError, match="of a sparse tensor to a dense one"):
        s.data = torch.ones(4, 3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: t([[0, 5]], [1.0, 2.0], (3,)), "for dim 0, size is 3 but found index 5"),
        (lambda t: t([[-1, 2]], [1.0, 2.0]), "found negative index -1 for dim 0"),
        (lambda t: t([0, 2], [1.0, 2.0]), r"indices must be sparse_dim x nnz, but got: \[2\]"),
        (lambda t: t([[0, 2]], [1.0]), "must have same nnz"),
        (
            lambda t: t([[0, 2]], [1.0, 2.0], (3, 4)),
            r"'len\(size\) == sparse_dim \+ dense_dim' is not satisfied",
        ),
        (lambda t: t([[0]], [[1.0, 2.0]], (3, 4)), r"expected \[1, 4\], got \[1, 2\]"),
        (lambda t: t([[2, 0]], [1.0, 2.0], (3,), is_coalesced=True), "cannot set is_coalesced to true"),
        (lambda t: t([[0]], [1.0], (3,), layout=torch.sparse_csr), "layout must be Sparse but got SparseCsr"),
        (lambda t: t([[0, 0]], [1.0, 2.0], (3,)).values(), "Cannot get values on an uncoalesced tensor"),
    ],
)
def test_constructor_refuses(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(torch.sparse_coo_tensor)


# ---- copies and files -----------------------------------------------------------------------------------


@DEVICES
def test_copies(device):
    s = example(device, (2,))
    wanted = s.to_dense().tolist()
    file = io.BytesIO()
    torch.save({"s": s}, file)
    for again in (
        s.clone(), copy.deepcopy(s), pickle.loads(pickle.dumps(s)), s.to("cpu"), s.double().float(),
        torch.load(io.BytesIO(file.getvalue()))["s"],
    ):  # fmt: skip
        assert (again.is_sparse and again is not s) or device == "cpu"
        assert again.to_dense().tolist() == wanted and not again.is_coalesced()
    again = s.clone()
    again.mul_(3)
    assert s.to_dense().tolist() == wanted


def test_a_module_takes_its_gradient_along():
    layer = torch.nn.Embedding(3, 2, sparse=True)
    layer(torch.tensor([1, 1])).sum().backward()
    grad = layer.weight.grad
    for moved, dtype in ((layer.double(), torch.float64), (layer.to("cuda"), torch.float64)):
        assert moved.weight.grad is grad and grad.is_sparse and grad.dtype is dtype
        assert grad.device == moved.weight.device and grad.to_dense().tolist() == [[0, 0], [2, 2], [0, 0]]


@pytest.mark.parametrize(
    "parts", [None, (), (1, 2, 3), ("indices", "values", (2, 2), True), ("indices", "values", (9, 9), False)]
)
def test_damaged_files_are_refused(parts):
    from tritonnn.serialization._tensors import rebuild_sparse

    held = {"indices": torch.tensor([[0, 0], [2, 1]]), "values": torch.ones(2)}
    parts = tuple(held.get(p, p) if isinstance(p, str) else p for p in parts) if parts else parts
    if parts and parts[2] == (9, 9):
        parts[0][0, 0] = -1
    with pytest.raises(RuntimeError):
        rebuild_sparse(torch.sparse_coo, parts)
    with pytest.raises(RuntimeError, match="layout"):
        rebuild_sparse(torch.strided, parts)
