"""Gradients at kinks: ties, zeros, bounds, NaN and infinities, where a formula gives what its author thought of."""

from __future__ import annotations

import warnings
from math import inf, nan

import numpy as np
import pytest
import torch as reference

import tritonnn

CORNERS = ([nan, 1.0, 2.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [nan, nan, 1.0], [inf, inf, 1.0])

# What is differentiated, of `lib` and three numbers x.
FORMULAS = """
max: x.max()
min: x.min()
amax: x.amax()
amin: x.amin()
maxd: x.max(0)
mind: x.min(0)
aminmax: lib.aminmax(x)[0]
aminmax1: lib.aminmax(x)[1]
amaxd: x.amax(0)
median: x.median()
mediand: x.median(0)
nanmedian: x.nanmedian()
kth: x.kthvalue(2)
mode: x.mode()
sort: x.sort()[0][:2]
topk: x.topk(2)
vn: lib.linalg.vector_norm(x,inf)
vnm: lib.linalg.vector_norm(x,-inf)
vn0: lib.linalg.vector_norm(x,0)
vn1: lib.linalg.vector_norm(x,1)
vn2: lib.linalg.vector_norm(x)
vn3: lib.linalg.vector_norm(x,3)
vnh: lib.linalg.vector_norm(x,.5)
norm: x.norm()
mp: lib.nn.functional.max_pool1d(x.view(1,1,3),2,1)
amp: lib.nn.functional.adaptive_max_pool1d(x.view(1,1,3),1)
cummax: x.cummax(0)
cummin: x.cummin(0)
logsumexp: x.logsumexp(0)
std: x.std()
var: x.var()
nanmean: x.nanmean()
nansum: x.nansum()
prod: x.prod()
cumprod: x.cumprod(0)
sqrt: x.sqrt()
abs: x.abs()
relu: x.relu()
relu6: lib.nn.functional.relu6(x*6)
clamp: x.clamp(0,1)
clampmin: x.clamp(min=1)
clampmax: x.clamp(max=1)
hardtanh: lib.nn.functional.hardtanh(x,0,1)
hardswish: lib.nn.functional.hardswish(x*3)
hardsig: lib.nn.functional.hardsigmoid(x*3)
hardshrink: lib.nn.functional.hardshrink(x,1)
softshrink: lib.nn.functional.softshrink(x,1)
lrelu: lib.nn.functional.leaky_relu(x)
elu: lib.nn.functional.elu(x)
celu: lib.nn.functional.celu(x)
selu: lib.nn.functional.selu(x)
thr: lib.nn.functional.threshold(x,1,5)
l1: lib.nn.functional.l1_loss(x,lib.zeros(3))
sl1: lib.nn.functional.smooth_l1_loss(x,lib.zeros(3))
hub: lib.nn.functional.huber_loss(x,lib.zeros(3))
normalize: lib.nn.functional.normalize(x,dim=0)
cos: lib.nn.functional.cosine_similarity(x,lib.zeros(3),dim=0)
pd: lib.nn.functional.pairwise_distance(x.view(1,3),lib.zeros(1,3)-1e-6)
cdist: lib.cdist(x.view(3,1),x.view(3,1))
pdist: lib.nn.functional.pdist(x.view(3,1))
logsig: lib.nn.functional.logsigmoid(x)
softplus: lib.nn.functional.softplus(x)
frac: x.frac()
round: x.round()
log: x.log()
rsqrt: x.rsqrt()
recip: x.reciprocal()
xlogy: lib.xlogy(x,x)
sinc: lib.sinc(x)
lgamma: x.lgamma()
digamma: x.digamma()
acos: x.acos()
atan2: lib.atan2(x,x)
hypot: lib.hypot(x,x)
maximum: lib.maximum(x,lib.ones(3))
fmax: lib.fmax(x,lib.ones(3))
fmin: lib.fmin(x,lib.ones(3))
minimum: lib.minimum(x,x*1)
renorm: lib.renorm(x.view(1,3),2,0,1.)
logaddexp: lib.logaddexp(x,x)
kl: lib.nn.functional.kl_div(lib.zeros(3),x)
bce: lib.nn.functional.binary_cross_entropy(x.clamp(0,1),lib.tensor([1.,0.,1.]))
margin: lib.nn.functional.margin_ranking_loss(x,lib.ones(3),lib.ones(3))
hinge: lib.nn.functional.hinge_embedding_loss(x,-lib.ones(3))
mm: lib.nn.functional.multi_margin_loss(x.view(1,3),lib.tensor([0]))
trip: lib.nn.functional.triplet_margin_loss(x.view(1,3),x.view(1,3)*1,x.view(1,3)*1)
softsign: lib.nn.functional.softsign(x)
nan_to_num: x.nan_to_num()
fmod: lib.fmod(x,1)
rem: lib.remainder(x,lib.ones(3))
copysign: lib.copysign(x,lib.ones(3))
pow0: x**0
pow05: x**.5
pow2: x**2.
powm1: x**-1
rpow: 0**x
powt: x**lib.tensor([0.,1.,2.])
quantile: x.quantile(.5)
nanq: x.nanquantile(.5)
lp: lib.nn.functional.lp_pool1d(x.view(1,1,3),2,2)
lp1: lib.nn.functional.lp_pool1d(x.view(1,1,3),1,2)
prelu: lib.nn.functional.prelu(x,lib.tensor([.2]))
cosemb: lib.nn.functional.cosine_embedding_loss(x.view(1,3),lib.ones(1,3),lib.tensor([-1.]))
heav: lib.where(x>0,x,0)
logit: lib.logit(x)
erfinv: lib.erfinv(x)
dist: lib.dist(x,lib.zeros(3))
angle: x.angle()
mvlgamma: lib.mvlgamma(x+1,1)
entr: lib.special.entr(x)
i0: lib.i0(x)
hardshr0: lib.nn.functional.hardshrink(x,0.)
softmin: lib.nn.functional.softmin(x,dim=0)
lse2: lib.logcumsumexp(x,0)
stdd: x.view(1,3).std(1)
varmean: lib.var_mean(x)
stdmean: lib.std_mean(x)
ln: lib.nn.functional.layer_norm(x,(3,))
gn: lib.nn.functional.group_norm(x.view(1,3,1),1)
inorm: lib.nn.functional.instance_norm(x.view(1,1,3))
bn: lib.nn.functional.batch_norm(x.view(3,1),None,None,training=True)
rms: lib.nn.functional.rms_norm(x,(3,))
lrn: lib.nn.functional.local_response_norm(x.view(1,3,1),2)
mish: lib.nn.functional.mish(x)
gelu: lib.nn.functional.gelu(x)
silu: lib.nn.functional.silu(x)
nll: lib.nn.functional.gaussian_nll_loss(x,lib.ones(3),x.abs())
pnll: lib.nn.functional.poisson_nll_loss(x,x.abs(),log_input=False)
softmargin: lib.nn.functional.soft_margin_loss(x,lib.ones(3))
mlm: lib.nn.functional.multilabel_margin_loss(x.view(1,3),lib.tensor([[0,-1,1]]))
"""
# Whose gradient is another one at some corner -> why. Every other formula gives PyTorch's.
OTHER = {
    "kth": "which of equal elements is taken is open",
    "mode": "NaN is no value that occurs several times",
    "prod": "the product of the others, exact where PyTorch divides the whole by the element",
    "cumprod": "likewise",
    **dict.fromkeys(("lse2", "i0"), "the limit, where PyTorch computes inf / inf or inf - inf"),
}


def gradient(lib, formula, corner):
    x = lib.tensor(corner, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = eval(formula, {"lib": lib, "x": x, "inf": inf})
    y = y if isinstance(y, lib.Tensor) else y[0]
    y.sum().backward()
    return np.zeros(3) if x.grad is None else np.array(x.grad.tolist())


@pytest.mark.parametrize("row", FORMULAS.strip().splitlines(), ids=lambda row: row.partition(":")[0])
def test_gradient_at_kinks(row):
    name, _, formula = row.partition(": ")
    differs = []
    for corner in CORNERS:
        try:
            wanted = gradient(reference, formula, corner)
        except RuntimeError as error:  # probabilities beyond 1
            with pytest.raises(RuntimeError):
                gradient(tritonnn, formula, corner)
            assert "between 0 and 1" in str(error)
            continue
        got = gradient(tritonnn, formula, corner)
        if not np.allclose(got, wanted, 1e-4, 1e-4, equal_nan=True):
            differs.append((corner, got, wanted))
    assert bool(differs) == (name in OTHER), differs
