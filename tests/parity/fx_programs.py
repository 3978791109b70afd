"""Programs that are recorded with both libraries. Each takes the library and gives what is recorded."""

from __future__ import annotations

import collections
import dataclasses
import math
import operator
from typing import Any

Pair = collections.namedtuple("Pair", "first second")


@dataclasses.dataclass
class Record:
    a: Any
    b: Any


def block(torch: Any) -> Any:
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(3, 3)
            self.act = nn.ReLU()
            self.register_buffer("b", torch.ones(3))
            self.w = nn.Parameter(torch.ones(3))
            self.seq = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
            self.constant = torch.ones(3)

        def forward(self, x: torch.Tensor, y=2, *, z: float = 3.0):
            a = self.lin(x)
            a = a + self.b * self.w + self.constant
            c = torch.nn.functional.relu(a)
            d = torch.cat([a, c], dim=-1)
            e = d.view(d.size(0), -1)[:, 0]
            f = -e // y
            self.seq(a)
            self.act(a)
            m = a @ c.T
            m = torch.ones(3) + m
            m = 1 - m
            m += 1
            return {"a": f, "b": [c, d.shape], "c": (m**2, math.pi, torch.float32, None)}

    return Block()


def operators(torch: Any) -> Any:
    def f(x, y):
        parts = [
            x + y,
            x - 1,
            2 * x,
            x / y,
            x // y,
            x % y,
            x**2,
            2**x,
            x @ y,
            y << 1,
            x >> 1,
            x & y,
            x | y,
            x ^ y,
        ]
        parts += [
            x == y,
            x != 1,
            x < y,
            x > 1,
            x <= y,
            x >= 1,
            -x,
            +x,
            ~x,
            abs(x),
            x[0],
            x[..., None],
            x[1:2, y],
        ]
        return parts, operator.mul(x, y), operator.iadd(x, 1)

    return f


def tensors_with_values(torch: Any) -> Any:
    """A real tensor on the left of each operator."""

    def f(x):
        t = torch.tensor([1.0])
        parts = [t + x, t - x, t * x, t / x, t @ x, t == x, t != x, t < x, t <= x, t > x, t >= x, t**x, t[x]]
        return [*parts, t.add(x), t.where(x, 1), torch.add(t, x)]

    return f


def layers(torch: Any) -> Any:
    F = torch.nn.functional

    def f(x, w):
        parts = [
            F.relu(x, inplace=True),
            F.dropout(x, 0.1),
            F.max_pool2d(x, 2),
            F.avg_pool2d(x, 2),
            F.softmax(x, -1),
        ]
        parts += [
            F.layer_norm(x, (2,)),
            F.batch_norm(x, None, None, training=True),
            F.linear(x, w),
            F.softplus(x),
        ]
        parts += [
            F.conv2d(x, w, padding=1),
            F.interpolate(x, scale_factor=2),
            F.cross_entropy(x, w),
            F.gelu(x),
        ]
        parts += [F.pad(x, (1, 2)), F.embedding(x, w), F.adaptive_avg_pool2d(x, 1), F.hardswish(x), F.silu(x)]
        parts += [
            F.leaky_relu(x, 0.1),
            F.mse_loss(x, w),
            F.one_hot(x),
            F.scaled_dot_product_attention(x, x, x),
        ]
        parts += [
            F.group_norm(x, 2),
            F.log_softmax(x, dim=1),
            F.normalize(x),
            F.unfold(x, 2),
            F.l1_loss(x, w),
        ]
        return [*parts, F.binary_cross_entropy_with_logits(x, w), F.elu(x), F.logsigmoid(x)]

    return f


def functions(torch: Any) -> Any:
    def f(x, w):
        parts = [torch.einsum("ab", x), torch.einsum("ab,bc", [x, w]), torch.split(x, 1), torch.norm(x)]
        parts += [
            torch.stack([x, w]),
            torch.meshgrid(x, w),
            torch.unique(x),
            torch.add(x, 1, alpha=2),
            torch.relu(x),
        ]
        parts += [torch.where(x > 0, x, w), torch.matmul(x, w), torch.flatten(x, 1), torch.zeros(x.shape)]
        parts += [
            torch.ones((2, x.size(0))),
            torch.arange(x.size(0)),
            torch.zeros(x.shape[0]),
            torch.zeros_like(x),
        ]
        parts += [torch.full((x.size(0),), 1.0), torch.rand_like(x), torch._assert(x.sum() > 1, "a")]
        return [*parts, x.to(torch.float16).to("cpu").chunk(2, dim=1)]

    return f


def structures(torch: Any) -> Any:
    def f(x, *args, k=3, **kwargs):
        pair = Pair(x, [x, (x,)])
        return (
            pair,
            Record(x, 1),
            {"s": slice(x, 1, None)},
            (1 + 2j),
            'a"b',
            float("nan"),
            -float("inf"),
            ...,
            (x,),
            (),
        )

    return f


def annotated(torch: Any) -> Any:
    def f(x, l=None, p=None):
        return x

    f.__annotations__ = {
        "x": torch.Tensor,
        "l": list[int],
        "p": torch.Tensor | None,
        "return": tuple[torch.Tensor, int],
    }
    return f


def unpacking(torch: Any) -> Any:
    def f(x):
        a, b = x.chunk(2)
        (c, d), e = torch.split(a, 1), math.sqrt(b)
        return a + b + c + d + e

    return f


def nested(torch: Any) -> Any:
    nn = torch.nn

    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.conv(x).sum(dim=(2, 3))

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([Inner(), Inner()])

        def forward(self, x):
            return [layer(x) for layer in self.layers] + [self.layers[0](x)]

    return Outer()


PROGRAMS = [
    block, operators, tensors_with_values, layers, functions, structures, annotated, unpacking, nested,
]  # fmt: skip


def refused(torch: Any) -> list[Any]:
    """Functions that cannot be recorded."""

    def asserting(x):
        assert x.sum() > 0, "positive"
        return x

    def writing(x):
        x[0] = 1
        return x

    return [
        lambda x: 1 if x else 2,
        lambda x: x and 1,
        lambda x: list(x),
        lambda x: max(*x),
        lambda x: dict(**x),
        lambda x: 2 in x,
        lambda x: len(x),
        lambda x: int(x),
        lambda x: float(x),
        lambda x: [1, 2][x],
        lambda x: round(x),
        lambda x: {x: 1},
        lambda x: object(),
        lambda x: torch.nn.ReLU()(x) if False else torch.nn.Parameter(torch.ones(1)) + x,
        asserting,
        writing,
    ]
