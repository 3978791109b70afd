"""Calls by PyTorch's schemas that once came to something else: out= of another shape, truth values as factors, losses
with numbers for the reduction, the named tuples that functions return."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
import torch as reference
from outcomes import close, outcome

import tritonnn as torch

CALLS = """
torch.arange(4, out=torch.zeros(2, 2, dtype=torch.int64))
torch.arange(4, out=torch.zeros(2, 2).t())
torch.arange(4, out=torch.zeros(3))
torch.linspace(0, 1, 4, out=torch.zeros(2, 2))
torch.logspace(0, 1, 4, out=torch.zeros(2, 2))
torch.range(0, 3, out=torch.zeros(2, 2))
torch.fft.fftfreq(4, out=torch.zeros(4, 1)).shape
torch.fft.rfftfreq(4, out=torch.zeros(3, 1))
torch.add(torch.ones(2), torch.ones(2), alpha=True)
torch.add(torch.tensor(True), torch.tensor(True), alpha=True)
torch.sub(torch.ones(2), torch.ones(2), alpha=False)
torch.rsub(torch.ones(2), torch.ones(2), alpha=True)
torch.ones(2).add_(1, alpha=True)
torch.addr(torch.ones(2, 2), torch.ones(2), torch.ones(2), beta=True)
torch.addr(torch.ones(2, 2), torch.ones(2), torch.ones(2), alpha=True)
torch.margin_ranking_loss(torch.ones(2, 3), torch.zeros(2, 3), -torch.ones(2, 3), 0.5)
torch.margin_ranking_loss(torch.ones(2, 3), torch.zeros(2, 3), -torch.ones(2, 3), 0.5, 1)
torch.margin_ranking_loss(torch.ones(2, 3), torch.zeros(2, 3), -torch.ones(2, 3), reduction=2)
torch.margin_ranking_loss(torch.ones(2, 3), torch.zeros(2, 3), -torch.ones(2, 3), reduction="sum")
torch.hinge_embedding_loss(torch.ones(2, 3), -torch.ones(2, 3), 1.5)
torch.hinge_embedding_loss(torch.ones(2, 3), -torch.ones(2, 3), 1.5, 2)
torch.cosine_embedding_loss(torch.ones(2, 3), torch.ones(2, 3), -torch.ones(2), 0.0, 2)
torch.triplet_margin_loss(torch.ones(2, 3), torch.zeros(2, 3), torch.ones(2, 3), reduction=0)
torch.triplet_margin_loss(torch.ones(2, 3), torch.zeros(2, 3), torch.ones(2, 3), 1.0, 2.0, 1e-6, False, 1)
torch.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2), None, torch.ones(2) * 3, 2)
torch.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2))
torch.ctc_loss(torch.log_softmax(torch.ones(3, 1, 3), 2), torch.ones(1, 1).long(), torch.tensor([3]), torch.tensor([1]))
torch.ctc_loss(torch.log_softmax(torch.ones(3, 1, 3), 2), torch.tensor([[1]]), (3,), (1,), 0, 2)
F.nll_loss(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1]))
F.nll_loss(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1]), reduction="none")
str(F.poisson_nll_loss(torch.ones(3, dtype=torch.float16), torch.tensor([1, 2, 3]), False, full=True).dtype)
str(torch.poisson_nll_loss(torch.ones(3, dtype=torch.float16), torch.tensor([1, 2, 3]), False, True, 1e-5, 1).dtype)
torch.lu_unpack(torch.eye(2), torch.ones(2), True, False)
torch.lu_unpack(torch.eye(2), torch.ones(2))
torch.instance_norm(torch.tensor([[2.0], [4.0]]), None, None, None, None, True, 0.1, 1e-5, False)
torch.instance_norm(torch.tensor([[[2.0], [4.0]]]), None, None, None, None, True, 0.1, 1e-5, False)
F.instance_norm(torch.tensor([[[2.0], [4.0]]]))
F.max_pool1d(torch.ones(1, 2, 8), 3, padding=2, dilation=2)
F.max_pool2d(torch.ones(2, 4, 4), (3, 2), padding=(2, 1), dilation=(2, 3))
F.max_pool2d(torch.ones(1, 4, 4), 3, padding=1, dilation=2)
F.max_pool3d(torch.ones(1, 8, 8, 8), 3, padding=2, dilation=2)
torch.linalg.vector_norm(torch.ones(2, dtype=torch.complex64), dtype=torch.float32)
torch.linalg.vector_norm(torch.ones(2), dtype=torch.complex64)
torch.linalg.vector_norm(torch.ones(2, dtype=torch.float64), dtype=torch.float32)
torch.linalg.vector_norm(torch.ones(2), dtype=torch.float64)
torch.norm(torch.ones(2, dtype=torch.complex64), dtype=torch.float32)
torch.norm(torch.ones(2), 2, 0, dtype=torch.complex64)
F.hardtanh(torch.tensor([0, 3, 9], dtype=torch.uint8), 1, 5)
F.hardtanh(torch.tensor([0, 3, 9], dtype=torch.uint8), -1, 5)
torch.rot90(torch.ones(2, 3).t(), 4).stride()
[part.stride() for part in torch.frexp(torch.ones(2, 3).t())]
twice(F.elu, [0.0, -0.0, 1.0, -1.0])
twice(torch.selu, [0.0, -0.0, 1.0, -1.0])
twice(torch.celu, [0.0, -0.0, 1.0, -1.0])
slope(lambda x: torch.linalg.vector_norm(x, 0))
slope(lambda x: x.norm(0))
slope(lambda x: torch.dist(x, torch.zeros(2), 0))
slope(lambda x: torch.linalg.vector_norm(x, 0) + x.sum())
sparse(torch.ones(2, 3), 1, [[0, 1], [1, 1]])
sparse(torch.ones(2, 3, 2), -2, [[[0, 1]], [[2, 2]]])
sparse(torch.tensor(1.0), 0, 0)
sparse(torch.ones(3), 0, [])
torch.randperm(2050, dtype=torch.float16)
torch.randperm((1 << 24) + 2, dtype=torch.float32)
torch.poisson(torch.tensor([float("nan")]))
torch.zeros(2).uniform_(0, float("inf"))
torch.zeros(2).uniform_(-3e38, 3e38)
torch.zeros(2, dtype=torch.float16).uniform_(0, 1e5)
torch.zeros(2, dtype=torch.complex64).uniform_(0, 1e39)
torch.zeros(2, dtype=torch.bool).geometric_(0.5)
torch.zeros(2, dtype=torch.complex64).random_()
torch.Generator().manual_seed(True)
torch.Generator().manual_seed(torch.tensor(5))
str(torch.Generator(device=None).device)
torch.Generator().graphsafe_get_state()
torch.Generator().graphsafe_set_state(torch.Generator())
forked("nonsense")
torch.distributions.HalfCauchy(1.0).log_prob(7)
torch.distributions.HalfCauchy(1.0, validate_args=False).log_prob(7.0)
""".strip().splitlines()


def namespace(library: Any) -> dict[str, Any]:
    """What the calls name: the library, and small programs."""

    def twice(function: Any, numbers: list) -> Any:
        x = library.tensor(numbers, requires_grad=True)
        (first,) = library.autograd.grad(function(x).sum(), x, create_graph=True)
        return library.autograd.grad((first * first).sum(), x)

    def slope(function: Any) -> Any:
        x = library.tensor([2.0, 3.0], requires_grad=True)
        function(x).backward()
        return x.grad

    def sparse(x: Any, dim: int, index: Any) -> Any:
        x.requires_grad_()
        read = library.gather(x, dim, library.tensor(index, dtype=library.int64), sparse_grad=True)
        (read * 3).sum().backward()
        grad = x.grad
        return [str(grad.layout), grad._indices(), grad._values(), tuple(grad.shape), grad.to_dense()]

    def forked(kind: str) -> bool:
        with library.random.fork_rng(device_type=kind):
            return True

    return {
        "torch": library, "F": library.nn.functional, "twice": twice, "slope": slope, "sparse": sparse,
        "forked": forked,
    }  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_call_comes_to_the_same(call):
    own, theirs = (
        outcome(library, lambda library: eval(call, namespace(library))) for library in (torch, reference)
    )
    assert own[0] == theirs[0], f"{own[1]} instead of {theirs[1]}"
    if own[0] == "raised":
        kind = own[1][0]
        assert kind == theirs[1][0] or (kind, theirs[1][0]) == ("NotImplementedError", "RuntimeError")
    else:
        close(str_of(own[1]), str_of(theirs[1]))


def str_of(value: Any) -> Any:
    """With the libraries' own names alike."""
    if isinstance(value, (list, tuple)):
        return [str_of(item) for item in value]
    return value.replace("tritonnn", "torch") if isinstance(value, str) else value


RETURNED = {
    "max": lambda t, x: t.max(x, 0), "min": lambda t, x: x.min(1), "median": lambda t, x: t.median(x, 0),
    "nanmedian": lambda t, x: t.nanmedian(x, 0), "mode": lambda t, x: t.mode(x, 0),
    "kthvalue": lambda t, x: t.kthvalue(x, 1), "sort": lambda t, x: x.sort(), "topk": lambda t, x: t.topk(x, 1),
    "cummax": lambda t, x: t.cummax(x, 0), "cummin": lambda t, x: t.cummin(x, 0), "aminmax": lambda t, x: t.aminmax(x),
    "frexp": lambda t, x: t.frexp(x), "geqrf": lambda t, x: t.geqrf(x),
    "histogram": lambda t, x: t.histogram(x[0], 2), "histogramdd": lambda t, x: t.histogramdd(x, [2, 2]),
    "linalg_cholesky_ex": lambda t, x: t.linalg.cholesky_ex(x), "linalg_eig": lambda t, x: t.linalg.eig(x),
    "linalg_eigh": lambda t, x: t.linalg.eigh(x), "linalg_inv_ex": lambda t, x: t.linalg.inv_ex(x),
    "linalg_ldl_factor": lambda t, x: t.linalg.ldl_factor(x), "linalg_lstsq": lambda t, x: t.linalg.lstsq(x, x),
    "linalg_ldl_factor_ex": lambda t, x: t.linalg.ldl_factor_ex(x), "linalg_lu": lambda t, x: t.linalg.lu(x),
    "linalg_lu_factor": lambda t, x: t.linalg.lu_factor(x), "linalg_qr": lambda t, x: t.linalg.qr(x),
    "linalg_lu_factor_ex": lambda t, x: t.linalg.lu_factor_ex(x),
    "linalg_slogdet": lambda t, x: t.linalg.slogdet(x), "linalg_solve_ex": lambda t, x: t.linalg.solve_ex(x, x),
    "linalg_svd": lambda t, x: t.linalg.svd(x), "lu_unpack": lambda t, x: t.lu_unpack(*t.linalg.lu_factor(x)),
    "qr": lambda t, x: t.qr(x), "slogdet": lambda t, x: x.slogdet(), "svd": lambda t, x: x.svd(),
    "triangular_solve": lambda t, x: t.triangular_solve(x, x),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RETURNED)
def test_a_function_returns_its_type(name):
    own, theirs = (RETURNED[name](t, t.tensor([[4.0, 1.0], [1.0, 3.0]])) for t in (torch, reference))
    assert type(own) is getattr(torch.return_types, name) and type(theirs).__name__ == type(own).__name__
    assert [line.partition("=")[0] for line in repr(own).split("\n") if "=tensor" in line] == [
        line.partition("=")[0] for line in repr(theirs).split("\n") if "=tensor" in line
    ]
    assert repr(own).partition("\n")[0] == repr(theirs).partition("\n")[0]
    for member in ("n_fields", "n_sequence_fields", "n_unnamed_fields"):
        assert getattr(own, member) == getattr(theirs, member)
    again = pickle.loads(pickle.dumps(own))
    assert type(again) is type(own) and str(again) == str(own)


def test_every_type_is_there():
    theirs = {kind.__name__ for kind in reference.return_types.all_return_types}
    functions = {name for name in theirs if not name.startswith("_") and not name.endswith("_out")}
    mine = {
        kind.__name__ for kind in torch.return_types.all_return_types if not kind.__name__.startswith("_")
    }
    assert functions == set(RETURNED) == mine


@pytest.mark.parametrize("given", [((1, 2),), ([1, 2],), (3,), ((1,),), ((1, 2, 3),)])
def test_made_of_a_sequence(given):
    own, theirs = (outcome(t, lambda t: list(t.return_types.max(*given))) for t in (torch, reference))
    assert own == theirs


def test_a_file_of_the_other_library_is_read():
    file = io.BytesIO()
    reference.save(reference.sort(reference.tensor([2, 1])), file)
    file.seek(0)
    read = torch.load(file, weights_only=False)
    assert isinstance(read, torch.return_types.sort) and read.indices.tolist() == [1, 0]
