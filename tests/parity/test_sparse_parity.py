"""Sparse tensors, gradients and optimizers beside PyTorch."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

LIBRARIES = (reference, torch)
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")


def shown(value: Any) -> Any:
    """What both libraries must agree on: dtype, shape, layout, and every number in its place."""
    if isinstance(value, (list, tuple)):
        return [shown(v) for v in value]
    if not isinstance(value, (torch.Tensor, reference.Tensor)):
        return value
    if value.layout in (torch.sparse_coo, reference.sparse_coo):
        parts = shown(value._indices()), shown(value._values())
        geometry = value.sparse_dim(), value.dense_dim(), value.dim(), value.numel(), value._nnz()
        return "sparse", parts, tuple(value.shape), geometry, value.is_coalesced(), value.is_sparse
    return str(value.dtype), tuple(value.shape), value.tolist()


def example(t: Any, dtype: str = "float32") -> Any:
    return t.sparse_coo_tensor(
        t.tensor([[1, 0, 1], [0, 2, 0]]), t.tensor([3, 4, 5], dtype=getattr(t, dtype)), (2, 3)
    )


def single(t: Any) -> Any:
    return t.sparse_coo_tensor(t.tensor([[0, 1], [2, 0]]), t.tensor([1.0, 2.0]), (2, 3)).coalesce()


CALLS = {
    "example": example,
    "coalesce": lambda t: example(t).coalesce(),
    "coalesce int": lambda t: example(t, "int32").coalesce(),
    "coalesce bool": lambda t: example(t, "bool").coalesce(),
    "coalesce half": lambda t: example(t, "float16").coalesce(),
    "to_dense": lambda t: example(t).to_dense(),
    "hybrid": lambda t: t.sparse_coo_tensor([[2, 0, 2]], t.ones(3, 2, 2)).coalesce(),
    "no size": lambda t: t.sparse_coo_tensor([[0, 2]], [1.0, 2.0]),
    "size alone": lambda t: t.sparse_coo_tensor((2, 3)),
    "size by name": lambda t: t.sparse_coo_tensor(size=(2, 3), dtype=t.float64),
    "no entries": lambda t: t.sparse_coo_tensor(
        t.zeros(1, 0, dtype=t.int64), t.zeros(0, 2), (3, 2)
    ).to_dense(),
    "int32 indices": lambda t: t.sparse_coo_tensor(t.tensor([[0, 2]], dtype=t.int32), t.ones(2))._indices(),
    "float indices": lambda t: t.sparse_coo_tensor([[0.0, 2.0]], [1.0, 2.0], (3,)),
    "known coalesced": lambda t: t.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (3,), is_coalesced=True).values(),
    "dtype": lambda t: t.sparse_coo_tensor([[0, 2]], [1, 2], (3,), dtype=t.float64),
    "to_sparse": lambda t: t.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse(),
    "to_sparse 1": lambda t: t.tensor([[[0.0, 2.0]], [[0.0, 0.0]], [[1.0, 0.0]]]).to_sparse(1),
    "to_sparse 0-d": lambda t: t.tensor(3.0).to_sparse(),
    "to_sparse again": lambda t: example(t).to_sparse(),
    "dense to_dense": lambda t: t.ones(2).to_dense(),
    "dense dims": lambda t: (t.ones(2, 3).sparse_dim(), t.ones(2, 3).dense_dim()),
    "coalesced sum": lambda t: single(t) + t.eye(2, 3).to_sparse(),
    "coalesced in place": lambda t: single(t).add_(single(t), alpha=3),
    "dense + sparse": lambda t: t.ones(2, 3) + example(t),
    "dense - sparse": lambda t: t.ones(2, 3) - example(t),
    "add alpha": lambda t: t.add(t.ones(2, 3), example(t), alpha=2),
    "add_ alpha": lambda t: t.ones(3, 2).t().add_(example(t), alpha=-0.5),
    "add promotes": lambda t: t.ones(2, 3, dtype=t.float64) + example(t),
    "int + float": lambda t: t.ones(2, 3, dtype=t.int64) + example(t),
    "mul": lambda t: (example(t) * 2, 2 * example(t), t.mul(example(t), t.tensor(3.0)), example(t).mul_(2)),
    "div": lambda t: (example(t) / 2, example(t).div_(4)),
    "neg": lambda t: (-example(t), single(t).neg()),
    "zero_": lambda t: example(t).zero_(),
    "zeros_like": lambda t: t.zeros_like(example(t)),
    "clone": lambda t: (example(t).clone(), single(t).detach()),
    "to": lambda t: (example(t).double(), single(t).to(t.int64), example(t).to("cpu", t.float16)),
    "kind": lambda t: (example(t).stride(), example(t).is_contiguous(), len(example(t)), example(t).size(1)),
    "type": lambda t: example(t).type(),
    # refused
    "values": lambda t: example(t).values(),
    "indices": lambda t: example(t).indices(),
    "data_ptr": lambda t: example(t).data_ptr(),
    "numpy": lambda t: example(t).numpy(),
    "view": lambda t: example(t).view(6),
    "matmul shapes": lambda t: example(t) == example(t),
    "out of size": lambda t: t.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,), check_invariants=True),
    "negative": lambda t: t.sparse_coo_tensor([[-1, 2]], [1.0, 2.0]),
    "1-d indices": lambda t: t.sparse_coo_tensor([0, 2], [1.0, 2.0]),
    "nnz": lambda t: t.sparse_coo_tensor([[0, 2]], [1.0, 2.0, 3.0], (3,)),
    "dims": lambda t: t.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (3, 4)),
    "value size": lambda t: t.sparse_coo_tensor([[0]], [[1.0, 2.0]], (3, 4)),
    "unsorted": lambda t: t.sparse_coo_tensor(
        [[2, 0]], [1.0, 2.0], (3,), is_coalesced=True, check_invariants=True
    ),
    "sparse + dense": lambda t: example(t) + t.ones(2, 3),
    "sparse + number": lambda t: example(t) + 1,
    "sizes": lambda t: example(t) + t.sparse_coo_tensor(size=(2, 4)),
    "densities": lambda t: example(t) + t.ones(2, 3).to_sparse(1),
    "broadcast": lambda t: t.ones(1, 3).add_(example(t)),
    "to_sparse dim 0": lambda t: t.ones(2, 2).to_sparse(0),
    "to_sparse dim 3": lambda t: t.ones(2, 2).to_sparse(3),
    **{f"dense {name}": lambda t, name=name: getattr(t.ones(2), name)() for name in (
        "indices", "values", "coalesce", "is_coalesced", "_nnz", "_indices", "_values")},
    "sparse parameter": lambda t: t.optim.SparseAdam([example(t)]),
    "complex parameter": lambda t: t.optim.SparseAdam([t.ones(2, dtype=t.complex64)]),
}  # fmt: skip


def outcome(call: Any, library: Any) -> Any:
    try:
        return shown(call(library))
    except Exception as error:
        kinds = (NotImplementedError, ValueError, TypeError, IndexError, RuntimeError)
        kind = next(k for k in kinds if isinstance(error, k))
        text = str(error).split("\n")[0].removeprefix("add: ").removeprefix("add_: ")
        return kind.__name__, "" if kind is NotImplementedError else text


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    theirs, mine = (outcome(CALLS[name], t) for t in LIBRARIES)
    assert mine == theirs


@pytest.mark.parametrize(
    "make",
    [
        example, single, lambda t: example(t, "float64"), lambda t: t.sparse_coo_tensor(size=(2, 3)),
        lambda t: t.sparse_coo_tensor([[2, 0]], t.ones(2, 2, 2) / 3), lambda t: example(t).bool(),
        lambda t: t.sparse_coo_tensor([list(range(2000))], t.arange(2000.0)), lambda t: t.tensor(3.0).to_sparse(),
    ],
)  # fmt: skip
def test_repr(make):
    assert repr(make(torch)) == repr(make(reference))


# ---- gradients ------------------------------------------------------------------------------------------


def bags(t: Any, w: Any, offsets: tuple[int, ...] = (0, 2, 2), **options: Any) -> Any:
    return t.nn.functional.embedding_bag(
        t.tensor([1, 1, 0, 3, 2]), w, t.tensor(offsets), sparse=True, **options
    )


def rows(t: Any, w: Any, **options: Any) -> Any:
    return t.nn.functional.embedding(t.tensor([[1, 1], [0, 3]]), w, sparse=True, **options)


LOOKUPS = {
    "rows": rows,
    "padding": lambda t, w: rows(t, w, padding_idx=1),
    "max_norm": lambda t, w: rows(t, w, max_norm=2.0),
    "frequency": lambda t, w: rows(t, w, scale_grad_by_freq=True),
    "sum": lambda t, w: bags(t, w, mode="sum"),
    "mean": lambda t, w: bags(t, w),
    "mean padding": lambda t, w: bags(t, w, padding_idx=1),
    "max": lambda t, w: bags(t, w, mode="max"),
    "bag frequency": lambda t, w: bags(t, w, scale_grad_by_freq=True),
    "weighted": lambda t, w: bags(t, w, mode="sum", per_sample_weights=t.arange(5.0)),
    "last offset": lambda t, w: bags(t, w, (0, 2, 5), mode="sum", include_last_offset=True),
    "2-d": lambda t, w: t.nn.functional.embedding_bag(t.tensor([[1, 2], [2, 2]]), w, sparse=True, mode="sum"),
    "with dense": lambda t, w: rows(t, w) * w.sum(),
    "int32": lambda t, w: t.nn.functional.embedding(t.tensor([2, 0], dtype=t.int32), w, sparse=True),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_gradients(name):
    def run(t: Any) -> Any:
        w = t.arange(12.0).reshape(4, 3).requires_grad_()
        y = LOOKUPS[name](t, w)
        (y * t.arange(float(y.numel())).reshape(y.shape)).sum().backward()
        return y.detach(), w.grad, w.detach()

    theirs, mine = (outcome(run, t) for t in LIBRARIES)
    if isinstance(theirs[0], str):
        assert mine[0] == theirs[0] and theirs[1] in mine[1]
        return
    for a, b in zip(mine, theirs, strict=True):
        flat_a, flat_b = flattened(a), flattened(b)
        assert [v for v in flat_a if not isinstance(v, float)] == [
            v for v in flat_b if not isinstance(v, float)
        ]
        np.testing.assert_allclose(
            *[[v for v in f if isinstance(v, float)] for f in (flat_a, flat_b)], rtol=1e-6
        )


def flattened(value: Any) -> list:
    return [x for v in value for x in flattened(v)] if isinstance(value, (list, tuple)) else [value]


def test_accumulation():
    """Several backward passes and several uses: the sums; entries are joined here, and merged by PyTorch on the CPU."""

    def run(t: Any) -> Any:
        w = t.arange(12.0).reshape(4, 3).requires_grad_()
        steps = []
        for loss in (
            lambda: rows(t, w).sum() + bags(t, w, mode="sum").sum() * 2, lambda: rows(t, w, padding_idx=1).sum(),
            lambda: (w * 3).sum(), lambda: rows(t, w).sum(),
        ):  # fmt: skip
            loss().backward()
            steps.append((w.grad.is_sparse, w.grad.to_dense().tolist()))
        return steps

    assert run(torch) == run(reference)


@pytest.mark.parametrize("clip", ["clip_grad_norm_", "clip_grad_value_"])
def test_clipping_is_refused_as_there(clip):
    for t in LIBRARIES:
        w = t.ones(4, 3, requires_grad=True)
        rows(t, w).sum().backward()
        with pytest.raises(NotImplementedError):
            getattr(t.nn.utils, clip)([w], 1.0)


# ---- optimizers -----------------------------------------------------------------------------------------

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SparseAdam": ("SparseAdam", {"lr": 0.05, "betas": (0.8, 0.95)}),
    "SparseAdam up": ("SparseAdam", {"lr": 0.05, "maximize": True, "eps": 1e-3}),
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "SGD nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "foreach": False}),
    "SGD up": ("SGD", {"lr": 0.1, "momentum": 0.5, "maximize": True}),
    "Adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "initial_accumulator_value": 0.1}),
    "Adagrad up": ("Adagrad", {"lr": 0.1, "maximize": True, "foreach": True}),
}


class Run:
    """EmbeddingBag and a loss, trained by one library from weights and batches that both get alike."""

    def __init__(self, t: Any, name: str, device: str = "cpu") -> None:
        rng = np.random.default_rng(5)
        self.t, self.rng, self.device = t, rng, device
        weight = t.from_numpy(rng.normal(size=(20, 4)).astype(np.float32)).to(device)
        self.layer = t.nn.EmbeddingBag.from_pretrained(weight, freeze=False, mode="mean", sparse=True)
        kind, options = OPTIMIZERS[name]
        self.optimizer = getattr(t.optim, kind)(self.layer.parameters(), **options)

    def steps(self, count: int) -> list[float]:
        losses = []
        for _ in range(count):
            indices = self.t.from_numpy(self.rng.integers(0, 20, (6, 3))).to(self.device)
            target = self.t.from_numpy(self.rng.normal(size=(6, 4)).astype(np.float32)).to(self.device)
            self.optimizer.zero_grad()
            loss = ((self.layer(indices) - target) ** 2).mean()
            loss.backward()
            assert self.layer.weight.grad.is_sparse
            self.optimizer.step()
            losses.append(loss.item())
        return losses

    def saved(self) -> io.BytesIO:
        file = io.BytesIO()
        self.t.save({"model": self.layer.state_dict(), "optimizer": self.optimizer.state_dict()}, file)
        return io.BytesIO(file.getvalue())

    def resume(self, file: io.BytesIO) -> None:
        state = self.t.load(file)
        self.layer.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def weight(self) -> np.ndarray:
        return self.layer.weight.detach().cpu().numpy()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_training_follows(name, device):
    mine, theirs = Run(torch, name, device), Run(reference, name)
    count = 30 if device == "cpu" else 5
    np.testing.assert_allclose(mine.steps(count), theirs.steps(count), rtol=1e-6)
    np.testing.assert_allclose(mine.weight(), theirs.weight(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    ("first", "second"), [(reference, torch), (torch, reference), (torch, torch)], ids=("from", "to", "own")
)
def test_a_saved_run_goes_on(name, first, second):
    straight, start, end = Run(reference, name), Run(first, name), Run(second, name)
    wanted = straight.steps(8)
    losses = start.steps(4)
    end.resume(start.saved())
    end.rng = start.rng
    losses += end.steps(4)
    np.testing.assert_allclose(losses, wanted, rtol=1e-6)
    kept = [
        {k: type(v).__name__ for k, v in run.optimizer.state_dict()["state"].get(0, {}).items()}
        for run in (end, straight)
    ]
    assert list(kept[0]) == list(kept[1]) and run_state_is_sparse(end) == run_state_is_sparse(straight)


def run_state_is_sparse(run: Run) -> list[bool]:
    state = run.optimizer.state_dict()["state"].get(0, {})
    return [getattr(value, "is_sparse", False) for value in state.values()]


def sparse_step(t: Any, name: str, **options: Any) -> None:
    w = t.ones(4, 3, requires_grad=True)
    rows(t, w).sum().backward()
    getattr(t.optim, name)([w], **{"lr": 0.1, **options}).step()


def dense_step(t: Any) -> None:
    w = t.ones(2, requires_grad=True)
    w.sum().backward()
    t.optim.SparseAdam([w]).step()


REFUSED = {
    **{name: lambda t, name=name: sparse_step(t, name) for name in (
        "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "Adadelta", "ASGD", "Adafactor", "Muon")},
    "SGD decay": lambda t: sparse_step(t, "SGD", weight_decay=0.1, foreach=False),
    "SGD fused": lambda t: sparse_step(t, "SGD", fused=True),
    "Adagrad decay": lambda t: sparse_step(t, "Adagrad", weight_decay=0.1),
    "Adagrad fused": lambda t: sparse_step(t, "Adagrad", fused=True),
    "dense gradient": dense_step,
    "lr": lambda t: t.optim.SparseAdam([t.ones(2)], lr=0.0),
    "lr tensor": lambda t: t.optim.SparseAdam([t.ones(2)], lr=t.ones(2)),
    "eps": lambda t: t.optim.SparseAdam([t.ones(2)], eps=0.0),
    "beta": lambda t: t.optim.SparseAdam([t.ones(2)], betas=(0.9, 1.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(Exception) as theirs:
        REFUSED[name](reference)
    with pytest.raises(theirs.type) as mine:
        REFUSED[name](torch)
    assert str(theirs.value) in str(mine.value)


def test_files_of_sparse_tensors():
    for first, second in (LIBRARIES, LIBRARIES[::-1]):
        file = io.BytesIO()
        first.save([example(first), single(first), example(first, "int64")], file)
        loaded = second.load(io.BytesIO(file.getvalue()))
        assert shown(loaded) == shown([example(second), single(second), example(second, "int64")])


def test_second_derivative():
    def run(t: Any) -> list:
        w = t.arange(12.0).reshape(4, 3).requires_grad_()
        (g,) = t.autograd.grad((rows(t, w) ** 3).sum(), w, create_graph=True)
        (again,) = t.autograd.grad((g.to_dense() ** 2).sum(), w)
        return again.to_dense().tolist()

    assert run(torch) == run(reference)
