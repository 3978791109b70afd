"""Calls that PyTorch refuses are refused here by an exception of its type; those beside them that it takes are taken.

`x`, `y` are (2, 3), `z` has no dimensions, `a` is 0. .. 8., `m` the same as (3, 3), `n` whole numbers, `i` indices 0
and 1, `e` three times one element of memory, `q` four times.
"""

from __future__ import annotations

from typing import Any

import pytest
from programs import hold

# What is no tensor, or no number, given to functions that are no entries of the table.
TYPES = """
torch.broadcast_tensors(-7)
torch.broadcast_tensors(x, -7)
torch.broadcast_tensors([x, y])
torch.broadcast_tensors(None)
torch.meshgrid(None)
torch.meshgrid(x, 'a')
torch.meshgrid({})
torch.cartesian_prod(x, 'a')
torch.chain_matmul('a')
torch.index_put(0.5, (i,), z)
torch.index_put(x, 3, z)
torch.index_put(x, (i,), 'a')
torch.detach([1])
torch.detach_(None)
torch.is_complex(None)
torch.is_floating_point(3)
torch.is_inference('a')
torch.numel([1])
F.batch_norm(x, None, None, training=True, eps=0)
F.batch_norm(x, None, None, training=True, eps=-1e-5)
torch.nn.BatchNorm1d(3, eps=0.0)(x)
torch.batch_norm(m, None, None, None, None, True, 0.1, 0.0, False).numel()
F.batch_norm(x, z.expand(3), z.expand(3) + 1, eps=0.0)
F.instance_norm(m[None], eps=0.0).round()
torch.result_type('a', 'b')
torch.result_type(x, None)
torch.broadcast_shapes('a')
torch.broadcast_shapes((2, 'a'))
torch.broadcast_shapes((2, -3))
torch.broadcast_shapes((2, 1), 3, (True,))
torch.set_grad_enabled('a')
torch.set_grad_enabled(1)
torch.set_grad_enabled(None)
torch.set_num_threads('a')
torch.set_num_threads(2**40)
z.size(-1)
z.size(0)
z.stride(-1)
z.size(3)
x.size('a')
torch.dropout_('a')
torch.dropout_('a', 0.5, True)
x.scatter_('a')
x.scatter_(0, i, 'a')
x.scatter_(0, i[None], 1, reduce=3)
x.map_(3, 3)
x.numpy(force='a')
x.fill_((1, 2))
x.fill_([1])
setattr(x, 'requires_grad', 'a')
x.__delitem__(0)
"""
NUMBERS = """
torch.manual_seed(2**70)
torch.manual_seed(-2**70)
torch.manual_seed('a')
torch.Generator().manual_seed(2**64)
torch.Generator().manual_seed(1.5)
torch.Generator().manual_seed('a')
torch.cuda.manual_seed('a')
torch.randint(0, 2**70, (2,))
torch.randint(2**63, (2,))
x.random_(0, 2**70)
torch.empty(2, dtype=torch.uint64).random_(0, 2**63)
torch.tensor([2**64], dtype=torch.uint64)
torch.tensor([2**70])
F.dropout(x, nan)
F.dropout(x, -1)
F.dropout2d(torch.ones(1, 2, 3, 3), nan)
F.alpha_dropout(x, nan)
nn.Dropout(nan)(x)
x.normal_(0, nan)
x.uniform_(nan, 1)
x.exponential_(nan)
x.cauchy_(0, nan)
x.log_normal_(0, nan)
torch.polygamma(2**70, x)
torch.cdist(x, y, nan)
torch.renorm(x, nan, 0, 1.)
torch.renorm(x, 1, 0, nan)
torch.renorm(z, 1, 0, 1.)
torch.linspace(0, 1)
torch.logspace(0, 1)
torch.linspace(2**70, 1, 2)
torch.arange(0, 5, 0)
torch.arange(0, 2**70)
torch.device(2**70)
torch.device('cuda', 2**70)
x.size(2**70)
x.stride(2**70)
x[2**70]
x.cumsum(2**70)
x.transpose(0, 2**70)
x.select(0, 2**70)
x.unfold(0, 2**70, 1)
x.topk(2**70)
torch.flip(x, (0, 0))
torch.flip(x, (0, -2))
torch.hstack(x)
x.masked_select(torch.ones(2, 3, dtype=torch.uint8))
x.masked_fill(torch.ones(2, 3, dtype=torch.uint8), 1)
x.masked_scatter(torch.ones(2, 3, dtype=torch.uint8), y)
torch.where(torch.ones(2, 3, dtype=torch.uint8), x, y)
torch.minimum(x, 1)
torch.maximum(x, 1.5)
torch.fmin(1, x)
torch.gcd(n, 2)
torch.hypot(x, 2.)
torch.logaddexp(x, True)
torch.logical_and(x, 1)
torch.atan2(x, 1)
torch.addcmul(x, y, 2)
torch.eq(1, x)
torch.lt(1., x)
torch.rsub(1, x)
torch.fmod(1, x)
x.minimum(1)
torch.eq(x, 1)
torch.fmod(x, 2)
torch.add(x, 2)
torch.mul(2, x)
torch.pow(2, x)
torch.xlogy(2, x)
"""
GRADIENTS = """
x.requires_grad_().sum().backward('a')
x.requires_grad_().sum().backward((2**40,))
x.requires_grad_().sum().backward(torch.tensor(1j))
x.requires_grad_().sum().backward({})
x.requires_grad_().sum().backward(inputs='a')
x.requires_grad_().sum().backward(inputs=[3])
torch.autograd.backward(None)
torch.autograd.grad(None, x)
torch.autograd.grad(x.requires_grad_().sum(), 'a')
torch.autograd.grad(x.requires_grad_().sum(), [])
torch.autograd.grad(x.requires_grad_().sum(), [None])
torch.autograd.grad(x.requires_grad_().sum(), None)
returning(3).apply(x.requires_grad_()).sum().backward()
returning('a').apply(x.requires_grad_()).sum().backward()
returning([1]).apply(x.requires_grad_()).sum().backward()
returning(None).apply(x.requires_grad_()).sum().backward()
torch.save(x, '/nowhere/at/all/x.pt')
"""
# What is written while it is read, or twice.
MEMORY = """
torch.add(a[:5], 1, out=a[2:7])
torch.add(a[:5], 1, out=a[:5])
torch.add(a[:4], 1, out=a[5:])
torch.exp(a[:5], out=a[2:7])
torch.exp(m, out=m.T)
torch.add(m.T, m, out=m)
torch.neg(a[::2], out=torch.zeros(5))
torch.add(torch.ones(3), 1, out=e)
torch.cat([torch.ones(1), torch.ones(2)], out=e)
torch.cumsum(torch.ones(3), 0, out=e)
torch.sort(torch.ones(3), out=(e, torch.empty(3, dtype=torch.int64)))
torch.index_select(torch.ones(3), 0, torch.tensor([0, 1, 2]), out=e)
torch.clamp(torch.ones(3), 0, 1, out=e)
torch.mm(torch.ones(2, 2), torch.ones(2, 2), out=q)
torch.stack([torch.ones(2), torch.ones(2)], out=q)
torch.softmax(torch.ones(2, 2), 0, out=q)
torch.mean(torch.ones(2, 3), 0, out=e)
torch.amax(torch.ones(2, 3), 0, out=e)
torch.lerp(torch.ones(3), torch.ones(3), 0.5, out=e)
torch.cumsum(m[:2], 0, out=m[1:])
torch.cumsum(m, 0, out=m)
torch.sort(m[:2], out=(m[1:], torch.empty(2, 3, dtype=torch.int64)))
torch.cat([m[0], m[1]], out=m.reshape(9)[2:8])
torch.stack([m[0], m[1]], out=m[1:])
torch.index_select(a, 0, i, out=a[:2])
torch.gather(a, 0, i, out=a[:2])
torch.take(a, i, out=a[:2])
torch.topk(a, 2, out=(a[:2], torch.empty(2, dtype=torch.int64)))
torch.masked_select(a[:3], a[:3] > -1, out=a[1:4])
torch.scatter(a[:3], 0, torch.tensor([0]), a[4:5], out=a[1:4])
torch.addcmul(a[:3], a[:3], a[:3], out=a[1:4])
torch.addmm(m, m, m, out=m)
torch.mm(m, m, out=m)
a.index_add_(0, i, a[:2])
a.index_add_(0, i, a[5:7])
a[:3].index_add_(0, i, a[5:7])
a[:3].index_add_(0, i, a[2:4])
a.index_copy_(0, i, a[5:7])
a.index_reduce_(0, i, a[5:7], 'amax')
a.index_fill_(0, i, a[3])
a.scatter_(0, i, a[5:7])
a.scatter_(0, i, a)
a.scatter_add_(0, i, a)
a.scatter_reduce_(0, i, a[5:7], 'sum')
a.put_(i, a[5:7])
a.index_put_((i,), a[5:7])
a.masked_fill_(a > 2, a[3])
n.index_add_(0, n[:2], torch.tensor([1, 1]))
n.scatter_(0, n[:2], 1)
n.index_fill_(0, n[:2], 1)
torch.cat([x, y], out=torch.empty(4, 3, dtype=torch.int64))
torch.hstack([x, y], out=torch.empty(2, 6, dtype=torch.int64))
torch.add(x, y, out=torch.empty(2, 3, dtype=torch.int64))
"""


def names(library: Any) -> dict[str, Any]:
    def returning(value: Any) -> Any:
        class Odd(library.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return value

        return Odd

    ones, a = library.ones(2, 3), library.arange(9.0)
    return {
        "x": ones, "y": ones.clone(), "z": library.tensor(1.0), "a": a, "m": a.reshape(3, 3), "n": library.arange(9),
        "i": library.tensor([0, 1]), "e": library.zeros(1).expand(3), "q": library.zeros(1, 1).expand(2, 2),
        "returning": returning,
    }  # fmt: skip


GROUPS = (TYPES, NUMBERS, GRADIENTS, MEMORY)


@pytest.mark.parametrize("line", [line for group in GROUPS for line in group.strip().splitlines()])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.filterwarnings("ignore")
def test_refused(line: str, device: str) -> None:
    hold(line, names, device)
