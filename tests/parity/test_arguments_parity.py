"""What stands for an argument in PyTorch does here: no dimensions, tensors of one element, sizes, numbers, names."""

from __future__ import annotations

import pytest
import torch as reference
from programs import outcome, same

import tritonnn

NO_DIMENSIONS = """
torch.any(t([[1., 0.], [2., 3.]]), ())
torch.any(t([[1., 0.], [2., 3.]]), dim=[], keepdim=True)
torch.any(t([[1, 0]], 'uint8'), ())
torch.any(torch.ones(0, 3, device=device), ())
torch.any(torch.ones(0, 3, device=device))
torch.any(torch.ones(0, 3, device=device), 0)
torch.any(torch.ones(0, 3, device=device), (0, 1), True)
torch.any(torch.ones(0, 3, dtype=torch.uint8, device=device))
torch.all(torch.ones(0, 3, dtype=torch.uint8, device=device))
torch.all(t([[1., 0.], [2., 3.]]), ())
torch.all(t([[1., 0.], [2., 3.]]), dim=[], keepdim=True)
torch.all(t(2.), ())
torch.sum(t([[1., 0.], [2., 3.]]), ())
torch.mean(t([[1., 0.], [2., 3.]]), [], True)
torch.amax(t([[1., 0.], [2., 3.]]), ())
torch.var(t([[1., 0.], [2., 3.]]), ())
torch.count_nonzero(t([[1., 0.], [2., 3.]]), ())
torch.linalg.vector_norm(t([[3., 4.]]), dim=())
torch.flip(t([1., 2.]), ())
torch.roll(t([[1, 2], [3, 4]]), 1, [])
torch.squeeze(t([[1, 2]]), ())
""".strip().splitlines()

ONE_ELEMENT = """
torch.topk(t([1., 3., 2.]), torch.tensor([2]))
torch.topk(t([1., 3., 2.]), torch.tensor([[2]]))
torch.topk(t([1., 3., 2.]), k=torch.tensor(2))
torch.topk(t([1., 3., 2.]), torch.tensor(2.))
torch.topk(t([1., 3., 2.]), torch.tensor([2, 1]))
torch.kthvalue(t([1., 3., 2.]), torch.tensor([2]))
torch.narrow(t([1., 3., 2.]), 0, 1, torch.tensor([2]))
torch.narrow(t([1., 3., 2.]), 0, torch.tensor(1), 2)
torch.narrow(t([1., 3., 2.]), 0, torch.tensor([1]), 2)
torch.narrow(t([1., 3., 2.]), 0, torch.tensor(1.), 2)
torch.eye(torch.tensor([2]), torch.tensor([3]), device=device)
torch.select(t([[1., 3.], [2., 5.]]), 0, index=torch.tensor([1]))
torch.select_scatter(t([[1., 3.], [2., 5.]]), t([0., 0.]), 0, torch.tensor([1]))
torch.unflatten(t([1, 2, 3, 4]), 0, (torch.tensor([2]), 2))
torch.unflatten(t([1, 2, 3, 4]), 0, torch.tensor([2, 2]))
torch.sum(t([[1., 2.]]), (torch.tensor([1]),))
torch.sum(t([[1., 2.]]), torch.tensor([0, 1]))
torch.logsumexp(t([[1., 2.]]), torch.tensor([1]))
torch.softmax(t([[1., 2.]]), torch.tensor([1]))
torch.split(t([1, 2, 3]), torch.tensor([2]))
torch.tril(t([[1., 3.], [2., 5.]]), torch.tensor([1]))
torch.triu(t([[1., 3.], [2., 5.]]), torch.tensor([1]))
torch.diag(t([1., 3.]), torch.tensor([1]))
torch.bincount(t([1, 2]), minlength=torch.tensor([5]))
torch.nonzero_static(t([1, 2]), size=torch.tensor([3]))
torch.as_strided(t([1., 2., 3.]), (torch.tensor([2]),), (1,), torch.tensor([1]))
torch.randperm(torch.tensor([1]))
torch.multinomial(t([0., 1.]), torch.tensor([1]))
F.conv1d(t([[[1., 2.]]]), t([[[2.]]]), stride=torch.tensor([1]), groups=torch.tensor([1]))
F.max_pool2d(t([[[[1., 2.], [3., 4.]]]]), torch.tensor([2]))
F.max_pool2d(t([[[[1., 2.], [3., 4.]]]]), torch.tensor([2, 2]))
F.max_pool2d(t([[[[1., 2.], [3., 4.]]]]), (torch.tensor([2]), 1))
F.layer_norm(t([[1., 2.]]), (torch.tensor([2]),))
F.layer_norm(t([[1., 2.]]), torch.tensor([2]))
F.pad(t([[1., 2.]]), (torch.tensor([1]), 1))
F.pad(t([[1., 2.]]), torch.tensor([1, 1]))
F.cross_entropy(t([[1., 2.]]), t([1]), ignore_index=torch.tensor([0]))
F.embedding(t([1]), t([[1., 2.], [3., 4.]]), padding_idx=torch.tensor([1]))
F.embedding(t([1]), t([[1., 2.], [3., 4.]]), norm_type=None)
F.embedding(t([1]), t([[1., 2.], [3., 4.]]), max_norm=1.0, norm_type=None)
F.embedding_bag(t([[1]]), t([[1., 2.], [3., 4.]]), norm_type=None)
torch.histogram(torch.arange(4.), torch.tensor(3), range=(0, 2))
torch.histogram(torch.arange(4.), torch.tensor(3))
torch.histogram(torch.arange(4.), torch.tensor([0., 1., 3.]), range=(0, 2))
""".strip().splitlines()

SIZES = """
torch.Tensor(np.int64(2)).shape
torch.Tensor(np.int32(2), np.int64(3)).shape
torch.Tensor(np.array(2)).shape
torch.Tensor(np.array([2.0]))
torch.Tensor(2, torch.tensor(3)).shape
torch.Tensor(torch.tensor(3))
torch.Tensor(np.float32(2))
torch.FloatTensor(np.int64(2)).shape
torch.ones(2).new(np.int64(2), 3).shape
torch.zeros(torch.tensor(3), device=device)
torch.zeros(torch.tensor([3]), 2, device=device)
torch.zeros((torch.tensor(3), torch.tensor([2])), device=device)
torch.zeros(torch.tensor([3, 2]), device=device)
torch.zeros(torch.tensor(3.0), device=device)
torch.zeros(np.array([3, 2]), device=device)
torch.zeros(size=3, device=device)
torch.zeros(size=torch.tensor(3), device=device)
torch.zeros(size=(torch.tensor(3),), device=device)
torch.ones(size=[2], device=device)
torch.ones(size=2)
torch.empty(size=2)
torch.rand(size=2)
torch.randn(size=2)
torch.rand(size=(1,)).shape
torch.rand(torch.tensor(3)).shape
torch.full(3, 1)
torch.full(torch.tensor(3), 1)
torch.full((torch.tensor(3),), 1, device=device)
torch.full(size=(2,), fill_value=1, device=device)
torch.randint(3, size=3)
torch.randint(0, 3, size=3)
torch.randint(1, size=(torch.tensor(3),), device=device)
torch.empty_strided((torch.tensor([2]),), (1,)).shape
torch.ones(2, device=device).new_zeros(torch.tensor(3))
torch.ones(2, device=device).new_zeros(torch.tensor([3, 2]))
torch.ones(2, device=device).new_zeros(size=3)
torch.ones(2, device=device).new_ones(size=(3,))
torch.ones(2, device=device).new_empty(size=3)
torch.ones(2, device=device).new_full(3, 2)
torch.ones(2, device=device).new_full(size=(3,), fill_value=2)
torch.ones(2, device=device).new_full((torch.tensor(3),), torch.tensor(2))
t([1., 2., 3.]).expand(torch.tensor(2), 3)
t([1., 2., 3.]).expand(torch.tensor([2, 3]))
t([1., 2., 3.]).expand(size=3)
t([1., 2., 3.]).repeat(torch.tensor(2))
t([1., 2., 3.]).repeat(torch.tensor([2, 3]))
t([1., 2., 3.]).tile(torch.tensor(2))
t([1., 2.]).view(torch.tensor([2]), 1)
t([1., 2.]).view(torch.tensor([2, 1]))
t([1., 2.]).reshape(torch.tensor([2, 1]))
t([[1., 2.]]).permute(torch.tensor([1, 0]))
torch.broadcast_to(t([1., 2.]), torch.tensor([2, 2]))
torch.broadcast_shapes(2, (3, 1))
torch.broadcast_shapes(2.5, (3, 1))
torch.broadcast_shapes(torch.tensor(2), (3, 1))
""".strip().splitlines()

INTEGRALS = """
torch.trapezoid(t([1, 2, 4]))
torch.trapezoid(t([1, 2, 4]), dx=0.5)
torch.trapezoid(t([1, 2, 4]), t([1, 2, 5]))
torch.trapezoid(t([200, 200], 'uint8'))
torch.trapezoid(t([True, False]))
torch.trapezoid(t([1., 2.]), t([True, False]))
torch.trapezoid(t([[[1., 2., 4.]], [[3., 5., 9.]]]), t([[0., 1., 3.]]))
torch.trapezoid(t([[1., 2., 3.], [4., 5., 6.]]), t([[1., 2.], [3., 4.]]))
torch.trapezoid(t([[1., 2., 3.]]), t(2.))
torch.trapezoid(t([1., 2.]), dx=1j)
torch.trapezoid(t([1., 2.]), dx=True)
torch.trapezoid(t([1., 2.]), dx='a')
torch.trapezoid(t([1., 2.]), dx=torch.tensor([2.]))
torch.trapezoid(t([1.]), t([1.], 'float64'))
torch.trapezoid(t([], 'int64'))
torch.trapezoid(t([1]))
torch.cumulative_trapezoid(t([1, 2, 4]))
torch.cumulative_trapezoid(t([1, 2, 4]), dx=0.5)
torch.cumulative_trapezoid(t([1]))
torch.cumulative_trapezoid(t([1.]), t([1.], 'float64'))
torch.cumulative_trapezoid(t([True, False]))
torch.cumulative_trapezoid(t([1., 2.]), dx=1j)
torch.lerp(t([1., 2.]), t([2., 3.]), 1j)
torch.lerp(torch.tensor([1j, 2]), torch.tensor([2, 3j]), 1j)
torch.lerp(torch.tensor([1j, 2]), torch.tensor([2, 3j]), torch.tensor([1j, 2]))
torch.lerp(t([1, 2]), t([2, 3]), 0.5)
torch.lerp(t([1, 2]), t([2, 3]), 1)
torch.lerp(t([1, 2]), t([2., 3.]), 1)
""".strip().splitlines()

LOSSES = """
F.ctc_loss(torch.ones(3, 0, 3, device=device), torch.ones(0, 2, dtype=torch.int64, device=device), (), ())
F.hinge_embedding_loss(t([3, 0, 1]), t([1, -1, -1]), margin=2.5, reduction='none')
F.hinge_embedding_loss(t([3, 0, 1]), t([1, -1, -1]), reduction='sum')
F.hinge_embedding_loss(t([3, 0, 1]), t([1, -1, -1]))
F.hinge_embedding_loss(t([3, 0, 1], 'uint8'), t([1, -1, -1]), margin=2.5, reduction='none')
F.hinge_embedding_loss(t([3., 0., 1.]), t([1, -1, -1]), reduction='none')
F.huber_loss(t([1., 3.]), t([1., 7.], 'float64'), reduction='none')
F.huber_loss(t([1., 3.], 'float16'), t([1., 7.]))
F.huber_loss(t([1., 3.]), t([1., 7.]), weight=t([1., 2.], 'float64'), reduction='none')
F.huber_loss(t([1, 3]), t([1., 7.]))
F.huber_loss(t([1, 3]), t([1, 7]))
F.huber_loss(t([True, False]), t([1, 7]))
F.soft_margin_loss(t([1., 3.]), t([1., -1.], 'float64'), reduction='none')
F.soft_margin_loss(t([1., 3.], 'float16'), t([1., -1.]))
F.soft_margin_loss(t([1, 3]), t([1, -1]))
F.soft_margin_loss(t([1, 3]), t([1., -1.]))
F.soft_margin_loss(t([1., 3.]), t([[1., -1.], [1., 1.]]))
F.soft_margin_loss(t([[1.], [3.]]), t([1.]))
F.l1_loss(t([3, 0, 1]), t([1, -1, -1]), reduction='sum')
F.l1_loss(t([3, 0, 1]), t([1, -1, -1]))
F.l1_loss(t([3, 0], 'uint8'), t([1, 1], 'uint8'), reduction='none')
F.l1_loss(t([3, 0]), t([1, -1]), reduction='sum', weight=t([1, 2]))
F.l1_loss(torch.tensor([3j, 0]), torch.tensor([1, -1]), reduction='sum')
F.l1_loss(t([True, False]), t([1., 2.]))
F.kl_div(t([1, 2]), t([1., 2.]))
F.kl_div(t([1., 2.]), t([1, 2]))
F.binary_cross_entropy_with_logits(t([1, 2]), t([1., 0.]))
F.margin_ranking_loss(t([1., 2.]), t([2., 2.]), t([1, 1], 'uint8'), reduction='none')
F.margin_ranking_loss(t([1., 2.]), t([2., 2.]), t([True, True]))
F.cosine_similarity(t([1, 2]), t([1., 3.]), dim=0)
F.cosine_similarity(t([1, 2]), t([1, 3]), dim=0)
F.multi_margin_loss(t([[1., 2.]]), t([1]), p=1.0)
F.multi_margin_loss(t([[1., 2.]]), t([0]), p=2.0)
F.multi_margin_loss(t([[1., 2.]]), t([0]), p=torch.tensor(2.0))
F.multi_margin_loss(t([[1., 2.]]), t([0]), p=True)
F.multi_margin_loss(t([[1., 2.]]), t([0]), p=1.5)
F.multi_margin_loss(t([1., 2.]), t([1]), reduction='none')
F.multi_margin_loss(t([1., 2.]), t(1), reduction='none')
F.multi_margin_loss(t(1.), t([0]))
F.multilabel_margin_loss(t([1.]), t(0))
F.multilabel_margin_loss(t(1.), t([0]))
nn.MultiMarginLoss(p=2.0)(t([[1., 2.]]), t([0]))
F.multilabel_soft_margin_loss(t(1.), t(1.))
F.multilabel_soft_margin_loss(t([[1., 2.]]), 1.0)
F.multilabel_soft_margin_loss(t([[1., 2.]]), t(1.0))
F.multilabel_soft_margin_loss(t([[1., 2.]]), t([[1., 0.]]), 2.0)
F.multilabel_soft_margin_loss(t([[1, 2]]), t([[1., 0.]]))
F.gaussian_nll_loss(t([[1., 2.]]), 1.0, t([[1., 2.]]))
F.gaussian_nll_loss(t([[1., 2.]]), t(1.0), 2.0)
F.gaussian_nll_loss(t([1., 2.]), t([1., 2.]), t(2.0))
F.gaussian_nll_loss(t(1.), t(2.), t(2.0))
F.gaussian_nll_loss(t([1., 2.]), t([1., 2.]), t([2, 2]))
""".strip().splitlines()

OVERWRITTEN = """
torch.swapaxes(t([[1, 2]]), axis0=0, axis1=1)
torch.swapdims(t([[1, 2]]), dim0=0, dim1=1)
torch.swapaxes(t([[1, 2]]), dim0=0, dim1=1)
torch.swapdims(t([[1, 2]]), axis0=0, axis1=1)
torch.transpose(t([[1, 2]]), axis0=0, axis1=1)
t([[1, 2]]).swapaxes_(axis0=0, axis1=1)
t([[1, 2]]).swapdims_(dim0=0, dim1=1)
t([[1, 2]]).swapdims_(axis0=0, axis1=1)
t([1., 2.]).copy_(3)
t([1., 2.]).copy_(3.5, True)
t([1, 2]).copy_(3.5)
t([1, 2]).copy_(True)
t([1, 2], 'uint8').copy_(300)
t([1, 2], 'float16').copy_(1e9)
t([1., 2.]).copy_(np.float32(2))
t([1., 2.]).copy_('a')
t([1., 2.]).copy_([1, 2])
x = torch.zeros(3, requires_grad=True); y = x.clone().copy_(2); y, y.requires_grad
torch.zeros(3, requires_grad=True).copy_(2)
torch.zeros(3).copy_(1j)
""".strip().splitlines()

DIMS = """
torch.tensordot(t([[1., 2.]]), t([[1.], [2.]]), torch.tensor([1]))
torch.tensordot(t([[1., 2.]]), t([[1.], [2.]]), torch.tensor([[1], [0]]))
torch.movedim(t(1.), 0, 0)
torch.gradient(t([1, 4, 9]), dim=0)
torch.gradient(t([1, 4, 9], 'uint8'))
torch.gradient(t([True, False]))
torch.gradient(t([1., 4., 9.]), spacing=(t([1., 2., 4.]),))
torch.arange(torch.tensor(3), device=device)
torch.arange(np.float32(3), device=device)
torch.linspace(torch.tensor(0), torch.tensor(1), 3, device=device)
""".strip().splitlines()

WRITTEN = """
x = t([0., 1., 2.]); torch.bucketize(x, x, out=torch.empty(3, device=device))
x = t([0., 1., 2.]); torch.bucketize(x, x, out=torch.empty(3, dtype=torch.int64, device=device))
x = t([0., 1., 2.]); torch.bucketize(x, x, out_int32=True, out=torch.empty(3, dtype=torch.int64, device=device))
x = t([0., 1., 2.]); torch.searchsorted(x, x, out=torch.empty(3, dtype=torch.int32, device=device))
x = t([0., 1., 2.]); torch.searchsorted(x, x, out_int32=True, out=torch.empty(3, dtype=torch.int32, device=device))
x = t([0., 1., 2.]); torch.where(x > 1, x, x, out=torch.empty(3, dtype=torch.float64, device=device))
x = t([0., 1., 2.]); torch.where(x > 1, x, x, out=torch.empty(3, device=device))
x = t([0., 1.]); torch.multinomial(x, 1, out=torch.empty(1, device=device))
x = t([0., 1.]); torch.multinomial(x, 1, out=torch.empty(1, dtype=torch.int64, device=device))
x = t([0., 1.]); torch.bernoulli(x, out=torch.empty(2, dtype=torch.int64, device=device))
x = t([0., 1.]); torch.bernoulli(x, out=torch.empty(2, dtype=torch.float64, device=device))
x = t([0., 1.]); torch.bernoulli(x, out=torch.empty(2, dtype=torch.complex64, device=device))
x = t([0., 1.]); torch.bernoulli(x, 0.5, out=torch.empty(2, device=device))
x = t([0., 1.]); torch.argmax(x, out=torch.empty((), dtype=torch.int32, device=device))
x = t([0., 1.]); torch.all(x, 0, out=torch.empty((), dtype=torch.uint8, device=device))
x = t([0., 1.]); torch.all(x, 0, out=torch.empty((), device=device))
x = t([0., 1.]); torch.abs(x, out=torch.empty(2, dtype=torch.float64, device=device))
x = t([0., 1.]); torch.add(x, x, out=torch.empty(2, dtype=torch.float64, device=device))
x = t([0., 1.]); torch.index_select(x, 0, t([0]), out=torch.empty(1, dtype=torch.float64, device=device))
x = t([0., 1.]); torch.sort(x, out=(torch.empty(2, device=device), torch.empty(2, device=device)))
x = t([[1.]]); torch.mm(x, x, out=torch.empty(1, 1, dtype=torch.float64, device=device))
torch.zeros(2, out=torch.empty(2, dtype=torch.float64, device=device), dtype=torch.float32, device=device)
torch.full((2,), 1.5, out=torch.empty(2, dtype=torch.float64, device=device))
torch.eye(2, out=torch.empty(2, 2, dtype=torch.float64, device=device), dtype=torch.float32, device=device)
torch.arange(3, out=torch.empty(3, device=device), dtype=torch.int64, device=device)
torch.linspace(0, 1, 3, out=torch.empty(3, dtype=torch.float64, device=device), dtype=torch.float32, device=device)
torch.randperm(1, out=torch.empty(1, device=device), dtype=torch.int64, device=device)
torch.rand(0, out=torch.empty(0, dtype=torch.float64, device=device), dtype=torch.float32, device=device)
""".strip().splitlines()

MADE = (
    "zeros(2", "ones(2", "full((2,), 1", "eye(2", "arange(3", "linspace(0, 1, 3", "logspace(0, 1, 3",
    "zeros_like(t([1.])", "full_like(t([1.]), 1", "empty_strided((0,), (1,)", "rand(0", "randn(1, 0",
    "randint(1, (2,)", "randperm(1", "normal(0., 1., (0,)", "tril_indices(2, 2", "triu_indices(2, 2",
    "rand_like(t([])", "ones(2).new_zeros(2", "ones(2).new_full((2,), 1", "ones(2).new_empty((0,)",
)  # fmt: skip
OPTIONS = (
    "layout=torch.strided", "layout=None", "layout='a'", "layout=3", "layout=object()", "layout=torch.float32",
    "dtype=int", "dtype=float", "dtype=str", "dtype=np.float32", "dtype='float32'", "dtype=None",
)  # fmt: skip
KINDS = """
torch.ones(2, dtype=torch.float64).view(int)
torch.ones(2, dtype=torch.float64).view(dtype=int)
torch.can_cast(int, torch.float32)
torch.can_cast(str, torch.float32)
torch.promote_types(int, torch.float32)
torch.promote_types(torch.float32, 'a')
torch.finfo(float).max
torch.finfo(int)
torch.finfo(None)
torch.iinfo(int).max
torch.iinfo(float)
torch.ones(2).to(dtype=int)
torch.ones(2).to(dtype=str)
torch.ones(2).sum(dtype=int)
torch.nanmean(torch.ones(2), dtype=int)
nn.Linear(1, 1).to(float).weight.dtype
nn.Linear(1, 1).to(dtype=float).weight.dtype
torch.ones(2).layout
nn.Parameter(torch.ones(2)).layout
torch.zeros_like(torch.ones(2), layout=torch.ones(2).layout)
""".strip().splitlines()

NO_CLASSES = """
F.cross_entropy(torch.ones(2, 0, device=device), t([-100, -100]))
F.cross_entropy(torch.ones(2, 0, device=device), t([-100, -100]), reduction='sum')
F.cross_entropy(torch.ones(2, 0, device=device), t([-100, -100]), reduction='none')
F.cross_entropy(torch.ones(2, 0, device=device), t([-100, 0]), reduction='none')
F.cross_entropy(torch.ones(0, device=device), t(-100))
F.nll_loss(torch.ones(2, 0, device=device), t([-100, -100]))
F.nll_loss(torch.ones(2, 0, device=device), t([-100, -100]), reduction='none')
F.nll_loss(torch.ones(2, 0, device=device), t([-100, 0]), reduction='none')
F.nll_loss(torch.ones(2, 0, 3, 3, device=device), torch.full((2, 3, 3), -100, device=device), reduction='none')
x = torch.ones(2, 0, requires_grad=True); F.cross_entropy(x, torch.tensor([-100, -100])).backward(); x.grad
x = torch.ones(2, 0, requires_grad=True); F.nll_loss(x, torch.tensor([-100, -100])).backward(); x.grad
w = torch.ones(0, 3, device=device); F.linear_cross_entropy(t([[1., 2., 3.]]), w, t([-100]), reduction='sum')
t([[1., 2.]]).index_put_((None, t([1])), t(9.))
t([[1., 2.]]).index_put((t([0]), None), t(9.))
t([[1., 2.]]).index_put_((t([0]), t([1])), t(9.))
t([[1., 2.]]).index_put_((t([0]),), 2)
t([[1., 2.]]).index_put_((1,), t(9.))
""".strip().splitlines()

RANDOM = """
torch.normal(torch.tensor(0.), torch.tensor(1.), size=(2,))
torch.normal(torch.tensor(0.), 1., size=(2,))
torch.normal(0., torch.tensor(1.), (2,))
torch.normal(torch.tensor(0), 1, (2,))
torch.normal(torch.tensor([0.]), 1., size=(2,))
torch.normal(t(0.), 1.)
torch.normal(0., 1., 2)
torch.normal(0., 1., size=torch.tensor(2))
torch.normal(0., 1.)
torch.normal(0., 1., (2,), dtype=torch.int64)
torch.normal('a', 1., (2,))
torch.normal(0., 'a', (2,))
torch.normal(0., -1., (2,))
torch.normal(True, np.float32(1), (2,), dtype=torch.float64)
""".strip().splitlines()

EXPRESSIONS = [
    *NO_DIMENSIONS,
    *ONE_ELEMENT,
    *SIZES,
    *INTEGRALS,
    *LOSSES,
    *OVERWRITTEN,
    *DIMS,
    *WRITTEN,
    *KINDS,
    *NO_CLASSES,
]
EMPTY = ("randn", "normal")  # of integers refused, where PyTorch lets those pass that have no elements
EXPRESSIONS += [
    f"torch.{made}, {option})"
    for made in MADE
    for option in OPTIONS
    if not (option == "dtype=int" and made.startswith(EMPTY))
]
DEVICES = ("cpu", "cuda")


def there(code: str, device: str) -> bool:
    """Whether a program does anything on the device that it does not on the CPU."""
    return device == "cpu" or "t(" in code.replace("tensor(", "").replace("int(", "") or "device" in code


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("code", EXPRESSIONS)
def test_expression(code: str, device: str) -> None:
    if there(code, device):
        same(outcome(tritonnn, code, device), outcome(reference, code))


@pytest.mark.parametrize("code", RANDOM)
def test_random(code: str) -> None:
    same(outcome(tritonnn, code), outcome(reference, code), values=False)
