"""How often a pack hook is called: in forward, and while gradients are made that can be differentiated again."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch as reference

import tritonnn

CASES = """
relu: F.relu(x)
exp: x.exp()
mul: x*y
mulself: x*x
div: x/y
pow: x**3
sqrt: (x*x+1).sqrt()
log: (x*x+1).log()
tanh: x.tanh()
sigmoid: x.sigmoid()
gelu: F.gelu(x)
silu: F.silu(x)
softplus: F.softplus(x)
leaky: F.leaky_relu(x)
elu: F.elu(x)
abs: x.abs()
sin: x.sin()
clamp: x.clamp(0, 1)
matmul: x@y
linear: F.linear(x, y, b)
addmm: lib.addmm(b, x, y)
softmax: F.softmax(x, 1)
log_softmax: F.log_softmax(x, 1)
logsumexp: x.logsumexp(1)
layer_norm: F.layer_norm(x, (4, ), b, b)
layer_norm_plain: F.layer_norm(x, (4, ))
group_norm: F.group_norm(i, 2, lib.ones(4, requires_grad=True), lib.ones(4, requires_grad=True))
batch_norm: F.batch_norm(i, None, None, b, b, True)
conv2d: F.conv2d(i, k)
conv2d_bias: F.conv2d(i, k, b)
conv1d: F.conv1d(x[None], y[:, :, None])
max_pool: F.max_pool2d(i, 2)
avg_pool: F.avg_pool2d(i, 2)
sum: x.sum()
mean: x.mean()
var: x.var()
std: x.std()
max: x.max()
maxdim: x.max(1)[0]
amax: x.amax(1)
prod: x.prod()
cumsum: x.cumsum(0)
norm: x.norm()
gather: x.gather(1, n)
index: x[n[0]]
index_select: x.index_select(0, n[0])
where: lib.where(m, x, y)
masked_fill: x.masked_fill(m, 0)
cat: lib.cat([x, y])
stack: lib.stack([x, y])
embedding: F.embedding(n, x)
mse: F.mse_loss(x, y)
l1: F.l1_loss(x, y)
ce: F.cross_entropy(x, n[0])
nll: F.nll_loss(x, n[0])
bce: F.binary_cross_entropy_with_logits(x, y)
dropout: F.dropout(x, 0.0)
transpose: x.t()
view: x.view(16)
expand: b.expand(3, 4)
sort: x.sort()[0]
topk: x.topk(2)[0]
bmm: lib.bmm(x[None], y[None])
einsum: lib.einsum("ij, jk->ik", x, y)
sdpa: F.scaled_dot_product_attention(x[None, None], y[None, None], y[None, None])
atan2: lib.atan2(x, y)
lerp: lib.lerp(x, y, 0.3)
addcmul: lib.addcmul(x, x, y)
maximum: lib.maximum(x, y)
prelu: F.prelu(x, b)
pad: F.pad(x, (1, 1))
interpolate: F.interpolate(i, scale_factor=2)
tril: x.tril()
unfold: x.unfold(0, 2, 1)
"""
# A gradient saves what the derivatives that are asked for take; PyTorch also saves what those of other operands would.
UNUSED = "PyTorch also saves what none of the wanted derivatives takes"
FORMULA = "the derivative is a formula of other ops here than there"
PARTS = "the gradients of input and weight are ops of their own, and both save the gradient"
FUSED = "the loss is one op, which keeps what softmax and the sum have found"
DIFFERENT = {
    **dict.fromkeys(("relu", "leaky", "max_pool", "gather", "index_select", "nll", "mse"), UNUSED),
    **dict.fromkeys(("silu", "logsumexp", "layer_norm", "layer_norm_plain", "group_norm", "batch_norm", "std", "prod",
                     "l1", "atan2", "prelu"), FORMULA),
    **dict.fromkeys(("conv2d", "conv2d_bias", "conv1d"), PARTS), "ce": FUSED,
    "sdpa": "PyTorch refuses a second derivative of its kernel",
}  # fmt: skip


def counts(library: Any, text: str, constant: bool) -> tuple[int, int]:
    """Calls of the pack hook in forward and in backward, from a gradient that is constant or can vary."""

    def leaf(*shape: int) -> Any:
        return (
            library.linspace(-0.7, 0.9, library.zeros(shape).numel()).reshape(shape).detach().requires_grad_()
        )

    x, y, b, i, k = leaf(4, 4), leaf(4, 4), leaf(4), leaf(2, 4, 6, 6), leaf(4, 4, 3, 3)
    names = {"lib": library, "F": library.nn.functional, "x": x, "y": y, "b": b, "i": i, "k": k}
    names |= {"n": library.tensor([[0, 1, 2, 3]] * 4), "m": library.tensor([[True, False, True, False]] * 4)}
    calls = 0

    def pack(tensor: Any) -> Any:
        nonlocal calls
        calls += 1
        return tensor

    with library.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = eval(text, names)
        forward = calls
        gradient = library.ones_like(result).requires_grad_(not constant)
        library.autograd.grad(result, [x, y, b, i, k], gradient, create_graph=True, allow_unused=True)
    return forward, calls - forward


@pytest.mark.parametrize(("name", "text"), [line.split(": ", 1) for line in CASES.split("\n")[1:-1]])
def test_calls_of_a_pack_hook(name, text):
    both = [
        [counts(library, text, constant) for constant in (True, False)] for library in (tritonnn, reference)
    ]
    assert (both[0] != both[1]) == (name in DIFFERENT), f"{both[0]}, PyTorch {both[1]}"


@pytest.mark.parametrize("name", [name for name, why in DIFFERENT.items() if why == UNUSED])
def test_less_is_saved_where_less_is_needed(name):
    text = next(line.split(": ", 1)[1] for line in CASES.split("\n") if line.startswith(name + ":"))
    for constant in (True, False):
        ours, theirs = (counts(library, text, constant) for library in (tritonnn, reference))
        assert ours[0] <= theirs[0]
        assert ours[1] <= theirs[1]
