"""No NumPy warning reaches the user: overflow, NaN and division by zero are results like others.

`h` is float16, `x` float32 with its nearly largest number, `i` int64, `q` zeros that require grad; `big` is 1e300.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import tritonnn as torch

EXPRESSIONS = """
h * big
big + h
h.add(big)
torch.maximum(h, big)
torch.where(h > 0, h, big)
torch.lerp(h, h, big)
h.add_(big)
h.copy_(big)
h.clamp(big, big)
h * 1e300
h + 1e300
x * 1e300
h == 1e300
x < 1e300
torch.tensor([1e300]).half()
torch.tensor(1e300, dtype=torch.float16)
torch.tensor([1e300], dtype=torch.float32)
torch.tensor([1e300])
torch.as_tensor(np.array([1e300]), dtype=torch.float16)
torch.tensor(np.array([1e300]), dtype=torch.bfloat16)
x.new_tensor([1e300])
str(torch.tensor([nan, inf, 1e-45, 3e38]))
str(big)
repr(torch.tensor([nan, inf], dtype=torch.float16))
f'{big}'
torch.tensor([nan]).int()
torch.tensor([inf]).long()
torch.tensor([1e300], dtype=torch.float64).int()
torch.tensor([nan]).bool()
torch.tensor([inf]).to(torch.uint8)
i / 0
i.to(torch.int8) * 100
torch.tensor([127], dtype=torch.int8) + 1
-torch.tensor([-128], dtype=torch.int8)
torch.tensor([-128], dtype=torch.int8).abs()
torch.tensor([2**63 - 1]) * 2
torch.tensor([2**63 - 1]).sum() + 1
torch.tensor([2**63 - 1, 5]).sum()
torch.tensor([2**63 - 1, 5]).cumsum(0)
torch.tensor([2**62, 5]).prod()
torch.tensor([2**40, 2**40]).cumprod(0)
torch.tensor([1]) << 70
torch.arange(0, 3, 0.5, dtype=torch.float16)
torch.linspace(0, 1e300, 3)
torch.linspace(0, 7e4, 3, dtype=torch.float16)
torch.logspace(0, 300, 3)
torch.arange(1e300, 2e300, 5e299)
torch.tensor([60000., 60000.]).half().sum()
torch.tensor([60000., 60000.]).half().mean()
torch.tensor([3e38, 3e38]).sum()
torch.tensor([3e38, 3e38]).mean()
torch.tensor([3e38, -3e38]).var()
torch.tensor([inf, inf]).var()
torch.tensor([inf, inf]).std()
torch.tensor([]).mean()
torch.tensor([inf, -inf]).softmax(0)
torch.tensor([nan, 1.]).max()
torch.tensor([inf, 1.]).sort()
torch.tensor([inf, -inf]).cumsum(0)
torch.tensor([inf]).median()
torch.tensor([inf, 1, 2]).quantile(0.3)
torch.histc(torch.tensor([1., 2.]), 3)
torch.bincount(torch.tensor([1, 2]), torch.tensor([inf, nan]))
torch.full((1, 4), 300.).half() @ torch.full((4, 1), 300.).half()
torch.full((1, 4), 3e38) @ torch.full((4, 1), 3e38)
torch.einsum('i,i', torch.tensor([3e38]), torch.tensor([3e38]))
F.conv1d(torch.full((1, 1, 4), 3e38), torch.full((1, 1, 2), 3e38))
F.linear(torch.tensor([[inf]]), torch.tensor([[0.]]))
F.layer_norm(torch.tensor([inf, 1.]), (2,))
F.layer_norm(torch.tensor([3e38, -3e38]), (2,))
F.batch_norm(torch.tensor([[3e38], [-3e38]]), None, None, training=True)
F.group_norm(torch.tensor([[[3e38, -3e38]]]), 1)
F.cross_entropy(torch.tensor([[inf, 1.]]), torch.tensor([0]))
F.cross_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))
F.mse_loss(torch.tensor([1e300]), torch.tensor([-3e38]))
F.nll_loss(torch.zeros(1, 2), torch.tensor([0]), weight=torch.zeros(2))
F.normalize(torch.tensor([[inf, 1.]]))
F.cosine_similarity(torch.zeros(1, 2), torch.zeros(1, 2))
F.interpolate(torch.full((1, 1, 2), 3e38), 5, mode='linear')
F.avg_pool1d(torch.full((1, 1, 4), 3e38), 2)
F.embedding_bag(torch.tensor([0, 0]), torch.full((2, 2), 3e38), torch.tensor([0]))
torch.norm(torch.tensor([3e38, 3e38]))
torch.logsumexp(torch.tensor([-inf, -inf]), 0)
torch.isclose(torch.tensor([inf]), torch.tensor([inf]))
torch.allclose(torch.tensor([3e38]), torch.tensor([-3e38]))
torch.equal(h, h)
torch.nan_to_num(torch.tensor([inf]), posinf=1e300)
torch.complex(torch.tensor([inf]), torch.tensor([nan])).abs()
torch.polar(torch.tensor([inf]), torch.tensor([0.]))
torch.tensor([1e300 + 1e300j])
torch.cdist(torch.tensor([[3e38]]), torch.tensor([[-3e38]]))
torch.gradient(torch.tensor([3e38, -3e38, inf]))
torch.diff(torch.tensor([inf, inf]))
torch.trapezoid(torch.tensor([3e38, 3e38]))
torch.searchsorted(torch.tensor([1., nan]), torch.tensor([inf]))
torch.renorm(torch.tensor([[inf, 1.]]), 2, 0, 1.)
torch.floor_divide(torch.tensor([inf]), 2)
torch.ldexp(torch.tensor([1.]), torch.tensor([300]))
torch.exp(torch.tensor([1000.])).sum().item()
torch.bernoulli(torch.tensor([0.5]))
torch.normal(torch.tensor([inf]), torch.tensor([1.]))
big.half().item()
torch.tensor([1.]).half() * torch.tensor(70000., dtype=torch.float64)
torch.autograd.grad((q / 0).sum(), q)
torch.autograd.grad(q.sqrt().sum(), q)
torch.autograd.grad((q.log()).sum(), q)
torch.autograd.grad((q * big32).half().sum(), q)
torch.lerp(x, x, inf)
torch.addcmul(x, x, x, value=1e300)
torch.addmm(torch.ones(1, 1), torch.ones(1, 1), torch.ones(1, 1), beta=1e300, alpha=1e300)
torch.result_type(h, 1e300)
torch.can_cast(torch.float64, torch.float16)
torch.tensor([3e38]).to(torch.bfloat16)
torch.tensor([3e38]).to(torch.float8_e4m3fn)
h.tolist()
torch.tensor([1, 2]).float() / torch.tensor([0, 0])
h.put_(torch.tensor([0]), big.half())
torch.heaviside(torch.tensor([nan]), torch.tensor([1.]))
h.scatter_add(0, torch.tensor([0]), torch.tensor([60000.]).half())
h.index_put((torch.tensor([0]),), torch.tensor(70000.).half())
h.__setitem__(0, 1e300)
h.__setitem__(0, big)
"""


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().splitlines())
def test_quiet(expression: str) -> None:
    names: dict[str, Any] = {
        "torch": torch, "np": np, "F": torch.nn.functional, "inf": math.inf, "nan": math.nan,
        "h": torch.tensor([1.0, 60000.0]).half(), "x": torch.tensor([1.0, 3e38]), "i": torch.tensor([1, -3]),
        "big": torch.tensor(1e300, dtype=torch.float64), "big32": torch.tensor(3e38),
        "q": torch.zeros(2, requires_grad=True),
    }  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        eval(expression, names)
    assert not caught, [str(warning.message) for warning in caught]
