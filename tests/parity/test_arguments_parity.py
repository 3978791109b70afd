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

EXPRESSIONS = [*NO_DIMENSIONS, *ONE_ELEMENT, *SIZES]
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
